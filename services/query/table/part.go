package table

import (
	"fmt"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// part says which part of an answer a row belongs to: all units, a group, or the rest of them.
type part struct {
	// name is whole, group or other.
	name   string
	values []*funnelv1.GroupValue
}

// groupPart is that of a group.
func groupPart(values []*funnelv1.GroupValue, other bool) part {
	if other {
		return part{name: "other"}
	}
	return part{name: "group", values: values}
}

// partColumns are part, and per breakdown the value and whether there is none.
func partColumns(by []string) []column[part] {
	columns := []column[part]{text("part", func(p part) string { return p.name })}
	for i, name := range by {
		columns = append(columns,
			column[part]{name, Text, func(p part) any {
				if v := p.value(i); v != nil && !v.GetMissing() {
					return v.GetValue()
				}
				return nil
			}},
			column[part]{name + "_missing", Flag, func(p part) any {
				if v := p.value(i); v != nil {
					return v.GetMissing()
				}
				return nil
			}},
		)
	}
	return columns
}

// value is that of a breakdown, nil where the part has none.
func (p part) value(i int) *funnelv1.GroupValue {
	if i < len(p.values) {
		return p.values[i]
	}
	return nil
}

// namesFor gives as many names as there are values, where fewer breakdowns are named.
func namesFor(by []string, values []*funnelv1.GroupValue) []string {
	for i := len(by); i < len(values); i++ {
		by = append(by[:i:i], fmt.Sprintf("group_%d", i+1))
	}
	return by
}

// factColumns are what an answer rests on.
func factColumns() []column[*funnelv1.AnswerFacts] {
	type facts = funnelv1.AnswerFacts
	return []column[*facts]{
		instant("from_time", (*facts).GetFromTime),
		instant("to_time", (*facts).GetToTime),
		instant("as_of", (*facts).GetAsOf),
		instant("fresh_until", (*facts).GetFreshUntil),
		number("map_version", (*facts).GetMapVersion),
		flag("groups_overlap", (*facts).GetGroupsOverlap),
		filled("warnings", func(f *facts) string { return strings.Join(f.GetWarnings(), "; ") }),
	}
}

// shareColumns are a share and its interval, without a value where the share is absent.
func shareColumns[T any](name string, of func(T) *funnelv1.Share) []column[T] {
	end := func(suffix string, part func(*funnelv1.Share) float64) column[T] {
		return column[T]{name + suffix, Number, func(row T) any {
			if s := of(row); s != nil {
				return part(s)
			}
			return nil
		}}
	}
	return []column[T]{
		end("", (*funnelv1.Share).GetValue),
		end("_low", (*funnelv1.Share).GetLow),
		end("_high", (*funnelv1.Share).GetHigh),
	}
}

// spanColumns are lengths of time in seconds, without a value where they are absent.
func spanColumns[T any](name string, of func(T) *funnelv1.Spans) []column[T] {
	length := func(suffix string, part func(*funnelv1.Spans) float64) column[T] {
		return column[T]{name + suffix, Number, func(row T) any {
			if s := of(row); s != nil {
				return part(s)
			}
			return nil
		}}
	}
	return []column[T]{
		length("_mean_seconds", (*funnelv1.Spans).GetMeanSeconds),
		length("_median_seconds", (*funnelv1.Spans).GetMedianSeconds),
		length("_p90_seconds", (*funnelv1.Spans).GetP90Seconds),
	}
}
