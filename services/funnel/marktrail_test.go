package funnel

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// trails is a map with stages in order, barriers, and names that it does not know.
var trails = parseMap(`
title: Trails
stages: [{id: look, title: Look}, {id: want, title: Want}, {id: pay, title: Pay}]
channels: [{id: club, title: Club}]
touchpoints:
  - {id: viewed, title: Viewed, stage: look, events: [view]}
  - {id: stuck, title: Stuck, stage: look, events: [stuck], barrier: true}
  - {id: added, title: Added, stage: want, events: [add]}
  - {id: bought, title: Bought, stage: pay, events: [buy]}
  - {id: failed, title: Failed, stage: pay, events: [fail], barrier: true}
personas: []
`)

// trailWorld is a question with departures and what touchpoints of its persons may look like.
type trailWorld struct {
	question Question
	newest   *journey.Map
	views    []TouchView
}

// trailPerson is one course in both forms.
type trailPerson struct {
	course Course
	trail  TrailCourse
}

func drawTrailWorld(rt *rapid.T) trailWorld {
	milli := func(name string, from, to int64) int64 { return rapid.Int64Range(from, to).Draw(rt, name) }
	q := Question{
		From: time.UnixMilli(max(0, milli("from", -10, 10))), AsOf: time.UnixMilli(milli("as of", 0, 60)),
		Window:     time.Duration(milli("window", 1, 25)) * time.Millisecond,
		Mode:       rapid.SampledFrom([]RangeMode{Entry, All}).Draw(rt, "mode"),
		Reentry:    rapid.SampledFrom([]Reentry{Best, First}).Draw(rt, "reentry"),
		Departures: true, Limit: 2,
	}
	q.To = q.From.Add(time.Duration(milli("range", 1, 40)) * time.Millisecond)
	targets := rapid.SampledFrom([][]Target{
		{{Event, "view"}, {Event, "add"}, {Event, "buy"}, {Event, "other"}},
		{{Stage, "look"}, {Stage, "want"}, {Stage, "pay"}, {Stage, "gone"}},
		{{Touchpoint, "added"}, {Touchpoint, "viewed"}, {Touchpoint, "failed"}},
	}).Draw(rt, "targets")
	for _, t := range targets[:rapid.IntRange(2, len(targets)).Draw(rt, "steps")] {
		step := Step{Target: t}
		if rapid.IntRange(0, 3).Draw(rt, "conditional") == 0 {
			step.Conditions = []Condition{{Name: "p", Operator: IsSet}}
		}
		q.Steps = append(q.Steps, step)
	}
	if rapid.Bool().Draw(rt, "split") {
		q.Breakdowns = []Breakdown{{By: Persona, Attribution: OfPerson}}
	}
	if rapid.Bool().Draw(rt, "trend") {
		q.Buckets = drawBuckets(rt, q, time.Millisecond)
	}
	if rapid.IntRange(0, 3).Draw(rt, "split twice") == 0 {
		q.Breakdowns = append(q.Breakdowns, Breakdown{By: Trait, Name: "list", Attribution: OfPerson})
	}
	w := trailWorld{question: q, newest: trails, views: drawTrailViews(rt)}
	if rapid.IntRange(0, 3).Draw(rt, "no map") == 0 {
		w.newest = nil
	}
	return w
}

// drawBuckets draws those of a trend, of lengths of their own in whole units.
func drawBuckets(rt *rapid.T, q Question, unit time.Duration) []time.Time {
	length := int64(q.To.Sub(q.From) / unit)
	begins := rapid.SliceOfNDistinct(rapid.Int64Range(0, length-1), 0, 6, rapid.ID[int64]).
		Draw(rt, "buckets")
	begins = append(begins, -rapid.Int64Range(0, 3).Draw(rt, "before"))
	slices.Sort(begins)
	var buckets []time.Time
	for _, begin := range slices.Compact(begins) {
		buckets = append(buckets, q.From.Add(time.Duration(begin)*unit))
	}
	if len(buckets) > 1 && !buckets[1].After(q.From) {
		buckets = buckets[1:] // the first one must hold the beginning
	}
	return buckets
}

