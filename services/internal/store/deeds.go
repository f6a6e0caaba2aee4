package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waystage/waystage/services/journey"
)

// Deeds finds the touchpoints that rules about persons need, of the given identities, or of all of
// the site if there are none given, that occurred at or before an instant in milliseconds since
// 1970. Each is there once, by identity and in shown order. Values are read of the events that the
// needs name; other deeds have none.
func (s *Store) Deeds(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID, needs journey.PersonNeeds,
	asOf int64,
) ([]journey.Deed, error) {
	var deeds []journey.Deed
	q := deedQuery{site: site, of: of, needs: needs, asOf: asOf}
	err := s.eachDeed(ctx, q, func(d journey.Deed) error {
		deeds = append(deeds, d)
		return nil
	})
	return onceEach(deeds), err
}

// EachDeed gives those of all of a site one after the other: identities ascend; those of one are in
// no order, and one may be there twice. It stops at the first error of each and gives it back.
func (s *Store) EachDeed(
	ctx context.Context, site journey.SiteID, needs journey.PersonNeeds, asOf int64,
	each func(journey.Deed) error,
) error {
	q := deedQuery{site: site, needs: needs, asOf: asOf, order: " ORDER BY site, identity"}
	return s.eachDeed(ctx, q, each)
}

type deedQuery struct {
	site  journey.SiteID
	of    []journey.IdentityID
	needs journey.PersonNeeds
	asOf  int64
	order string
}

func (s *Store) eachDeed(
	ctx context.Context, q deedQuery, each func(journey.Deed) error,
) error {
	if !q.needs.Any() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{
		"site": string(q.site), "as_of": strconv.FormatInt(q.asOf, 10),
	}), `SELECT identity, toUnixTimestamp64Nano(occurred_at), toUnixTimestamp64Nano(original_at),
			toUnixTimestamp64Nano(received_at), batch_index, message_id, event, touchpoint, channel,
			`+statedValues(q.needs)+` FROM touchpoints WHERE site = {site:String}
			AND `+among(q.of)+` AND `+wanted(q.needs)+` AND `+until(q.asOf)+q.order)
	if err != nil {
		cancel()
		return s.broken(err, "looking touchpoints of persons up")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	defer cancel()     // first: closing reads all that is still to come
	for rows.Next() {
		d, err := scanDeed(rows, q.needs.Properties)
		if err != nil {
			return s.broken(err, "reading a touchpoint of a person")
		}
		if err := each(d); err != nil {
			return err
		}
	}
	return s.broken(rows.Err(), "reading touchpoints of persons")
}

// onceEach sorts deeds and leaves out rows that are there twice until they are merged.
func onceEach(deeds []journey.Deed) []journey.Deed {
	slices.SortFunc(deeds, func(a, b journey.Deed) int {
		return cmp.Or(cmp.Compare(a.Identity, b.Identity), journey.CompareDeeds(&a, &b))
	})
	return slices.CompactFunc(deeds, func(a, b journey.Deed) bool {
		return a.Identity == b.Identity && journey.CompareDeeds(&a, &b) == 0
	})
}

func scanDeed(rows driver.Rows, properties []string) (journey.Deed, error) {
	var d journey.Deed
	var stated string
	if err := rows.Scan((*uint64)(&d.Identity), &d.OccurredAt, &d.OriginalAt, &d.ReceivedAt,
		&d.Index, (*string)(&d.Message), &d.Event, (*string)(&d.Touchpoint), (*string)(&d.Channel),
		&stated); err != nil {
		return d, err //nolint:wrapcheck // the caller says what it was reading
	}
	if stated != "" && len(properties) > 0 {
		d.Values = make([]journey.Value, len(properties))
		for name, literal := range journey.Object(stated).All() {
			if i, ok := slices.BinarySearch(properties, name); ok {
				d.Values[i] = journey.ParseValue([]byte(literal))
			}
		}
	}
	return d, nil
}

// statedValues is the column of the properties that rules read, of those events alone.
func statedValues(needs journey.PersonNeeds) string {
	if len(needs.Properties) == 0 {
		return "''"
	}
	return "if(event IN (" + textList(needs.Events) + "), properties, '')"
}

// wanted is the condition that a touchpoint is one that rules about persons need.
func wanted(needs journey.PersonNeeds) string {
	if needs.All {
		return "true"
	}
	either := []string{"false"}
	if len(needs.Events) > 0 {
		either = append(either, "event IN ("+textList(needs.Events)+")")
	}
	if len(needs.Bases) > 0 {
		either = append(either, "touchpoint IN ("+textList(needs.Bases)+")")
	}
	return "(" + strings.Join(either, " OR ") + ")"
}

// among is the condition that a row is of one of some identities, none given being all.
func among(of []journey.IdentityID) string {
	if len(of) == 0 {
		return "true"
	}
	return "identity IN (" + idList(of) + ")"
}

// until is the condition that a touchpoint occurred at or before {as_of}. DateTime64 ends in 2299.
func until(asOf int64) string {
	const end = 10_413_791_999_999
	if asOf >= end {
		return "true"
	}
	return "toUnixTimestamp64Milli(at) <= {as_of:Int64}"
}

// textList are literals of texts, for lists that are too long for parameters.
func textList[T ~string](texts []T) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = textLiteral(string(text))
	}
	return strings.Join(quoted, ",")
}

// textLiteral is a text as the server reads it between quotes.
func textLiteral(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'", "\x00", "\\0").Replace(text) + "'"
}
