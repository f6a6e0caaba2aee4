package funnel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// deeds is a map whose rules look at what persons did: with a barrier, touchpoints that repeat
// another, and personas by facts.
var deeds = parseMap(`
title: Deeds
stages: [{id: look, title: Look}, {id: pay, title: Pay}, {id: stay, title: Stay}]
channels: [{id: club, title: Club}]
touchpoints:
  - {id: viewed, title: Viewed, stage: look, events: [view]}
  - {id: bought, title: Bought, stage: pay, events: [buy]}
  - {id: failed, title: Failed, stage: pay, events: [fail], barrier: true}
  - {id: rebought, title: Bought again, stage: stay, repeat: {of: bought}}
  - {id: loyal, title: Loyal, stage: stay, channel: club, repeat: {of: bought, from: 4}}
personas:
  - {id: pro, title: Pro, when: traits.plan == "pro"}
  - {id: team, title: Team, when: has(groups.team) && last_channel == "web"}
  - {id: buyer, title: Buyer, when: count("buy") >= 2}
`)

// drawRichFacts draws a world with everything that breakdowns, units and departures look at.
func drawRichFacts(rt *rapid.T) []AttributedFact {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, name) }
	var facts []AttributedFact
	for i := range rapid.IntRange(0, 40).Draw(rt, "facts") {
		who := pick("who", "v1", "v2", "u1", "u2", "u3")
		id, minute := fmt.Sprint("m", i), 10*rapid.IntRange(0, 8).Draw(rt, "ten minutes")
		switch pick("kind", "touch", "touch", "touch", "touch", "identify", "group", "link") {
		case "identify":
			f := fact(journey.Identify, id, who, minute)
			f.Traits = journey.Object(pick("traits", `{"plan":"pro"}`, `{"plan":"free"}`,
				`{"list":["x","y"]}`, `{"list":[]}`, `{"list":"x","plan":null}`))
			facts = append(facts, f)
		case "group":
			f := fact(journey.Group, id, who, minute)
			f.Group = journey.GroupID(pick("group", "g1", "g2"))
			f.Traits = journey.Object(pick("type", `{}`, `{"groupType":"team"}`))
			facts = append(facts, f)
		case "link":
			facts = append(facts, identify(id, pick("visitor", "v1", "v2"), "u1", "", minute))
		default:
			facts = append(facts, drawTouch(rt, id, who, minute))
		}
	}
	return facts
}

func drawTouch(rt *rapid.T, id, who string, minute int) AttributedFact {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, name) }
	f := track(id, who, pick("event", "view", "view", "buy", "buy", "fail", "Experiment Viewed"), minute)
	f.OccurredAt = f.OccurredAt.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "µs")) * time.Microsecond)
	f.Properties = journey.Object(pick("properties", ``, `{"p":"x"}`, `{"p":"y"}`, `{"p":""}`,
		`{"p":null}`, `{"p":["x","y","x",null]}`, `{"p":[]}`, `{"p":1}`, `{"p":"1"}`,
		`{"$groups":{"team":"t1"},"p":"x"}`, `{"$feature/test":"a","p":true}`,
		`{"experiment_id":"test","variation_name":"b"}`, `{"experiment_name":"other"}`))
	f.Context = journey.Object(pick("context", ``, `{"groups":{"group":"g3","team":"undefined"}}`))
	f.Channel = journey.ChannelID(pick("channel", "", "web", "mail"))
	f.Campaign.Source = pick("source", "", "s1")
	f.Client.Device = pick("device", "", "mobile")
	switch f.Event {
	case "view":
		f.Touchpoint, f.Stage = "viewed", "look"
	case "buy":
		f.Touchpoint, f.Stage = "bought", "pay"
	case "fail":
		f.Touchpoint, f.Stage = "failed", "pay"
	}
	return f
}

