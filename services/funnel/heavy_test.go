package funnel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// heavyCourse is a person with very many touchpoints, of which each may fill one of some steps;
// exclusions are rare.
func heavyCourse(touches, kinds int, span time.Duration) *Course {
	rng := rand.New(rand.NewPCG(5, 9))
	c := &Course{SessionEnds: []int64{0}}
	at, session := int64(0), int32(0)
	for range touches {
		gap := rng.Int64N(2 * span.Milliseconds() / int64(touches))
		if rng.IntN(50) == 0 {
			gap *= 20
		}
		if at += gap; gap > SessionGap.Milliseconds() {
			session++
			c.SessionEnds = append(c.SessionEnds, 0)
		}
		c.SessionEnds[session] = at
		t := Touch{At: at, Steps: 1 << rng.IntN(kinds)}
		if rng.IntN(1000) == 0 {
			t.Steps, t.Exclusions = 0, 1
		}
		c.Touches = append(c.Touches, t)
		c.Holds = append(c.Holds, int32(rng.IntN(20)))
		c.Sessions = append(c.Sessions, session)
	}
	return c
}

// heavyQuestions are questions whose attempts are not plain.
func heavyQuestions() map[string]func(q *Question) {
	within := func(d time.Duration) *time.Duration { return &d }
	exclude := func(effect Effect) func(*Question) {
		return func(q *Question) {
			q.Exclusions = []Exclusion{{Target: Target{Kind: AnyEvent}, From: 0, To: 3, Effect: effect}}
		}
	}
	return map[string]func(q *Question){
		"optional": func(q *Question) { q.Steps[1].Optional = true },
		"within": func(q *Question) {
			q.Steps[1].Within, q.Steps[2].Within = within(time.Minute), within(time.Hour)
		},
		"within last":       func(q *Question) { q.Steps[3].Within = within(time.Minute) },
		"dropped":           exclude(Drop),
		"removed":           exclude(Remove),
		"inner exclusion":   func(q *Question) { exclude(Drop)(q); q.Exclusions[0].From = 1 },
		"first exclusion":   func(q *Question) { exclude(Remove)(q); q.Exclusions[0].To = 1 },
		"simultaneity":      func(q *Question) { q.Simultaneity = 2 * time.Second },
		"simultaneity drop": func(q *Question) { exclude(Drop)(q); q.Simultaneity = 2 * time.Second },
		"strict":            func(q *Question) { q.Order = Strict },
		"any":               func(q *Question) { q.Order = Any },
		"any dropped":       func(q *Question) { exclude(Drop)(q); q.Order = Any },
		"any removed":       func(q *Question) { exclude(Remove)(q); q.Order = Any },
		"attempts":          func(q *Question) { q.Count = PerAttempt },
		"sessions":          func(q *Question) { q.Count = PerSession },
		"held":              func(q *Question) { q.Hold = []string{"p"} },
		"trend": func(q *Question) {
			for at := q.From; at.Before(q.To); at = at.Add(time.Hour) {
				q.Buckets = append(q.Buckets, at)
			}
		},
		"trend optional": func(q *Question) {
			q.Steps[1].Optional = true
			for at := q.From; at.Before(q.To); at = at.Add(time.Hour) {
				q.Buckets = append(q.Buckets, at)
			}
		},
	}
}

// heavyCounter counts units of a question over 30 days, and gives what of a course it needs.
func heavyCounter(change func(*Question), asOf time.Duration, c *Course) (*Counter, *Course) {
	const day = 24 * 3600 * 1000
	q := world{To: 30 * day, AsOf: asOf.Milliseconds(), Window: 14 * day, Steps: 4}.question()
	for k := range q.Steps {
		q.Steps[k].Target.Kind = AnyEvent
	}
	change(&q)
	given := *c
	if q.Count != PerSession {
		given.Sessions, given.SessionEnds = nil, nil
	}
	if len(q.Hold) == 0 {
		given.Holds = nil
	}
	return programOf(q).Counter(nil), &given
}

