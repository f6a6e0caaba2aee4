package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waystage/waystage/services/journey"
)

// InsertReceipts remembers receipts. It must come after InsertFacts of the same rows: whoever sees
// a receipt may rely on its rows.
func (s *Store) InsertReceipts(ctx context.Context, copies []journey.Receipt) error {
	const into = "receipts (site, message_key, received_at, batch_index, identity, anonymous_id)"
	return s.insert(ctx, into, func(add func(...any)) {
		for _, c := range copies {
			add(string(c.Site), string(c.Key[:]), c.ReceivedAt, c.Index, uint64(c.Identity),
				string(c.Visitor))
		}
	})
}

// Receipts finds the stored receipts of messages that were received between two instants, in no
// order, each once.
func (s *Store) Receipts(
	ctx context.Context, keys map[journey.SiteID][]journey.MessageKey, from, to time.Time,
) ([]journey.Receipt, error) {
	var copies []journey.Receipt
	for site, of := range keys {
		found, err := s.siteReceipts(ctx, site, of, from, to)
		if err != nil {
			return nil, err
		}
		copies = append(copies, found...)
	}
	return copies, nil
}

func (s *Store) siteReceipts(
	ctx context.Context, site journey.SiteID, keys []journey.MessageKey, from, to time.Time,
) ([]journey.Receipt, error) {
	ctx = bigQuery(ctx, map[string]string{
		"site": string(site), "from": instant(from), "to": instant(to),
	})
	rows, err := s.conn.Query(ctx, `SELECT DISTINCT message_key, received_at, batch_index,
		identity, anonymous_id FROM receipts WHERE site = {site:String}
		AND received_at BETWEEN parseDateTime64BestEffort({from:String}, 9, 'UTC')
		AND parseDateTime64BestEffort({to:String}, 9, 'UTC')
		AND message_key IN (`+keyList(keys)+")")
	if err != nil {
		return nil, s.broken(err, "looking copies up")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var copies []journey.Receipt
	for rows.Next() {
		c := journey.Receipt{Site: site}
		var key string
		if err := rows.Scan(&key, &c.ReceivedAt, &c.Index, (*uint64)(&c.Identity),
			(*string)(&c.Visitor)); err != nil {
			return nil, s.broken(err, "reading a copy")
		}
		copy(c.Key[:], key)
		c.ReceivedAt = c.ReceivedAt.UTC()
		copies = append(copies, c)
	}
	return copies, s.broken(rows.Err(), "reading copies")
}

// DeleteReceipts removes the rows of receipts that do not count. The receipts themselves stay, so
// that they are known when they come again. A visitor's link that a removed row stood for is
// stored anew from the touchpoints that are left.
func (s *Store) DeleteReceipts(ctx context.Context, copies []journey.Receipt) error {
	for _, c := range copies {
		for _, from := range []string{"touchpoints", "trait_writes", "links"} {
			if err := s.deleteReceipt(ctx, from, c); err != nil {
				return err
			}
		}
		if err := s.relink(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) deleteReceipt(ctx context.Context, from string, c journey.Receipt) error {
	where := ` WHERE site = {site:String} AND message_key = ` + keyLiteral(c.Key) + `
		AND received_at = parseDateTime64BestEffort({received:String}, 9, 'UTC')
		AND batch_index = {index:UInt32}`
	if from != "links" {
		where += fmt.Sprintf(" AND identity = %d", c.Identity)
	}
	err := s.conn.Exec(withParams(ctx, map[string]string{
		"site": string(c.Site), "received": instant(c.ReceivedAt), "index": fmt.Sprint(c.Index),
	}), "DELETE FROM "+from+where)
	return s.broken(err, "removing a copy that does not count from "+from)
}

// relink stores the first link of a visitor with a user among their touchpoints.
func (s *Store) relink(ctx context.Context, c journey.Receipt) error {
	if c.Visitor == "" {
		return nil
	}
	f := &journey.Fact{Site: c.Site, Kind: journey.Track, Visitor: c.Visitor}
	err := s.conn.QueryRow(withParams(ctx, map[string]string{
		"site": string(c.Site), "visitor": string(c.Visitor),
	}), fmt.Sprintf(`SELECT user_id, message_id, occurred_at, received_at, batch_index
		FROM touchpoints WHERE site = {site:String} AND identity = %d
		AND anonymous_id = {visitor:String} AND user_id != ''
		ORDER BY occurred_at, message_id LIMIT 1`, c.Identity)).Scan(
		(*string)(&f.User), (*string)(&f.Message), &f.OccurredAt, &f.ReceivedAt, &f.Index)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return s.broken(err, "finding what else links a visitor")
	}
	return s.insertLinks(ctx, []Row{{Fact: f}})
}

func bigQuery(ctx context.Context, params map[string]string) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithParameters(params),
		clickhouse.WithSettings(clickhouse.Settings{"max_query_size": maxQueryBytes}))
}

func withParams(ctx context.Context, params map[string]string) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithParameters(params))
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000000") }

func keyLiteral(k journey.MessageKey) string {
	return "unhex('" + hex.EncodeToString(k[:]) + "')"
}

func keyList(keys []journey.MessageKey) string {
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(keyLiteral(k))
	}
	return b.String()
}

func idList(ids []journey.IdentityID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", uint64(id))
	}
	return b.String()
}
