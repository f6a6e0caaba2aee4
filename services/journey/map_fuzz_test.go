package journey_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

// FuzzParseMap: no text makes ParseMap panic; mistakes have places inside the text and stand in
// file order; a good text gives the same map again, whose rules can be tried and looked at.
func FuzzParseMap(f *testing.F) {
	for _, seed := range []string{
		"", small, maps.Grocery(), "a: &a [*a]", "? [x]\n: y", "--- >\n x\n...\n", "[[[[[{{{{",
		"title: |2-\n  x\nstages: [{id: a}, {id: \"\\u0000\"}]", "\ufeff%YAML 1.2\n---\n", "<<: *x",
		"{title: x, stages: [{id: a}, {id: b}], touchpoints: [{id: a, stage: a, events: [a], " +
			"when: 'a.exists(x, x.matches(\"(\"))'}]}",
		"title: x\nkpis: [{id: k, percentile: {p: 1e9, of: {stage: a, event: b}, to: x}}, {id: s, " +
			"series: {points: {\"2026-13-01\": .5, 2026-01-01: 1_0}}}]\nmoney: [x]\n",
		"stages: [{id: a, owner: {}, targets: {kpis: {a: 1, a: 2}, conversion: -.5}, score: 6}]",
		"touchpoints: [{id: a, repeat: {of: a, from: 1}, events: [], status: dead, due: 2026-02-30}]",
		"personas:\n- when: >\n   traits.a\n\n   == 1 ||\n   foo\n", "a: 'b\n\n c'\n\"\\x\": - -",
	} {
		f.Add(seed)
	}
	if text, err := os.ReadFile("testdata/whole.yaml"); err == nil {
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, source string) {
		m, err := journey.ParseMap(source)
		if err != nil {
			checkPlaces(t, source, err)
			return
		}
		again := parse(t, source)
		exported := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".rules" },
			cmp.Ignore())
		if diff := cmp.Diff(m, again, exported); diff != "" {
			t.Fatalf("the same text gives two maps:\n%s", diff)
		}
		if changes := journey.Diff(m, again); len(changes) > 0 {
			t.Fatalf("the same text differs by %+v", changes)
		}
		if _, err := journey.Lint(source, journey.LintOptions{Today: "2026-11-22"}); err != nil {
			t.Fatalf("Lint of a map gives %v", err)
		}
		for _, touchpoint := range m.Touchpoints {
			if len(touchpoint.Events) == 0 {
				continue
			}
			fact := track(touchpoint.Events[0], `{"total":1}`, `{"page":{}}`)
			if m.Attribute(&fact) != again.Attribute(&fact) {
				t.Fatal("the same text attributes differently")
			}
		}
	})
}

func checkPlaces(t *testing.T, source string, err error) {
	t.Helper()
	var mistakes journey.MapErrors
	if !errors.As(err, &mistakes) || len(mistakes) == 0 {
		t.Fatalf("error %v, want MapErrors", err)
	}
	lines := 1 + strings.Count(source, "\n")
	for i, e := range mistakes {
		if e.Line < 1 || e.Column < 1 || e.Line > lines+1 || e.Message == "" {
			t.Fatalf("%+v is not in a text of %d lines", e, lines)
		}
		if !utf8.ValidString(e.Error()) {
			t.Fatalf("%q is not UTF-8", e.Error())
		}
		if i > 0 && e.Line < mistakes[i-1].Line {
			t.Fatalf("%+v stands after %+v", e, mistakes[i-1])
		}
	}
}
