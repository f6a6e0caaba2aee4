package plan

import (
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// Exposures plans the reading of a site's exposures to experiments at or before an instant in
// milliseconds since 1970, with what orders them. The values are the event and those properties:
// the ones that funnel.Exposure looks at.
func Exposures(site journey.SiteID, asOf int64, properties []string) (Query, Layout) {
	b := builder{params: map[string]string{
		"site": string(site), "last": strconv.FormatInt(min(asOf, latest), 10),
	}}
	b.column("identity", "identity", UInt64)
	b.column("toUnixTimestamp64Milli(at)", "at_ms", Int64)
	values := []Value{{Source: Event}}
	for _, name := range properties {
		values = append(values, Value{Property, name})
	}
	layout := b.optional(Needs{Values: values, Order: Shown})
	return Query{
		SQL: "SELECT " + strings.Join(b.selects, ",\n\t") + `
FROM touchpoints
WHERE site = {site:String}
	AND at <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND ` + isExposure(),
		Params: b.params, Columns: b.columns,
	}, layout
}
