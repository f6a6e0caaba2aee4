// Package plan turns a funnel question into the one query that reads what the question needs and
// nothing else: per touchpoint its identity, its instant, which steps it is named by, the values
// that conditions test and breakdowns split by, and what of the order of touchpoints matters. It is
// pure; what it gives is golden-tested.
package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Needs says what a question needs of touchpoints besides which steps name them.
type Needs struct {
	// Values that conditions test and breakdowns split by.
	Values []Value
	// Order asks for what orders touchpoints of one millisecond.
	Order Order
	// Bases are the touchpoints whose later occurrences are others. All of a base that is Counted
	// are read, though no step names them.
	Bases []Base
	// Scope says what is read beside the touchpoints in range that steps and exclusions name.
	Scope funnel.Scope
	// Only is the unit that alone is asked about. nil: all are.
	Only *Only
}

// Base is a touchpoint of the map that others repeat.
type Base struct {
	Touchpoint journey.TouchpointID
	Counted    bool
}

// Order says what of the shown order is read.
type Order uint8

// The orders. Near are the instants and the place in the batch: they order all touchpoints but
// those of one request's receipt, in practice copies of one row. Shown adds the message id, which
// decides, and tells copies from others.
const (
	NoOrder Order = iota
	Near
	Shown
)

// Query is a SELECT over touchpoints.
type Query struct {
	SQL    string
	Params map[string]string
	// Columns of the result, in their order.
	Columns []Column
}

// Column is a column of the result.
type Column struct {
	Name string
	Type Type
}

// Type is the type of a column.
type Type uint8

// The types.
const (
	UInt64 Type = iota
	Int64
	UInt32
	String
	UInt64s
	// Words are texts of which many are the same.
	Words
)

// Places of the columns that every query has: identity, milliseconds since 1970, and a bit per
// step that the touchpoint is named by.
const (
	Identity = iota
	At
	Names
)

// Layout says where the columns stand that only some queries have; -1 where they do not.
type Layout struct {
	// Exclusions is the place of a bit per exclusion that the touchpoint is named by.
	Exclusions int
	// Base is the place of the number of the base that a touchpoint is, from 1; 0 if it is none.
	Base int
	// Values is the place of the first of the values, which follow one another in their order.
	Values int
	// Order is the place of occurred, original and received (nanoseconds since 1970) and
	// batch_index, in that order; Message is that of the message id.
	Order, Message int
}

// latest is the last instant that a touchpoint may have: 2262-01-01 in milliseconds since 1970.
var latest = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// Touchpoints plans the reading of a site's touchpoints for a question.
func Touchpoints(site journey.SiteID, q funnel.Question, needs Needs) (Query, Layout) {
	b := builder{params: map[string]string{"site": string(site)}}
	b.column("identity", "identity", UInt64)
	b.column("toUnixTimestamp64Milli(at)", "at_ms", Int64)
	which, exclusions := b.names(q, needs)
	layout := b.optional(needs)
	layout.Exclusions = exclusions
	b.order = layout.Order
	return Query{SQL: b.sql(q, needs, which), Params: b.params, Columns: b.columns}, layout
}

// Bounds are the first and the last instant that a plain question sees, both inside, in
// milliseconds since 1970. Nothing is seen where last is before first.
func Bounds(q funnel.Question) (first, last int64) {
	var s funnel.Scope
	if q.Mode == funnel.Entry {
		s.After = q.Window.Milliseconds()
	}
	return bounds(q, s)
}

// Reach is the same of any question, by what it looks at.
func Reach(q funnel.Question, s funnel.Scope) (first, last int64) {
	first, last = bounds(q, s)
	if s.FirstTime != 0 {
		first = 0
	}
	return first, last
}

// bounds are those of any question; steps of Scope.FirstTime look at what is before them, too.
func bounds(q funnel.Question, s funnel.Scope) (first, last int64) {
	first = max(q.From.UnixMilli()-s.Before, 0)
	last = min(q.To.UnixMilli()-1+s.After, q.AsOf.UnixMilli(), latest)
	return min(first, latest), max(last, -1)
}

type builder struct {
	selects []string
	columns []Column
	params  map[string]string
	// order is the place of the first of the columns that only order touchpoints, -1 for none.
	order int
}

func (b *builder) column(expression, name string, t Type) int {
	if expression != name {
		expression += " AS " + name
	}
	b.selects = append(b.selects, expression)
	b.columns = append(b.columns, Column{Name: name, Type: t})
	return len(b.columns) - 1
}

// param binds a value and gives the words that stand for it.
func (b *builder) param(prefix, value string) string {
	name := fmt.Sprintf("%s%d", prefix, len(b.params))
	b.params[name] = value
	return "{" + name + ":String}"
}

func (b *builder) optional(needs Needs) Layout {
	l := Layout{Exclusions: -1, Base: -1, Values: len(b.columns), Order: -1, Message: -1}
	if len(needs.Bases) > 0 {
		l.Base = b.bases(needs.Bases)
		l.Values++
	}
	for i, v := range needs.Values {
		b.column(b.expression(v), fmt.Sprintf("value_%d", i), String)
	}
	b.shows(needs.Order, &l)
	return l
}

// shows adds the columns that order touchpoints.
func (b *builder) shows(order Order, l *Layout) {
	if order >= Near {
		l.Order = b.column("toUnixTimestamp64Nano(occurred_at)", "occurred_ns", Int64)
		b.column("toUnixTimestamp64Nano(original_at)", "original_ns", Int64)
		b.column("toUnixTimestamp64Nano(received_at)", "received_ns", Int64)
		b.column("batch_index", "batch_index", UInt32)
	}
	if order == Shown {
		l.Message = b.column("message_id", "message_id", String)
	}
}

// bases adds the column of the bases' numbers.
func (b *builder) bases(bases []Base) int {
	var names, numbers []string
	for i, base := range bases {
		names = append(names, b.param("b", string(base.Touchpoint)))
		numbers = append(numbers, fmt.Sprintf("toUInt32(%d)", i+1))
	}
	return b.column(fmt.Sprintf("CAST(transform(touchpoint, [%s], [%s], toUInt32(0)) AS UInt32)",
		strings.Join(names, ", "), strings.Join(numbers, ", ")), "base", UInt32)
}

// Touches is the place of the packed touchpoints in a query of packed journeys, behind Identity.
const Touches = 1

// Journeys plans the reading of a site's packed journeys for a question without conditions, of
// all months that it sees. What comes back holds touchpoints of other steps and instants too.
func Journeys(site journey.SiteID, q funnel.Question) Query {
	first, last := Bounds(q)
	return Query{
		SQL: `SELECT identity, CAST(touches AS Array(UInt64)) AS packed
FROM journeys
WHERE site = {site:String} AND month BETWEEN {first:UInt32} AND {last:UInt32}`,
		Params: map[string]string{
			"site": string(site), "first": monthOf(first), "last": monthOf(last),
		},
		Columns: []Column{{Name: "identity", Type: UInt64}, {Name: "packed", Type: UInt64s}},
	}
}

// monthOf is the month of an instant in milliseconds since 1970, such as 202411.
func monthOf(at int64) string { return time.UnixMilli(at).UTC().Format("200601") }
