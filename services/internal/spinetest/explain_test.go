package spinetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// TestExplain: a person who is one of many is explained from its own rows, by any of its
// identities; touchpoints show repeats as what they are.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "explained"
	s.publishSource(t, site, splitMap)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for i := range 20 {
		u := fmt.Sprint("u", i)
		facts = append(facts, f.track("A", base, u, ""), f.track("C", base.Add(time.Second), u, ""))
	}
	facts = append(facts, f.track("C", base.Add(2*time.Second), "u7", "v7"),
		f.track("page", base.Add(-time.Second), "", "v7"))
	s.deliver(t, [][]journey.Fact{facts})
	q := buyers()
	q.Breakdowns = nil
	q.Steps = []funnel.Step{
		{Target: funnel.Target{Kind: funnel.Event, Name: "A"}},
		{Target: funnel.Target{Kind: funnel.Touchpoint, Name: "again"}},
	}
	q.From = base.Add(-time.Hour)
	for _, who := range []api.Who{
		{Identity: journey.UserIdentity(site, "u7"), User: "u7"},
		{Identity: journey.VisitorIdentity(site, "v7"), Visitor: "v7"},
	} {
		got, err := s.answers.Explain(t.Context(), site, q, api.UnitName{Who: who})
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for _, p := range got.Touchpoints {
			seen = append(seen, fmt.Sprintf("%s %s %s %b", p.Event, p.Touchpoint, p.Stage, p.Steps))
		}
		want := []string{"page visit aware 0", "A back want 1", "C order buy 0", "C again loyal 10"}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("touchpoints (-want +got):\n%s", diff)
		}
		if n := got.Facts.TouchpointsRead; n != uint64(len(want)) {
			t.Errorf("%d touchpoints were read, want %d", n, len(want))
		}
		if len(got.Attempts) != 1 || !got.Attempts[0].Converted || !got.Attempts[0].Counted {
			t.Errorf("attempts %+v, want one that counts and converted", got.Attempts)
		}
	}
	_, err := s.answers.Explain(t.Context(), site, q, api.UnitName{Who: api.Who{Identity: 5}})
	if fault.Of(err) != fault.NotFound {
		t.Errorf("somebody unknown: %v, want NotFound", err)
	}
	q.Unit = funnel.Unit{Kind: funnel.PropertyUnit, Name: "size"}
	nobody, err := s.answers.Explain(t.Context(), site, q, api.UnitName{Unit: "S"})
	if err != nil || nobody.Reason != funnel.WhyNone || len(nobody.Touchpoints) > 0 {
		t.Errorf("a unit without touchpoints: %+v, %v", nobody, err)
	}
}

// TestWays: an answer says which way it came by, and why: plain questions stay on packed journeys.
func TestWays(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "ways"
	s.publishSource(t, site, splitMap)
	f := &flow{site: site, received: time.Now().UTC()}
	s.deliver(t, [][]journey.Fact{{
		f.track("A", base, "u1", ""), f.track("B", base.Add(time.Second), "u1", ""),
	}})
	within := time.Minute
	for _, c := range []struct {
		name, want string
		change     func(*funnel.Question)
	}{
		{"plain", "packed journeys", func(*funnel.Question) {}},
		{"a trend", "packed journeys", func(q *funnel.Question) {
			q.Buckets = []time.Time{q.From}
		}},
		{"time to convert", "packed journeys", func(q *funnel.Question) {
			q.TimeToConvert = &funnel.TimeToConvert{To: 1}
		}},
		{"strict", "touchpoints that fill no step matter", func(q *funnel.Question) {
			q.Order = funnel.Strict
		}},
		{"within", "kept in memory: steps have bounds of their own", func(q *funnel.Question) { q.Steps[1].Within = &within }},
		{"sessions", "sessions are cut by all touchpoints", func(q *funnel.Question) {
			q.Count = funnel.PerSession
		}},
		{"first time", "first_time looks at all time", func(q *funnel.Question) {
			q.Steps[0].FirstTime = funnel.FirstMatching
		}},
		{"hold", "values are held", func(q *funnel.Question) { q.Hold = []string{"n"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := buyers()
			q.Breakdowns = nil
			q.Steps = []funnel.Step{
				{Target: funnel.Target{Kind: funnel.Event, Name: "A"}},
				{Target: funnel.Target{Kind: funnel.Event, Name: "B"}},
			}
			c.change(&q)
			got, err := s.answers.Persons(t.Context(), site, q, api.Page{
				Selection: funnel.Selection{Step: 1}, Limit: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Facts.Way, c.want) {
				t.Errorf("way %q, want one with %q", got.Facts.Way, c.want)
			}
		})
	}
}

// TestReadBesides: what is read beside the touchpoints of steps in range decides: hidden ones join
// sessions, simultaneity reaches before the range, and first_time to the beginning.
func TestReadBesides(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "besides"
	m := s.publish(t, site)
	f := &flow{site: site, received: time.Now().UTC()}
	hidden := f.track("D", base.Add(25*time.Minute), "u1", "")
	hidden.Properties = `{"n":1}`
	facts := []journey.Fact{
		f.track("A", base, "u1", ""), hidden, f.track("B", base.Add(50*time.Minute), "u1", ""),
		f.track("A", base, "u2", ""), f.track("B", base.Add(-time.Second), "u2", ""),
		f.track("A", base.Add(-200*24*time.Hour), "u3", ""), f.track("A", base, "u3", ""),
	}
	s.deliver(t, [][]journey.Fact{facts})
	for _, c := range []struct {
		name   string
		change func(*funnel.Question)
		want   [2]int
	}{
		{"sessions", func(q *funnel.Question) {
			q.Count = funnel.PerSession
			q.Filter = funnel.Condition{Name: "n", Operator: funnel.IsNotSet}
		}, [2]int{3, 1}},
		{"simultaneity", func(q *funnel.Question) { q.Simultaneity = time.Second }, [2]int{3, 2}},
		{"first time", func(q *funnel.Question) {
			q.Steps[0].FirstTime = funnel.FirstOfTarget
		}, [2]int{2, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := buyers()
			q.Breakdowns, q.Steps = nil, slices.Clone(q.Steps[:2])
			c.change(&q)
			s.compare(t, m, site, facts, q)
			got, err := s.answers.Funnel(t.Context(), site, q)
			if err != nil {
				t.Fatal(err)
			}
			if n := [2]int{got.Steps[0].Count, got.Steps[1].Count}; n != c.want {
				t.Errorf("counts %v, want %v", n, c.want)
			}
		})
	}
}
