package journey_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

func TestAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		of   journey.Object
		want map[string]string
	}{
		{"nothing", "", map[string]string{}},
		{"no members", "{}", map[string]string{}},
		{
			"every kind of value",
			`{"a":1.5e3,"b":"x,}\"]","c":{"d":["}",{}]},"e":[],"f":null,"g":true}`,
			map[string]string{
				"a": "1.5e3", "b": `"x,}\"]"`, "c": `{"d":["}",{}]}`, "e": "[]", "f": "null",
				"g": "true",
			},
		},
		{"names with escapes", `{"a\"\\":1,"é\n":2}`, map[string]string{`a"\`: "1", "é\n": "2"}},
		{"a list", `[1]`, map[string]string{}},
		{"cut in a text", `{"a":1,"b":"x`, map[string]string{"a": "1"}},
		{"cut in an object", `{"a":1,"b":{"c"`, map[string]string{"a": "1"}},
		{"cut after a name", `{"a":1,"b"`, map[string]string{"a": "1"}},
		{"cut after a colon", `{"a":1,"b":`, map[string]string{"a": "1"}},
		{"cut in a number", `{"a":1,"b":2`, map[string]string{"a": "1"}},
		{"no name", `{1:2}`, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, maps.Collect(c.of.All())); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAllIsWhatJSONSays holds the scan to encoding/json.
func TestAllIsWhatJSONSays(t *testing.T) {
	t.Parallel()
	value := rapid.Custom(func(t *rapid.T) any {
		return rapid.SampledFrom([]any{
			nil, true, 1.5, -3e40, "", `"`, "\\", "a,b}", "\u2028<",
			[]any{1.0, "]"},
			map[string]any{"}": map[string]any{"x": []any{}}},
		}).Draw(t, "value")
	})
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.MapOf(rapid.String(), value).Draw(t, "members")
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]json.RawMessage)
		for name, literal := range journey.Object(text).All() {
			got[name] = json.RawMessage(literal)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("members of %s (-json +scanned):\n%s", text, diff)
		}
		for name := range want {
			if literal := journey.Object(text).Literal(name); literal != string(want[name]) {
				t.Fatalf("member %q of %s is %s", name, text, literal)
			}
		}
	})
}

func TestUnquote(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		`"a"`: "a", `"a\n\u00e9"`: "a\né", `""`: "", `1`: "", `null`: "", ``: "", `"`: "",
		`"\x"`: "",
	} {
		if got := journey.Unquote(literal); got != want {
			t.Errorf("%s is %q, want %q", literal, got, want)
		}
	}
}
