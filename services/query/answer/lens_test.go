package answer_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// steps asks about events of one letter each, within two hours.
func steps(names string, change func(*funnel.Question)) funnel.Question {
	q := funnel.Question{
		From: noon.AddDate(0, 0, -1), To: noon.AddDate(0, 0, 1), AsOf: noon.AddDate(0, 0, 2),
		Window: 2 * time.Hour, Limit: 25,
	}
	for _, name := range names {
		q.Steps = append(q.Steps, funnel.Step{
			Target: funnel.Target{Kind: funnel.Event, Name: string(name)},
		})
	}
	change(&q)
	return q
}

// did are touchpoints of a visitor, each so long after noon, with a message id of its own.
func did(v journey.VisitorID, events string, at ...time.Duration) []store.Row {
	rows := make([]store.Row, len(at))
	for i := range at {
		rows[i] = row(fmt.Sprint(v, " ", i), events[i:i+1], noon.Add(at[i]), "", v)
		rows[i].Fact.ReceivedAt = noon.Add(time.Hour)
	}
	return rows
}

// TestCopies: what is stored twice counts once, and two touchpoints of one instant that are alike
// but for their message ids count as two, wherever it matters how many there are.
func TestCopies(t *testing.T) {
	t.Parallel()
	const ms, hour = time.Millisecond, time.Hour
	for _, c := range []struct {
		name string
		rows []store.Row
		q    funnel.Question
		// once and twice are the numbers of the steps with the last touchpoint there once, and with
		// another one like it.
		once, twice []int
	}{
		{
			name: "of steps with one target", rows: did("v", "A", 0),
			q:    steps("AA", func(*funnel.Question) {}),
			once: []int{1, 0}, twice: []int{1, 1},
		},
		{
			name: "neighbours of the first attempt", rows: did("v", "BA", hour, 0),
			q: steps("AB", func(q *funnel.Question) {
				q.Order, q.Reentry = funnel.Strict, funnel.First
			}),
			once: []int{1, 1}, twice: []int{1, 0},
		},
		{
			name: "of attempts that share an instant", rows: did("v", "AAB", 1000*ms, 1100*ms, 500*ms),
			q: steps("AB", func(q *funnel.Question) {
				q.Count, q.Simultaneity = funnel.PerAttempt, time.Second
			}),
			once: []int{2, 1}, twice: []int{2, 2},
		},
		{
			name: "that fill nothing twice", rows: did("v", "AB", 0, hour),
			q: steps("AB", func(q *funnel.Question) {
				q.Filter = funnel.Condition{Name: "n", Operator: funnel.IsNotSet}
			}),
			once: []int{1, 1}, twice: []int{1, 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMarket(t, 1, plainly)
			m.raw(t, "SYSTEM STOP MERGES touchpoints")
			last := c.rows[len(c.rows)-1]
			m.store(t, c.rows...)
			m.store(t, last)
			m.numbers(t, "stored twice", c.q, c.once)
			another := *last.Fact
			another.Message = "another"
			m.store(t, store.Row{Fact: &another})
			m.numbers(t, "with another one", c.q, c.twice)
		})
	}
}

// numbers fails where the steps of a question have other numbers.
func (m *market) numbers(t *testing.T, what string, q funnel.Question, want []int) {
	t.Helper()
	got, err := m.fresh.Funnel(t.Context(), site, q)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var counts []int
	for _, s := range got.Steps {
		counts = append(counts, s.Count)
	}
	if !slices.Equal(counts, want) {
		t.Errorf("%s: %v, want %v; by %s", what, counts, want, got.Facts.Way)
	}
}

// TestOpeners: in any order every step opens, also for who never did the first; else the first one
// alone does.
func TestOpeners(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	m.store(t, did("second", "B", 0)...)
	m.store(t, did("third", "CB", time.Hour, 0)...)
	m.store(t, did("both", "BA", time.Hour, 0)...)
	m.numbers(t, "in order", steps("ABC", func(*funnel.Question) {}), []int{1, 1, 0})
	m.numbers(t, "in any order", steps("ABC", func(q *funnel.Question) { q.Order = funnel.Any }),
		[]int{3, 2, 0})
	m.numbers(t, "any, with conditions", steps("ABC", func(q *funnel.Question) {
		q.Order = funnel.Any
		for i := range q.Steps {
			q.Steps[i].Conditions = []funnel.Condition{{Name: "n", Operator: funnel.IsNotSet}}
		}
	}), []int{3, 2, 0})
}

