package answer_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
)

// ear hears what is asked of ClickHouse about persons.
type ear struct {
	mutex sync.Mutex
	heard map[string]bool
}

// asks are what tells queries about persons from others.
var asks = map[string]string{
	"FROM trait_writes": "traits", "FROM personas_current": "mark",
	"batch_index, message_id, event": "deeds",
}

// overheard is an address of the same database where the ear listens.
func overheard(t *testing.T, dsn string, e *ear) string {
	t.Helper()
	return enginetest.Between(t, dsn, func(sql string, _ *http.Request, forward func()) {
		e.mutex.Lock()
		for text, what := range asks {
			if strings.Contains(sql, text) {
				e.heard[what] = true
			}
		}
		e.mutex.Unlock()
		forward()
	})
}

// since gives what was heard and forgets it.
func (e *ear) since() map[string]bool {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	heard := e.heard
	e.heard = make(map[string]bool)
	return heard
}

const quietMap = `title: Quiet
stages: [{id: one}, {id: two}]
touchpoints: [{id: a, stage: one, events: [A]}, {id: b, stage: two, events: [B]}`

// TestWhatIsReadOfPersons: questions read of persons what they need and nothing else.
func TestWhatIsReadOfPersons(t *testing.T) {
	t.Parallel()
	const (
		byTrait  = quietMap + "]\npersonas: [{id: p, when: 'traits.x == 1'}]\n"
		byCount  = quietMap + "]\npersonas: [{id: p, when: 'count(\"A\") > 0'}]\n"
		byTime   = quietMap + "]\npersonas: [{id: p, when: 'days_since(last(\"A\")) > 0'}]\n"
		repeated = quietMap + ", {id: a2, stage: two, repeat: {of: a}}]\n"
	)
	event := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}}
	}
	plain := funnel.Question{
		From: noon, To: noon.Add(time.Minute), AsOf: noon.Add(24 * time.Hour), Window: 2 * time.Hour,
		Steps: []funnel.Step{event("A"), event("B")}, Limit: 25,
	}
	byPersona := plain
	byPersona.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
	earlier := byPersona
	earlier.AsOf = noon.Add(time.Second)
	stages := plain
	stages.Steps = []funnel.Step{
		{Target: funnel.Target{Kind: funnel.Stage, Name: "one"}},
		{Target: funnel.Target{Kind: funnel.Stage, Name: "two"}},
	}
	for _, c := range []struct {
		name, source string
		current      bool
		question     funnel.Question
		first, again []string
	}{
		{name: "no persons asked for", source: byCount, question: plain},
		{name: "no repeats asked for", source: repeated, question: plain},
		{name: "no rules but of traits", source: byTrait, question: byPersona},
		{
			name: "facts after as_of", source: byTrait, question: earlier,
			first: []string{"traits"}, again: []string{"traits"},
		},
		{
			name: "not caught up", source: byCount, question: byPersona,
			first: []string{"mark", "traits", "deeds"}, again: []string{"mark", "traits", "deeds"},
		},
		{
			name: "caught up", source: byCount, current: true, question: byPersona,
			first: []string{"mark"},
		},
		{
			name: "caught up, facts after as_of", source: byCount, current: true, question: earlier,
			first: []string{"mark", "traits", "deeds"}, again: []string{"traits", "deeds"},
		},
		{
			name: "personas over time", source: byTime, current: true, question: byPersona,
			first: []string{"mark", "traits", "deeds"}, again: []string{"traits", "deeds"},
		},
		{
			name: "repeats, not caught up", source: repeated, question: stages,
			first: []string{"mark", "deeds"}, again: []string{"mark", "deeds"},
		},
		{
			name: "repeats, caught up", source: repeated, current: true, question: stages,
			first: []string{"mark"},
		},
		{name: "personas beside repeats", source: repeated, question: byPersona},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if _, err := s.Publish(t.Context(), site, c.source, ""); err != nil {
				t.Fatal(err)
			}
			profiles := s.linked(persons)
			for i := range profiles {
				profiles[i].Version, profiles[i].LastWriteAt = 1, noon.Add(time.Hour).UnixMilli()
			}
			s.insert(t, profiles, 1)
			if c.current {
				if err := s.SetPersonasCurrent(t.Context(), site, 1); err != nil {
					t.Fatal(err)
				}
			}
			e := &ear{heard: make(map[string]bool)}
			st, err := store.Open(overheard(t, s.dsn, e))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			answers := answer.New(st, answer.NewNewestMaps(st), 0)
			for _, want := range [][]string{c.first, c.again} {
				if _, err := answers.Funnel(t.Context(), site, c.question); err != nil {
					t.Fatal(err)
				}
				set := make(map[string]bool)
				for _, what := range want {
					set[what] = true
				}
				if diff := cmp.Diff(set, e.since(), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("heard (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestRepeatsOfProfiles: where repeats begin is known from profiles, by the newest of each, in every
// generation.
func TestRepeatsOfProfiles(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	source := quietMap + ", {id: b2, stage: one, repeat: {of: b}}]\n"
	if _, err := s.Publish(t.Context(), site, source, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPersonasCurrent(t.Context(), site, 1); err != nil {
		t.Fatal(err)
	}
	var rows []store.Row
	for _, id := range []journey.UserID{"u0", "u1", "u2"} {
		r := row("more"+string(id), "B", noon.Add(2*time.Hour), id, "")
		r.Attribution = journey.Attribution{Version: 1, Touchpoint: "b", Stage: "two"}
		rows = append(rows, r)
	}
	if err := s.InsertFacts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	q := funnel.Question{
		From: noon, To: noon.Add(3 * time.Hour), AsOf: noon.Add(24 * time.Hour),
		Window: 2 * time.Hour, Limit: 25, Steps: []funnel.Step{
			{Target: funnel.Target{Kind: funnel.Touchpoint, Name: "b2"}},
			{Target: funnel.Target{Kind: funnel.Event, Name: "Z"}},
		},
	}
	begun := func(n int) []store.Profile {
		profiles := s.linked(0)[:6]
		for i := range profiles {
			profiles[i].Version = 1
			if i%2 == 1 && i/2 < n {
				profiles[i].Repeats = []journey.Boundary{
					{Touchpoint: "b2", At: noon.Add(time.Hour).UnixMilli(), Before: 1},
				}
			}
		}
		return profiles
	}
	ask := func(when string, want int) {
		t.Helper()
		got, err := s.Funnel(context.WithoutCancel(t.Context()), site, q)
		if err != nil {
			t.Fatal(err)
		}
		if n := got.Steps[0].Count; n != want {
			t.Errorf("%s: %d persons repeated, want %d", when, n, want)
		}
	}
	ask("without profiles", 0)
	s.insert(t, begun(2), 1)
	ask("of two", 2)
	s.insert(t, begun(1), 2)
	ask("one no more", 1)
	s.insert(t, begun(3), 0)
	ask("derived earlier", 1)
	s.exchange(t, 0)
	ask("another generation", 0)
}
