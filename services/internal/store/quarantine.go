package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// InsertQuarantined stores refused messages. It may run twice, and a message may come again: of
// those with one id a replayed one counts. Errors: Unavailable.
func (s *Store) InsertQuarantined(ctx context.Context, refused []wire.Quarantined) error {
	messages := make([][]byte, len(refused))
	for i := range refused {
		var err error
		if messages[i], err = wire.EncodeQuarantined(&refused[i]); err != nil {
			return fault.Wrap(fault.Internal, err, "a refused message could not be written")
		}
	}
	return s.insert(ctx, "quarantine (site, received_at, id, reason, key_id, message, replayed_at)",
		func(add func(...any)) {
			for i := range refused {
				q := &refused[i]
				id, _ := hex.DecodeString(q.ID()) // hexadecimal by its making
				replayed := q.ReplayedAt
				if replayed.IsZero() {
					replayed = never
				}
				add(string(q.Site), kept(q.ReceivedAt), string(id), q.Reason, string(q.Key),
					string(messages[i]), kept(replayed))
			}
		})
}

// stillKept is the condition on the rows that can be read and replayed. Those that are older stay
// until all of their part are, longer than the receipts that tell copies of them.
const stillKept = `received_at > now() - INTERVAL 90 DAY`

// Instants that the columns hold.
var (
	firstKept = time.Unix(0, 0).UTC()
	lastKept  = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

// kept is an instant as its column has it: Kafka's clock may say anything.
func kept(at time.Time) time.Time {
	switch at = at.UTC(); {
	case at.Before(firstKept):
		return firstKept
	case at.After(lastKept):
		return lastKept
	}
	return at
}

// Quarantined gives a part of the messages meant, by received_at and id. Errors: Unavailable.
func (s *Store) Quarantined(
	ctx context.Context, of wire.Selection, span wire.Span,
) ([]wire.Quarantined, error) {
	where, params := selected(of)
	order, beyond := "DESC", "<"
	if span.OldestFirst {
		order, beyond = "ASC", ">"
	}
	if span.After != nil {
		where += ` AND (received_at, id) ` + beyond +
			` (fromUnixTimestamp64Nano({after:Int64}, 'UTC'), unhex({id:String})::FixedString(16))`
		params["after"] = nanoseconds(span.After.ReceivedAt)
		params["id"] = span.After.ID
	}
	// The payloads of those alone that are given are read.
	return s.quarantined(ctx, `SELECT message FROM quarantine FINAL
		WHERE site = {site:String} AND (received_at, id) IN (
			SELECT received_at, id FROM quarantine FINAL WHERE `+where+`
			ORDER BY received_at `+order+`, id `+order+` LIMIT `+strconv.Itoa(span.Limit)+`)
		ORDER BY received_at `+order+`, id `+order, params)
}

// QuarantinedByID gives one message. Errors: NotFound, Unavailable.
func (s *Store) QuarantinedByID(
	ctx context.Context, site journey.SiteID, id string,
) (wire.Quarantined, error) {
	found, err := s.quarantined(ctx, `SELECT message FROM quarantine FINAL
		WHERE site = {site:String} AND id = unhex({id:String})::FixedString(16) AND `+stillKept+`
		LIMIT 1`,
		map[string]string{"site": string(site), "id": id})
	if err != nil {
		return wire.Quarantined{}, err
	}
	if len(found) == 0 {
		return wire.Quarantined{}, fault.New(fault.NotFound,
			"site %q has no quarantined message %q; they are kept for 90 days", site, id)
	}
	return found[0], nil
}

// QuarantineReasons counts the messages meant by reason, most frequent first, then by reason.
// Errors: Unavailable.
func (s *Store) QuarantineReasons(
	ctx context.Context, of wire.Selection,
) ([]wire.ReasonCount, error) {
	where, params := selected(of)
	rows, err := s.conn.Query(withParams(ctx, params), `SELECT reason, count() AS n
		FROM quarantine FINAL WHERE `+where+` GROUP BY reason ORDER BY n DESC, reason`)
	if err != nil {
		return nil, s.broken(err, "counting quarantined messages")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var counts []wire.ReasonCount
	for rows.Next() {
		var c wire.ReasonCount
		if err := rows.Scan(&c.Reason, &c.Count); err != nil {
			return nil, s.broken(err, "reading a number of quarantined messages")
		}
		counts = append(counts, c)
	}
	return counts, s.broken(rows.Err(), "counting quarantined messages")
}

// selected is the condition on the rows of the messages meant.
func selected(of wire.Selection) (where string, params map[string]string) {
	where = `site = {site:String} AND received_at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
		AND received_at < fromUnixTimestamp64Nano({to:Int64}, 'UTC') AND ` + stillKept
	params = map[string]string{
		"site": string(of.Site), "from": nanoseconds(of.From), "to": nanoseconds(of.To),
	}
	if of.Reason != "" {
		where += ` AND reason = {reason:String}`
		params["reason"] = of.Reason
	}
	if of.Key != "" {
		where += ` AND key_id = {key:String}`
		params["key"] = string(of.Key)
	}
	if !of.Replayed {
		where += ` AND replayed_at = toDateTime64(0, 3, 'UTC')`
	}
	return where, params
}

func nanoseconds(at time.Time) string { return strconv.FormatInt(kept(at).UnixNano(), 10) }

func (s *Store) quarantined(
	ctx context.Context, query string, params map[string]string,
) ([]wire.Quarantined, error) {
	rows, err := s.conn.Query(withParams(ctx, params), query)
	if err != nil {
		return nil, s.broken(err, "reading quarantined messages")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var found []wire.Quarantined
	for rows.Next() {
		var message string
		if err := rows.Scan(&message); err != nil {
			return nil, s.broken(err, "reading a quarantined message")
		}
		q, err := wire.DecodeQuarantined([]byte(message))
		if err != nil {
			return nil, fmt.Errorf("reading a quarantined message: %w", err)
		}
		found = append(found, q)
	}
	return found, s.broken(rows.Err(), "reading quarantined messages")
}
