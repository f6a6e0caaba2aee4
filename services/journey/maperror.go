package journey

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxMapErrors bounds what ParseMap reports; one more entry says how many are left out.
const maxMapErrors = 100

// MapError is one mistake in the text of a map.
type MapError struct {
	// Line and Column count from 1, the column in characters.
	Line, Column int
	// Path is the place in the map, as "touchpoints[3].when" with places from 0; empty for a
	// mistake in the text as a whole.
	Path string
	// Message says what is wrong and what to do.
	Message string
}

// Error is the place and the message in one line.
func (e MapError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("line %d, column %d: %s: %s", e.Line, e.Column, e.Path, e.Message)
}

// MapErrors are the mistakes in the text of a map, in file order, at least one.
type MapErrors []MapError

// Error is a line per mistake.
func (e MapErrors) Error() string {
	lines := make([]string, len(e))
	for i, mistake := range e {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

// inOrder sorts by place and bounds the length.
func (e MapErrors) inOrder() MapErrors {
	slices.SortStableFunc(e, func(a, b MapError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(e) <= maxMapErrors {
		return e
	}
	last := e[maxMapErrors]
	last.Path = ""
	last.Message = fmt.Sprintf("%d more mistakes from here on; mend the ones above first",
		len(e)-maxMapErrors)
	return append(e[:maxMapErrors:maxMapErrors], last)
}

// place is a position in the text, from 1; the column counts characters.
type place struct{ line, column int }

// mistakes gathers errors while a text is read.
type mistakes struct{ found MapErrors }

func (m *mistakes) add(at place, path, format string, args ...any) {
	m.found = append(m.found, MapError{
		Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...),
	})
}
