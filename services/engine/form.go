package engine

import "strings"

// form is what the HTTP interface must know of a statement before the engine parses it.
type form struct {
	// selects means the statement looks like a SELECT whose result can be streamed.
	selects bool
	// format is the one the text names in its FORMAT clause; empty when it names none.
	format string
	// takesData means an INSERT whose data follow the statement, in format.
	takesData bool
	// head is where the FORMAT clause of such an INSERT begins, data where its data begin.
	head, data int
}

// formOf reads a statement. For an INSERT with data it looks no further than where they begin, so
// the text may end anywhere after that.
func formOf(text string) form {
	scan := &scanner{text: text}
	first := scan.next()
	switch {
	case scan.is(first, "INSERT"):
		return insertForm(scan)
	case scan.is(first, "SELECT"), scan.is(first, "WITH"), scan.is(first, "FROM"),
		first.kind == tokenOther && scan.word(first) == "(":
		return queryForm(scan, form{selects: true})
	}
	return queryForm(scan, form{})
}

// insertForm reads on after the word INSERT.
func insertForm(scan *scanner) form {
	before := token{}
	for t := scan.next(); t.kind != tokenEnd; before, t = t, scan.next() {
		switch {
		case scan.precedesName(before):
		case scan.is(t, "VALUES"):
			return form{takesData: true, format: "Values", head: t.start, data: t.end}
		case scan.is(t, "FORMAT"):
			name := scan.next()
			if name.kind != tokenWord {
				return form{}
			}
			return form{
				takesData: true, format: scan.word(name),
				head: t.start, data: dataStart(scan.text, name.end),
			}
		case scan.is(t, "SELECT"), scan.is(t, "WITH"), scan.is(t, "FROM"), scan.is(t, "WATCH"):
			return form{}
		}
	}
	return form{}
}

// precedesName tells whether a table's name must follow the token, whatever word it is.
func (s *scanner) precedesName(t token) bool {
	return s.is(t, "INTO") || t.kind == tokenOther && s.word(t) == "."
}

// dataStart passes what a server passes between the name of the format and the data: blanks, then
// one end of line.
func dataStart(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\f') {
		at++
	}
	if at < len(text) && text[at] == '\r' {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// queryForm reads on after the first word of another statement: the FORMAT clause at its end, which
// only SETTINGS may follow, and WITH TOTALS, whose result libchdb streams wrongly.
func queryForm(scan *scanner, found form) form {
	before := token{}
	for t := scan.next(); t.kind != tokenEnd; before, t = t, scan.next() {
		if scan.is(t, "TOTALS") && scan.is(before, "WITH") {
			found.selects = false
		}
		if !scan.is(t, "FORMAT") {
			continue
		}
		mark := *scan
		name := scan.next()
		after := scan.next()
		if name.kind == tokenWord && endsStatement(scan, after) {
			found.format = scan.word(name)
		}
		*scan = mark
	}
	return found
}

func endsStatement(scan *scanner, t token) bool {
	return t.kind == tokenEnd || scan.is(t, "SETTINGS") || scan.is(t, "INTO") ||
		strings.HasPrefix(scan.text[t.start:], ";")
}
