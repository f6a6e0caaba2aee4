package journey

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says how bad a finding is.
type Severity string

// The severities, worst first. An error is a rule that can never do anything, a warning something
// that is likely not meant, a note something worth knowing.
const (
	LintError   Severity = "error"
	LintWarning Severity = "warning"
	LintNote    Severity = "note"
)

// Finding is something about a map that is no mistake of its text but worth mending.
type Finding struct {
	Severity Severity
	// Line and Column count from 1, the column in characters.
	Line, Column int
	// Path is the place in the map, as "touchpoints[3].when" with places from 0.
	Path string
	// Message says what is found and what to do.
	Message string
}

// String is the place, the severity and the message in one line.
func (f Finding) String() string {
	return fmt.Sprintf("line %d, column %d: %s: %s: %s",
		f.Line, f.Column, f.Severity, f.Path, f.Message)
}

// Stream is what a site has sent, for Lint.
type Stream struct {
	// Events by name, each once.
	Events []Seen
	// Full tells that the catalogue found no room for some names: that a name is absent says nothing.
	Full bool
}

// LintOptions are what Lint judges by besides the map.
type LintOptions struct {
	// Today as YYYY-MM-DD; empty: nothing is past due.
	Today string
	// Stream is nil where it is not known.
	Stream *Stream
}

// Lint reads the text of a map and finds in file order what is no mistake but likely not meant:
// rules that can never hold, stages that nobody reaches, targets and plans that contradict each
// other, events that the map does not know. docs/journey-map.md lists what it looks at. Its time
// grows with the square of the text of the rules that share events, which is bounded. Errors:
// MapErrors, where the text is no map.
func Lint(source string, by LintOptions) ([]Finding, error) {
	m, places, err := parseMap(source)
	if err != nil {
		return nil, err
	}
	l := linter{Map: m, places: places, by: by}
	l.touchpointRules()
	l.lintRepeats()
	l.lintChannels()
	l.lintPersonas()
	l.lintStages()
	l.lintTouchpoints()
	l.lintNumbers()
	l.lintStream()
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.found, nil
}

// linter looks at one map.
type linter struct {
	*Map

	by     LintOptions
	places map[string]place
	found  []Finding
	// dead are the touchpoints whose rules never hold.
	dead map[TouchpointID]bool
}

// add notes a finding at a path; one that the file does not have stands at the nearest above it.
func (l *linter) add(s Severity, path, format string, args ...any) {
	at := l.placeOf(path)
	l.found = append(l.found, Finding{
		Severity: s, Line: at.line, Column: at.column, Path: path,
		Message: fmt.Sprintf(format, args...),
	})
}

func (l *linter) placeOf(path string) place {
	for path != "" {
		if at, there := l.places[path]; there {
			return at
		}
		path = parentOf(path)
	}
	return place{1, 1}
}

// parentOf takes the last name or place in a list off a path.
func parentOf(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

func at(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// leads tells that touchpoints of the stream can be this one.
func (l *linter) leads(t *Touchpoint) bool {
	if t.Status != Live || l.dead[t.ID] {
		return false
	}
	if t.Repeat == nil {
		return true
	}
	of := l.touchpoint(t.Repeat.Of)
	return of.Status == Live && !l.dead[of.ID]
}

// touchpoint finds one that the map has.
func (l *linter) touchpoint(id TouchpointID) *Touchpoint {
	i := slices.IndexFunc(l.Touchpoints, func(t Touchpoint) bool { return t.ID == id })
	return &l.Touchpoints[i]
}
