package journey

import (
	"regexp/syntax"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
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
type offered struct{ functions []string }

// Name is that of the check.
func (offered) Name() string { return "waystage.offered" }

// Validate reports what is not offered.
func (o offered) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	all := ast.MatchDescendants(ast.NavigateAST(a), func(ast.NavigableExpr) bool { return true })
	for _, e := range all {
		switch e.Kind() {
		case ast.CallKind:
			o.checkCall(e, issues)
			checkArithmetic(e, a, issues)
		case ast.ListKind, ast.MapKind, ast.StructKind:
			checkLiteral(e, issues)
		}
	}
}

func (o offered) checkCall(e ast.Expr, issues *cel.Issues) {
	call := e.AsCall()
	name := call.FunctionName()
	if isOperator(name) {
		return
	}
	if !slices.Contains(o.functions, name) {
		issues.ReportErrorAtID(e.ID(), "%s is not offered in conditions%s", name,
			didYouMean(name, o.functions))
		return
	}
	if name == "matches" {
		checkPattern(call.Args(), issues)
	}
}

// checkPattern looks at the pattern of matches, which is the last argument. (The check that comes
// with CEL panics for patterns with a count, such as a{2}.)
func checkPattern(args []ast.Expr, issues *cel.Issues) {
	pattern := args[len(args)-1]
	if pattern.Kind() != ast.LiteralKind {
		issues.ReportErrorAtID(pattern.ID(),
			"the pattern of matches must be a text in the condition itself")
		return
	}
	text, _ := pattern.AsLiteral().Value().(string)
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		issues.ReportErrorAtID(pattern.ID(), "the pattern of matches is no regular expression: %v",
			err)
		return
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > patternInstructions {
		issues.ReportErrorAtID(pattern.ID(), "the pattern of matches is too large; simplify it")
	}
}

// checkArithmetic refuses 2 * properties.n, which never works: CEL does not mix whole numbers and
// doubles in arithmetic, as it does in comparisons.
func checkArithmetic(e ast.NavigableExpr, a *ast.AST, issues *cel.Issues) {
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
	default:
		return
	}
	left, right := call.Args()[0], call.Args()[1]
	if left.Kind() != ast.LiteralKind {
		left, right = right, left
	}
	if left.Kind() != ast.LiteralKind || a.GetType(right.ID()).Kind() != types.DynKind {
		return
	}
	if whole, ok := left.AsLiteral().(types.Int); ok {
		issues.ReportErrorAtID(e.ID(), "numbers of messages and traits are doubles; write %d.0 for %d",
			int64(whole), int64(whole))
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
