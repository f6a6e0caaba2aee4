package processor

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
)

// cachedAgents bounds the cache of user agents, which have up to 1 KiB.
const cachedAgents = 10_000

// clientCache remembers what the user agents seen last stand for.
type clientCache struct {
	agents *lru.Cache[string, agent]
}

type agent struct {
	client journey.Client
	bot    bool
}

func newClientCache() *clientCache {
	agents, err := lru.New[string, agent](cachedAgents)
	if err != nil {
		panic(err) // the size is a constant above 0
	}
	return &clientCache{agents: agents}
}

// of says what a touchpoint was made with, and whether it is a customer's.
func (c *clientCache) of(f *journey.Fact) (journey.Client, journey.Traffic) {
	text := enrich.UserAgent(f)
	if text == "" {
		return journey.Client{}, enrich.Traffic(f, false)
	}
	a, known := c.agents.Get(text)
	if !known {
		a.client, a.bot = enrich.Client(text)
		c.agents.Add(strings.Clone(text), a) // the text is a part of a whole context
	}
	return a.client, enrich.Traffic(f, a.bot)
}
