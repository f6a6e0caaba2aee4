package funnel

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// doings are units of a synthetic world: every one views at 0, some buy within the window.
type doings struct {
	rng   *rand.Rand
	units [][]doing
}

// glance is a touchpoint as a question sees it.
type glance struct {
	view  TouchView
	steps uint32
}

// doing is a touchpoint, at a minute after the view.
type doing struct {
	minute float64
	event  string
	// place in the map, if it has one, and a value of the property "plan".
	place, plan string
}

// seeking is the question: bought within a day after the view?
func seeking() Question {
	q := validQuestion()
	q.From, q.To = day0, day0.Add(24*time.Hour)
	q.AsOf, q.Window = day0.Add(30*24*time.Hour), 24*time.Hour
	q.Reasons = &Reasons{Properties: []string{"plan"}}
	return q
}

// answer counts the units by the ways of the store.
func (d *doings) answer(t *testing.T, q Question) Answer {
	t.Helper()
	program, err := Compile(q)
	if err != nil {
		t.Fatal(err)
	}
	counter := program.Counter(deeds)
	// Two parts, the second merged into the first: it must make no difference.
	tallies := []*Tally{NewTally(q), NewTally(q)}
	glances := make(map[doing]*glance)
	for i, unit := range d.units {
		counted, err := counter.Count(d.course(program, glances, unit))
		if err != nil {
			t.Fatal(err)
		}
		tallies[i%2].Add(counted)
	}
	tallies[1].Merge(tallies[0])
	if err := tallies[1].Err(); err != nil {
		t.Fatal(err)
	}
	return tallies[1].Answer()
}

// course is what a unit did.
func (d *doings) course(p *Program, glances map[doing]*glance, unit []doing) *Course {
	slices.SortFunc(unit, func(a, b doing) int { return cmp.Compare(a.minute, b.minute) })
	course := &Course{}
	for _, did := range unit {
		at := day0.UnixMilli() + int64(did.minute*60_000)
		did.minute = 0
		g, ok := glances[did]
		if !ok {
			g = glanceAt(p, did)
			glances[did] = g
		}
		course.Touches = append(course.Touches, Touch{At: at, Steps: g.steps})
		course.Views = append(course.Views, &g.view)
	}
	return course
}

func glanceAt(p *Program, did doing) *glance {
	g := &glance{view: TouchView{
		Event: did.event, Touchpoint: journey.TouchpointID(did.place),
		Properties: []journey.Value{named(did.plan)},
	}}
	matcher := p.Matcher()
	matcher.Person(p.Nobody())
	a := journey.Attribution{Touchpoint: g.view.Touchpoint}
	g.steps = matcher.Steps(p.Targets(did.event, a), &g.view)
	return g
}

// often adds an event again and again, so often a day on the average, for a bit more than a day.
func (d *doings) often(unit []doing, perDay float64, did doing) []doing {
	for at := 0.0; ; {
		if at += d.rng.ExpFloat64() * 24 * 60 / perDay; at > 26*60 {
			return unit
		}
		did.minute = at
		unit = append(unit, did)
	}
}

// noise is what everybody does, whatever becomes of them: rarely and very often.
func (d *doings) noise() []doing {
	var unit []doing
	for i, perDay := range []float64{1, 4, 20} {
		unit = d.often(unit, perDay, doing{
			event: fmt.Sprint("noise", i), plan: fmt.Sprint("plan", d.rng.IntN(4)),
		})
		unit = d.often(unit, perDay, doing{event: "x", place: fmt.Sprint("place", i)})
	}
	return append(unit, doing{event: "view"})
}

// buying is after how many minutes somebody buys who does.
func (d *doings) buying() float64 { return 5 + d.rng.ExpFloat64()*60 }

// nothing is a world without a cause: two of three buy, for no reason, quickly.
func nothing(seed uint64, units int) *doings {
	d := &doings{rng: rand.New(rand.NewPCG(seed, 6))}
	for range units {
		unit := d.noise()
		if d.rng.IntN(3) > 0 {
			unit = append(unit, doing{minute: d.buying(), event: "buy"})
		}
		d.units = append(d.units, unit)
	}
	return d
}

// TestNoReasons: in worlds without a cause something is found in one of twenty at most, though the
// lost have a day and the others an hour: an event that comes twenty times a day is met by nearly
// all of the lost.
func TestNoReasons(t *testing.T) {
	t.Parallel()
	const worlds = 200
	found, looked := 0, 0
	for seed := range worlds {
		reasons := nothing(uint64(seed), 150).answer(t, seeking()).Steps[0].Reasons
		looked += len(reasons)
		if slices.ContainsFunc(reasons, func(r Reason) bool { return r.Significant }) {
			found++
		}
	}
	// 5 % of 200, and three standard deviations.
	if most := 10 + 3*math.Sqrt(worlds*0.05*0.95); float64(found) > most {
		t.Errorf("%d of %d worlds without a cause have one, want at most %.0f", found, worlds, most)
	}
	if looked < 5*worlds {
		t.Errorf("%d candidates looked at in %d worlds: too few to find anything", looked, worlds)
	}
	t.Logf("%d of %d worlds, %d candidates", found, worlds, looked)
}