// drawTrailViews draws views, some of them the same but for the channel or the event.
func drawTrailViews(rt *rapid.T) []TouchView {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, name) }
	views := make([]TouchView, rapid.IntRange(1, 12).Draw(rt, "views"))
	for i := range views {
		v := TouchView{
			Event:   pick("event", "view", "view", "add", "add", "buy", "other", "page"),
			Channel: journey.ChannelID(pick("channel", "", "", "web", "mail", "club")),
		}
		at := pick("touchpoint", "", "viewed look", "stuck look", "added want", "bought pay",
			"failed pay", "failed look", "old gone")
		fmt.Sscan(at, &v.Touchpoint, &v.Stage)
		views[i] = v
	}
	return views
}

// drawPerson draws a person, many of whose touchpoints are of one instant.
func (w *trailWorld) drawPerson(rt *rapid.T, program *Program) trailPerson {
	var p trailPerson
	matcher := program.Matcher()
	last := rapid.SampledFrom([]int64{2, 5, 20, 60}).Draw(rt, "last")
	instants := rapid.SliceOfN(rapid.Int64Range(0, last), 0, 25).Draw(rt, "instants")
	slices.Sort(instants)
	for _, at := range instants {
		n := rapid.IntRange(0, len(w.views)-1).Draw(rt, "view")
		view := w.views[n]
		view.Properties = make([]journey.Value, len(program.Needs().Properties))
		if len(view.Properties) > 0 && rapid.Bool().Draw(rt, "p") {
			view.Properties[0] = text("x")
		}
		targets := program.Targets(view.Event, journey.Attribution{
			Stage: view.Stage, Touchpoint: view.Touchpoint,
		})
		p.add(at, uint32(n), &view, matcher.Steps(targets, &view))
	}
	value := func(of ...[]GroupValue) []GroupValue { return rapid.SampledFrom(of).Draw(rt, "value") }
	one, two := GroupValue{Value: "1"}, GroupValue{Value: "2"}
	p.course.Person = &Values{
		value([]GroupValue{one}, []GroupValue{two}, []GroupValue{{Value: "3"}}, absent),
		value([]GroupValue{one}, []GroupValue{one, two}, absent),
	}
	return p
}

func (p *trailPerson) add(at int64, n uint32, view *TouchView, steps uint32) {
	filled := uint8(0)
	for k := range MaxSteps {
		if steps == 1<<k {
			filled = uint8(k + 1)
		}
	}
	p.course.Touches = append(p.course.Touches, Touch{At: at, Steps: steps})
	p.course.Views = append(p.course.Views, view)
	p.trail = append(p.trail, TrailTouchOf(at, n, filled))
}

var byName = cmpopts.IgnoreUnexported(Leaving{})

// mirrored is a course by a table that has so many views in reverse.
func (c TrailCourse) mirrored(views int) TrailCourse {
	other := slices.Clone(c)
	for i, t := range c {
		other[i] = TrailTouchOf(t.At(), uint32(views-1)-t.View(), t.Filled())
	}
	return other
}

// TestTrailEqualsCounter: by trails persons leave as they do by touches and views, and the answer is
// the same, whoever adds it up.
func TestTrailEqualsCounter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawTrailWorld(rt)
		program := programOf(w.question)
		if !program.Followed() {
			rt.Fatalf("not followed: %+v", w.question)
		}
		reverse := slices.Clone(w.views)
		slices.Reverse(reverse)
		table, mirror := NewTrailTable(w.newest, w.views), NewTrailTable(w.newest, reverse)
		counter := program.Counter(w.newest)
		trackers := []*TrailCounter{
			program.TrailCounter(table), program.TrailCounter(table), program.TrailCounter(mirror),
		}
		want, got := NewTally(w.question), NewTally(w.question)
		parts := []*Tally{NewTally(w.question), NewTally(w.question), NewTally(w.question)}
		for range rapid.IntRange(1, 40).Draw(rt, "persons") {
			p := w.drawPerson(rt, program)
			counted, err := counter.Count(&p.course)
			if err != nil {
				rt.Fatal(err)
			}
			want.Add(counted)
			tracker := rapid.SampledFrom(trackers).Draw(rt, "tracker")
			if tracker.table == mirror {
				p.trail = p.trail.mirrored(len(w.views))
			}
			byTrail, err := tracker.CountTrail(p.trail, p.course.Person)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := gocmp.Diff(counted, byTrail, byName, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("(-by touches +by trail):\n%s", diff)
			}
			part := rapid.SampledFrom(parts).Draw(rt, "part")
			if rapid.IntRange(0, 5).Draw(rt, "by touches") == 0 {
				part.Add(counted)
			} else {
				part.Add(byTrail)
			}
		}
		for i, part := range parts {
			before := part.Answer()
			got.Merge(part)
			if diff := gocmp.Diff(before, part.Answer()); diff != "" {
				rt.Fatalf("part %d changed (-before +after it was merged):\n%s", i, diff)
			}
		}
		if diff := gocmp.Diff(want.Answer(), got.Answer()); diff != "" {
			rt.Fatalf("answers (-by touches +by trail):\n%s", diff)
		}
	})
}

