package plan

import (
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Places of the columns of Album, which values follow.
const (
	AlbumPart = iota
	AlbumIdentity
	AlbumAt
	AlbumValues
)

// Album plans the reading of values of all touchpoints of a site in parts of a month: the number of
// the part in the list of their names, from 1, the identity, the instant in milliseconds since
// 1970, and the values, in their order; where the order is asked, then what shows it, as Layout
// says. It has the parameters site, month, such as 202411, and parts, names with commas between,
// besides its own.
func Album(values []Value, order Order) (Query, Layout) {
	return album("toYYYYMM(at) = {month:UInt32}", values, order)
}

func album(which string, values []Value, order Order) (Query, Layout) {
	b := builder{params: make(map[string]string)}
	b.column("indexOf(splitByChar(',', {parts:String}), _part)", "part", UInt64)
	b.column("identity", "identity", UInt64)
	b.column("toUnixTimestamp64Milli(at)", "at_ms", Int64)
	layout := b.optional(Needs{Values: values, Order: order})
	return Query{
		SQL: "SELECT " + strings.Join(b.selects, ",\n\t") + `
FROM touchpoints
WHERE site = {site:String} AND ` + which + `
	AND has(splitByChar(',', {parts:String}), _part)`,
		Params: b.params, Columns: b.columns,
	}, layout
}

// Places plans the reading of what shows the order of touchpoints of identities at instants, in
// parts of those names: what Album gives in that order without values. The pairs of identity and
// instant are an array of tuples as ClickHouse writes it.
func Places(site journey.SiteID, parts []string, pairs string) (Query, Layout) {
	query, layout := album(`(identity, at) IN (
		SELECT p.1, fromUnixTimestamp64Milli(p.2, 'UTC')
		FROM (SELECT arrayJoin({pairs:Array(Tuple(UInt64, Int64))}) AS p))`, nil, Shown)
	query.Params["site"], query.Params["parts"] = string(site), strings.Join(parts, ",")
	query.Params["pairs"] = pairs
	return query, layout
}

// LabelValues are the values that say what a touchpoint is.
func LabelValues() []Value {
	return []Value{{Source: Event}, {Source: Touchpoint}, {Source: Stage}}
}

// Key stands for a list of values.
func Key(values []Value) string {
	var key strings.Builder
	for _, v := range values {
		fmt.Fprintf(&key, "%d %q\n", v.Source, v.Name)
	}
	return key.String()
}
