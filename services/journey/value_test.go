package journey_test

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

func TestParseValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		literal string
		kind    journey.ValueKind
		text    string
	}{
		{"", journey.Missing, ""},
		{" ", journey.Missing, ""},
		{"null", journey.Missing, ""},
		{"nonsense", journey.Missing, ""},
		{"-", journey.Missing, ""},
		{`"open`, journey.Missing, ""},
		{`[1`, journey.Missing, ""},
		{"1e999", journey.Missing, ""},
		{"true", journey.Bool, "true"},
		{"false", journey.Bool, "false"},
		{"1", journey.Number, "1"},
		{" 1.50 ", journey.Number, "1.5"},
		{"-0", journey.Number, "0"},
		{"-0.0", journey.Number, "0"},
		{"1e21", journey.Number, "1000000000000000000000"},
		{"1e-7", journey.Number, "0.0000001"},
		{"18446744073709551615", journey.Number, "18446744073709552000"},
		{`""`, journey.Text, ""},
		{`"a\u0000\"é"`, journey.Text, "a\x00\"é"},
		{`[1.0,"<",null]`, journey.Composite, `[1,"<",null]`},
		{
			`{"a":"\u2028\u2029\\u2028\\\u2028\u202A\u001f"}`, journey.Composite,
			"{\"a\":\"\u2028\u2029\\\\u2028\\\\\u2028\u202a\\u001f\"}",
		},
		{`{"b":1e2, "a":[]}`, journey.Composite, `{"a":[],"b":100}`},
	} {
		t.Run(c.literal, func(t *testing.T) {
			t.Parallel()
			v := journey.ParseValue([]byte(c.literal))
			if v.Kind() != c.kind || v.Text() != c.text {
				t.Errorf("kind %d with text %q, want %d with %q", v.Kind(), v.Text(), c.kind, c.text)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	text, number, flag := journey.TextValue, journey.NumberValue, journey.BoolValue
	parse := func(s string) journey.Value { return journey.ParseValue([]byte(s)) }
	for _, c := range []struct {
		name string
		a, b journey.Value
		want bool
	}{
		{"two missing ones", journey.Value{}, parse("null"), true},
		{"missing and empty", journey.Value{}, text(""), false},
		{"numbers by value", parse("1.0"), number(1), true},
		{"both zeros", parse("-0"), number(0), true},
		{"other numbers", number(1), number(2), false},
		{"number and text as texts", number(1), text("1"), true},
		{"number and another spelling", number(1), text("1.0"), false},
		{"boolean and text as texts", flag(true), text("true"), true},
		{"boolean and number", flag(true), number(1), false},
		{"texts by case", text("a"), text("A"), false},
		{"arrays that mean the same", parse(`[1.0]`), parse(`[ 1 ]`), true},
		{"objects in any order", parse(`{"a":1,"b":2}`), parse(`{"b":2,"a":1}`), true},
		{"array and its text", parse(`["a"]`), text(`["a"]`), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.a.Equal(c.b); got != c.want {
				t.Errorf("%q equals %q: %v, want %v", c.a.Text(), c.b.Text(), got, c.want)
			}
			if got := c.b.Equal(c.a); got != c.want {
				t.Errorf("%q equals %q: %v, want %v", c.b.Text(), c.a.Text(), got, c.want)
			}
		})
	}
}

// TestValuesComeBack: what JSON writes is read as the same value.
func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var literal []byte
		var want journey.Value
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			n := rapid.Float64().Filter(func(n float64) bool {
				return !math.IsInf(n, 0) && !math.IsNaN(n)
			}).Draw(t, "number")
			literal, _ = json.Marshal(n)
			want = journey.NumberValue(n)
		case 1:
			s := rapid.String().Draw(t, "text")
			literal, _ = json.Marshal(s)
			want = journey.TextValue(s)
		default:
			b := rapid.Bool().Draw(t, "flag")
			literal, _ = json.Marshal(b)
			want = journey.BoolValue(b)
		}
		if got := journey.ParseValue(literal); got != want {
			t.Fatalf("%s is read as %+v, want %+v", literal, got, want)
		}
	})
}

func TestObject(t *testing.T) {
	t.Parallel()
	o := journey.Object(`{"a":1,"b":null,"c":{"d":"x"},"":2}`)
	for name, want := range map[string]journey.Value{
		"a": journey.NumberValue(1), "b": {}, "d": {}, "": journey.NumberValue(2), "A": {},
	} {
		if got := o.Value(name); got != want {
			t.Errorf("member %q is %+v, want %+v", name, got, want)
		}
	}
	if got := journey.Object("").Value("a"); got != (journey.Value{}) {
		t.Errorf("a member of nothing: %+v", got)
	}
	if got := journey.Object("[1]").Value("a"); got != (journey.Value{}) {
		t.Errorf("a member of an array: %+v", got)
	}
	if m, err := journey.Object("").Members(); len(m) != 0 || err != nil {
		t.Errorf("members of nothing: %v, %v", m, err)
	}
	if m, err := o.Members(); len(m) != 4 || m["a"] != 1.0 || err != nil {
		t.Errorf("members: %v, %v", m, err)
	}
	if _, err := journey.Object("[1]").Members(); err == nil {
		t.Error("an array has members")
	}
}