// TestTrailInTwo: marks and the touchpoints between the instants that Left gives are enough.
func TestTrailInTwo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawTrailWorld(rt)
		program := programOf(w.question)
		table := NewTrailTable(w.newest, w.views)
		whole, inTwo := program.TrailCounter(table), program.TrailCounter(table)
		for range 5 {
			p := w.drawPerson(rt, program)
			want, err := whole.CountTrail(p.trail, p.course.Person)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := inTwo.CountMarks(slices.Clone(whole.marks), p.course.Person)
			if err != nil {
				rt.Fatal(err)
			}
			if from, to, left := inTwo.Left(); left {
				course := slices.DeleteFunc(p.trail, func(t TrailTouch) bool {
					return t.At() < from || t.At() > to
				})
				if got, err = inTwo.Leave(course); err != nil {
					rt.Fatal(err)
				}
				if _, err := inTwo.Leave(nil); err == nil {
					rt.Fatal("left without the touchpoint of the step")
				}
			}
			if diff := gocmp.Diff(want, got, byName, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("(-whole +in two):\n%s", diff)
			}
		}
	})
}

// TestTrailAmbiguous: the order within an instant matters where some touchpoint of it, shown first or
// last, makes another leaving.
func TestTrailAmbiguous(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawTrailWorld(rt)
		program := programOf(w.question)
		table := NewTrailTable(w.newest, w.views)
		counter, other := program.TrailCounter(table), program.TrailCounter(table)
		for range 10 {
			p := w.drawPerson(rt, program)
			was := leavingOf(rt, counter, &p, p.trail)
			want := false
			for i, moved := range p.trail {
				from, to := p.trail.from(moved.At()), p.trail.from(moved.At()+1)
				for _, place := range []int{from, to - 1} {
					course := slices.Insert(slices.Delete(slices.Clone(p.trail), i, i+1), place, moved)
					now := leavingOf(rt, other, &p, course)
					want = want || gocmp.Diff(was, now, byName, cmpopts.EquateEmpty()) != ""
				}
			}
			if got := counter.Ambiguous(); got != want {
				rt.Fatalf("ambiguous %t, want %t: %+v leaves %+v", got, want, p.course, was)
			}
		}
	})
}

// leavingOf is how a person leaves, barriers in their own order; nil if they do not.
func leavingOf(rt *rapid.T, c *TrailCounter, p *trailPerson, course TrailCourse) *Leaving {
	counted, err := c.CountTrail(course, p.course.Person)
	if err != nil {
		rt.Fatal(err)
	}
	if len(counted.Leavings) == 0 || counted.Leavings[0] == nil {
		return nil
	}
	l := *counted.Leavings[0]
	l.Barriers = slices.Sorted(slices.Values(l.Barriers))
	return &l
}

// TestNumberSums: however sums come together, each number was counted as often as it came.
func TestNumberSums(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"a", "b", "c", "d", "e", "f"}
		want, got := make(map[string]int), &numberSums{}
		for range rapid.IntRange(0, 6).Draw(rt, "parts") {
			part := &numberSums{}
			if rapid.Bool().Draw(rt, "same") {
				part = got
			}
			numbers := rapid.SliceOfN(rapid.Uint32Range(0, 5), 0, 9).Draw(rt, "numbers")
			for _, n := range numbers {
				part.add(n, len(names))
				want[names[n]]++
			}
			if part != got {
				got.merge(part, len(names))
			}
		}
		named := map[string]int{}
		addNamed(&named, got, names)
		if diff := gocmp.Diff(want, named); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// TestDepartureAgain: summing up takes nothing away and adds nothing.
