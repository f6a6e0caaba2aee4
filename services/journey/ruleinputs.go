package journey

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// input is what a condition of a persona reads.
type input struct {
	// variable is set but for a fact of an event; path are the members below it.
	variable string
	path     []string
	// function of an event, and of a property for sums.
	function, event, property string
}

// String is the input as one writes it.
func (in input) String() string {
	if in.function == "" {
		var text strings.Builder
		text.WriteString(in.variable)
		for _, member := range in.path {
			if plainName.MatchString(member) {
				text.WriteString("." + member)
			} else {
				text.WriteString("[" + strconv.Quote(member) + "]")
			}
		}
		return text.String()
	}
	text := in.function + "(" + strconv.Quote(in.event)
	if in.property != "" {
		text += ", " + strconv.Quote(in.property)
	}
	return text + ")"
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// inputsOf are what a condition reads, in the order in which it names it, each once.
func inputsOf(a *ast.AST, variables []string) []input {
	var found []input
	seen := map[string]bool{}
	var visit func(e ast.NavigableExpr)
	visit = func(e ast.NavigableExpr) {
		if in, is := inputOf(e, variables); is {
			if name := in.String(); !seen[name] {
				seen[name] = true
				found = append(found, in)
			}
			return
		}
		for _, child := range e.Children() {
			visit(child)
		}
	}
	visit(ast.NavigateAST(a))
	return found
}

func inputOf(e ast.Expr, variables []string) (input, bool) {
	if e.Kind() == ast.CallKind {
		name, arguments := e.AsCall().FunctionName(), e.AsCall().Args()
		for _, f := range factFunctions {
			if name != hidden+f.name {
				continue
			}
			in := input{function: f.name}
			in.event, _ = textOf(arguments[1])
			if len(f.parts) > 1 {
				in.property, _ = textOf(arguments[2])
			}
			return in, true
		}
	}
	path, root := pathOf(e)
	if !slices.Contains(variables, root) {
		return input{}, false
	}
	return input{variable: root, path: path}, true
}

// pathOf are the members that an expression goes down, and the variable that it begins with; none
// where it is anything else.
func pathOf(e ast.Expr) (path []string, variable string) {
	switch e.Kind() {
	case ast.IdentKind:
		return nil, e.AsIdent()
	case ast.SelectKind:
		path, variable = pathOf(e.AsSelect().Operand())
		return append(path, e.AsSelect().FieldName()), variable
	case ast.CallKind:
		switch e.AsCall().FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			arguments := e.AsCall().Args()
			if member, is := textOf(arguments[1]); is {
				path, variable = pathOf(arguments[0])
				return append(path, member), variable
			}
		}
	}
	return nil, ""
}
