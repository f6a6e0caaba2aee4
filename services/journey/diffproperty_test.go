package journey_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// diffParts are the parts of a small map and what each may be.
func diffParts() map[string][]string {
	conditions := []string{
		"", ", when: properties.n > 1", ", when: properties.n>1", ", when: properties.n < 1",
		", when: '!has(properties.n)'",
	}
	parts := map[string][]string{
		"order":          {"t u v", "u t v", "v u t", "t u"},
		"channels order": {"c d", "d c"}, "personas order": {"p q", "q p", "q"},
		"c when": conditions, "d when": conditions,
	}
	for _, id := range []string{"t", "u", "v"} {
		parts[id+" stage"] = []string{"a", "b"}
		parts[id+" events"] = []string{"[E]", "[F]", "[E, F]"}
		parts[id+" status"] = []string{"live", "live", "planned"}
		parts[id+" channel"] = []string{"", ", channel: c"}
		parts[id+" rest"] = []string{"", ", title: X", ", score: 3"}
		parts[id+" when"] = conditions
	}
	for _, id := range []string{"p", "q"} {
		parts[id+" when"] = []string{"traits.n > 1", "traits.n>1", "has(traits.n)", "traits.n == 0"}
	}
	return parts
}

// assembled is the map of the parts.
func assembled(p map[string]string) string {
	list := func(order string, entry func(id string) string) string {
		var entries []string
		for id := range strings.FieldsSeq(p[order]) {
			entries = append(entries, entry(id))
		}
		return "[" + strings.Join(entries, ", ") + "]\n"
	}
	return "title: x\nstages: [{id: a}, {id: b}]\ntouchpoints: " +
		list("order", func(id string) string {
			return fmt.Sprintf("{id: %s, stage: %s, events: %s, status: %s%s%s%s}", id, p[id+" stage"],
				p[id+" events"], p[id+" status"], p[id+" channel"], p[id+" rest"], p[id+" when"])
		}) + "channels: " + list("channels order", func(id string) string {
		return fmt.Sprintf("{id: %s%s}", id, p[id+" when"])
	}) + "personas: " + list("personas order", func(id string) string {
		return fmt.Sprintf("{id: %s, when: %s}", id, p[id+" when"])
	})
}

// TestDiffMissesNothing: where no change is for messages, every message is attributed alike; where
// none is for persons, every person has the same persona.
func TestDiffMissesNothing(t *testing.T) {
	t.Parallel()
	parts := diffParts()
	names := slices.Sorted(maps.Keys(parts))
	rapid.Check(t, func(t *rapid.T) {
		old := map[string]string{}
		for _, name := range names {
			old[name] = rapid.SampledFrom(parts[name]).Draw(t, name)
		}
		changed := maps.Clone(old)
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "changed") {
			changed[name] = rapid.SampledFrom(parts[name]).Draw(t, name)
		}
		checkDiff(t, assembled(old), assembled(changed))
	})
}

func checkDiff(t *rapid.T, source, other string) {
	old, errOld := journey.ParseMap(source)
	changed, errNew := journey.ParseMap(other)
	if errOld != nil || errNew != nil {
		t.Fatal(errOld, errNew)
	}
	effects := map[journey.Effect]bool{}
	for _, c := range journey.Diff(old, changed) {
		effects[c.Effect] = true
	}
	for _, n := range []string{`{}`, `{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":"x"}`} {
		for _, event := range []string{"E", "F"} {
			fact := track(event, journey.Object(n), "{}")
			if !effects[journey.ForMessages] && old.Attribute(&fact) != changed.Attribute(&fact) {
				t.Fatalf("%s %s differs, but no change tells:\n%s\n%s", event, n, source, other)
			}
		}
		past := journey.Past{Traits: map[string]journey.Value{"n": journey.Object(n).Value("n")}}
		if !effects[journey.ForPersons] && old.PersonaOf(&past) != changed.PersonaOf(&past) {
			t.Fatalf("the persona of %s differs, but no change tells:\n%s\n%s", n, source, other)
		}
	}
}
