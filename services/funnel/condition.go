package funnel

import (
	"cmp"
	"regexp"
	"strings"
	"unicode"

	"github.com/waystage/waystage/services/journey"
)

// Test is a compiled Condition: what is asked of a value, wherever the value is found. It is
// safe for concurrent use.
type Test struct {
	operator Operator
	values   []journey.Value
	members  members
	folded   string
	pattern  *regexp.Regexp
}

// NewTest compiles a condition. Errors: Violations with fields below "condition".
func NewTest(c Condition) (*Test, error) {
	var v Violations
	if c.check("condition", &v); len(v) > 0 {
		return nil, v
	}
	return newTest(c), nil
}

// newTest compiles a condition without mistakes.
func newTest(c Condition) *Test {
	t := &Test{operator: c.Operator, values: c.Values}
	switch c.Operator {
	case In, NotIn:
		t.members = newMembers(c.Values)
	case Contains, NotContains:
		t.folded = fold(c.Values[0].Text())
	case Regex:
		t.pattern = regexp.MustCompile(c.Values[0].Text())
	}
	return t
}

// Holds tells whether a value passes. A missing value passes NotEqual, NotContains, NotIn and
// IsNotSet and fails every other. Numbers, booleans and texts compare by value where both sides
// are of one kind, else as text; arrays and objects always compare as their canonical JSON text.
// Texts are ordered by their bytes. Contains ignores case by Unicode's simple folding. See
// docs/semantics.md, "Conditions".
func (t *Test) Holds(v journey.Value) bool {
	missing := v.Kind() == journey.Missing
	switch t.operator {
	case IsSet:
		return !missing
	case IsNotSet:
		return missing
	case NotEqual, NotContains, NotIn:
		return missing || !t.affirms(v)
	default:
		return !missing && t.affirms(v)
	}
}

// affirms is the test of a value that is not missing, without the operator's "not".
func (t *Test) affirms(v journey.Value) bool {
	switch t.operator {
	case Equal, NotEqual:
		return v.Equal(t.values[0])
	case In, NotIn:
		return t.members.has(v)
	case Contains, NotContains:
		return strings.Contains(fold(v.Text()), t.folded)
	case Regex:
		return t.pattern.MatchString(v.Text())
	default:
		return t.inOrder(v)
	}
}

func (t *Test) inOrder(v journey.Value) bool {
	order := compareValues(v, t.values[0])
	switch t.operator {
	case Greater:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Between:
		return order >= 0 && compareValues(v, t.values[1]) <= 0
	default:
		return false
	}
}

// compareValues orders values that are not missing: numbers by value, all else as text, which
// puts false before true.
func compareValues(v, w journey.Value) int {
	if v.Kind() == journey.Number && w.Kind() == journey.Number {
		return cmp.Compare(v.Number(), w.Number())
	}
	return strings.Compare(v.Text(), w.Text())
}

// members is a set of values with the equality of journey.Value.
type members struct {
	numbers map[float64]bool
	// texts are those of all values, others those of all but numbers.
	texts, others map[string]bool
}

func newMembers(values []journey.Value) members {
	m := members{
		numbers: make(map[float64]bool), texts: make(map[string]bool), others: make(map[string]bool),
	}
	for _, v := range values {
		m.texts[v.Text()] = true
		if v.Kind() == journey.Number {
			m.numbers[v.Number()] = true
		} else {
			m.others[v.Text()] = true
		}
	}
	return m
}

func (m members) has(v journey.Value) bool {
	if v.Kind() != journey.Number {
		return m.texts[v.Text()]
	}
	return m.numbers[v.Number()] || len(m.others) > 0 && m.others[v.Text()]
}

// fold maps every rune to the smallest one that differs from it in case alone.
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return strings.Map(foldRune, s)
		}
	}
	return strings.ToUpper(s)
}

func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}
