package plan

import (
	"fmt"

	"github.com/waystage/waystage/services/funnel"
)

// Way is how numbers are come by: touchpoints are streamed to the evaluator, or attempts are found
// inside ClickHouse and only what they add up to comes back.
type Way uint8

// The ways. Auto leaves the choice to Choose.
const (
	Auto Way = iota
	Streamed
	Inside
)

var wayNames = map[string]Way{"auto": Auto, "streamed": Streamed, "inside": Inside}

// WayOf reads the name of a way: auto, streamed or inside. False if it is none.
func WayOf(name string) (Way, bool) {
	w, ok := wayNames[name]
	return w, ok
}

// Choose says which way a question goes, and why, in words: never Auto. On one node streaming is
// faster (docs/decisions/0010-inside-clickhouse.md); over shards it moves every touchpoint of the
// range, where what is counted inside moves numbers alone. spread tells that touchpoints are spread
// over shards; claim is what InsideClaims says of the question.
func Choose(setting Way, spread bool, claim error) (Way, string) {
	switch {
	case setting == Streamed:
		return Streamed, "as is set"
	case setting == Auto && !spread:
		return Streamed, "on one node it is faster than counting inside ClickHouse"
	case claim != nil:
		return Streamed, "it cannot be counted inside ClickHouse: " + claim.Error()
	case setting == Inside:
		return Inside, "as is set"
	default:
		return Inside, "touchpoints are spread over shards"
	}
}

// NotInside says why a question is not counted inside ClickHouse.
type NotInside string

// Error is the reason, for people.
func (n NotInside) Error() string { return string(n) }

// InsideClaims tells whether a question can be counted inside ClickHouse exactly: nil if it can.
// It can where a touchpoint fills at most one step, by its name and by conditions that text
// comparison decides: then neither the order within a millisecond matters nor whether a touchpoint
// is there twice, and of the options only range mode, reentry and a breakdown by persona are left.
// Errors: NotInside.
func InsideClaims(p *funnel.Program) error {
	q := p.Question()
	for _, c := range []struct {
		holds bool
		text  string
	}{
		{p.Overlaps(), "a touchpoint may fill several steps"},
		{len(q.Buckets) > 0, "a trend is asked"},
		{q.Departures || q.Reasons != nil, "what those did who left is asked"},
		{q.Unit.Kind != funnel.PersonUnit, "the unit is no person"},
		{!ofPersona(q.Breakdowns), "it splits by something else than the persona"},
		{p.Ordered(), "it has options of order, steps or counting"},
	} {
		if c.holds {
			return NotInside(c.text)
		}
	}
	b := builder{params: map[string]string{}}
	for i, s := range q.Steps {
		if _, ok := b.all(s.Conditions); !ok {
			return NotInside(fmt.Sprintf("a condition of step %d is more than a comparison of texts",
				i+1))
		}
	}
	if _, ok := b.holds(q.Filter); !ok {
		return NotInside("the filter is more than comparisons of texts")
	}
	return nil
}

// ofPersona tells that there is no breakdown, or one by the persona of as_of.
func ofPersona(breakdowns []funnel.Breakdown) bool {
	switch len(breakdowns) {
	case 0:
		return true
	case 1:
		b := breakdowns[0]
		return b.By == funnel.Persona && b.Attribution == funnel.OfPerson
	default:
		return false
	}
}
