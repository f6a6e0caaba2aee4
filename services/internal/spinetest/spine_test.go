package spinetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/processor/enrich"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// spine is a processor and answerers on one store.
type spine struct {
	dsn        string
	store      *store.Store
	processors []*guarded
	answers    *answer.Answerer
	// forgetful keeps nothing in memory.
	forgetful *answer.Answerer
	// asked counts questions, kept those that touchpoints kept in memory answered.
	asked, kept atomic.Int64
}

// guarded is a processor that handles one batch at a time, as a consumer makes it do.
type guarded struct {
	sync.Mutex
	*processor.Processor
}

func (g *guarded) handle(ctx context.Context, batch stream.Batch) error {
	g.Lock()
	defer g.Unlock()
	return g.Handle(ctx, batch)
}

func newSpine(t *testing.T) *spine {
	t.Helper()
	dsn := enginetest.Database(t)
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &spine{
		dsn: dsn, store: st, answers: answer.New(st, answer.NewNewestMaps(st), 0),
		forgetful: answer.New(st, answer.NewNewestMaps(st), 0),
	}
	s.forgetful.KeepJourneys(0)
	for range 2 {
		s.processors = append(s.processors, &guarded{Processor: newProcessor(t, dsn)})
	}
	return s
}

// newProcessor makes a processor that is given its batches and has no Kafka.
func newProcessor(t testing.TB, dsn string) *processor.Processor {
	t.Helper()
	p, err := processor.New(processor.Config{
		Brokers: []string{"127.0.0.1:1"}, ClickHouse: dsn, CopyWindow: 168 * time.Hour,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func batchOf(t *testing.T, facts []journey.Fact) stream.Batch {
	t.Helper()
	var b stream.Batch
	for i := range facts {
		value, err := wire.Encode(&facts[i])
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, stream.Record{Value: value})
	}
	return b
}

// deliver gives batches to two processors at once, as after a rebalance that one of them has not
// noticed yet.
func (s *spine) deliver(t *testing.T, batches [][]journey.Fact) {
	t.Helper()
	var wait sync.WaitGroup
	for i, p := range s.processors {
		wait.Go(func() {
			for k, batch := range batches {
				if k%len(s.processors) != i {
					continue
				}
				if err := p.handle(t.Context(), batchOf(t, batch)); err != nil {
					t.Errorf("handling %d facts: %v", len(batch), err)
				}
			}
		})
	}
	wait.Wait()
}

// reference answers from the facts alone.
func reference(
	t *testing.T, m *journey.Map, facts []journey.Fact, q funnel.Question,
) (funnel.Answer, []funnel.Result) {
	t.Helper()
	want, persons, err := referenceOf(m, facts, q)
	if err != nil {
		t.Fatal(err)
	}
	return want, persons
}

func referenceOf(
	m *journey.Map, facts []journey.Fact, q funnel.Question,
) (funnel.Answer, []funnel.Result, error) {
	attributed := make([]funnel.AttributedFact, len(facts))
	for i, f := range facts {
		client, bot := enrich.Client(enrich.UserAgent(&f))
		attributed[i] = funnel.AttributedFact{
			Fact: f, Attribution: enrich.AttributeBy(m, &f),
			Client: client, Traffic: enrich.Traffic(&f, bot), Campaign: enrich.CampaignOf(&f),
		}
	}
	return funnel.Reference(attributed, m, q)
}

// TestEqualsReference holds the whole way to the reference on random worlds.
func TestEqualsReference(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	worlds, questions := 30, 25
	if testing.Short() {
		worlds = 5
	}
	for w := range worlds {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			s.check(t, uint64(w), questions)
		})
	}
}

func (s *spine) check(t *testing.T, seed uint64, questions int) {
	t.Helper()
	c := newChance(seed)
	site := journey.SiteID(fmt.Sprintf("world-%d", seed))
	if _, err := s.store.Publish(t.Context(), site, adversarialMap, ""); err != nil {
		t.Fatal(err)
	}
	m, err := answer.NewNewestMaps(s.store).Latest(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	facts := c.facts(site, time.Now())
	s.deliver(t, c.batches(facts))
	for range questions {
		q := c.question()
		s.compare(t, m, site, facts, q)
		if t.Failed() {
			t.Fatalf("world %d, question %+v", seed, q)
		}
	}
}

func (s *spine) compare(
	t *testing.T, m *journey.Map, site journey.SiteID, facts []journey.Fact, q funnel.Question,
) {
	t.Helper()
	want, persons := reference(t, m, facts, q)
	for _, answers := range []*answer.Answerer{s.answers, s.forgetful} {
		got, err := answers.Funnel(t.Context(), site, q)
		if err != nil {
			t.Fatalf("asking: %v", err)
		}
		if diff := cmp.Diff(want, got.Answer, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("answer by %s (-reference +store):\n%s", got.Facts.Way, diff)
		}
		kept := strings.HasPrefix(got.Facts.Way, "touchpoints kept in memory")
		switch {
		case kept && answers == s.answers:
			s.kept.Add(1)
		case kept && got.Facts.TouchpointsRead > 0:
			t.Errorf("who keeps nothing answers by %s", got.Facts.Way)
		case strings.HasPrefix(got.Facts.Way, "rows") && answers == s.forgetful &&
			q.Unit.Kind == funnel.PersonUnit &&
			!strings.Contains(got.Facts.Way, "not kept in memory"):
			t.Errorf("who keeps nothing does not say so: %s", got.Facts.Way)
		}
	}
	s.asked.Add(1)
	for step := range q.Steps {
		part := funnel.Part(step % 4)
		selection := funnel.Selection{Step: step + 1, Part: part}
		s.comparePersons(t, site, q, selection, funnel.Select(q, persons, selection))
	}
}

// comparePersons lists persons by pages of two.
func (s *spine) comparePersons(
	t *testing.T, site journey.SiteID, q funnel.Question, selection funnel.Selection,
	want []funnel.Selected,
) {
	t.Helper()
	var ids, wantIDs []string
	for _, p := range want {
		steps, times := filled(&p.Attempt)
		wantIDs = append(wantIDs, fmt.Sprintf("%v %q %s %v %v %v %+v", p.Person, p.Unit, p.Persona,
			steps, times, p.Outcome(), p.Group))
	}
	page := api.Page{Selection: selection, Limit: 2}
	for {
		got, err := s.answers.Persons(t.Context(), site, q, page)
		if err != nil {
			t.Fatalf("listing persons: %v", err)
		}
		if got.Total != len(want) {
			t.Errorf("total %d, want %d", got.Total, len(want))
		}
		for _, p := range got.Persons {
			var times []int64
			for _, at := range p.StepTimes {
				times = append(times, at.UnixMilli())
			}
			ids = append(ids, fmt.Sprintf("%v %q %s %v %v %v %+v", p.ID, p.Unit, p.Persona,
				p.FilledSteps, times, p.Outcome, p.Group))
			page.After, page.AfterUnit, page.AfterNumber = p.ID, &p.Unit, p.Number
		}
		if !got.More {
			break
		}
	}
	if diff := cmp.Diff(wantIDs, ids, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("persons of %+v (-reference +store):\n%s", selection, diff)
	}
}

// filled are the steps that an attempt has filled, and when.
func filled(a *funnel.Attempt) (steps []int, times []int64) {
	for k, at := range a.Times {
		if a.Filled>>k&1 != 0 {
			steps, times = append(steps, k), append(times, at)
		}
	}
	return steps, times
}
