package answer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
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
	third := event("C")
	third.Within = &hour
	within.Window, within.Steps = 48*time.Hour, append(within.Steps[:2:2], third)
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