// TestHeavyUnits: whatever is asked, a person with very many touchpoints inside the window takes
// work that is about linear in them: where all steps occur, where the last one never does, and
// where every touch may fill every step, in one millisecond too.
func TestHeavyUnits(t *testing.T) {
	t.Parallel()
	const touches = 5_000
	courses := map[string]*Course{
		"all steps":    heavyCourse(touches, 4, 14*24*time.Hour),
		"no last step": heavyCourse(touches, 3, 14*24*time.Hour),
		"any step":     heavyCourse(touches, 4, 14*24*time.Hour),
		"at once":      heavyCourse(touches, 4, 14*24*time.Hour),
	}
	for i := range touches {
		courses["any step"].Touches[i].Steps = 15
		courses["at once"].Touches[i].Steps, courses["at once"].Touches[i].At = 15, 1000
	}
	for of, course := range courses {
		for name, change := range heavyQuestions() {
			for _, asOf := range []time.Duration{14 * 24 * time.Hour, 60 * 24 * time.Hour} {
				counter, given := heavyCounter(change, asOf, course)
				counted, err := counter.Count(given)
				if err != nil || len(counted.Attempts) == 0 {
					t.Fatalf("%s, %s, as of %v: %v", of, name, asOf, err)
				}
				// A trend of 336 hours looks at as many windows.
				most := 200 * touches
				if len(counter.program.question.Buckets) > 0 {
					most *= 20
				}
				if counter.work > most {
					t.Errorf("%s, %s, as of %v: work %d, want at most %d", of, name, asOf, counter.work, most)
				}
			}
		}
	}
}

// TestTooBigAttempts: a unit whose attempts take too much work is refused, and one that nobody
// waits for any more is left in the midst of it.
func TestTooBigAttempts(t *testing.T) {
	t.Parallel()
	course := heavyCourse(20_000, 3, 14*24*time.Hour)
	counter, given := heavyCounter(heavyQuestions()["within"], 14*24*time.Hour, course)
	counter.most = 100_000
	if _, err := counter.Count(given); !errors.Is(err, ErrTooBig) {
		t.Errorf("got %v, want %v", err, ErrTooBig)
	}
	if _, err := counter.Explain(given); !errors.Is(err, ErrTooBig) {
		t.Errorf("explained: got %v, want %v", err, ErrTooBig)
	}
	counter.most = maxWork
	gone := errors.New("gone")
	counter.Interrupt = func() error { return gone }
	if _, err := counter.Count(given); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
	counter.Interrupt = nil
	if _, err := counter.Count(given); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// BenchmarkHeavy: a person with 200,000 touchpoints in 14 days.
func BenchmarkHeavy(b *testing.B) {
	for _, kinds := range []int{4, 3} {
		course := heavyCourse(200_000, kinds, 14*24*time.Hour)
		for name, change := range heavyQuestions() {
			b.Run(fmt.Sprintf("%s/steps=%d", name, kinds), func(b *testing.B) {
				counter, given := heavyCounter(change, 14*24*time.Hour, course)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := counter.Count(given); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkOptions: the same persons as BenchmarkEvaluate, 4 steps, where attempts are not plain.
func BenchmarkOptions(b *testing.B) {
	persons := benchPersons(20_000, 6)
	for name, change := range heavyQuestions() {
		if name == "held" || name == "sessions" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			counter, _ := heavyCounter(change, 4*365*24*time.Hour, &Course{})
			courses := make([]Course, len(persons))
			for i := range persons {
				courses[i].Touches = persons[i]
			}
			b.ReportAllocs()
			for b.Loop() {
				for i := range courses {
					if _, err := counter.Count(&courses[i]); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(
				float64(b.Elapsed().Nanoseconds())/float64(b.N*len(persons)), "ns/person")
		})
	}
}
