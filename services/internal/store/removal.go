package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// removeChunk is how many receipts one statement names.
const removeChunk = 1000

// DeleteReceipts removes the rows of receipts that do not count, and gives the receipts of which
// it found rows, in no order. The receipts themselves stay, so that they are known when they come
// again. A visitor's link that a removed row stood for is stored anew from the touchpoints that
// are left.
func (s *Store) DeleteReceipts(
	ctx context.Context, copies []journey.Receipt,
) ([]journey.Receipt, error) {
	bySite := make(map[journey.SiteID][]journey.Receipt)
	for _, c := range copies {
		bySite[c.Site] = append(bySite[c.Site], c)
	}
	var removed []journey.Receipt
	for site, of := range bySite {
		for chunk := range slices.Chunk(of, removeChunk) {
			found, err := s.withRows(ctx, site, chunk)
			if err != nil {
				return nil, err
			}
			if err := s.deleteRows(ctx, site, found); err != nil {
				return nil, err
			}
			removed = append(removed, found...)
		}
	}
	return removed, nil
}

// place tells the rows of one receipt from all others.
type place struct {
	key      journey.MessageKey
	received int64
	index    uint32
	identity uint64
}

func placeOf(r journey.Receipt) place {
	return place{r.Key, r.ReceivedAt.UnixNano(), r.Index, uint64(r.Identity)}
}

// withRows are those of some receipts of a site of which there are rows. Of each link a row is
// found by the identity whose fact it is: links and aliases end in the user.
func (s *Store) withRows(
	ctx context.Context, site journey.SiteID, of []journey.Receipt,
) ([]journey.Receipt, error) {
	keys := make([]journey.MessageKey, len(of))
	ids := make([]journey.IdentityID, len(of))
	for i, r := range of {
		keys[i], ids[i] = r.Key, r.Identity
	}
	selects := make([]string, 0, 3)
	for _, t := range []struct{ name, identity string }{
		{"touchpoints", "identity"}, {"trait_writes", "identity"}, {"links", "node"},
	} {
		selects = append(selects, fmt.Sprintf(`SELECT DISTINCT message_key, received_at,
			batch_index, %s AS id FROM %s WHERE site = {site:String} AND id IN (%s)
			AND message_key IN (%s)`, t.identity, t.name, idList(ids), keyList(keys)))
	}
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{"site": string(site)}),
		strings.Join(selects, " UNION ALL "))
	if err != nil {
		return nil, s.broken(err, "looking for rows of copies")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	there := make(map[place]bool)
	for rows.Next() {
		var p place
		var key string
		var received time.Time
		if err := rows.Scan(&key, &received, &p.index, &p.identity); err != nil {
			return nil, s.broken(err, "reading a row of a copy")
		}
		copy(p.key[:], key)
		p.received = received.UnixNano()
		there[p] = true
	}
	if err := rows.Err(); err != nil {
		return nil, s.broken(err, "reading rows of copies")
	}
	return slices.DeleteFunc(slices.Clone(of), func(r journey.Receipt) bool {
		return !there[placeOf(r)]
	}), nil
}

// deleteRows removes in an order in which some row of each receipt is left for the next try until
// everything is done: packed journeys are marked before a touchpoint goes, and what links a visitor
// now is stored before the old link goes.
func (s *Store) deleteRows(
	ctx context.Context, site journey.SiteID, copies []journey.Receipt,
) error {
	if len(copies) == 0 {
		return nil
	}
	if err := s.markRemoved(ctx, site, copies); err != nil {
		return err
	}
	if err := s.deleteFrom(ctx, "touchpoints", site, copies); err != nil {
		return err
	}
	for _, c := range copies {
		if err := s.relink(ctx, c); err != nil {
			return err
		}
	}
	if err := s.deleteFrom(ctx, "trait_writes", site, copies); err != nil {
		return err
	}
	return s.deleteFrom(ctx, "links", site, copies)
}

func (s *Store) deleteFrom(
	ctx context.Context, table string, site journey.SiteID, copies []journey.Receipt,
) error {
	err := s.conn.Exec(bigQuery(ctx, map[string]string{"site": string(site)}),
		"DELETE FROM "+table+" WHERE site = {site:String} AND "+placeIn(copies))
	return s.broken(err, "removing copies that do not count from "+table)
}

// placeIn is the condition that a row is of one of the receipts.
func placeIn(copies []journey.Receipt) string {
	places := make([]string, len(copies))
	for i, c := range copies {
		places[i] = fmt.Sprintf("(%s,toDateTime64('%s',9,'UTC'),%d)",
			keyLiteral(c.Key), instant(c.ReceivedAt), c.Index)
	}
	return "(message_key, received_at, batch_index) IN (" + strings.Join(places, ",") + ")"
}

// markRemoved leaves a mark in the packed journeys for every touchpoint of the receipts.
func (s *Store) markRemoved(
	ctx context.Context, site journey.SiteID, copies []journey.Receipt,
) error {
	ids := make([]journey.IdentityID, len(copies))
	for i, c := range copies {
		ids[i] = c.Identity
	}
	err := s.conn.Exec(bigQuery(ctx, map[string]string{"site": string(site)}),
		"INSERT INTO "+journeyColumns+` SELECT site, toYYYYMM(at), identity,
			[bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), 22)]
		FROM touchpoints WHERE site = {site:String} AND identity IN (`+idList(ids)+`)
			AND `+placeIn(copies))
	return s.broken(err, "marking removed touchpoints")
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
