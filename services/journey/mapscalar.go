package journey

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// texts reads a list of texts.
func (o *object) texts(name string) []string {
	var all []string
	for _, m := range o.bounded(name, maxListLength) {
		all = append(all, o.boundedText(m, maxTextLength))
	}
	return all
}

// bounded are the entries of a list, at most so many; what goes beyond is a mistake.
func (o *object) bounded(list string, most int) []member {
	members, _ := o.list(list)
	if len(members) <= most {
		return members
	}
	o.add(members[most].at, members[most].path,
		"more than %d %s; take out what is least needed", most, strings.ReplaceAll(list, "_", " "))
	return members[:most]
}

// flag reads true or false. false if absent or wrong.
func (o *object) flag(name string) bool {
	m, present := o.members[name]
	if !present {
		return false
	}
	n, ok := m.value.(*ast.BoolNode)
	if !ok {
		o.add(m.at, m.path, "this is %s; write true or false", kindOf(m.value))
		return false
	}
	return n.Value
}

// word reads one of a few words. Empty if absent or wrong.
func (o *object) word(name string, s *shape) string {
	m, present := o.members[name]
	if !present {
		return ""
	}
	words := s.field(name).is.words
	word, ok := o.textOf(m)
	if ok && !slices.Contains(words, word) {
		o.add(m.at, m.path, "%q is none of %s%s", clipped(word), strings.Join(words, ", "),
			nearestHint(word, words))
		return ""
	}
	return word
}

// whole reads a whole number with its bounds.
func (o *object) whole(name string, s *shape) (int, bool) {
	m, present := o.members[name]
	if !present {
		return 0, false
	}
	f := s.field(name).is
	n, ok := wholeOf(m.value)
	if !ok || float64(n) < f.low || float64(n) > f.high {
		o.add(m.at, m.path, "this must be a whole number from %g to %g", f.low, f.high)
		return 0, false
	}
	return n, true
}

func wholeOf(n ast.Node) (int, bool) {
	if _, is := n.(*ast.IntegerNode); !is {
		return 0, false
	}
	whole, err := strconv.Atoi(n.GetToken().Value)
	return whole, err == nil
}

// score reads the team's own. 0 if absent, unknown or wrong.
func (o *object) score() int {
	m, present := o.members["score"]
	if !present {
		return 0
	}
	if text, is := scalarOf(m.value); is && text == "unknown" {
		return 0
	}
	n, ok := wholeOf(m.value)
	if !ok || n < 1 || n > MaxImportance {
		o.add(m.at, m.path, "the score is a whole number from 1 (bad) to %d (good), or unknown",
			MaxImportance)
		return 0
	}
	return n
}

// number reads a number with its bounds. nil if absent or wrong.
func (o *object) number(name string, s *shape) *float64 {
	m, present := o.members[name]
	if !present {
		return nil
	}
	f := s.field(name).is
	n, ok := o.numberOf(m)
	switch {
	case !ok:
		return nil
	case f.inside && (n <= f.low || n >= f.high):
		o.add(m.at, m.path, "the number must lie between %g and %g, these two left out", f.low, f.high)
		return nil
	case n < f.low || n > f.high:
		o.add(m.at, m.path, "the number must lie from %g to %g", f.low, f.high)
		return nil
	}
	return &n
}

// decimal is how numbers are written, so that every reader of YAML takes them for the same.
var decimal = regexp.MustCompile(`^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)$`)

func (r *mapReader) numberOf(m member) (float64, bool) {
	switch m.value.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		text := m.value.GetToken().Value
		n, err := strconv.ParseFloat(text, 64)
		if decimal.MatchString(text) && err == nil && !math.IsInf(n, 0) {
			return n, true
		}
	}
	r.add(m.at, m.path, "this is %s; write a number in decimals, as in 12 or 0.5", notDecimal(m.value))
	return 0, false
}

func notDecimal(n ast.Node) string {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "written another way"
	}
	return kindOf(n)
}

// day reads a date. Empty if absent or wrong.
func (o *object) day(name string) string {
	m, present := o.members[name]
	if !present {
		return ""
	}
	text, ok := o.textOf(m)
	if ok && !isDay(text) {
		o.add(m.at, m.path, "%q is no day; write it as YYYY-MM-DD, as in 2027-03-31", clipped(text))
		return ""
	}
	return text
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// currency reads a code of ISO 4217. Empty if absent or wrong.
func (o *object) currency() string {
	m, present := o.members["currency"]
	if !present {
		return ""
	}
	text, ok := o.textOf(m)
	if ok && !isCurrency(text) {
		o.add(m.at, m.path, "%q is no currency; write the three capitals of ISO 4217, as in EUR",
			clipped(text))
		return ""
	}
	return text
}

func isCurrency(text string) bool {
	return len(text) == 3 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// span reads a length of time. false if absent or wrong.
func (o *object) span(name string) (time.Duration, bool) {
	m, present := o.members[name]
	if !present {
		return 0, false
	}
	text, isText := scalarOf(m.value)
	d, ok := parseSpan(strings.TrimSpace(text))
	if !isText || !ok {
		o.add(m.at, m.path, "this is no duration; write a whole number and one of d, h, m, s, "+
			"as in 90d or 36h")
		return 0, false
	}
	return d, true
}

// parseSpan reads one whole number of at most 9 digits and its unit.
func parseSpan(text string) (time.Duration, bool) {
	const mostDigits = 9
	units := map[byte]time.Duration{
		'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second,
	}
	if len(text) < 2 || len(text) > mostDigits+1 {
		return 0, false
	}
	unit, known := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || !known {
		return 0, false
	}
	if n > uint64(math.MaxInt64/unit) {
		return math.MaxInt64, true
	}
	return time.Duration(n) * unit, true
}