func TestDepartureAgain(t *testing.T) {
	t.Parallel()
	table := NewTrailTable(nil, []TouchView{{Event: "e"}})
	f := newFarewells()
	for range 3 {
		f.add(&Leaving{Last: Place{Event: "e"}, trace: &trace{table: table}})
	}
	if diff := gocmp.Diff(f.departure(Lost), f.departure(Lost)); diff != "" {
		t.Errorf("(-once +again):\n%s", diff)
	}
}

func TestFollowed(t *testing.T) {
	t.Parallel()
	isSet := func(s Subject) Condition { return Condition{Subject: s, Name: "p", Operator: IsSet} }
	for _, c := range []struct {
		name   string
		change func(*Question)
		want   bool
		tested uint32
	}{
		{name: "targets alone", change: func(*Question) {}, want: true},
		{name: "no departures", change: func(q *Question) { q.Departures = false }},
		{
			name:   "a condition on the touchpoint",
			change: func(q *Question) { q.Steps[1].Conditions = []Condition{isSet(Property)} },
			want:   true, tested: 2,
		},
		{
			name:   "a condition on the person",
			change: func(q *Question) { q.Steps[1].Conditions = []Condition{isSet(Trait)} },
		},
		{
			name:   "a group, which may be the person's",
			change: func(q *Question) { q.Steps[1].Conditions = []Condition{isSet(OfGroup)} },
			tested: 2,
		},
		{name: "a filter", change: func(q *Question) { q.Filter = isSet(Property) }, want: true},
		{name: "a filter on the person", change: func(q *Question) { q.Filter = isSet(Trait) }},
		{name: "reasons", change: func(q *Question) { q.Reasons = &Reasons{} }},
		{
			name:   "a trend",
			change: func(q *Question) { q.Buckets = []time.Time{q.From} },
			want:   true,
		},
		{name: "any event", change: func(q *Question) { q.Steps[1].Target = Target{Kind: AnyEvent} }},
		{name: "one step twice", change: func(q *Question) { q.Steps[1] = q.Steps[0] }},
		{name: "strict", change: func(q *Question) { q.Order = Strict }},
		{name: "every attempt", change: func(q *Question) { q.Count = PerAttempt }},
		{name: "another unit", change: func(q *Question) { q.Unit = Unit{Kind: GroupUnit} }},
		{
			name:   "a value of the person splits",
			change: func(q *Question) { q.Breakdowns = []Breakdown{{By: Persona, Attribution: OfPerson}} },
			want:   true,
		},
		{
			name:   "a value of touchpoints splits",
			change: func(q *Question) { q.Breakdowns = []Breakdown{{By: OfChannel}} },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Departures = true
			c.change(&q)
			p := compile(t, q)
			if got := p.Followed(); got != c.want || p.conditional != c.tested {
				t.Errorf("followed %t and tested %b, want %t and %b", got, p.conditional, c.want, c.tested)
			}
			if p.Followed() && (p.Marked() || p.ByTouch()) {
				t.Error("marks say all as well")
			}
		})
	}
}

func TestTrailTouch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at     int64
		view   uint32
		filled uint8
	}{{0, 0, 0}, {LastTrailTime, MaxTrailViews - 1, MaxSteps}, {1, 2, 3}} {
		touch := TrailTouchOf(c.at, c.view, c.filled)
		if touch.At() != c.at || touch.View() != c.view || touch.Filled() != c.filled {
			t.Errorf("%+v comes back as %d, %d, %d", c, touch.At(), touch.View(), touch.Filled())
		}
	}
	if n := (TrailCourse{TrailTouchOf(LastTrailTime, 0, 0)}).from(LastTrailTime + 1); n != 1 {
		t.Errorf("what is after all time begins at %d, want 1", n)
	}
}

func TestTrailAllocatesNothing(t *testing.T) {
	w, persons := trailBench(50)
	counter := programOf(w.question).TrailCounter(NewTrailTable(w.newest, w.views))
	left := 0
	allocs := testing.AllocsPerRun(10, func() {
		for i := range persons {
			counted, err := counter.CountTrail(persons[i].trail, nil)
			if err == nil && len(counted.Leavings) > 0 && counted.Leavings[0] != nil {
				left++
			}
		}
	})
	if allocs != 0 || left == 0 {
		t.Errorf("%v allocations and %d who left, want 0 and some", allocs, left)
	}
}
