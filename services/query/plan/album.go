package plan

import (
	"fmt"
	"strconv"
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
// 1970, and the values as Words, in their order; then what shows the order, as Layout says, but for
// message ids. It has the parameters site, month, such as 202411, and parts, names with commas
// between, besides its own.
func Album(values []Value) (Query, Layout) {
	return album("toYYYYMM(at) = {month:UInt32}", values, Near)
}

func album(which string, values []Value, order Order) (Query, Layout) {
	b := builder{params: make(map[string]string)}
	b.column("indexOf(splitByChar(',', {parts:String}), _part)", "part", UInt64)
	b.column("identity", "identity", UInt64)
	b.column("toUnixTimestamp64Milli(at)", "at_ms", Int64)
	layout := Layout{Exclusions: -1, Base: -1, Values: AlbumValues, Order: -1, Message: -1}
	for i, v := range values {
		b.column(b.words(v), fmt.Sprintf("value_%d", i), Words)
	}
	b.shows(order, &layout)
	return Query{
		SQL: "SELECT " + strings.Join(b.selects, ",\n\t") + `
FROM touchpoints
WHERE site = {site:String} AND ` + which + `
	AND _part IN splitByChar(',', {parts:String})`,
		Params: b.params, Columns: b.columns,
	}, layout
}

// Spot is an identity at an instant, in milliseconds since 1970.
type Spot struct {
	Identity uint64
	At       int64
}

// Places plans the same reading of the touchpoints of spots alone, with message ids. One query
// reads all: each would look through most of the parts. The spots stand in the query itself, which
// a server takes up to its max_query_size, because parameters are bounded more tightly; as one
// text, because the parts of an expression are counted and bounded too.
func Places(
	site journey.SiteID, parts []string, spots []Spot, values []Value,
) (Query, Layout) {
	var pairs []byte
	for i, s := range spots {
		if i > 0 {
			pairs = append(pairs, ',')
		}
		pairs = strconv.AppendUint(append(pairs, '('), s.Identity, 10)
		pairs = append(strconv.AppendInt(append(pairs, ','), s.At, 10), ')')
	}
	query, layout := album(fmt.Sprintf(`(identity, at) IN (
		SELECT p.1, fromUnixTimestamp64Milli(p.2, 'UTC')
		FROM (SELECT arrayJoin(CAST('[%s]' AS Array(Tuple(UInt64, Int64)))) AS p))`, pairs),
		values, Shown)
	query.Params["site"], query.Params["parts"] = string(site), strings.Join(parts, ",")
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
