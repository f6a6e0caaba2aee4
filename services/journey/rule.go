package journey

import (
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

const (
	// ruleCost bounds one evaluation, in CEL's units of about one operation or ten characters.
	ruleCost = 50_000
	// ruleDepth bounds the nesting of a condition; ruleLoops that of exists and all.
	ruleDepth = 50
	ruleLoops = 2
	// patternInstructions bounds a compiled regular expression.
	patternInstructions = 500
)

// rule is a compiled condition, safe for concurrent use.
type rule struct {
	program cel.Program
	// inputs are what it reads.
	inputs []input
}

// resolver gives the variables of a condition.
type resolver interface{ ResolveName(name string) (any, bool) }

// holds evaluates the condition. One that cannot be evaluated does not hold, be it for an absent
// member, a value of another kind, or its cost; neither does one whose result is no boolean.
func (r *rule) holds(variables resolver) bool {
	result, _, err := r.program.Eval(activation{variables})
	return err == nil && result == types.True
}

// explain evaluates the condition and says what kept it from being evaluated, if anything did.
func (r *rule) explain(variables resolver) (holds bool, reason string) {
	result, _, err := r.program.Eval(activation{variables})
	if err != nil {
		return false, plainReason(err.Error())
	}
	if _, is := result.(types.Bool); !is {
		return false, "it gives no true or false, but a value of type " + result.Type().TypeName()
	}
	return result == types.True, ""
}

type activation struct{ resolver }

// Parent is none.
func (activation) Parent() interpreter.Activation { return nil }

// compile reads a condition. Either the errors or the rule is nil.
func compile(text string, in *language) (compiled *rule, errs []ruleError) {
	defer func() {
		if recovered := recover(); recovered != nil {
			compiled = nil
			errs = []ruleError{{message: fmt.Sprintf("the condition cannot be read (%v); "+
				"simplify it", recovered)}}
		}
	}()
	if n := utf8.RuneCountInString(text); n > maxConditionRunes {
		return nil, []ruleError{{message: "the condition is longer than 2,000 characters; shorten it"}}
	}
	checked, issues := in.env.Compile(text)
	if errs := ruleErrors(text, issues, in); len(errs) > 0 {
		return nil, errs
	}
	if t := checked.OutputType(); !t.IsAssignableType(cel.BoolType) {
		return nil, []ruleError{{message: "the condition gives a value of type " + t.String() +
			", not true or false; compare it with something"}}
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if needsLimit(checked.NativeRep()) {
		options = append(options, cel.CostLimit(ruleCost))
	}
	program, err := in.env.Program(checked, options...)
	if err != nil {
		return nil, []ruleError{{message: "the condition cannot be prepared: " + err.Error()}}
	}
	return &rule{program: program, inputs: inputsOf(checked.NativeRep(), in.variables)}, nil
}

// needsLimit tells conditions whose time may exceed a small multiple of the message's size.
func needsLimit(a *ast.AST) bool {
	costly := ast.MatchDescendants(ast.NavigateAST(a), func(e ast.NavigableExpr) bool {
		return e.Kind() == ast.ComprehensionKind ||
			e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "matches"
	})
	return len(costly) > 0
}

// language is what conditions are written in. It is safe for concurrent use.
type language struct {
	env       *cel.Env
	variables []string
	// functions that are offered.
	functions []string
}

// touchpointLanguage is the language of the conditions of touchpoints and channels.
var touchpointLanguage = sync.OnceValue(func() *language {
	members := cel.MapType(cel.StringType, cel.DynType)
	return newLanguage(
		nil, nil,
		decls.NewVariable("event", cel.StringType),
		decls.NewVariable("type", cel.StringType),
		decls.NewVariable("properties", members),
		decls.NewVariable("context", members),
		decls.NewVariable("traits", members),
	)
})

// newLanguage is CEL without what could make a value larger than the message it comes from, so
// that time and memory of a condition are bounded by those of the message and the rule. functions
// are offered besides the usual ones, by options.
func newLanguage(
	functions []string, options []cel.EnvOption, variables ...*decls.VariableDecl,
) *language {
	functions = slices.Sorted(slices.Values(slices.Concat(offeredFunctions, functions)))
	withoutAdd := env.NewLibrarySubset().
		AddExcludedFunctions(env.NewFunction(operators.Add)).
		AddExcludedMacros(operators.Map, operators.Filter)
	built, err := cel.NewCustomEnv(append([]cel.EnvOption{
		cel.VariableDecls(variables...),
		cel.StdLib(cel.StdLibSubset(withoutAdd)),
		addition(),
		ext.Strings(),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.CustomTypeAdapter(sorting{types.DefaultTypeAdapter}),
		cel.ParserRecursionLimit(ruleDepth),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(ruleLoops), offered{functions},
		),
	}, options...)...)
	if err != nil {
		panic("building the language of conditions: " + err.Error()) // no input can cause it
	}
	names := make([]string, len(variables))
	for i, v := range variables {
		names[i] = v.Name()
	}
	return &language{env: built, variables: names, functions: functions}
}

// addition is + for numbers only.
func addition() cel.EnvOption {
	add := func(a, b ref.Val) ref.Val {
		switch a.(type) {
		case types.Int, types.Uint, types.Double:
			return a.(traits.Adder).Add(b)
		}
		return types.MaybeNoSuchOverloadErr(a)
	}
	overload := func(name string, of *cel.Type) cel.FunctionOpt {
		return cel.Overload(name, []*cel.Type{of, of}, of)
	}
	return cel.Function(operators.Add,
		overload("add_int64", cel.IntType),
		overload("add_uint64", cel.UintType),
		overload("add_double", cel.DoubleType),
		cel.SingletonBinaryBinding(add),
	)
}
