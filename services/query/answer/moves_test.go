package answer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// asTimePasses are questions whose answers change with the clock alone.
func asTimePasses() map[string]funnel.Question {
	event := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}}
	}
	plain := funnel.Question{
		From: noon.AddDate(0, 0, -1), To: noon.AddDate(0, 0, 2), Limit: 25, Window: 150 * time.Minute,
		Steps: []funnel.Step{event("A"), event("B")},
	}
	questions := map[string]funnel.Question{"window": plain}
	all := plain
	all.Mode, all.To, all.Window = funnel.All, noon.Add(100*time.Minute), 48*time.Hour
	questions["end of the range"] = all
	persona := plain
	persona.Window = time.Minute
	persona.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
	questions["persona"] = persona
	trait := persona
	trait.Breakdowns = []funnel.Breakdown{{By: funnel.Trait, Name: "x", Attribution: funnel.OfPerson}}
	questions["trait"] = trait
	within := plain
	hour := time.Hour
	second, third := event("B"), event("C")
	second.Within, third.Within = &hour, &hour
	within.Window, within.Steps = 48*time.Hour, []funnel.Step{event("A"), second, third}
	questions["within"] = within
	session := plain
	session.Window, session.Count = 48*time.Hour, funnel.PerSession
	questions["session"] = session
	return questions
}

// TestTimePasses: with nothing written, the cache answers as of every instant as if it kept
// nothing, and keeps answers over the times at which nothing changes.
func TestTimePasses(t *testing.T) {
	t.Parallel()
	for name, q := range asTimePasses() {
		for rules, when := range map[string]string{
			"by count": `count("A") > 0`, "by silence": `days_since(last("A")) > 0.1`,
		} {
			t.Run(name+" "+rules, func(t *testing.T) {
				t.Parallel()
				q := q // each has its own as_of
				m := newMarket(t, 1, plainly)
				m.raw(t, fmt.Sprintf(`INSERT INTO maps (site, version, id, title, source, published_at,
					in_force_at) VALUES ('shop', 1, generateUUIDv4(), '', $map$%s]
personas: [{id: p, when: '%s'}]
$map$, now64(9), now64(9))`, quietMap, when))
				write := row("w", "", noon.Add(80*time.Minute), "", "v1")
				write.Fact.Kind, write.Fact.Traits = journey.Identify, `{"x":1}`
				m.store(t, row("a1", "A", noon, "", "v1"), row("b1", "B", noon.Add(time.Hour), "", "v1"),
					row("a2", "A", noon.Add(20*time.Minute), "", "v2"), write)
				for at := noon.Add(-25 * time.Minute); at.Before(noon.Add(5 * time.Hour)); at = at.Add(
					12 * time.Minute) {
					q.AsOf = at
					m.forget()
					got, err := m.cache.Funnel(t.Context(), site, q)
					want, wantErr := m.fresh.Funnel(t.Context(), site, q)
					if err != nil || wantErr != nil {
						t.Fatal(err, wantErr)
					}
					if diff := cmp.Diff(want, got, apart, cmp.AllowUnexported(journey.Value{})); diff != "" {
						t.Fatalf("as of %s (-directly +by the cache):\n%s", at, diff)
					}
				}
				if kept := m.counts.of(answer.Kept); (kept > 0) != (rules == "by count") {
					t.Errorf("answers by source: %v", m.counts.by)
				}
			})
		}
	}
}

// TestEdgesOfTime: with nothing written, an answer as of an instant is not taken for one as of
// another if anything happens between: at the very first millisecond, at the last, or at the only
// one.
func TestEdgesOfTime(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	write := row("w", "", noon.Add(75*time.Minute+400*time.Microsecond), "", "v1")
	write.Fact.Kind, write.Fact.Traits = journey.Identify, `{"x":1}`
	m.store(t, row("a1", "A", noon, "", "v1"), row("b1", "B", noon.Add(time.Hour), "", "v1"),
		row("a2", "A", noon.Add(20*time.Minute), "", "v2"), write)
	if err := m.InsertProfiles(t.Context(), site, []store.Profile{{
		Identity: journey.VisitorIdentity(site, "v1"), Person: 1, Version: 1,
	}}, noon); err != nil {
		t.Fatal(err)
	}
	const gap = time.Millisecond
	questions := asTimePasses()
	for _, edge := range []struct {
		name, question string
		minute         int
	}{
		{name: "a touchpoint", question: "window", minute: 20},
		{name: "the end of the window", question: "window", minute: 170},
		{name: "the end of the range", question: "end of the range", minute: 100},
		{name: "a write", question: "trait", minute: 75},
		{name: "the end of what the second step allows", question: "within", minute: 80},
		{name: "the end of what the third allows", question: "within", minute: 120},
		{name: "the end of a session", question: "session", minute: 30},
		{name: "the end of another", question: "session", minute: 50},
	} {
		q, change := questions[edge.question], noon.Add(time.Duration(edge.minute)*time.Minute)
		differ := 0
		for _, c := range [][2]time.Time{
			{change.Add(-gap), change},
			{change.Add(-time.Minute), change},
			{change.Add(-gap), change.Add(time.Minute)},
		} {
			cache := m.behind(t)
			var before api.Funnel
			for _, q.AsOf = range c {
				got, err := cache.Funnel(t.Context(), site, q)
				want, wantErr := m.fresh.Funnel(t.Context(), site, q)
				m.same(t, fmt.Sprint(edge.name, " as of ", q.AsOf), want, got, wantErr, err)
				if q.AsOf.Equal(c[1]) && !cmp.Equal(before.Answer, got.Answer) {
					differ++
				}
				before = got
			}
		}
		if differ != 3 {
			t.Errorf("%s changes the answer %d times, want 3", edge.name, differ)
		}
	}
}
