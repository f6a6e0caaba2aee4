package journey

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
)

// ruleError is a mistake in a condition, at a character of its text from 0.
type ruleError struct {
	offset  int
	message string
}

// ruleErrors are all type errors, but only the first syntax error: the parser's others follow
// from it.
func ruleErrors(text string, issues *cel.Issues, in *language) []ruleError {
	var errs []ruleError
	for _, e := range issues.Errors() {
		offset := offsetOf(text, e.Location.Line(), e.Location.Column())
		if syntax, is := strings.CutPrefix(e.Message, "Syntax error: "); is {
			syntax, _, _ = strings.Cut(syntax, " expecting {")
			message := "the condition is no CEL expression: " + syntax
			return []ruleError{{offset: offset, message: message}}
		}
		errs = append(errs, ruleError{offset: offset, message: plainly(e.Message, in)})
	}
	return errs
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
)

// plainly says what CEL's message means in the words of conditions.
func plainly(message string, in *language) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return "unknown name \"" + clipped(m[1]) + "\"" + unknownHint(m[1], in)
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		return misapplied(m[1], m[2])
	}
	if message == "comprehension exceeds nesting limit" {
		return "all, exists and exists_one may stand in one another only once"
	}
	return message
}

func unknownHint(name string, in *language) string {
	if slices.Contains(in.functions, name) {
		return "; " + name + " is a function: write its arguments behind it, in parentheses"
	}
	macros := []string{"all", "exists", "exists_one", "has"}
	if near := nearest(name, slices.Concat(in.variables, macros, in.functions)); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; a condition reads " + strings.Join(in.variables, ", ")
}

// misapplied says that a function was given arguments of types that it does not take.
func misapplied(function, types string) string {
	if own, is := strings.CutPrefix(function, hidden); is {
		_, types, _ = strings.Cut(types, ", ")
		return own + " cannot be applied to (" + clipped(types)
	}
	text := displayed(function) + " cannot be applied to " + clipped(types)
	if types == "(double, int)" || types == "(int, double)" {
		text += "; write 2.0 for 2 and double(…) around what is a whole number"
	}
	return text
}

// plainReason says in plain words what kept a condition from being evaluated.
func plainReason(message string) string {
	if _, name, is := strings.Cut(message, "no such key: "); is {
		return fmt.Sprintf("there is no %q", clipped(name))
	}
	switch {
	case strings.Contains(message, "no such overload"):
		return "a value is of another kind than the condition expects"
	case strings.Contains(message, "cost limit exceeded"):
		return "it takes too long for what is known of the person"
	default:
		return clipped(message)
	}
}

// displayed is an operator as one writes it.
func displayed(function string) string {
	if symbol, ok := operators.FindReverse(function); ok && symbol != "" {
		return symbol
	}
	return function
}

// offsetOf turns a line from 1 and a column from 0 into a number of characters from 0.
func offsetOf(text string, line, column int) int {
	offset := 0
	for range line - 1 {
		head, rest, _ := strings.Cut(text, "\n")
		offset += utf8.RuneCountInString(head) + 1
		text = rest
	}
	return max(0, offset+column)
}
