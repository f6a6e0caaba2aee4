package journey_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// atoms of random conditions, and the properties that decide them.
var lintAtoms = []string{
	"properties.n > 1", "properties.n >= 1", "properties.n < 2", "properties.n == 1", "2 > properties.n",
	"properties.n == 1.5", "properties.t == 'a'", "properties.t in ['a', 'b']", "properties.t in ['b', 1]",
	"has(properties.n)", "!has(properties.t)", "!(properties.n > 1)", "true", "false", "properties.n != 1",
	"properties.t != 'a'", "properties.t.startsWith('a')", "properties.?t.orValue('b') == 'b'",
	"event == 'E'", "type == 'page'", "'a' == properties.t",
}

var lintFacts = []string{
	`{}`, `{"n":0}`, `{"n":1}`, `{"n":1.5}`, `{"n":2,"t":"a"}`, `{"t":"b"}`, `{"n":1,"t":"b"}`, `{"n":"1"}`,
	`{"n":3,"t":1}`, `{"n":0.5,"t":"ab"}`, `{"t":true}`, `{"n":null,"t":null}`, `{"n":1.5,"t":"a"}`,
}

func lintCondition(t *rapid.T, name string) string {
	alternatives := rapid.SliceOfN(
		rapid.SliceOfN(rapid.SampledFrom(lintAtoms), 1, 3), 1, 2).Draw(t, name)
	parts := make([]string, len(alternatives))
	for i, atoms := range alternatives {
		parts[i] = strings.Join(atoms, " && ")
	}
	return strings.Join(parts, " || ")
}

// TestLintIsRightAboutDeadRules: what Lint calls an error recognises nothing, whatever comes.
func TestLintIsRightAboutDeadRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 3).Draw(t, "rules")
		var rules strings.Builder
		for i := range n {
			fmt.Fprintf(&rules, "  - {id: t%d, stage: a, events: [E], when: %q}\n", i,
				lintCondition(t, fmt.Sprintf("rule %d", i)))
		}
		source := "title: x\nstages: [{id: a}, {id: b}]\ntouchpoints:\n" + rules.String()
		m, err := journey.ParseMap(source)
		if err != nil {
			t.Fatal(err)
		}
		findings, err := journey.Lint(source, journey.LintOptions{})
		if err != nil {
			t.Fatal(err)
		}
		dead := map[journey.TouchpointID]string{}
		for _, f := range findings {
			var i int
			if _, err := fmt.Sscanf(f.Path, "touchpoints[%d]", &i); err == nil &&
				f.Severity == journey.LintError {
				dead[m.Touchpoints[i].ID] = f.Message
			}
		}
		for _, properties := range lintFacts {
			fact := track("E", journey.Object(properties), "{}")
			if id := m.Attribute(&fact).Touchpoint; dead[id] != "" {
				t.Fatalf("%s is %q, of which Lint says: %s\n%s", properties, id, dead[id], source)
			}
		}
	})
}
