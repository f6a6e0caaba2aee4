package funnel

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

var (
	missing = journey.Value{}
	text    = journey.TextValue
	number  = journey.NumberValue
	boolean = journey.BoolValue
)

func composite(raw string) journey.Value { return journey.ParseValue([]byte(raw)) }

func values(v ...journey.Value) []journey.Value { return v }

func TestHolds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		operator Operator
		values   []journey.Value
		holds    []journey.Value
		fails    []journey.Value
	}{
		{
			name: "eq by value of one kind, else as text", operator: Equal, values: values(number(1)),
			holds: values(number(1), text("1"), composite("1.0")),
			fails: values(missing, number(2), text("1.0"), boolean(true), text("")),
		},
		{
			name: "eq of texts", operator: Equal, values: values(text("")),
			holds: values(text("")), fails: values(missing, text(" "), number(0)),
		},
		{
			name: "eq of a boolean and its text", operator: Equal, values: values(text("true")),
			holds: values(boolean(true), text("true")), fails: values(text("True"), number(1)),
		},
		{
			name: "eq of an array and its text", operator: Equal, values: values(text(`["a",1]`)),
			holds: values(composite(`["a",1]`)), fails: values(composite(`["a"]`), text("a")),
		},
		{
			name: "neq", operator: NotEqual, values: values(number(1)),
			holds: values(missing, number(2), text("one")), fails: values(number(1), text("1")),
		},
		{
			name: "contains ignores case", operator: Contains, values: values(text("ÄpFk")),
			holds: values(text("ein äPF\u212A"), text("ÄPFK")), fails: values(missing, text("äp fk")),
		},
		{
			name: "contains ignores case in plain letters", operator: Contains,
			values: values(text("aB")), holds: values(text("xAbX"), text("AB")),
			fails: values(text("a b")),
		},
		{
			name: "contains of digits", operator: Contains, values: values(number(2)),
			holds: values(number(123), text("a2"), composite(`[2]`)), fails: values(number(1)),
		},
		{
			name: "contains the empty text", operator: Contains, values: values(text("")),
			holds: values(text(""), number(1)), fails: values(missing),
		},
		{
			name: "not contains", operator: NotContains, values: values(text("ß")),
			holds: values(missing, text("ss")), fails: values(text("STRAẞE")),
		},
		{
			name: "in", operator: In, values: values(number(1), text("b"), boolean(false)),
			holds: values(number(1), text("1"), text("b"), boolean(false), text("false")),
			fails: values(missing, number(2), number(0), text("B")),
		},
		{
			name: "in finds a number among texts", operator: In, values: values(text("1"), text("2")),
			holds: values(number(2)), fails: values(number(3), text("2.0")),
		},
		{
			name: "not in", operator: NotIn, values: values(number(1), text("b")),
			holds: values(missing, number(2)), fails: values(number(1), text("1"), text("b")),
		},
		{
			name: "gt of numbers, else of texts", operator: Greater, values: values(number(9)),
			holds: values(number(10), text("90"), text("a")), fails: values(missing, number(9), text("10")),
		},
		{
			name: "gte", operator: GreaterOrEqual, values: values(text("2026-01-01")),
			holds: values(text("2026-01-01"), text("2026-01-01T00:00:00Z")),
			fails: values(missing, text("2025-12-31")),
		},
		{
			name: "lt", operator: Less, values: values(number(-1)),
			holds: values(number(-1.5)), fails: values(missing, number(-1), number(0)),
		},
		{
			name: "lt of booleans", operator: Less, values: values(boolean(true)),
			holds: values(boolean(false)), fails: values(missing, boolean(true)),
		},
		{
			name: "lte", operator: LessOrEqual, values: values(number(2)),
			holds: values(number(2), number(1)), fails: values(missing, number(2.1)),
		},
		{
			name: "between holds its ends", operator: Between, values: values(number(2), number(10)),
			holds: values(number(2), number(10), number(5)),
			fails: values(missing, number(1.9), number(10.1), text("5")),
		},
		{
			name: "regex is not anchored", operator: Regex, values: values(text(`^/p/\d+|x$`)),
			holds: values(text("/p/12/a"), text("ax")), fails: values(missing, text("/p/a"), text("X")),
		},
		{
			name: "is set", operator: IsSet,
			holds: values(text(""), number(0), boolean(false), composite("[]")),
			fails: values(missing, composite("null")),
		},
		{
			name: "is not set", operator: IsNotSet,
			holds: values(missing, composite("null")), fails: values(text(""), number(0)),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled, err := NewTest(Condition{
				Name: "p", Operator: test.operator, Values: test.values,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range test.holds {
				if !compiled.Holds(v) {
					t.Errorf("fails for %q of kind %d", v.Text(), v.Kind())
				}
			}
			for _, v := range test.fails {
				if compiled.Holds(v) {
					t.Errorf("holds for %q of kind %d", v.Text(), v.Kind())
				}
			}
		})
	}
}

