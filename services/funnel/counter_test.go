package funnel

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// splitWorld is a world whose touches and persons give values to breakdowns.
type splitWorld struct {
	world

	Breakdowns []Breakdown
	// Values of each touch, Persons those of each touch's person, by breakdown.
	Values, Persons []Values
}

func (w splitWorld) question() Question {
	q := w.world.question()
	q.Steps = slices.Clone(q.Steps)
	for k := range q.Steps {
		q.Steps[k].Target.Kind = AnyEvent
	}
	q.Breakdowns, q.Limit = w.Breakdowns, DefaultLimit
	return q
}

// alphabet are the values that splitWorlds have.
var alphabet = []GroupValue{{Value: "x"}, {Value: "y"}, {Value: ""}, {Missing: true}}

// keysOf are all keys of the alphabet.
func keysOf(breakdowns int) []Key {
	keys := []Key{{}}
	for b := range breakdowns {
		var longer []Key
		for _, key := range keys {
			for _, v := range alphabet {
				key[b] = v
				longer = append(longer, key)
			}
		}
		keys = longer
	}
	return keys
}

// oracleGroups tries every key by the words of docs/semantics.md, "Breakdown", each with every
// assignment.
func oracleGroups(w splitWorld) []Grouped {
	var groups []Grouped
	for _, key := range keysOf(len(w.Breakdowns)) {
		if within, stands := w.within(key); stands {
			if a := oracle(within); a.Depth > 0 {
				groups = append(groups, Grouped{key, standingOf(a)})
			}
		}
	}
	return groups
}

// within is the world as a key sees it, and whether the unit stands there.
func (w splitWorld) within(key Key) (world, bool) {
	within := w.world
	within.Touches = slices.Clone(w.Touches)
	last := w.To - 1
	if !w.All {
		last += w.Window
	}
	for i, b := range w.Breakdowns {
		pair := []int{i}
		if len(w.Breakdowns) == 2 && w.Breakdowns[1-i].Attribution == b.Attribution &&
			w.Breakdowns[1-i].Step == b.Step {
			pair = []int{0, 1}
		}
		inRange := func(i int) bool {
			return w.Touches[i].Steps != 0 && w.From <= w.at(i) && w.at(i) < w.To && w.at(i) <= w.AsOf
		}
		// Of touches: whether some attempt may see them, whether they have any value, whether they
		// have the key's.
		seen := func(i int) bool { return w.From <= w.at(i) && w.at(i) <= min(last, w.AsOf) }
		some := func(i int) bool {
			return slices.ContainsFunc(pair, func(b int) bool { return !w.Values[i][b][0].Missing })
		}
		carries := func(i int) bool {
			return !slices.ContainsFunc(pair, func(b int) bool {
				return !slices.Contains(w.Values[i][b], key[b])
			})
		}
		var candidates []int
		for i := range w.Touches {
			switch {
			case b.Attribution == OfPerson && inRange(i):
				candidates = append(candidates, i)
			case b.Attribution < OfPerson && inRange(i) && some(i):
				candidates = append(candidates, i)
			case b.Attribution == EveryTouch && seen(i) && w.Touches[i].Steps != 0,
				b.Attribution == StepTouch && seen(i) && w.fills(i, b.Step):
				candidates = append(candidates, i)
			}
		}
		stands := false
		switch {
		case len(candidates) == 0 && b.Attribution < OfPerson:
			stands = !slices.ContainsFunc(pair, func(b int) bool { return !key[b].Missing })
		case len(candidates) == 0:
		case b.Attribution == FirstTouch:
			stands = carries(candidates[0])
		case b.Attribution == LastTouch:
			stands = carries(candidates[len(candidates)-1])
		case b.Attribution == OfPerson:
			stands = slices.Contains(w.Persons[candidates[0]][i], key[i])
		default:
			stands = slices.ContainsFunc(candidates, carries)
		}
		if !stands {
			return world{}, false
		}
		for j := range within.Touches {
			switch {
			case b.Attribution == EveryTouch && !carries(j):
				within.Touches[j].Steps = 0
			case b.Attribution == StepTouch && !carries(j):
				within.Touches[j].Steps &^= 1 << b.Step
			}
		}
	}
	return within, true
}

// valuesOfTouches are what touches and persons of splitWorlds have.
var valuesOfTouches = [][]GroupValue{
	alphabet[:1], alphabet[1:2], alphabet[2:3], alphabet[3:], alphabet[:2], alphabet[1:3],
}

func drawValuesOf(rt *rapid.T, breakdowns []Breakdown) Values {
	var values Values
	for b := range breakdowns {
		values[b] = rapid.SampledFrom(valuesOfTouches).Draw(rt, "values")
	}
	return values
}

func drawBreakdowns(rt *rapid.T, steps int) []Breakdown {
	var breakdowns []Breakdown
	for range rapid.IntRange(1, 2).Draw(rt, "breakdowns") {
		b := Breakdown{
			// By group, so that a touch may leave the value to its person.
			By: OfGroup, Name: fmt.Sprint("type", len(breakdowns)),
			Attribution: rapid.SampledFrom([]Attribution{
				FirstTouch, LastTouch, OfPerson, EveryTouch, StepTouch,
			}).Draw(rt, "attribution"),
		}
		if b.Attribution == StepTouch {
			b.Step = rapid.IntRange(0, steps-1).Draw(rt, "of step")
		}
		breakdowns = append(breakdowns, b)
	}
	return breakdowns
}

