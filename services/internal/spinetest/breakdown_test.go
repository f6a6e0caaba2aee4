package spinetest

import (
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// splitMap has repeats, one with a channel of its own, barriers, and a persona over deeds.
const splitMap = `
title: Splits
stages: [{id: aware}, {id: want}, {id: buy}, {id: loyal}]
channels:
  - {id: ads, when: 'properties.from == "ads"'}
  - {id: site}
touchpoints:
  - {id: visit, stage: aware, events: [A, page]}
  - {id: wish, stage: want, events: [B]}
  - {id: order, stage: buy, events: [C, "Experiment Viewed"]}
  - {id: hurdle, stage: aware, events: [D], barrier: true}
  - {id: again, stage: loyal, channel: site, repeat: {of: order}}
  - {id: third, stage: want, repeat: {of: order, from: 3}}
  - {id: back, stage: want, barrier: true, repeat: {of: visit, from: 2}}
personas:
  - {id: buyers, when: 'count("C") >= 1'}
  - {id: known, when: 'has(traits.plan)'}
`

// splitProperties hold what is hard to split by: arrays, nulls, empty texts, numbers and booleans
// beside their texts, groups and variants stated in every way.
var splitProperties = []journey.Object{
	"", "", `{"n":1}`, `{"size":"S"}`, `{"size":["S","M","S"]}`, `{"size":""}`, `{"size":[]}`,
	`{"size":null}`, `{"size":1}`, `{"size":"1"}`, `{"size":1.0}`, `{"size":true}`,
	`{"size":"true"}`, `{"size":[[1],{"a":2},null,"M"]}`, `{"from":"ads","size":"M"}`,
	`{"$groups":{"company":"acme","group":"g1"}}`, `{"$groups":{"company":""}}`,
	`{"$groups":{"group":7}}`, `{"$groups":["acme"]}`, `{"$groups":"acme"}`,
	`{"$feature/test":"blue"}`, `{"$feature/test":["blue","red"]}`,
	`{"experiment_name":"test","variation_name":"red"}`,
	`{"experimentId":"test","variationId":2,"size":"S"}`, `{"experiment_id":"other"}`,
	`{"$feature_flag":"test","$feature_flag_response":true}`,
}

var splitContexts = []journey.Object{
	"", "", `{"groups":{"company":"bolt"}}`, `{"groups":{"group":"null"}}`,
	`{"campaign":{"medium":"cpc","name":" Spring ","source":"google"}}`,
	`{"page":{"url":"https://a.example/?utm_campaign=Fall&utm_medium=email"}}`,
	`{"userAgent":"Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0"}`,
}

// splitFacts are facts with more to split by. What a message carries follows from its id, so that
// copies carry the same. In a dense world almost everything happens at once.
func (c chance) splitFacts(
	site journey.SiteID, received time.Time, dense bool,
) []journey.Fact {
	facts := c.facts(site, received)
	for i := range facts {
		f := &facts[i]
		hash := fnv.New64()
		fmt.Fprint(hash, site, f.Message)
		d := newChance(hash.Sum64())
		switch {
		case f.Kind == journey.Group:
			f.Group = pick[journey.GroupID](d, "g1", "g2", "")
			f.Traits = pick[journey.Object](d, "", `{"groupType":"company"}`)
		case f.Kind.IsTouchpoint():
			f.Group = pick[journey.GroupID](d, "", "", "g2")
			f.Properties = pick(d, splitProperties...)
			f.Context = pick(d, splitContexts...)
			if f.Kind == journey.Track && d.IntN(4) == 0 {
				f.Event = pick(d, "Experiment Viewed", "$feature_flag_called", "$experiment_started")
			}
		}
		if dense {
			d.crowd(f, received)
		}
	}
	return facts
}

// crowd puts a message among many of the same instant, received at once: what it is and whose
// follows from its id, so that copies are the same record again.
func (c chance) crowd(f *journey.Fact, received time.Time) {
	f.ReceivedAt, f.Index = received.UTC().Truncate(time.Millisecond), uint32(c.IntN(3))
	f.OccurredAt = base.Add(time.Duration(1+c.IntN(3)) * time.Second)
	f.OriginalAt = f.OccurredAt
	f.User, f.Visitor = pick[journey.UserID](c, "u1", "u1", "u2"), ""
	if f.Kind == journey.Track {
		f.Event = pick(c, "A", "B", "C", "C", "C", "C", "D", "Experiment Viewed")
	}
}

// splitQuestion draws a question with breakdowns, units and departures.
func (c chance) splitQuestion() funnel.Question {
	for {
		q := c.question()
		q.Breakdowns = nil
		for range pick(c, 0, 1, 1, 1, 2, 2) {
			q.Breakdowns = append(q.Breakdowns, c.breakdown(len(q.Steps)))
		}
		if c.IntN(3) == 0 {
			q.Unit = pick(c,
				funnel.Unit{Kind: funnel.GroupUnit}, funnel.Unit{Kind: funnel.GroupUnit, Name: "company"},
				funnel.Unit{Kind: funnel.TraitUnit, Name: "plan"},
				funnel.Unit{Kind: funnel.PropertyUnit, Name: "size"},
			)
		}
		q.Departures = c.IntN(3) == 0
		if c.IntN(3) == 0 {
			q.Steps[len(q.Steps)-1].Target = pick(c,
				funnel.Target{Kind: funnel.Stage, Name: "loyal"},
				funnel.Target{Kind: funnel.Touchpoint, Name: "again"},
				funnel.Target{Kind: funnel.Touchpoint, Name: "order"},
				funnel.Target{Kind: funnel.Touchpoint, Name: "back"},
			)
		}
		if c.IntN(4) == 0 {
			q.Filter = c.splitFilter()
		}
		if len(q.Check()) == 0 {
			return q
		}
	}
}

func (c chance) splitFilter() funnel.Filter {
	text := journey.TextValue
	return pick[funnel.Filter](c,
		funnel.Condition{
			Subject: funnel.OfGroup, Operator: funnel.Equal, Values: []journey.Value{text("g2")},
		},
		funnel.Not{Of: funnel.Condition{
			Subject: funnel.OfGroup, Name: "company", Operator: funnel.Equal,
			Values: []journey.Value{text("acme")},
		}},
		funnel.Condition{
			Subject: funnel.OfCampaign, Operator: funnel.NotEqual, Values: []journey.Value{text("Fall")},
		},
		funnel.Condition{Subject: funnel.OfCampaign, Name: "source", Operator: funnel.IsNotSet},
		funnel.Condition{
			Subject: funnel.OfTouchpoint, Operator: funnel.NotEqual,
			Values: []journey.Value{text("third")},
		},
		funnel.Condition{
			Subject: funnel.Persona, Operator: funnel.Equal, Values: []journey.Value{text("buyers")},
		},
	)
}

func (c chance) breakdown(steps int) funnel.Breakdown {
	b := pick(c,
		funnel.Breakdown{By: funnel.Persona}, funnel.Breakdown{By: funnel.Trait, Name: "plan"},
		funnel.Breakdown{By: funnel.OfChannel}, funnel.Breakdown{By: funnel.OfDevice},
		funnel.Breakdown{By: funnel.OfBrowser}, funnel.Breakdown{By: funnel.OfOS},
		funnel.Breakdown{By: funnel.Property, Name: "size"},
		funnel.Breakdown{By: funnel.Property, Name: "size"},
		funnel.Breakdown{By: funnel.Property, Name: "n"},
		funnel.Breakdown{By: funnel.OfCampaign}, funnel.Breakdown{By: funnel.OfCampaign, Name: "medium"},
		funnel.Breakdown{By: funnel.OfCampaign, Name: "source"},
		funnel.Breakdown{By: funnel.Variant, Name: "test"},
		funnel.Breakdown{By: funnel.Variant, Name: "test"},
		funnel.Breakdown{By: funnel.OfGroup}, funnel.Breakdown{By: funnel.OfGroup, Name: "company"},
	)
	touch := pick(c, funnel.FirstTouch, funnel.LastTouch, funnel.EveryTouch, funnel.StepTouch)
	switch b.By {
	case funnel.Persona, funnel.Trait:
		b.Attribution = funnel.OfPerson
	case funnel.Variant, funnel.OfGroup:
		b.Attribution = pick(c, funnel.OfPerson, touch)
	default:
		b.Attribution = touch
	}
	if b.Attribution == funnel.StepTouch {
		b.Step = c.IntN(steps)
	}
	return b
}

// TestSplitsEqualReference: breakdowns, units, repeats and departures give what follows from the
// facts, and every number is the length of its list.
func TestSplitsEqualReference(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	worlds := 12
	if testing.Short() {
		worlds = 4
	}
	for w := range worlds {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			s.checkSplits(t, uint64(w))
		})
	}
}