// drawValue draws values that are often equal in text but not in kind.
func drawValue(rt *rapid.T) journey.Value {
	return rapid.SampledFrom([]journey.Value{
		{},
		text(""), text("0"), text("-0"), text("1"), text("true"), text("a"), text("A"),
		text("10"), text("[1]"), number(0), composite("-0"), number(1), number(10), number(9.5),
		boolean(true), boolean(false), composite("[1]"), composite(`{"a":1}`),
	}).Draw(rt, "value")
}

func drawOperand(rt *rapid.T) journey.Value {
	return rapid.Custom(drawValue).Filter(func(v journey.Value) bool {
		return v.Kind() != journey.Missing && v.Kind() != journey.Composite
	}).Draw(rt, "operand")
}

// TestOperatorsAgree ties the operators to each other.
func TestOperatorsAgree(t *testing.T) {
	t.Parallel()
	opposites := map[Operator]Operator{
		Equal: NotEqual, Contains: NotContains, In: NotIn, IsSet: IsNotSet,
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := drawValue(rt)
		x, y := drawOperand(rt), drawOperand(rt)
		holds := func(o Operator, values ...journey.Value) bool {
			test := newTest(Condition{Name: "p", Operator: o, Values: values})
			return test.Holds(v)
		}
		for o, opposite := range opposites {
			operands := []journey.Value{x}
			if o == IsSet {
				operands = nil
			}
			if holds(o, operands...) == holds(opposite, operands...) {
				rt.Errorf("operators %d and %d agree", o, opposite)
			}
		}
		if holds(In, x, y) != (holds(Equal, x) || holds(Equal, y)) {
			rt.Errorf("in is not one of equals: %v in %v %v", v, x, y)
		}
		if holds(Between, x, y) != (holds(GreaterOrEqual, x) && holds(LessOrEqual, y)) {
			rt.Errorf("between is not gte and lte")
		}
		if v.Kind() != journey.Missing && holds(Greater, x) == holds(LessOrEqual, x) {
			rt.Errorf("gt and lte agree")
		}
		if v.Kind() != journey.Missing && holds(Less, x) == holds(GreaterOrEqual, x) {
			rt.Errorf("lt and gte agree")
		}
	})
}

func TestNewTestRefuses(t *testing.T) {
	t.Parallel()
	_, err := NewTest(Condition{Name: "p", Operator: Regex, Values: values(text("("))})
	if err == nil {
		t.Error("a bad regular expression is taken")
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Straße", "K")
	f.Add("\u017f", "\u212a")
	f.Fuzz(func(t *testing.T, s, u string) {
		if !utf8.ValidString(s) || !utf8.ValidString(u) {
			return
		}
		if folded := fold(s); fold(folded) != folded {
			t.Errorf("folding %q twice gives another text", s)
		}
		if test := newTest(Condition{Operator: Contains, Values: values(text(u))}); !test.Holds(
			text(s + u)) {
			t.Errorf("%q does not contain %q", s+u, u)
		}
	})
}