func drawRichQuestion(rt *rapid.T) Question {
	minute := func(name string, from int) time.Time {
		return day0.Add(time.Duration(rapid.IntRange(from, 9).Draw(rt, name)) * 10 * time.Minute)
	}
	q := Question{
		From: minute("from", 0).Add(-50 * time.Minute), AsOf: minute("as_of", 0), Limit: 3,
		Window:     time.Duration(rapid.IntRange(1, 6).Draw(rt, "window")) * 10 * time.Minute,
		Mode:       rapid.SampledFrom([]RangeMode{Entry, All}).Draw(rt, "mode"),
		Reentry:    rapid.SampledFrom([]Reentry{Best, First}).Draw(rt, "reentry"),
		Departures: rapid.Bool().Draw(rt, "departures"),
	}
	if rapid.Bool().Draw(rt, "reasons") {
		q.Reasons = &Reasons{Properties: rapid.SampledFrom([][]string{nil, {"p"}}).Draw(rt, "of")}
	}
	q.To = q.From.Add(time.Duration(rapid.IntRange(1, 14).Draw(rt, "range")) * 10 * time.Minute)
	for range rapid.IntRange(2, 3).Draw(rt, "steps") {
		q.Steps = append(q.Steps, rapid.SampledFrom([]Step{
			event("view"), event("view"), event("buy"),
			{Target: Target{Kind: AnyEvent}},
			{Target: Target{Kind: Stage, Name: "stay"}},
			{Target: Target{Kind: Touchpoint, Name: "bought"}},
			event("view", Condition{Subject: OfGroup, Operator: Equal, Values: values(text("g1"))}),
		}).Draw(rt, "step"))
	}
	if rapid.Bool().Draw(rt, "options") {
		drawOptions(rt, &q)
	}
	q.Filter = rapid.SampledFrom([]Filter{
		nil, nil,
		Condition{Subject: OfChannel, Operator: NotEqual, Values: values(text("mail"))},
		Condition{Subject: Trait, Name: "plan", Operator: IsSet},
		Not{Of: Condition{Subject: OfCampaign, Name: CampaignSource, Operator: IsSet}},
	}).Draw(rt, "filter")
	q.Unit = rapid.SampledFrom([]Unit{
		{},
		{},
		{Kind: GroupUnit},
		{Kind: GroupUnit, Name: "team"},
		{Kind: TraitUnit, Name: "plan"},
		{Kind: PropertyUnit, Name: "p"},
	}).Draw(rt, "unit")
	for range rapid.IntRange(0, 2).Draw(rt, "breakdowns") {
		b := rapid.SampledFrom([]Breakdown{
			{By: Persona},
			{By: Trait, Name: "list"},
			{By: OfChannel},
			{By: Property, Name: "p"},
			{By: Variant, Name: "test"},
			{By: OfGroup},
			{By: OfGroup, Name: "team"},
			{By: OfDevice},
			{By: OfCampaign, Name: CampaignSource},
		}).Draw(rt, "by")
		b.Attribution = rapid.SampledFrom([]Attribution{
			FirstTouch, LastTouch, EveryTouch, StepTouch, OfPerson,
		}).Draw(rt, "attribution")
		switch {
		case b.By.OfPerson():
			b.Attribution = OfPerson
		case b.Attribution == OfPerson && b.By != Variant && b.By != OfGroup:
			b.Attribution = FirstTouch
		case b.Attribution == StepTouch:
			b.Step = rapid.IntRange(0, len(q.Steps)-1).Draw(rt, "of step")
		}
		if !slices.Contains(q.Breakdowns, b) {
			q.Breakdowns = append(q.Breakdowns, b)
		}
	}
	return q
}

