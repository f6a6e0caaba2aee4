package funnel

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Violation is one mistake of a question.
type Violation struct {
	// Field is the path in the message, such as "question.steps[2].conditions[0].values".
	Field string
	// Message says what to do.
	Message string
}

// Violations are the mistakes of a question, in the order of its fields. They are an error.
type Violations []Violation

// Error is every mistake, one after the other.
func (v Violations) Error() string {
	texts := make([]string, len(v))
	for i, w := range v {
		texts[i] = w.Field + ": " + w.Message
	}
	return strings.Join(texts, "; ")
}

func (v *Violations) add(field, format string, args ...any) {
	*v = append(*v, Violation{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Check finds every mistake of a question whose unstated fields are already filled, AsOf too.
// None if it can be answered.
func (q Question) Check() Violations {
	var v Violations
	q.checkTimes(&v)
	q.checkSteps(&v)
	q.checkChoices(&v)
	q.Unit.check(&v)
	q.checkSimultaneity(&v)
	q.checkHold(&v)
	q.checkExclusions(&v)
	if q.Filter != nil {
		checkFilter(q.Filter, "question.filter", &v)
	}
	q.checkBreakdowns(&v)
	q.checkBuckets(&v)
	q.checkTimeToConvert(&v)
	return v
}

func (q Question) checkTimes(v *Violations) {
	if q.From.UnixMilli() >= q.To.UnixMilli() {
		v.add("question.range", "is empty: let it begin at least a millisecond before it ends")
	}
	if q.Mode > All {
		v.add("question.range_mode", "is unknown: give ENTRY or ALL")
	}
	if q.AsOf.IsZero() {
		v.add("question.as_of", "is missing: give an instant")
	}
	if q.Window < MinWindow {
		v.add("question.window_seconds", "is %v: give 1 second or more", q.Window)
	}
}

func (q Question) checkSteps(v *Violations) {
	if n := len(q.Steps); n < MinSteps || n > MaxSteps {
		v.add("question.steps", "are %d: give %d to %d", n, MinSteps, MaxSteps)
	}
	for i, s := range q.Steps {
		field := fmt.Sprintf("question.steps[%d]", i)
		s.Target.check(field, v)
		checkConditions(s.Conditions, field, v)
		q.checkStepOptions(i, field, v)
	}
}

func checkConditions(conditions []Condition, field string, v *Violations) {
	for i, c := range conditions {
		c.check(fmt.Sprintf("%s.conditions[%d]", field, i), v)
	}
}

var targetFields = [...]string{
	Stage: "stage", Touchpoint: "touchpoint", Event: "event", AnyEvent: "any_event",
}

func (t Target) check(field string, v *Violations) {
	switch {
	case t.Kind > AnyEvent:
		v.add(field+".target", "is unknown: give a stage, a touchpoint, an event or any event")
	case t.Kind != AnyEvent && t.Name == "":
		v.add(field+"."+targetFields[t.Kind], "is empty: give the name of what fills the step")
	}
}

func checkFilter(f Filter, field string, v *Violations) {
	switch f := f.(type) {
	case AllOf:
		checkFilters(f, field+".all.filters", v)
	case AnyOf:
		checkFilters(f, field+".any.filters", v)
	case Not:
		checkFilter(f.Of, field+".not", v)
	case Condition:
		f.check(field+".condition", v)
	default:
		v.add(field, "is missing: give one of all, any, not and condition")
	}
}

func checkFilters(fs []Filter, field string, v *Violations) {
	if len(fs) == 0 {
		v.add(field, "are none: give at least one, or leave the list out")
	}
	for i, f := range fs {
		checkFilter(f, fmt.Sprintf("%s[%d]", field, i), v)
	}
}

func (c Condition) check(field string, v *Violations) {
	if c.Subject > OfGroup {
		v.add(field+".subject", "is unknown: give one of those listed")
	} else {
		c.Subject.checkName(field+".name", c.Name, v)
	}
	least, most := c.Operator.arity()
	switch n := len(c.Values); {
	case most < 0:
		v.add(field+".operator", "is missing or unknown: give one of those listed")
	case n < least || n > most:
		v.add(field+".values", "are %d: give %s", n, arityText(least, most))
	default:
		c.checkValues(field+".values", v)
	}
}

// arity is how many values an operator takes: at least and at most. -1 if there is no such
// operator.
func (o Operator) arity() (least, most int) {
	switch o {
	case IsSet, IsNotSet:
		return 0, 0
	case Between:
		return 2, 2
	case In, NotIn:
		return 1, math.MaxInt
	case 0:
		return 0, -1
	}
	if o > IsNotSet {
		return 0, -1
	}
	return 1, 1
}

func arityText(least, most int) string {
	switch {
	case most == 0:
		return "none with this operator"
	case least == most:
		return fmt.Sprintf("exactly %d with this operator", least)
	default:
		return "at least 1 with this operator"
	}
}

func (c Condition) checkValues(field string, v *Violations) {
	for i, value := range c.Values {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch value.Kind() {
		case journey.Missing:
			v.add(at, "is null: give a value, or use the operator IS_SET or IS_NOT_SET")
		case journey.Composite:
			v.add(at, "is a list or an object: give a text, a number or a boolean")
		case journey.Number:
			if n := value.Number(); math.IsNaN(n) || math.IsInf(n, 0) {
				v.add(at, "is no finite number: give one that is")
			}
		}
	}
	switch c.Operator {
	case Regex:
		if _, err := regexp.Compile(c.Values[0].Text()); err != nil {
			v.add(field+"[0]", "is no regular expression in RE2 syntax: %v", err)
		}
	case Between:
		low, high := c.Values[0], c.Values[1]
		if low.Kind() == high.Kind() && compareValues(low, high) > 0 {
			v.add(field, "are in descending order: give the smaller one first")
		}
	}
}
