package journey

import (
	"math"
	"sync"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
)

// clauses are a condition written as alternatives, each of atoms that must all hold. None never
// holds; an alternative without atoms always does. They serve to tell, for Lint, that one condition
// holds wherever another does; a mistake on the safe side is no finding.
type clauses [][]atom

// atom is a part of a condition that is not taken apart further.
type atom struct {
	// text in one spelling.
	text string
	// subject is what a comparison with literals looks at, in one spelling; empty for others.
	subject string
	// there is what the subject's being there says; empty for others.
	there string
	// values of the subject that it holds for; nil: numbers from low to high.
	values    []string
	low, high float64
	// noLow and noHigh leave the bound itself out.
	noLow, noHigh bool
	// negated is what must not hold, in one spelling; empty for others.
	negated string
}

// plainParser reads conditions without expanding macros, so that they can be written again.
var plainParser = sync.OnceValue(func() *parser.Parser {
	p, err := parser.NewParser(parser.MaxRecursionDepth(ruleDepth), parser.EnableOptionalSyntax(true))
	if err != nil {
		panic("building the parser of conditions: " + err.Error()) // no input can cause it
	}
	return p
})

// clausesOf takes a condition that compiles apart. An empty one always holds.
func clausesOf(condition string) clauses {
	if condition == "" {
		return clauses{nil}
	}
	parsed, errs := plainParser().Parse(common.NewTextSource(condition))
	if len(errs.GetErrors()) > 0 {
		return clauses{{{text: condition}}}
	}
	var all clauses
	for _, alternative := range split(parsed.Expr(), operators.LogicalOr) {
		var atoms []atom
		for _, part := range split(alternative, operators.LogicalAnd) {
			if literal, is := literalOf(part); is && literal == types.True {
				continue
			}
			atoms = append(atoms, atomOf(part, parsed.SourceInfo()))
		}
		if !contradictory(atoms) {
			all = append(all, atoms)
		}
	}
	return all
}

// split are the operands of a chain of one operator.
func split(e ast.Expr, operator string) []ast.Expr {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operator {
		return []ast.Expr{e}
	}
	var all []ast.Expr
	for _, operand := range e.AsCall().Args() {
		all = append(all, split(operand, operator)...)
	}
	return all
}

func atomOf(e ast.Expr, info *ast.SourceInfo) atom {
	text, err := parser.Unparse(e, info)
	if err != nil {
		return atom{}
	}
	a := atom{text: text}
	if e.Kind() != ast.CallKind {
		return a
	}
	call := e.AsCall()
	if call.FunctionName() == operators.LogicalNot {
		a.negated, _ = parser.Unparse(call.Args()[0], info)
		return a
	}
	if len(call.Args()) == 2 && !call.IsMemberFunction() {
		a.compare(call, info)
	}
	if a.subject != "" {
		a.there = "has(" + a.subject + ")"
	}
	return a
}

// mirrored are the operators that say the same with the sides exchanged.
var mirrored = map[string]string{
	operators.Equals: operators.Equals, operators.Less: operators.Greater,
	operators.LessEquals: operators.GreaterEquals, operators.Greater: operators.Less,
	operators.GreaterEquals: operators.LessEquals,
}

// compare fills in what a comparison with a literal, or with a list of them, says.
func (a *atom) compare(call ast.CallExpr, info *ast.SourceInfo) {
	left, right, operator := call.Args()[0], call.Args()[1], call.FunctionName()
	if _, is := literalOf(left); is {
		left, right, operator = right, left, mirrored[operator]
	}
	subject, err := parser.Unparse(left, info)
	if err != nil {
		return
	}
	if operator == operators.In {
		a.oneOf(subject, right)
		return
	}
	literal, is := literalOf(right)
	if !is || operator == "" {
		return
	}
	if n, is := numberIn64(literal); is {
		a.bound(subject, operator, n)
		return
	}
	if operator == operators.Equals {
		a.subject, a.values = subject, []string{named(literal)}
	}
}

func (a *atom) oneOf(subject string, list ast.Expr) {
	if list.Kind() != ast.ListKind || list.AsList().Size() == 0 {
		return
	}
	var values []string
	for _, e := range list.AsList().Elements() {
		literal, is := literalOf(e)
		if !is {
			return
		}
		values = append(values, named(literal))
	}
	a.subject, a.values = subject, values
}

// bound makes the atom one about numbers.
func (a *atom) bound(subject, operator string, n float64) {
	a.low, a.high = math.Inf(-1), math.Inf(1)
	switch operator {
	case operators.Equals:
		a.low, a.high = n, n
	case operators.Greater, operators.GreaterEquals:
		a.low, a.noLow = n, operator == operators.Greater
	case operators.Less, operators.LessEquals:
		a.high, a.noHigh = n, operator == operators.Less
	default:
		return
	}
	a.subject = subject
}