// TestCountEqualsOracle holds Count to the words, and the whole to the answer without breakdowns.
func TestCountEqualsOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		for worlds := range slices.Chunk(drawWorlds(rt), 5) {
			breakdowns := drawBreakdowns(rt, worlds[0].Steps)
			split := splitWorld{world: worlds[0], Breakdowns: breakdowns}
			counter := programOf(split.question()).Counter(nil)
			for _, w := range worlds {
				split := splitWorld{world: w, Breakdowns: breakdowns}
				checkCount(rt, counter, split)
			}
		}
	})
}

func checkCount(rt *rapid.T, counter *Counter, w splitWorld) {
	course := w.draw(rt)
	counted, err := counter.Count(&course)
	if err != nil {
		rt.Fatal(err)
	}
	if diff := diffAttempts(oracle(w.world), theOne(counted.Standing)); diff != "" {
		rt.Fatalf("whole of %v (-want +got):\n%s", w, diff)
	}
	diff := gocmp.Diff(oracleGroups(w), counted.Groups, cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(g, h Grouped) bool { return compareKeys(g.Key, h.Key) < 0 }))
	if diff != "" {
		rt.Fatalf("groups by %+v of %v\nvalues %+v\npersons %+v (-want +got):\n%s",
			w.Breakdowns, w.world, w.Values, w.Persons, diff)
	}
}

// draw draws the values of the touches and gives the course; the values that it leaves to persons
// are the world's as well.
func (w *splitWorld) draw(rt *rapid.T) Course {
	course := Course{Touches: w.Touches, Persons: []*Values{}}
	for range w.Touches {
		own, person := drawValuesOf(rt, w.Breakdowns), drawValuesOf(rt, w.Breakdowns)
		view := &TouchView{Values: own}
		for b := range w.Breakdowns {
			if rapid.IntRange(0, 4).Draw(rt, "left to the person") == 0 {
				view.Values[b], own[b] = nil, person[b]
			}
		}
		w.Values, w.Persons = append(w.Values, own), append(w.Persons, person)
		course.Views, course.Persons = append(course.Views, view), append(course.Persons, &person)
	}
	return course
}

func TestCountManyValues(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Breakdowns = []Breakdown{{By: Property, Name: "p", Attribution: StepTouch}}
	for _, attribution := range []Attribution{StepTouch, EveryTouch} {
		q.Breakdowns[0].Attribution = attribution
		counter := compile(t, q).Counter(nil)
		course := Course{}
		const n = 1000
		for i := range n {
			at := day0.UnixMilli() + int64(i)*1000
			view := &TouchView{Values: Values{{{Value: fmt.Sprint(i)}}}}
			course.Touches = append(course.Touches, Touch{At: at, Steps: 1}, Touch{At: at, Steps: 2})
			course.Views = append(course.Views, view, view)
		}
		counted, err := counter.Count(&course)
		if err != nil || len(counted.Groups) != n {
			t.Fatalf("attribution %d: %d groups, %v, want %d", attribution, len(counted.Groups), err, n)
		}
		for i, g := range counted.Groups {
			at := day0.UnixMilli() + int64(i)*1000
			if g.Key[0].Value != fmt.Sprint(i) || !slices.Equal(theOne(g.Standing).Times, []int64{at, at}) {
				t.Fatalf("attribution %d: group %d is %+v, want a conversion at %d", attribution, i, g, at)
			}
		}
	}
}

func TestCountTooBig(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Breakdowns = []Breakdown{{By: Property, Name: "p", Attribution: StepTouch, Step: 1}}
	counter := compile(t, q).Counter(nil)
	counter.most = 999 * 999
	course := Course{}
	for i := range 1000 {
		view := &TouchView{Values: Values{{{Value: fmt.Sprint(i)}}}}
		course.Touches = append(course.Touches, Touch{At: day0.UnixMilli() + int64(i), Steps: 3})
		course.Views = append(course.Views, view)
	}
	if _, err := counter.Count(&course); !errors.Is(err, ErrTooBig) {
		t.Errorf("got %v, want %v", err, ErrTooBig)
	}
	counter.most = 1000 * 1002
	if _, err := counter.Count(&course); err != nil {
		t.Errorf("got %v, want none", err)
	}
}