func (s *spine) checkSplits(t *testing.T, seed uint64) {
	t.Helper()
	c := newChance(5000 + seed)
	site := journey.SiteID(fmt.Sprintf("splits-%d", seed))
	m := s.publishSource(t, site, splitMap)
	facts := c.splitFacts(site, time.Now(), seed%2 == 1)
	s.deliver(t, c.batches(facts))
	for range 15 {
		q := c.splitQuestion()
		s.compareSplits(t, c, m, site, facts, q)
		if t.Failed() {
			t.Fatalf("world %d, question %+v", seed, q)
		}
	}
}

func (s *spine) compareSplits(
	t *testing.T, c chance, m *journey.Map, site journey.SiteID, facts []journey.Fact,
	q funnel.Question,
) {
	t.Helper()
	s.compare(t, m, site, facts, q)
	want, units := reference(t, m, facts, q)
	for _, g := range want.Groups {
		selection := selectionOf(want, g)
		selection.Step, selection.Part = 1+c.IntN(len(q.Steps)), funnel.Part(c.IntN(4))
		listed := funnel.Select(q, units, selection)
		if n := numberOf(g.Steps[selection.Step-1], selection.Part); n != len(listed) {
			t.Errorf("%d units are listed of %+v, the number is %d", len(listed), selection, n)
		}
		s.comparePersons(t, site, q, selection, listed)
	}
	s.compareBeside(t, c, site, q, units, want.Groups)
}

