package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/waystage/waystage/services/journey"
)

const catalogueColumns = `catalogue (site, event, property, type, count, first_at, last_at,
	examples)`

// InsertSightings adds to the catalogues of sites. It is the one insert that must not run twice for
// nothing: what is added twice is counted twice. Names and examples stay the same.
func (s *Store) InsertSightings(ctx context.Context, sightings []journey.Sighting) error {
	return s.insert(ctx, catalogueColumns, func(add func(...any)) {
		for _, n := range sightings {
			add(string(n.Site), n.Event, n.Property, string(n.Type), n.Count, n.FirstAt.UTC(),
				n.LastAt.UTC(), n.Examples)
		}
	})
}

// CatalogueNames gives the names in the catalogue of a site, in no order.
func (s *Store) CatalogueNames(
	ctx context.Context, site journey.SiteID,
) ([]journey.Name, error) {
	rows, err := s.conn.Query(withParams(ctx, map[string]string{"site": string(site)}),
		`SELECT DISTINCT event, property FROM catalogue
		WHERE site = {site:String} AND NOT (event = '' AND property = '')`)
	if err != nil {
		return nil, s.broken(err, "reading the names of a catalogue")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var names []journey.Name
	for rows.Next() {
		var n journey.Name
		if err := rows.Scan(&n.Event, &n.Property); err != nil {
			return nil, s.broken(err, "reading a name of a catalogue")
		}
		names = append(names, n)
	}
	return names, s.broken(rows.Err(), "reading the names of a catalogue")
}

// seenColumns sum up sightings of one name and type.
const seenColumns = `event, property, type, sum(count) AS times, min(first_at), max(last_at),
	arraySort(groupUniqArrayArray(5)(examples))`

// CatalogueEvents gives the events of a site whose names hold a text, ignoring case, by count,
// descending, then by name. Errors: Unavailable.
func (s *Store) CatalogueEvents(
	ctx context.Context, site journey.SiteID, contains string,
) ([]journey.Seen, error) {
	return s.seen(ctx, `WHERE site = {site:String} AND type = 'event'
		AND (empty({contains:String}) OR positionCaseInsensitiveUTF8(event, {contains:String}) > 0)
		GROUP BY event, property, type ORDER BY times DESC, event`,
		map[string]string{"site": string(site), "contains": contains})
}

// CatalogueProperties gives the properties and traits of a site that are asked for: by event, then
// by count, descending, then by name; traits last. Errors: Unavailable.
func (s *Store) CatalogueProperties(
	ctx context.Context, site journey.SiteID, q journey.CatalogueQuery,
) ([]journey.Seen, error) {
	seen, err := s.seen(ctx, `WHERE site = {site:String} AND property != ''
		AND (empty({event:String}) OR event = {event:String})
		AND (empty({contains:String}) OR positionCaseInsensitiveUTF8(property, {contains:String}) > 0)
		AND (event = '' AND {traits:Bool} OR event != '' AND {properties:Bool})
		GROUP BY event, property, type ORDER BY event, property, times DESC, type`,
		map[string]string{
			"site": string(site), "event": q.Event, "contains": q.Contains,
			"traits": boolText(q.Traits), "properties": boolText(q.Properties),
		})
	slices.SortStableFunc(seen, func(a, b journey.Seen) int {
		return cmp.Or(
			cmp.Compare(boolText(a.Event == ""), boolText(b.Event == "")),
			cmp.Compare(a.Event, b.Event), cmp.Compare(b.Count, a.Count),
		)
	})
	return seen, err
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// seen sums up the sightings that a condition finds; rows of one name must follow each other.
func (s *Store) seen(
	ctx context.Context, where string, params map[string]string,
) ([]journey.Seen, error) {
	rows, err := s.conn.Query(withParams(ctx, params), `SELECT `+seenColumns+` FROM catalogue `+where)
	if err != nil {
		return nil, s.broken(err, "reading a catalogue")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var all []journey.Seen
	for rows.Next() {
		var one journey.Seen
		var t string
		err := rows.Scan(&one.Event, &one.Property, &t, &one.Count, &one.FirstAt, &one.LastAt,
			&one.Examples)
		if err != nil {
			return nil, s.broken(err, "reading a name of a catalogue")
		}
		one.FirstAt, one.LastAt = one.FirstAt.UTC(), one.LastAt.UTC()
		if one.Property != "" {
			one.Types = []journey.TypeCount{{Type: journey.SightingType(t), Count: one.Count}}
		}
		if last := len(all) - 1; last >= 0 && all[last].Name == one.Name {
			merge(&all[last], one)
		} else {
			all = append(all, one)
		}
	}
	return all, s.broken(rows.Err(), "reading a catalogue")
}

// merge adds what was seen of a name with values of another type.
func merge(into *journey.Seen, one journey.Seen) {
	into.Count += one.Count
	if one.FirstAt.Before(into.FirstAt) {
		into.FirstAt = one.FirstAt
	}
	if one.LastAt.After(into.LastAt) {
		into.LastAt = one.LastAt
	}
	into.Types = append(into.Types, one.Types...)
	into.Examples = append(into.Examples, one.Examples...)
	into.Examples = into.Examples[:min(len(into.Examples), journey.MaxExamples)]
}

// CatalogueOverflow gives what found no room in the catalogue of a site: names of events or of
// properties and traits. Errors: Unavailable.
func (s *Store) CatalogueOverflow(
	ctx context.Context, site journey.SiteID, of journey.SightingType,
) (journey.Overflow, error) {
	var o journey.Overflow
	err := s.conn.QueryRow(withParams(ctx, map[string]string{
		"site": string(site), "type": string(of),
	}), `SELECT sum(count), max(last_at) FROM catalogue
		WHERE site = {site:String} AND event = '' AND property = '' AND type = {type:String}`,
	).Scan(&o.Count, &o.LastAt)
	if err != nil {
		return journey.Overflow{}, s.broken(err, "reading what a catalogue has no room for")
	}
	if o.Count == 0 {
		o.LastAt = time.Time{}
	}
	o.LastAt = o.LastAt.UTC()
	return o, nil
}
