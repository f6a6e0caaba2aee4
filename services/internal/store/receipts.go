package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// InsertReceipts remembers receipts. It must come after InsertFacts of the same rows: whoever sees
// a receipt may rely on its rows.
func (s *Store) InsertReceipts(ctx context.Context, copies []journey.Receipt) error {
	const into = `receipts (site, message_key, received_at, batch_index, identity, anonymous_id,
		previous_id)`
	return s.insert(ctx, into, func(add func(...any)) {
		for _, c := range copies {
			add(string(c.Site), string(c.Key[:]), c.ReceivedAt.UTC(), c.Index, uint64(c.Identity),
				string(c.Visitor), c.Previous)
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
		identity, anonymous_id, previous_id FROM receipts WHERE site = {site:String}
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
			(*string)(&c.Visitor), &c.Previous); err != nil {
			return nil, s.broken(err, "reading a copy")
		}
		copy(c.Key[:], key)
		c.ReceivedAt = c.ReceivedAt.UTC()
		copies = append(copies, c)
	}
	return copies, s.broken(rows.Err(), "reading copies")
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000000") }

// keyLiteral is a key as text with each of its bytes escaped: a call such as unhex takes ClickHouse
// five times as long to understand, which is most of what looking keys up takes. An array of keys
// would be understood sooner still, but is looked up by has(), which no index serves.
func keyLiteral(k journey.MessageKey) string {
	text := hex.EncodeToString(k[:])
	literal := make([]byte, 0, 2*len(text)+2)
	literal = append(literal, '\'')
	for i := 0; i < len(text); i += 2 {
		literal = append(literal, '\\', 'x', text[i], text[i+1])
	}
	return string(append(literal, '\''))
}

func keyList(keys []journey.MessageKey) string {
	literals := make([]string, len(keys))
	for i, k := range keys {
		literals[i] = keyLiteral(k)
	}
	return strings.Join(literals, ",")
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