// selectionOf keeps the units of a group of an answer.
func selectionOf(answer funnel.Answer, g funnel.Group) funnel.Selection {
	if g.Other {
		return funnel.Selection{Except: funnel.KeysOf(answer.Groups)}
	}
	return funnel.Selection{Group: g.Values}
}

func numberOf(n funnel.StepNumbers, part funnel.Part) int {
	switch part {
	case funnel.PartLost:
		return n.Lost
	case funnel.PartInWindow:
		return n.InWindow
	case funnel.Dropped:
		return n.Lost + n.InWindow
	default:
		return n.Count
	}
}

// compareBeside asks with some of the groups of an answer, in another order.
func (s *spine) compareBeside(
	t *testing.T, c chance, site journey.SiteID, q funnel.Question, units []funnel.Result,
	groups []funnel.Group,
) {
	t.Helper()
	var like []funnel.Group
	for _, i := range c.Perm(len(groups)) {
		if c.IntN(3) > 0 {
			like = append(like, groups[i])
		}
	}
	tally := funnel.NewTally(q)
	for i := range units {
		tally.Add(&units[i].Counted)
	}
	got, err := s.answers.FunnelAs(t.Context(), site, q, like)
	if err != nil {
		t.Fatalf("asking beside: %v", err)
	}
	if diff := cmp.Diff(tally.AnswerAs(like), got.Answer, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("answer beside (-reference +store):\n%s", diff)
	}
}

