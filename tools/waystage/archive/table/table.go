package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waystage/waystage/tools/waystage/archive"
)

// Table is a file of rows with its header read and every column of the mapping found.
type Table struct {
	mapping Mapping
	clock   clock
	now     time.Time
	header  []string
	// places are the columns by name, byName the columns in order of their names.
	places map[string]int
	byName []int
	// unnamed are columns without a name.
	unnamed []int
	// properties and traits are those of the mapping and those of the rest.
	properties, traits map[string]*Source

	rows *rows
}

// Open reads the header of a file and finds the columns. now bounds the instants that are taken.
// Errors: the mapping is wrong, the file has no header, columns are missing or not spoken of, all
// at once.
func Open(r io.Reader, m Mapping, now time.Time) (*Table, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	t := &Table{mapping: m, now: now}
	t.clock, _ = newClock(m.Timestamp.Format, m.Timestamp.Zone) // Check has read them
	comma, _ := commaOf(m.Delimiter)
	if err := t.readHeader(r, comma); err != nil {
		return nil, err
	}
	if err := t.bind(); err != nil {
		return nil, fmt.Errorf("%w\nThe header has %d columns: %s", err, len(t.header),
			strings.Join(t.header, ", "))
	}
	return t, nil
}

// commaOf is the delimiter by its name, 0 where none is stated.
func commaOf(delimiter string) (rune, error) {
	switch delimiter {
	case "":
		return 0, nil
	case "tab", `\t`:
		return '\t', nil
	}
	comma, size := utf8.DecodeRuneInString(delimiter)
	if size != len(delimiter) || strings.ContainsRune("\"\r\n\uFFFD", comma) {
		return 0, fmt.Errorf("delimiter: %q: give one character, or tab", delimiter)
	}
	return comma, nil
}

// delimiters are those that are looked for, the first wins where there are as many of another.
const delimiters = ",;\t|"

// sniffed is the delimiter that a header has most often outside quotes.
func sniffed(header []byte) rune {
	counts := make(map[rune]int)
	quoted := false
	for _, c := range string(header) {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return most(counts)
		default:
			counts[c]++
		}
	}
	return most(counts)
}

func most(counts map[rune]int) rune {
	best := ','
	for _, c := range delimiters {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

const headerBytes = 64 << 10

func (t *Table) readHeader(r io.Reader, comma rune) error {
	buffered := bufio.NewReaderSize(r, headerBytes)
	begin, err := buffered.Peek(headerBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the header: %w", err)
	}
	if bytes.HasPrefix(begin, []byte("\xff\xfe")) || bytes.HasPrefix(begin, []byte("\xfe\xff")) {
		return errors.New("the file is UTF-16, as spreadsheets write Unicode text: save it as CSV " +
			"in UTF-8, or convert it by `iconv -f utf-16 -t utf-8`")
	}
	if mark := []byte("\uFEFF"); bytes.HasPrefix(begin, mark) {
		_, _ = buffered.Discard(len(mark)) // it was read
		begin = begin[len(mark):]
	}
	lines := 0
	// Spreadsheets say so of their delimiter, and take the line for none of the table.
	if first, _, _ := bytes.Cut(begin, []byte("\n")); len(begin) > 0 {
		said, found := strings.CutPrefix(strings.TrimRight(string(first), "\r"), "sep=")
		if at, err := commaOf(said); found && err == nil && at != 0 {
			_, _ = buffered.Discard(min(len(first)+1, len(begin)))
			begin, lines = begin[min(len(first)+1, len(begin)):], 1
			comma = firstOf(comma, at)
		}
	}
	t.rows = newRows(buffered, firstOf(comma, sniffed(begin)), lines)
	header, err := t.rows.next()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty: it needs a header with the names of the columns")
	case err != nil:
		return err
	case header.wrong != nil:
		return fmt.Errorf("the header on line %d cannot be read: %w; check quotes and --delimiter",
			header.line, header.wrong)
	case !utf8.Valid(header.raw):
		return fmt.Errorf("the header is not UTF-8: %s", notUTF8)
	}
	for _, name := range header.cells {
		if strings.Contains(name, "\r") {
			return errors.New("the lines end with carriage returns alone: convert the file by " +
				"`tr '\\r' '\\n'`")
		}
		t.header = append(t.header, strings.TrimSpace(name))
	}
	return nil
}

const notUTF8 = "save it as UTF-8, or convert it by `iconv -f windows-1252 -t utf-8` " +
	"(or from what it is)"

func firstOf(a, b rune) rune {
	if a != 0 {
		return a
	}
	return b
}

// bind finds every column of the mapping, and what to do with the others.
func (t *Table) bind() error {
	var mistakes []error
	t.places = make(map[string]int)
	for i, name := range t.header {
		if name == "" {
			t.unnamed = append(t.unnamed, i)
			continue
		}
		if _, twice := t.places[name]; twice {
			mistakes = append(mistakes, fmt.Errorf("two columns are named %q: give each a name of "+
				"its own", name))
		}
		t.places[name] = i
		t.byName = append(t.byName, i)
	}
	slices.SortFunc(t.byName, func(a, b int) int { return strings.Compare(t.header[a], t.header[b]) })
	named := t.mapping.named()
	used := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		s := named[name]
		mistakes = append(mistakes, t.missing(name, s)...)
		for _, column := range s.columns() {
			used[column] = true
		}
	}
	return errors.Join(append(mistakes, t.spread(used))...)
}