// drawOptions draws the options of attempts.
func drawOptions(rt *rapid.T, q *Question) {
	q.Order = rapid.SampledFrom([]Order{Ordered, Strict, Any}).Draw(rt, "order")
	q.Count = rapid.SampledFrom([]Count{Once, PerAttempt, PerSession}).Draw(rt, "count")
	if q.Count != Once {
		q.Reentry = Best
	}
	q.Simultaneity = rapid.SampledFrom([]time.Duration{0, 10 * time.Minute}).Draw(rt, "simultaneity")
	q.Hold = rapid.SampledFrom([][]string{nil, nil, {"p"}}).Draw(rt, "hold")
	for k := range q.Steps {
		s := &q.Steps[k]
		s.FirstTime = rapid.SampledFrom([]FirstTime{
			Always, Always, FirstOfTarget, FirstMatching,
		}).Draw(rt, "first time")
		if q.Order == Any || k == 0 {
			continue
		}
		s.Optional = k < len(q.Steps)-1 && rapid.Bool().Draw(rt, "optional")
		if rapid.Bool().Draw(rt, "limited") {
			within := 20 * time.Minute
			s.Within = &within
		}
	}
	for _, x := range []Exclusion{
		{Target: Target{Kind: Event, Name: "fail"}, To: 1},
		{
			Target: Target{Kind: AnyEvent}, To: len(q.Steps) - 1, Effect: Remove,
			Conditions: []Condition{{Name: "p", Operator: Equal, Values: values(text("y"))}},
		},
	} {
		if q.Order == Any {
			x.To = len(q.Steps) - 1
		}
		if rapid.Bool().Draw(rt, "excluded") {
			q.Exclusions = append(q.Exclusions, x)
		}
	}
	if rapid.Bool().Draw(rt, "trend") {
		q.Buckets = drawBuckets(rt, *q, time.Minute)
	}
}

// counterResults answers as a store would: by views, matcher, courses and a counter.
func counterResults(rt *rapid.T, facts []AttributedFact, m *journey.Map, program *Program) []Result {
	matcher, counter := program.Matcher(), program.Counter(m)
	q := program.Question()
	type touchpoint struct {
		fact  *AttributedFact
		touch Touch
		named uint32
		view  *TouchView
		of    *Values
	}
	courses := make(map[unitID][]touchpoint)
	scope := program.Scope()
	visits := make(map[unitID][]int64)
	personas := make(map[unitID]journey.PersonaID)
	for _, p := range personsOf(settle(facts), m, program) {
		matcher.Person(p.view)
		of := counter.PersonValues(&p.view)
		for i := range p.facts {
			f := &p.facts[i]
			view := viewTouch(program.Needs(), f)
			view.Values = program.TouchValues(&view)
			id := unitID{person: p.id}
			if q.Unit.Kind != PersonUnit {
				value, has := program.UnitOf(&view, &p.view)
				if !has {
					continue
				}
				id = unitID{value: value}
			} else {
				personas[id] = p.persona
			}
			if f.At() <= q.AsOf.UnixMilli() {
				visits[id] = append(visits[id], f.At())
			}
			targets := program.Targets(f.Event, f.Attribution)
			touch := Touch{
				At: f.At(), Steps: matcher.Steps(targets, &view),
				Exclusions: matcher.Exclusions(program.ExclusionTargets(f.Event, f.Attribution), &view),
			}
			named := targets & scope.FirstTime
			needed := touch.Steps != 0 || touch.Exclusions != 0 || named != 0 || scope.Everything
			if !needed || !matcher.Sees(&view) {
				continue
			}
			courses[id] = append(courses[id], touchpoint{f, touch, named, &view, &of})
		}
	}
	var results []Result
	for id, touchpoints := range courses {
		slices.SortFunc(touchpoints, func(a, b touchpoint) int {
			return journey.CompareShown(&a.fact.Fact, &b.fact.Fact)
		})
		course, held := Course{}, make(map[string]int32)
		if scope.Unfiltered {
			course.SessionEnds = endsOf(visits[id])
		}
		for _, t := range touchpoints {
			course.Touches = append(course.Touches, t.touch)
			course.Views = append(course.Views, t.view)
			course.Person = t.of
			if scope.FirstTime != 0 {
				course.Named = append(course.Named, t.named)
			}
			if len(q.Hold) > 0 {
				course.Holds = append(course.Holds, numberOf(program, t.view, held))
			}
			if scope.Unfiltered {
				course.Sessions = append(course.Sessions, sessionOf(course.SessionEnds, t.touch.At))
			}
			if q.Unit.Kind != PersonUnit {
				course.Persons = append(course.Persons, t.of)
			}
		}
		counted, err := counter.Count(&course)
		if err != nil {
			rt.Fatal(err)
		}
		if len(counted.Attempts) == 0 && len(counted.Groups) == 0 {
			continue
		}
		result := Result{
			Person: id.person, Persona: personas[id], Unit: id.value, Counted: *counted,
		}
		result.Standing = cloneStanding(result.Standing)
		result.Groups = slices.Clone(result.Groups)
		for i := range result.Groups {
			result.Groups[i].Standing = cloneStanding(result.Groups[i].Standing)
		}
		results = append(results, result)
	}
	slices.SortFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), strings.Compare(a.Unit, b.Unit))
	})
	return results
}

