package journey

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// within tells that wherever these hold, one of the others does.
func (c clauses) within(others clauses) bool {
	return !slices.ContainsFunc(c, func(atoms []atom) bool {
		return !slices.ContainsFunc(others, func(other []atom) bool { return implies(atoms, other) })
	})
}

// apart tells that never both hold.
func (c clauses) apart(others clauses) bool {
	for _, atoms := range c {
		for _, other := range others {
			if !exclusive(atoms, other) {
				return false
			}
		}
	}
	return true
}

// exclusive tells that one of some atoms excludes one of others.
func exclusive(atoms, others []atom) bool {
	for i := range atoms {
		for j := range others {
			if excludes(&atoms[i], &others[j]) {
				return true
			}
		}
	}
	return false
}

// implies tells that where all of some atoms hold, all others do.
func implies(atoms, others []atom) bool {
	for i := range others {
		if !impliedBy(&others[i], atoms) {
			return false
		}
	}
	return true
}

func impliedBy(other *atom, atoms []atom) bool {
	for i := range atoms {
		if atoms[i].implies(other) {
			return true
		}
	}
	return false
}

func (a *atom) implies(other *atom) bool {
	switch {
	case a.text != "" && a.text == other.text:
		return true
	case a.subject == "":
		return false
	case other.text == a.there:
		return true
	case a.subject != other.subject || (a.values == nil) != (other.values == nil):
		return false
	case a.values != nil:
		return !slices.ContainsFunc(a.values, func(v string) bool {
			return !slices.Contains(other.values, v)
		})
	}
	return above(a, other) && below(a, other)
}

// above tells that the numbers of one begin no lower than those of the other.
func above(a, other *atom) bool {
	return a.low > other.low || a.low == other.low && (a.noLow || !other.noLow)
}

func below(a, other *atom) bool {
	return a.high < other.high || a.high == other.high && (a.noHigh || !other.noHigh)
}

// contradictory tells that some of the atoms exclude each other, or that one never holds.
func contradictory(atoms []atom) bool {
	for i := range atoms {
		if atoms[i].text == "false" {
			return true
		}
		for j := range atoms[:i] {
			if excludes(&atoms[i], &atoms[j]) {
				return true
			}
		}
	}
	return false
}

func excludes(a, b *atom) bool {
	switch {
	case a.negated != "" && a.negated == b.text, b.negated != "" && b.negated == a.text:
		return true
	case a.negated != "" && a.negated == b.there, b.negated != "" && b.negated == a.there:
		return true
	case a.subject == "" || a.subject != b.subject || (a.values == nil) != (b.values == nil):
		return false
	case a.values != nil:
		return !slices.ContainsFunc(a.values, func(v string) bool {
			return slices.Contains(b.values, v)
		})
	}
	return ends(a, b) || ends(b, a)
}

// ends tells that the numbers of one end before those of the other begin.
func ends(a, b *atom) bool {
	return a.high < b.low || a.high == b.low && (a.noHigh || b.noLow)
}

// literalOf is the value of a literal.
func literalOf(e ast.Expr) (ref.Val, bool) {
	if e.Kind() != ast.LiteralKind {
		return nil, false
	}
	return e.AsLiteral(), true
}

// numberIn64 is the number of a literal.
func numberIn64(v ref.Val) (float64, bool) {
	switch v := v.(type) {
	case types.Int:
		return float64(v), true
	case types.Uint:
		return float64(v), true
	case types.Double:
		return float64(v), true
	}
	return 0, false
}

// named tells literals of all types apart, but not numbers that are equal.
func named(v ref.Val) string {
	if n, is := numberIn64(v); is {
		return "number " + NumberValue(n).Text()
	}
	return v.Type().TypeName() + " " + literalText(v)
}

func literalText(v ref.Val) string {
	text := v.ConvertToType(types.StringType)
	if s, is := text.(types.String); is {
		return string(s)
	}
	return "?"
}
