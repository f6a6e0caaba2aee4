package journey

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// offeredFunctions are the functions of conditions. None gives a value larger than its arguments,
// and none reads anything but them.
var offeredFunctions = []string{
	"bool", "charAt", "contains", "double", "duration", "dyn", "endsWith", "hasValue", "indexOf",
	"int", "lastIndexOf", "lowerAscii", "matches", "or", "orValue", "size", "split", "startsWith",
	"string", "substring", "timestamp", "trim", "type", "uint", "upperAscii", "value",
}

// offered refuses what conditions do not offer: other functions, patterns that are not stated in
// the rule, and lists made from anything but literals.
type offered struct{}

// Name is that of the check.
func (offered) Name() string { return "waystage.offered" }

// Validate reports what is not offered.
func (offered) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	all := ast.MatchDescendants(ast.NavigateAST(a), func(ast.NavigableExpr) bool { return true })
	for _, e := range all {
		switch e.Kind() {
		case ast.CallKind:
			checkCall(e, issues)
		case ast.ListKind, ast.MapKind, ast.StructKind:
			checkLiteral(e, issues)
		}
	}
}

func checkCall(e ast.Expr, issues *cel.Issues) {
	call := e.AsCall()
	name := call.FunctionName()
	if isOperator(name) {
		return
	}
	if !slices.Contains(offeredFunctions, name) {
		issues.ReportErrorAtID(e.ID(), "%s is not offered in conditions%s", name,
			didYouMean(name, offeredFunctions))
		return
	}
	args := call.Args()
	if name == "matches" && args[len(args)-1].Kind() != ast.LiteralKind {
		issues.ReportErrorAtID(e.ID(), "the pattern of matches must be a text in the condition itself")
	}
}

// isOperator: operators are named with placeholders, as _&&_ and @in.
func isOperator(name string) bool { return strings.ContainsAny(name, "_@") }

func checkLiteral(e ast.NavigableExpr, issues *cel.Issues) {
	for _, child := range e.Children() {
		switch child.Kind() {
		case ast.LiteralKind, ast.ListKind, ast.MapKind:
		default:
			issues.ReportErrorAtID(child.ID(), "a list in a condition holds texts, numbers and "+
				"booleans only; compare with each value by || instead")
			return
		}
	}
}

// sorting makes loops over objects run in the order of their names, so that a condition gives the
// same result, and costs the same, every time.
type sorting struct{ types.Adapter }

// NativeToValue converts as the standard adapter does.
func (s sorting) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case map[string]any:
		return sortedObject{types.NewStringInterfaceMap(s, v), v}
	case []any:
		return types.NewDynamicList(s, v)
	}
	return s.Adapter.NativeToValue(value)
}

type sortedObject struct {
	traits.Mapper
	members map[string]any
}

// Iterator gives the names in order.
func (o sortedObject) Iterator() traits.Iterator {
	names := make([]string, 0, len(o.members))
	for name := range o.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return types.NewStringList(types.DefaultTypeAdapter, names).Iterator()
}