// TestFirstExposures: a person's variant is the one shown first, to whichever of its identities,
// and a question sees none that was shown after its as_of.
func TestFirstExposures(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "exposures"
	m := s.publish(t, site)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for i := range 12 {
		u, v := fmt.Sprint("u", i), fmt.Sprint("v", i)
		visitors, users := base.Add(time.Second), base.Add(time.Duration(i%3)*time.Second)
		facts = append(facts, f.shown("red", visitors, "", v), f.shown("blue", users, u, ""),
			f.track("A", base.Add(3*time.Second), u, v), f.track("B", base.Add(4*time.Second), u, ""))
	}
	s.deliver(t, [][]journey.Fact{facts})
	q := buyers()
	q.Steps = q.Steps[:2]
	q.Breakdowns = []funnel.Breakdown{
		{By: funnel.Variant, Name: "test", Attribution: funnel.OfPerson},
	}
	for _, after := range []time.Duration{3, 10} {
		q.AsOf = base.Add(after * time.Second)
		s.compare(t, m, site, facts, q)
	}
	got, err := s.answers.Funnel(t.Context(), site, q)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Groups) != 2 || got.Groups[0].Steps[1].Count+got.Groups[1].Steps[1].Count != 12 {
		t.Errorf("groups %+v, want red and blue of 12 persons together", got.Groups)
	}
}

// shown is an exposure to a variant.
func (f *flow) shown(variant string, at time.Time, u, v string) journey.Fact {
	e := f.track("Experiment Viewed", at, u, v)
	e.Properties = journey.Object(
		fmt.Sprintf(`{"experiment_name":"test","variation_name":%q}`, variant))
	return e
}

// TestUnitsOfOneInstant: where persons of one unit do something in one instant, received at once,
// the shown order still decides which of them was first.
func TestUnitsOfOneInstant(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "instants"
	m := s.publish(t, site)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for i := range 16 {
		for _, size := range []string{"S", "M"} {
			a := f.track("A", base, fmt.Sprint(size, i%5, i), "")
			a.Group = journey.GroupID(fmt.Sprint("g", i))
			a.Properties = journey.Object(fmt.Sprintf(`{"size":%q}`, size))
			facts = append(facts, a)
		}
		b := f.track("B", base.Add(time.Second), fmt.Sprint("S", i%5, i), "")
		b.Group = journey.GroupID(fmt.Sprint("g", i))
		facts = append(facts, b)
	}
	s.deliver(t, [][]journey.Fact{facts})
	q := buyers()
	q.Steps, q.Unit = q.Steps[:2], funnel.Unit{Kind: funnel.GroupUnit}
	for _, attribution := range []funnel.Attribution{funnel.FirstTouch, funnel.LastTouch} {
		q.Breakdowns = []funnel.Breakdown{
			{By: funnel.Property, Name: "size", Attribution: attribution},
		}
		s.compareSplits(t, newChance(1), m, site, facts, q)
	}
}

// TestChannelsOfRepeats: of two repeats of a touchpoint the one that states a channel has it, the
// other one keeps the row's.
func TestChannelsOfRepeats(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "rebuys"
	m := s.publishSource(t, site, splitMap)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for i := range 3 {
		order := f.track("C", base.Add(time.Duration(i)*time.Second), "u1", "")
		order.Properties = `{"from":"ads"}`
		facts = append(facts, order)
	}
	s.deliver(t, [][]journey.Fact{facts})
	step := func(touchpoint, channel string) funnel.Step {
		return funnel.Step{
			Target: funnel.Target{Kind: funnel.Touchpoint, Name: touchpoint},
			Conditions: []funnel.Condition{{
				Subject: funnel.OfChannel, Operator: funnel.Equal,
				Values: []journey.Value{journey.TextValue(channel)},
			}},
		}
	}
	q := buyers()
	q.Breakdowns = nil
	q.Steps = []funnel.Step{step("order", "ads"), step("again", "site"), step("third", "ads")}
	s.compare(t, m, site, facts, q)
	got, err := s.answers.Funnel(t.Context(), site, q)
	if err != nil {
		t.Fatal(err)
	}
	if n := got.Answer.Steps[2].Count; n != 1 {
		t.Errorf("%d third orders by the row's channel, want 1", n)
	}
}
