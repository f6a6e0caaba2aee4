package api

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
)

// Limits of a question beyond those of package funnel.
const (
	// MaxWindow is a hundred years of 365 days: no window, for those who want none.
	MaxWindow = 36500 * 24 * time.Hour
	// MaxConditions is the most conditions and filters that a question may hold.
	MaxConditions = 500
	// MaxFilterDepth is the most levels of all, any and not.
	MaxFilterDepth = 32
	// MaxValues is the most values that a condition may compare with.
	MaxValues = 1000
	// MaxRegexBytes is the longest regular expression.
	MaxRegexBytes = 1000
	// maxMistakes is the most mistakes that are collected.
	maxMistakes = 100
)

// reader reads a question and collects what is wrong with it and what is not answered yet.
type reader struct {
	surroundings
	invalid     fault.Violations
	unsupported fault.Violations
	conditions  int
}

// surroundings are what a question is read by.
type surroundings struct {
	// now is what an unstated as_of means.
	now time.Time
	// zone is the site's.
	zone *time.Location
	// known are the ids of the newest map.
	known knownIDs
}

// err is everything wrong, else everything not answered yet, else nil.
func (r *reader) err() error {
	if err := r.invalid.Err(fault.Invalid); err != nil {
		return err
	}
	return r.unsupported.Err(fault.Unsupported)
}

func (r *reader) bad(field, format string, args ...any) {
	if len(r.invalid) < maxMistakes {
		r.invalid.Add(field, fmt.Sprintf(format, args...))
	}
}

func (r *reader) later(field, format string, args ...any) {
	if len(r.unsupported) < maxMistakes {
		r.unsupported.Add(field, fmt.Sprintf(format, args...))
	}
}

// check adds what the meaning of a question forbids, where nothing is said of a field yet.
func (r *reader) check(q funnel.Question) {
	if r.conditions > MaxConditions {
		return // the question is cut short
	}
	for _, v := range q.Check() {
		if !r.said(v.Field) {
			r.bad(v.Field, "%s", v.Message)
		}
	}
}

// said tells whether a mistake of a field, or of one below it, is collected already.
func (r *reader) said(field string) bool {
	return slices.ContainsFunc(r.invalid, func(v fault.Violation) bool {
		rest, below := strings.CutPrefix(v.Field, field)
		return below && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// laterIf refuses a field that is stated and not answered yet.
func (r *reader) laterIf(stated bool, field, why string) {
	if stated {
		r.later(field, "%s", why)
	}
}

// enum refuses a number that the enum does not know.
func (r *reader) enum(field string, e protoreflect.Enum) bool {
	if e.Descriptor().Values().ByNumber(e.Number()) != nil {
		return true
	}
	r.bad(field, "unknown value %d", e.Number())
	return false
}

// shortName is the name of an enum's value without what all of them begin with.
func shortName(e fmt.Stringer, prefix string) string {
	return strings.TrimPrefix(e.String(), prefix)
}

// span reads seconds, rounded to milliseconds.
func (r *reader) span(field string, seconds float64, least, most time.Duration) time.Duration {
	if math.IsNaN(seconds) || seconds < least.Seconds() || seconds > most.Seconds() {
		r.bad(field, "is %s: give %s to %s seconds", plainSeconds(seconds),
			plainSeconds(least.Seconds()), plainSeconds(most.Seconds()))
		return least
	}
	return time.Duration(math.Round(seconds*1000)) * time.Millisecond
}

// plainSeconds writes a number without an exponent.
func plainSeconds(seconds float64) string { return strconv.FormatFloat(seconds, 'f', -1, 64) }