// TestCountTooManyValues: touches of too many combinations of values are refused before they fill
// the memory.
func TestCountTooManyValues(t *testing.T) {
	t.Parallel()
	many := func(n int) []GroupValue {
		list := make([]GroupValue, n)
		for i := range list {
			list[i].Value = fmt.Sprint(i)
		}
		return list
	}
	wide := Values{many(6000), many(6000)}
	for _, by := range [][2]Attribution{
		{FirstTouch, FirstTouch},
		{EveryTouch, EveryTouch},
		{StepTouch, StepTouch},
		{FirstTouch, LastTouch},
		{EveryTouch, StepTouch},
	} {
		q := validQuestion()
		q.Breakdowns = []Breakdown{
			{By: Property, Name: "p", Attribution: by[0]},
			{By: Property, Name: "q", Attribution: by[1]},
		}
		course := Course{
			Touches: []Touch{{At: day0.UnixMilli(), Steps: 3}}, Views: []*TouchView{{Values: wide}},
		}
		if _, err := compile(t, q).Counter(nil).Count(&course); !errors.Is(err, ErrTooBig) {
			t.Errorf("attributions %v: got %v, want %v", by, err, ErrTooBig)
		}
	}
}

// TestInterrupt: a unit of many groups is left as soon as nobody waits for it.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, by := range [][]Breakdown{
		{{By: Property, Name: "p", Attribution: StepTouch}},
		{
			{By: Property, Name: "p", Attribution: EveryTouch},
			{By: Property, Name: "q", Attribution: StepTouch},
		},
	} {
		q := validQuestion()
		q.Breakdowns = by
		counter := compile(t, q).Counter(nil)
		asked, gone := 0, errors.New("gone")
		counter.Interrupt = func() error {
			if asked++; asked > 3 {
				return gone
			}
			return nil
		}
		course := Course{}
		for i := range 100 {
			value := []GroupValue{{Value: fmt.Sprint(i)}}
			course.Touches = append(course.Touches, Touch{At: day0.UnixMilli() + int64(i), Steps: 3})
			course.Views = append(course.Views, &TouchView{Values: Values{value, value}})
		}
		if _, err := counter.Count(&course); !errors.Is(err, gone) || asked != 4 {
			t.Errorf("%d breakdowns: got %v after %d groups, want %v after 4", len(by), err, asked, gone)
		}
	}
}

// TestLongDepartures: a unit with a value of its own at each of many touchpoints, all of which are
// followed by all later ones, takes no square of the time.
func TestLongDepartures(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Departures = true
	q.Breakdowns = []Breakdown{{By: Property, Name: "p", Attribution: EveryTouch}}
	counter := compile(t, q).Counter(deeds)
	const n = 200_000
	course := Course{}
	for i := range n {
		course.Touches = append(course.Touches, Touch{At: day0.UnixMilli() + int64(i), Steps: 1})
		course.Views = append(course.Views, &TouchView{
			Values: Values{{{Value: fmt.Sprint(i)}}}, Touchpoint: "viewed", Stage: "look",
		})
	}
	course.Views[n-2] = &TouchView{Values: course.Views[n-2].Values, Touchpoint: "failed"}
	counted, err := counter.Count(&course)
	if err != nil || len(counted.Groups) != n {
		t.Fatalf("%d groups, %v, want %d", len(counted.Groups), err, n)
	}
	for _, i := range []int{0, n - 2, n - 1} {
		met := counted.Groups[i].Leavings[0].Barriers
		if want := i < n-1; len(met) == 1 != want {
			t.Errorf("group %d met %v, want one: %v", i, met, want)
		}
	}
}

// splitPersons are persons whose touches carry one of a few channels.
func splitPersons(persons, kinds int) []Course {
	channels := make([]*TouchView, 6)
	for i := range channels {
		channels[i] = &TouchView{Values: Values{{{Value: fmt.Sprint("channel", i)}}}}
	}
	var courses []Course
	for _, touches := range benchPersons(persons, kinds) {
		course := Course{Touches: touches, Person: &Values{{{Value: "persona"}}}}
		for i := range touches {
			course.Views = append(course.Views, channels[(i+len(touches))%len(channels)])
		}
		courses = append(courses, course)
	}
	return courses
}

// splitQuestion has 4 steps and one breakdown.
func splitQuestion(a Attribution) Question {
	q := world{To: 1 << 40, AsOf: 1 << 41, Window: 14 * 24 * 3600 * 1000, Steps: 4}.question()
	b := Breakdown{By: OfChannel, Attribution: a}
	if a == OfPerson {
		b.By = Persona
	}
	q.Breakdowns = []Breakdown{b}
	return q
}

func TestCountAllocatesNothing(t *testing.T) {
	courses := splitPersons(200, 3)
	for _, a := range []Attribution{FirstTouch, LastTouch, OfPerson, EveryTouch, StepTouch} {
		counter := programOf(splitQuestion(a)).Counter(nil)
		count := func() {
			for i := range courses {
				if _, err := counter.Count(&courses[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		count()
		if allocs := testing.AllocsPerRun(10, count); allocs > 0 {
			t.Errorf("attribution %d: %v allocations for %d units, want 0", a, allocs, len(courses))
		}
	}
	counter := programOf(splitQuestion(OfPerson)).Counter(nil)
	view := PersonView{Persona: "dealer"}
	allocs := testing.AllocsPerRun(10, func() {
		if v := counter.PersonValues(&view); v[0][0].Value != "dealer" {
			t.Errorf("got %v, want dealer", v)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for the values of a person, want 0", allocs)
	}
}