// numberOf numbers the values that a touchpoint holds.
func numberOf(program *Program, view *TouchView, held map[string]int32) int32 {
	key, ok := program.Hold(view)
	if !ok {
		return -1
	}
	if _, known := held[key]; !known {
		held[key] = int32(len(held))
	}
	return held[key]
}

// endsOf are the last instants of the sessions that some instants make.
func endsOf(instants []int64) []int64 {
	slices.Sort(instants)
	var ends []int64
	for i, at := range instants {
		if i > 0 && at-instants[i-1] <= SessionGap.Milliseconds() {
			ends = ends[:len(ends)-1]
		}
		ends = append(ends, at)
	}
	return ends
}

// sessionOf is the number of the session that an instant lies in.
func sessionOf(ends []int64, at int64) int32 {
	i, _ := slices.BinarySearch(ends, at)
	return int32(i)
}

// cloneStanding is a standing of its own.
func cloneStanding(s Standing) Standing {
	s.Attempts, s.Leavings = slices.Clone(s.Attempts), slices.Clone(s.Leavings)
	for i := range s.Attempts {
		s.Attempts[i].Times = slices.Clone(s.Attempts[i].Times)
	}
	s.Passages = slices.Clone(s.Passages)
	for i := range s.Passages {
		s.Passages[i].Met = slices.Clone(s.Passages[i].Met)
	}
	s.Buckets = slices.Clone(s.Buckets)
	for i := range s.Buckets {
		s.Buckets[i].Times = slices.Clone(s.Buckets[i].Times)
	}
	return s
}

// TestCounterEqualsReference holds the way of a store to the reference on random worlds.
func TestCounterEqualsReference(t *testing.T) {
	t.Parallel()
	m := deeds
	rapid.Check(t, func(rt *rapid.T) {
		facts := drawRichFacts(rt)
		for range 5 {
			q := drawRichQuestion(rt)
			answer, want, err := Reference(facts, m, q)
			if err != nil {
				rt.Fatal(err)
			}
			program, err := Compile(q)
			if err != nil {
				rt.Fatal(err)
			}
			got := counterResults(rt, facts, m, program)
			sorted := []gocmp.Option{
				byName, cmpopts.EquateEmpty(),
				cmpopts.SortSlices(func(g, h Grouped) bool { return compareKeys(g.Key, h.Key) < 0 }),
				cmpopts.SortSlices(func(a, b journey.TouchpointID) bool { return a < b }),
			}
			if diff := gocmp.Diff(want, got, sorted...); diff != "" {
				rt.Fatalf("%+v (-reference +counter):\n%s", q, diff)
			}
			checkAnswer(rt, q, answer, got)
		}
	})
}

// checkAnswer: numbers are lengths of lists, and departures sum up to them.
func checkAnswer(rt *rapid.T, q Question, answer Answer, results []Result) {
	check := func(steps []StepNumbers, of Selection) {
		for k, s := range steps {
			of.Step = k + 1
			if list := Select(q, results, of); len(list) != s.Count {
				rt.Fatalf("%+v counts %d and lists %d", of, s.Count, len(list))
			}
			for _, d := range s.Departures {
				want := s.Lost
				if d.Outcome == InWindow {
					want = s.InWindow
				}
				if d.Count != want || d.Silent.Count+d.WentBack.Count+d.Diverted.Count != want {
					rt.Fatalf("departure %+v of step %d, want %d", d, k+1, want)
				}
			}
		}
	}
	check(answer.Steps, Selection{})
	for _, g := range answer.Groups {
		check(g.Steps, selectionOf(answer, g))
	}
}