// missing are the columns of a source that the header does not have.
func (t *Table) missing(name string, s *Source) []error {
	var mistakes []error
	place := ""
	if s.at != "" {
		place = " (mapping " + s.at + ")"
	}
	for _, column := range s.columns() {
		if _, found := t.places[column]; found {
			continue
		}
		hint := ""
		for _, other := range t.header {
			if strings.EqualFold(strings.ReplaceAll(other, " ", "_"),
				strings.ReplaceAll(column, " ", "_")) {
				hint = fmt.Sprintf("; did you mean %q?", other)
			}
		}
		mistakes = append(mistakes, fmt.Errorf("%s%s: there is no column %q%s", name, place, column,
			hint))
	}
	if s.word != nil && s.Value != nil {
		if _, found := t.places[*s.word]; found {
			mistakes = append(mistakes, fmt.Errorf("%s%s: %q is also a column: write {column: %s} "+
				"or {value: %s}", name, place, *s.word, *s.word, *s.word))
		}
	}
	return mistakes
}

// spread puts the columns that are not named where the mapping says.
func (t *Table) spread(used map[string]bool) error {
	t.properties = maps.Clone(t.mapping.Properties)
	t.traits = maps.Clone(t.mapping.Traits)
	into := map[string]*map[string]*Source{
		RestProperties: &t.properties, RestTraits: &t.traits,
	}[t.mapping.Rest]
	var left, clash []string
	for _, i := range t.byName {
		name := t.header[i]
		switch {
		case used[name] || t.mapping.Rest == RestDrop:
		case into == nil:
			left = append(left, name)
		default:
			if *into == nil {
				*into = make(map[string]*Source)
			}
			if (*into)[name] != nil {
				clash = append(clash, name)
			}
			(*into)[name] = Column(name)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("nothing says what becomes of the columns %s: name them, or say "+
			"--rest properties (or traits, or drop) or rest: in the mapping",
			strings.Join(left, ", "))
	}
	if len(clash) > 0 {
		return fmt.Errorf("rest: the columns %s have the names of %s that come from others: name "+
			"them", strings.Join(clash, ", "), t.mapping.Rest)
	}
	return nil
}

// Entries gives the rows as messages. Those that begin before the line from, which is looked at
// when reading begins, are empty.
func (t *Table) Entries(from *int) archive.Entries {
	return func(yield func(archive.Entry, error) bool) {
		for {
			r, err := t.rows.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(archive.Entry{}, err)
				return
			}
			e := archive.Entry{Line: r.line}
			if r.line >= *from {
				e = t.entry(r)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// entry is what a row gives.
func (t *Table) entry(r row) archive.Entry {
	e := archive.Entry{Line: r.line, Text: bytes.TrimRight(bytes.Clone(r.raw), "\r\n")}
	switch {
	case r.wrong != nil:
		return e.Refuse(Unreadable, t.whyUnreadable(r.wrong))
	case !utf8.Valid(r.raw):
		return e.Refuse(NotUTF8, "the row is not UTF-8: "+notUTF8)
	case !slices.ContainsFunc(r.cells, func(c string) bool { return strings.TrimSpace(c) != "" }):
		return e
	case len(r.cells) != len(t.header):
		return e.Refuse(WrongCount, fmt.Sprintf("the row has %d fields and the header %d: quote "+
			"fields that hold the delimiter or a line end", len(r.cells), len(t.header)))
	}
	c := cells{t, r.cells}
	for _, i := range t.unnamed {
		if t.mapping.Rest != RestDrop && c.at(i) != "" {
			return e.Refuse(UnnamedCell, fmt.Sprintf("field %d holds %q and its column has no name: "+
				"give it one, or say rest: drop", i+1, clipped(c.at(i))))
		}
	}
	return c.entry(e)
}

func (t *Table) whyUnreadable(wrong error) string {
	switch {
	case errors.Is(wrong, csv.ErrBareQuote):
		return `a quote (") stands in a field that does not begin with one: put the field in ` +
			"quotes and double those in it"
	case errors.Is(wrong, csv.ErrQuote):
		return `a quote (") that opens a field is not closed, or not before the delimiter: double ` +
			"quotes inside the field"
	default:
		return wrong.Error() + ": most likely a quote is not closed"
	}
}