// TestNaiveReasons: what TestNoReasons guards against is there: without an equal look nearly every
// such world has a false cause.
func TestNaiveReasons(t *testing.T) {
	t.Parallel()
	d := nothing(1, 300)
	met := fourfold{}
	for _, unit := range d.units {
		end := 24 * 60.0
		bought := slices.IndexFunc(unit, func(d doing) bool { return d.event == "buy" })
		if bought >= 0 {
			end = unit[bought].minute
		}
		with := slices.ContainsFunc(unit, func(d doing) bool {
			return d.event == "noise2" && d.minute < end
		})
		f := map[bool][2]*int{
			true: {&met.wentOn, &met.wentOnWith}, false: {&met.lost, &met.lostWith},
		}[bought >= 0]
		*f[0]++
		if with {
			*f[1]++
		}
	}
	if p := met.fisher(); p > 1e-6 {
		t.Errorf("naive counting finds nothing: %+v, p is %v", met, p)
	}
}

// failing is a world with a cause: a share meets a barrier soon after the view, and is lost at other
// odds than the rest: four of five of them, two of five of the others. The odds ratio is 6.
func failing(seed uint64, units int, what doing) *doings {
	d := &doings{rng: rand.New(rand.NewPCG(seed, 7))}
	for range units {
		unit, lost := d.noise(), 0.4
		if d.rng.IntN(4) == 0 {
			what.minute, lost = 1+3*d.rng.Float64(), 0.8
			unit = append(unit, what)
		}
		if d.rng.Float64() >= lost {
			unit = append(unit, doing{minute: d.buying(), event: "buy"})
		}
		d.units = append(d.units, unit)
	}
	return d
}

func TestReasonFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		what doing
		want Candidate
	}{
		{"a barrier", doing{event: "x", place: "failed"}, Candidate{Kind: ByBarrier, Name: "failed"}},
		{
			"a touchpoint",
			doing{event: "x", place: "help"},
			Candidate{Kind: ByTouchpoint, Name: "help"},
		},
		{"an event", doing{event: "error"}, Candidate{Kind: ByEvent, Name: "error"}},
		{
			"a value",
			doing{event: "noise1", plan: "dear"},
			Candidate{Kind: ByProperty, Name: "plan", Value: "dear"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			held := 0
			for seed := range 5 {
				r := failing(uint64(seed), 1000, c.what).answer(t, seeking()).Steps[0].Reasons[0]
				if r.Candidate != c.want || !r.Significant {
					t.Errorf("the first reason is %+v, want %+v", r, c.want)
				}
				if r.Low < 6 && 6 < r.High {
					held++
				}
			}
			// The chance that fewer than three of five intervals hold it is 1 in 1000.
			if held < 3 {
				t.Errorf("%d of 5 intervals hold the true odds ratio", held)
			}
		})
	}
}

// TestConsequences: what comes only after the deadline, or only after the purchase, is no reason.
func TestConsequences(t *testing.T) {
	t.Parallel()
	d := nothing(3, 400)
	for i, unit := range d.units {
		bought := slices.IndexFunc(unit, func(d doing) bool { return d.event == "buy" })
		if bought >= 0 {
			unit = append(unit, doing{minute: unit[bought].minute + 1, event: "thanks"})
		} else {
			unit = append(unit, doing{minute: 24*60 + 1, event: "come back"})
		}
		d.units[i] = unit
	}
	answer := d.answer(t, seeking())
	for _, r := range answer.Steps[0].Reasons {
		if r.Name == "thanks" || r.Name == "come back" || r.Name == "view" || r.Name == "buy" {
			t.Errorf("%+v is a reason", r)
		}
	}
	if len(answer.Steps[0].Reasons) == 0 || answer.Steps[1].Reasons != nil {
		t.Errorf("%d candidates after the view, %d after the purchase, want some and none",
			len(answer.Steps[0].Reasons), len(answer.Steps[1].Reasons))
	}
}

// TestReasonsInside: after a later step too the lost and the others are looked at for equally long,
// though the window leaves each another time.
func TestReasonsInside(t *testing.T) {
	t.Parallel()
	const worlds = 100
	found := 0
	for seed := range worlds {
		d := &doings{rng: rand.New(rand.NewPCG(uint64(seed), 8))}
		for range 150 {
			unit, at := d.noise(), 24*60*d.rng.Float64()
			unit = append(unit, doing{minute: at, event: "try"})
			if took := 24 * 60 * d.rng.Float64(); d.rng.IntN(3) > 0 {
				unit = append(unit, doing{minute: at + took, event: "buy"})
			}
			d.units = append(d.units, unit)
		}
		q := seeking()
		q.Steps = []Step{event("view"), event("try"), event("buy")}
		reasons := d.answer(t, q).Steps[1].Reasons
		if slices.ContainsFunc(reasons, func(r Reason) bool { return r.Significant }) {
			found++
		}
	}
	if most := 5 + 3*math.Sqrt(worlds*0.05*0.95); float64(found) > most {
		t.Errorf("%d of %d worlds without a cause have one, want at most %.0f", found, worlds, most)
	}
	t.Logf("%d of %d worlds", found, worlds)
}
