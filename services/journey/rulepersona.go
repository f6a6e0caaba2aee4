package journey

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// hidden begins the names that conditions cannot write. The functions over a person's touchpoints
// become hidden ones whose first argument is what is known of the person: CEL's own functions see
// nothing but their arguments.
const hidden = "@"

const (
	pastVariable  = hidden + "past"
	asOfVariable  = "as_of"
	daysFunction  = "days_since"
	countFunction = "count"
	sumFunction   = "sum"
	firstFunction = "first"
	lastFunction  = "last"
)

// factFunction is a function over a person's touchpoints of one event.
type factFunction struct {
	name string
	// parts are what its arguments name, each a text in the condition itself.
	parts []string
	// example is of its arguments.
	example string
	result  *cel.Type
	of      func(past *pastFacts, texts []string) ref.Val
}

var factFunctions = []factFunction{
	{countFunction, []string{"event"}, `"Order Completed"`, cel.IntType, countOf},
	{
		sumFunction,
		[]string{"event", "property"},
		`"Order Completed", "order_total"`,
		cel.DoubleType, sumOf,
	},
	{firstFunction, []string{"event"}, `"Order Completed"`, cel.TimestampType, firstOf},
	{lastFunction, []string{"event"}, `"Order Completed"`, cel.TimestampType, lastOf},
}

// personaLanguage is the language of the conditions of personas.
var personaLanguage = sync.OnceValue(func() *language {
	functions := []string{daysFunction}
	macros := []cel.Macro{cel.GlobalVarArgMacro(daysFunction, expandDays)}
	options := []cel.EnvOption{
		cel.Variable(pastVariable, pastType),
		cel.Function(hidden+daysFunction, cel.Overload("waystage_days_since",
			[]*cel.Type{cel.TimestampType, cel.TimestampType}, cel.IntType,
			cel.BinaryBinding(wholeDays))),
	}
	for _, f := range factFunctions {
		functions = append(functions, f.name)
		macros = append(macros, cel.GlobalVarArgMacro(f.name, f.expand))
		options = append(options, f.declare())
	}
	return newLanguage(functions, append(options, cel.Macros(macros...)),
		decls.NewVariable("traits", cel.MapType(cel.StringType, cel.DynType)),
		decls.NewVariable("groups", cel.MapType(cel.StringType, cel.StringType)),
		decls.NewVariable("first_channel", cel.StringType),
		decls.NewVariable("last_channel", cel.StringType),
		decls.NewVariable("first_at", cel.TimestampType),
		decls.NewVariable("last_at", cel.TimestampType),
		decls.NewVariable("touchpoints", cel.IntType),
		decls.NewVariable("sessions", cel.IntType),
		decls.NewVariable(asOfVariable, cel.TimestampType),
	)
})

func (f *factFunction) declare() cel.EnvOption {
	arguments := []*cel.Type{pastType}
	for range f.parts {
		arguments = append(arguments, cel.StringType)
	}
	bound := func(values ...ref.Val) ref.Val {
		past, is := values[0].(*pastFacts)
		if !is {
			return types.MaybeNoSuchOverloadErr(values[0])
		}
		var texts [2]string
		for i, v := range values[1:] {
			text, is := v.(types.String)
			if !is {
				return types.MaybeNoSuchOverloadErr(v)
			}
			texts[i] = string(text)
		}
		return f.of(past, texts[:])
	}
	return cel.Function(hidden+f.name, cel.Overload("waystage_"+f.name, arguments, f.result,
		cel.FunctionBinding(bound)))
}

// expand checks the arguments and puts the person before them.
func (f *factFunction) expand(
	in cel.MacroExprFactory, _ ast.Expr, arguments []ast.Expr,
) (ast.Expr, *common.Error) {
	for i, a := range arguments {
		if i == len(f.parts) {
			break
		}
		text, is := textOf(a)
		switch {
		case !is:
			return nil, in.NewError(a.ID(), f.name+" takes the "+f.parts[i]+"'s name as a text in "+
				"the condition itself; write it in quotes, as in "+f.shown())
		case text == "":
			return nil, in.NewError(a.ID(), "the "+f.parts[i]+"'s name is empty; fill it in, as in "+
				f.shown())
		}
	}
	if len(arguments) != len(f.parts) {
		return nil, atCall(f.name + " takes " + f.wants() + ", as in " + f.shown())
	}
	return in.NewCall(hidden+f.name, append([]ast.Expr{in.NewIdent(pastVariable)}, arguments...)...),
		nil
}

// atCall is a mistake that CEL places where the call stands.
func atCall(message string) *common.Error { return common.NewError(0, message, nil) }

func (f *factFunction) shown() string { return f.name + "(" + f.example + ")" }

func (f *factFunction) wants() string {
	if len(f.parts) == 1 {
		return "1 name, that of the " + f.parts[0]
	}
	return strconv.Itoa(len(f.parts)) + " names, those of the " + strings.Join(f.parts, " and the ")
}

func textOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, is := e.AsLiteral().(types.String)
	return string(text), is
}

// expandDays puts as_of before the instant.
func expandDays(
	in cel.MacroExprFactory, _ ast.Expr, arguments []ast.Expr,
) (ast.Expr, *common.Error) {
	if len(arguments) != 1 {
		return nil, atCall(daysFunction + " takes 1 instant, as in days_since(last_at)")
	}
	return in.NewCall(hidden+daysFunction, in.NewIdent(asOfVariable), arguments[0]), nil
}

// wholeDays is the number of days of 24 h from an instant to as_of, rounded down.
func wholeDays(asOf, from ref.Val) ref.Val {
	to, is := asOf.(types.Timestamp)
	since, too := from.(types.Timestamp)
	if !is || !too {
		return types.MaybeNoSuchOverloadErr(from)
	}
	const day = int64(24 * time.Hour / time.Millisecond)
	span := to.UnixMilli() - since.UnixMilli()
	days := span / day
	if span < 0 && span%day != 0 {
		days--
	}
	return types.Int(days)
}
