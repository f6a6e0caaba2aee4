package spinetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// adversarialMap has overlapping rules, a rule over a property, and personas over traits.
const adversarialMap = `
title: Hard cases
stages: [{id: aware}, {id: want}, {id: buy}]
channels:
  - {id: ads, when: 'properties.from == "ads"'}
  - {id: site}
touchpoints:
  - {id: landing, stage: aware, events: [A, page], when: 'properties.n == 1'}
  - {id: visit, stage: aware, channel: site, events: [A]}
  - {id: wish, stage: want, events: [B, A]}
  - {id: order, stage: buy, events: [C]}
personas:
  - {id: rich, when: 'traits.plan == "pro"'}
  - {id: known, when: 'has(traits.plan)'}
`

// base is when the worlds happen.
var base = time.Date(2024, 3, 30, 12, 0, 0, 0, time.UTC)

// chance draws from a seeded source.
type chance struct{ *rand.Rand }

func newChance(seed uint64) chance { return chance{rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](c chance, of ...T) T { return of[c.IntN(len(of))] }

// facts draws a small world in which everything that is hard is common: equal times, shared
// devices, merges, copies of one message with other times, ids and content, late arrivals.
func (c chance) facts(site journey.SiteID, received time.Time) []journey.Fact {
	n := 5 + c.IntN(45)
	facts := make([]journey.Fact, 0, n)
	for i := range n {
		if i > 2 && c.IntN(8) == 0 {
			facts = append(facts, c.copyOf(pick(c, facts...), received))
			continue
		}
		facts = append(facts, c.fact(site, i, received))
	}
	c.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	return facts
}

func (c chance) fact(site journey.SiteID, i int, received time.Time) journey.Fact {
	f := journey.Fact{
		Site: site, Message: journey.MessageID(fmt.Sprintf("m%d", i)),
		Kind: pick(c, journey.Track, journey.Track, journey.Track, journey.Track, journey.Page,
			journey.Identify, journey.Alias, journey.Group),
		ReceivedAt: c.received(received), Index: uint32(c.IntN(3)), Internal: c.IntN(5) == 0,
		Context: c.context(),
	}
	f.User = pick[journey.UserID](c, "", "", "u1", "u2", "u3")
	f.Visitor = pick[journey.VisitorID](c, "", "v1", "v2", "v3", "v4")
	if f.User == "" && f.Visitor == "" {
		f.Visitor = "v1"
	}
	c.date(&f)
	switch f.Kind {
	case journey.Track:
		f.Event = pick(c, "A", "B", "C", "D")
		f.Properties = pick[journey.Object](c, "", `{"n":1}`, `{"from":"ads","n":"1"}`,
			`{"n":2,"tags":["x",1.0]}`, `{"n":null}`)
	case journey.Page:
		f.Event = "page"
		f.Properties = pick[journey.Object](c, "", `{"n":1}`)
	case journey.Identify:
		f.Traits = pick[journey.Object](c, `{"plan":"pro"}`, `{"plan":"free"}`, `{"plan":null}`,
			`{"age":30,"plan":"pro"}`)
		f.Context = pick[journey.Object](c, "", `{"traits":{"plan":"free","x":true}}`)
	case journey.Alias:
		f.User = pick[journey.UserID](c, "u1", "u2", "u3", "u4")
		f.Previous = pick(c, "u1", "u2", "v1", "v4", "v9")
	}
	return f
}

// context draws where a touchpoint came from and what it was made with: also a robot, and nothing.
func (c chance) context() journey.Object {
	page := pick(c, ``, `,"page":{"referrer":"https://www.google.com/","url":"https://a.example/"}`,
		`,"page":{"url":"https://a.example/?utm_medium=email"}`)
	agent := pick(c, ``, ``,
		`Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)`,
		`Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0`)
	if page == "" && agent == "" {
		return ""
	}
	return journey.Object(`{"library":{}` + page + `,"userAgent":"` + agent + `"}`)
}

// copyOf is the same message again, received at another time, now and then changed.
func (c chance) copyOf(f journey.Fact, received time.Time) journey.Fact {
	f.ReceivedAt, f.Index = c.received(received), uint32(c.IntN(3))
	switch c.IntN(4) {
	case 0:
		c.date(&f)
	case 1:
		f.User = pick[journey.UserID](c, "u1", "u2", "u3")
	}
	return f
}

func (c chance) received(around time.Time) time.Time {
	return around.Add(time.Duration(c.IntN(1000)) * time.Millisecond).UTC()
}

// date lets many facts fall on one millisecond, some apart by less.
func (c chance) date(f *journey.Fact) {
	at := base.Add(time.Duration(c.IntN(12)) * 500 * time.Millisecond).
		Add(time.Duration(c.IntN(3)) * 24 * time.Hour).
		Add(time.Duration(c.IntN(3)) * 300 * time.Microsecond)
	f.OccurredAt, f.OriginalAt = at, at
	if c.IntN(4) == 0 {
		f.OriginalAt = at.Add(-time.Second)
	}
}

// question draws a question whose bounds and windows meet the world's times exactly.
func (c chance) question() funnel.Question {
	q := funnel.Question{
		From: base.Add(time.Duration(c.IntN(4)) * time.Second),
		To: base.Add(pick(c, 3*time.Second, 24*time.Hour, 24*time.Hour+2*time.Second,
			72*time.Hour)),
		Mode:   pick(c, funnel.Entry, funnel.All),
		AsOf:   base.Add(pick(c, 4*time.Second, 25*time.Hour, 48*time.Hour, 1000*time.Hour)),
		Window: pick(c, time.Second, 1500*time.Millisecond, 24*time.Hour, 25*time.Hour),

		Reentry: pick(c, funnel.Best, funnel.First), Limit: pick(c, 1, 2, 25),
	}
	if c.IntN(2) == 0 {
		q.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
	}
	if !q.From.Before(q.To) {
		q.From = base
	}
	if c.IntN(3) == 0 {
		q.Steps = c.plainSteps()
		return q
	}
	for range 2 + c.IntN(3) {
		q.Steps = append(q.Steps, c.step())
	}
	if c.IntN(3) == 0 {
		q.Filter = c.filter(2)
	}
	return q
}

// plainSteps are steps that packed journeys answer: of one kind, each another name, without
// conditions.
func (c chance) plainSteps() []funnel.Step {
	kind := pick(c, funnel.Stage, funnel.Event, funnel.Touchpoint)
	names := map[funnel.TargetKind][]string{
		funnel.Stage:      {"aware", "want", "buy"},
		funnel.Event:      {"A", "B", "C", "page"},
		funnel.Touchpoint: {"landing", "visit", "wish", "order"},
	}[kind]
	var steps []funnel.Step
	for _, i := range c.Perm(len(names))[:2+c.IntN(len(names)-1)] {
		steps = append(steps, funnel.Step{Target: funnel.Target{Kind: kind, Name: names[i]}})
	}
	return steps
}

func (c chance) step() funnel.Step {
	s := funnel.Step{Target: pick(c,
		funnel.Target{Kind: funnel.Stage, Name: "aware"},
		funnel.Target{Kind: funnel.Stage, Name: "want"},
		funnel.Target{Kind: funnel.Stage, Name: "buy"},
		funnel.Target{Kind: funnel.Touchpoint, Name: "visit"},
		funnel.Target{Kind: funnel.Event, Name: "A"},
		funnel.Target{Kind: funnel.Event, Name: "B"},
		funnel.Target{Kind: funnel.AnyEvent},
	)}
	for c.IntN(4) == 0 {
		s.Conditions = append(s.Conditions, c.condition())
	}
	return s
}

func (c chance) condition() funnel.Condition {
	text, number := journey.TextValue, journey.NumberValue
	return pick(c,
		funnel.Condition{Name: "n", Operator: funnel.Equal, Values: []journey.Value{number(1)}},
		funnel.Condition{Name: "n", Operator: funnel.NotEqual, Values: []journey.Value{text("1")}},
		funnel.Condition{Name: "tags", Operator: funnel.Contains, Values: []journey.Value{text("X")}},
		funnel.Condition{Name: "n", Operator: funnel.IsNotSet},
		funnel.Condition{Name: "n", Operator: funnel.Greater, Values: []journey.Value{number(1)}},
		funnel.Condition{
			Subject: funnel.OfChannel, Operator: funnel.Equal, Values: []journey.Value{text("ads")},
		},
		funnel.Condition{
			Subject: funnel.OfChannel, Operator: funnel.In,
			Values: []journey.Value{text("seo"), text("email")},
		},
		funnel.Condition{Subject: funnel.OfTraffic, Operator: funnel.IsNotSet},
		funnel.Condition{
			Subject: funnel.OfTraffic, Operator: funnel.Equal,
			Values: []journey.Value{text("internal")},
		},
		funnel.Condition{
			Subject: funnel.OfDevice, Operator: funnel.NotEqual,
			Values: []journey.Value{text("mobile")},
		},
		funnel.Condition{Subject: funnel.OfBrowser, Operator: funnel.IsSet},
		funnel.Condition{
			Subject: funnel.OfOS, Operator: funnel.Equal, Values: []journey.Value{text("Android")},
		},
		funnel.Condition{
			Subject: funnel.OfEvent, Operator: funnel.NotEqual, Values: []journey.Value{text("B")},
		},
		funnel.Condition{
			Subject: funnel.Persona, Operator: funnel.Equal, Values: []journey.Value{text("rich")},
		},
		funnel.Condition{
			Subject: funnel.Trait, Name: "plan", Operator: funnel.NotEqual,
			Values: []journey.Value{text("free")},
		},
		funnel.Condition{Subject: funnel.Trait, Name: "age", Operator: funnel.IsSet},
	)
}

func (c chance) filter(depth int) funnel.Filter {
	if depth == 0 {
		return c.condition()
	}
	switch c.IntN(4) {
	case 0:
		return funnel.AllOf{c.filter(depth - 1), c.filter(depth - 1)}
	case 1:
		return funnel.AnyOf{c.filter(depth - 1), c.filter(depth - 1)}
	case 2:
		return funnel.Not{Of: c.filter(depth - 1)}
	default:
		return c.condition()
	}
}

// batches cuts facts into batches in another order, some of them twice.
func (c chance) batches(facts []journey.Fact) [][]journey.Fact {
	var batches [][]journey.Fact
	for rest := facts; len(rest) > 0; {
		n := 1 + c.IntN(len(rest))
		batches = append(batches, rest[:n])
		rest = rest[n:]
	}
	for range c.IntN(3) {
		batches = append(batches, pick(c, batches...))
	}
	c.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	return slices.Clip(batches)
}