// TestSessionGap: a session goes on through half an hour of silence, by any touchpoint, also one
// that the question does not look at or that its filter hides, and not a millisecond longer.
func TestSessionGap(t *testing.T) {
	t.Parallel()
	const gap = 30 * time.Minute
	hidden := did("v3", "ADB", 0, gap, 2*gap)
	hidden[1].Fact.Properties = `{"hidden":true}`
	for _, c := range []struct {
		name string
		rows []store.Row
		want []int
	}{
		{"as long as may be", did("v1", "AB", 0, gap), []int{1, 1}},
		{"a millisecond longer", did("v2", "AB", 0, gap+time.Millisecond), []int{1, 0}},
		{"by what is hidden", hidden, []int{1, 1}},
		{"by what fills nothing", did("v4", "ADB", 0, gap, 2*gap), []int{1, 1}},
		{"by nothing", did("v5", "AB", 0, 2*gap), []int{1, 0}},
		{"twice", did("v6", "ABAB", 0, gap, 2*gap+1e6, 3*gap+1e6), []int{2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMarket(t, 1, plainly)
			m.store(t, c.rows...)
			q := steps("AB", func(q *funnel.Question) {
				q.Count = funnel.PerSession
				q.Filter = funnel.Condition{Name: "hidden", Operator: funnel.IsNotSet}
			})
			m.numbers(t, "of sessions", q, c.want)
		})
	}
}

// TestAttemptPages: of a list of attempts every page goes on behind the last attempt of the one
// before, also within a person; each has its own times.
func TestAttemptPages(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	m := newMarket(t, 1, plainly)
	m.store(t, did("v1", "ABABA", 0, hour, 2*hour, 3*hour, 4*hour)...)
	m.store(t, did("v2", "ABAB", 5*hour, 6*hour, 7*hour, 8*hour)...)
	q := steps("AB", func(q *funnel.Question) { q.Count = funnel.PerAttempt })
	begins := map[journey.IdentityID][]time.Duration{
		journey.VisitorIdentity(site, "v1"): {0, 2 * hour, 4 * hour},
		journey.VisitorIdentity(site, "v2"): {5 * hour, 7 * hour},
	}
	var want, got []string
	for _, v := range slices.Sorted(maps.Keys(begins)) {
		for n, at := range begins[v] {
			want = append(want, fmt.Sprint(journey.PersonID(v), " ", n, " ", at))
		}
	}
	for limit := 1; limit <= 5; limit++ {
		got = nil
		page := api.Page{Limit: limit, Selection: funnel.Selection{Step: 1}}
		for more := true; more && len(got) < 10; {
			list, err := m.fresh.Persons(t.Context(), site, q, page)
			if err != nil || list.Total != 5 || len(list.Persons) > limit {
				t.Fatalf("%d of %d, %v", len(list.Persons), list.Total, err)
			}
			for _, p := range list.Persons {
				got = append(got, fmt.Sprint(p.ID, " ", p.Number, " ", p.StepTimes[0].Sub(noon)))
				page.After, page.AfterNumber = p.ID, p.Number
			}
			more = list.More
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

// TestListedTimes: everybody in a list has times of its own.
func TestListedTimes(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	begins := make(map[journey.PersonID]time.Duration)
	for n := range 30 {
		v, at := journey.VisitorID(fmt.Sprint("v", n)), time.Duration(n)*time.Minute
		m.store(t, did(v, "A", at)...)
		begins[journey.PersonID(journey.VisitorIdentity(site, v))] = at
	}
	for name, q := range map[string]funnel.Question{
		"by names": steps("AB", func(*funnel.Question) {}),
		"by rows": steps("AB", func(q *funnel.Question) {
			q.Filter = funnel.Condition{Name: "n", Operator: funnel.IsNotSet}
		}),
	} {
		page := api.Page{Limit: 50, Selection: funnel.Selection{Step: 1}}
		list, err := m.fresh.Persons(t.Context(), site, q, page)
		if err != nil || len(list.Persons) != len(begins) {
			t.Fatalf("%s: %d persons, %v", name, len(list.Persons), err)
		}
		for _, p := range list.Persons {
			if at := p.StepTimes[0].Sub(noon); at != begins[p.ID] {
				t.Errorf("%s: person %v entered after %v, want %v", name, p.ID, at, begins[p.ID])
			}
		}
	}
}
