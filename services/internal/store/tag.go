package store

import (
	"context"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waystage/waystage/services/journey"
)

type tagKey struct{}

// WithTag gives all queries of a context a tag, letters and digits, by which Readings and Kill find
// them in the server. Inserts have none.
func WithTag(ctx context.Context, tag string) context.Context {
	ctx = context.WithValue(ctx, tagKey{}, tag)
	return clickhouse.Context(ctx, clickhouse.WithSettings(tagged(ctx, nil)))
}

// tagged adds the tag of a context to the settings of a query.
func tagged(ctx context.Context, settings clickhouse.Settings) clickhouse.Settings {
	if settings == nil {
		settings = make(clickhouse.Settings)
	}
	if tag, is := ctx.Value(tagKey{}).(string); is {
		settings["log_comment"] = tag
	}
	return settings
}

// hasTag is the condition that a running query has a tag.
func hasTag(tag string) string {
	return "startsWith(Settings['log_comment'], " + textLiteral(tag) + ")"
}

// Reading is how far a running query is.
type Reading struct {
	Query string
	// RowsRead of RowsToRead, as far as the server knows: both may grow, and RowsToRead may be the
	// smaller.
	RowsRead, RowsToRead uint64
}

// Readings are the running queries with a tag, in no order.
func (s *Store) Readings(ctx context.Context, tag string) ([]Reading, error) {
	rows, err := s.conn.Query(ctx, `SELECT query_id, read_rows, total_rows_approx
		FROM system.processes WHERE `+hasTag(tag))
	if err != nil {
		return nil, s.broken(err, "asking how far a question is")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var readings []Reading
	for rows.Next() {
		var r Reading
		if err := rows.Scan(&r.Query, &r.RowsRead, &r.RowsToRead); err != nil {
			return nil, s.broken(err, "reading how far a question is")
		}
		readings = append(readings, r)
	}
	return readings, s.broken(rows.Err(), "reading how far a question is")
}

// Kill asks the server to end the running queries with a tag, and tells how many there were. Those
// that begin later go on: who kills asks again until there are none.
func (s *Store) Kill(ctx context.Context, tag string) (running int, err error) {
	rows, err := s.conn.Query(ctx, "KILL QUERY WHERE "+hasTag(tag)+" ASYNC")
	if err != nil {
		return 0, s.broken(err, "ending queries")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	for rows.Next() {
		running++
	}
	return running, s.broken(rows.Err(), "ending queries")
}

// RowsWithin estimates how many touchpoints of a site have to be looked at for those between two
// instants in milliseconds since 1970, without reading any: what the index says, so neighbours
// count too.
func (s *Store) RowsWithin(
	ctx context.Context, site journey.SiteID, first, last int64,
) (uint64, error) {
	rows, err := s.conn.Query(withParams(ctx, map[string]string{
		"site": string(site), "first": strconv.FormatInt(first, 10),
		"last": strconv.FormatInt(last, 10),
	}), `EXPLAIN ESTIMATE SELECT identity FROM touchpoints WHERE site = {site:String}
		AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
			AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')`)
	if err != nil {
		return 0, s.broken(err, "estimating a question")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var sum uint64
	for rows.Next() {
		var database, table string
		var parts, of, marks uint64
		if err := rows.Scan(&database, &table, &parts, &of, &marks); err != nil {
			return 0, s.broken(err, "reading an estimate")
		}
		sum += of
	}
	return sum, s.broken(rows.Err(), "reading estimates")
}

// Span is a time between two instants in milliseconds since 1970, both inside.
type Span struct{ First, Last int64 }

// Happened tells whether the site has a fact within the span, or a touchpoint that lies so many
// milliseconds before an instant of it as one of the lags says.
func (s *Store) Happened(
	ctx context.Context, site journey.SiteID, within Span, lags []int64,
) (bool, error) {
	either := "at BETWEEN " + milli(within.First) + " AND " + milli(within.Last)
	for _, lag := range lags {
		either += " OR at BETWEEN " + milli(within.First-lag) + " AND " + milli(within.Last-lag)
	}
	var found uint64
	err := s.conn.QueryRow(withParams(ctx, map[string]string{"site": string(site)}),
		`SELECT count() FROM (
			SELECT 1 FROM touchpoints WHERE site = {site:String} AND (`+either+`) LIMIT 1
			UNION ALL SELECT 1 FROM trait_writes WHERE site = {site:String} AND occurred_at
				BETWEEN `+milli(within.First)+` AND `+milli(within.Last+1)+` LIMIT 1)`).Scan(&found)
	return found > 0, s.broken(err, "asking whether anything happened meanwhile")
}

// milli is the literal of an instant in milliseconds since 1970.
func milli(at int64) string {
	return "fromUnixTimestamp64Milli(toInt64(" + strconv.FormatInt(at, 10) + "), 'UTC')"
}
