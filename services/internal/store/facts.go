package store

import (
	"context"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// Row is a fact as it is kept.
type Row struct {
	Fact        *journey.Fact
	Attribution journey.Attribution
	Campaign    journey.Campaign
	Client      journey.Client
	Traffic     journey.Traffic
	// LinkKnown leaves out the link of its visitor with its user: an earlier one of the same two
	// is stored.
	LinkKnown bool
}

// insertSettings let one batch write into any number of months: what sites date is theirs.
func insertContext(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_partitions_per_insert_block": 0,
	}))
}

// InsertFacts stores rows: touchpoints, plain and packed, links and trait writes. It may run twice:
// equal rows become one.
func (s *Store) InsertFacts(ctx context.Context, rows []Row) error {
	if err := s.insertLabels(ctx, rows); err != nil {
		return err
	}
	if err := s.insertTouchpoints(ctx, rows); err != nil {
		return err
	}
	if err := s.insertJourneys(ctx, rows); err != nil {
		return err
	}
	if err := s.insertLinks(ctx, rows); err != nil {
		return err
	}
	if err := s.insertWrites(ctx, rows); err != nil {
		return err
	}
	return s.insertFreshness(ctx, rows)
}

func (s *Store) insertFreshness(ctx context.Context, rows []Row) error {
	newest := make(map[journey.SiteID]time.Time)
	for _, r := range rows {
		if f := r.Fact; f.Kind.IsTouchpoint() && f.ReceivedAt.After(newest[f.Site]) {
			newest[f.Site] = f.ReceivedAt
		}
	}
	return s.insert(ctx, "freshness (site, received_at)", func(add func(...any)) {
		for site, at := range newest {
			add(string(site), at.UTC())
		}
	})
}

// insert sends what fill appends, or nothing if it appends nothing.
func (s *Store) insert(ctx context.Context, into string, fill func(add func(...any))) error {
	var batch driver.Batch
	var err error
	fill(func(values ...any) {
		if err != nil {
			return
		}
		if batch == nil {
			batch, err = s.conn.PrepareBatch(insertContext(ctx), "INSERT INTO "+into)
		}
		if err == nil {
			err = batch.Append(values...)
		}
	})
	if err != nil {
		if batch != nil {
			_ = batch.Abort()
		}
		return s.broken(err, "filling a batch for "+into)
	}
	if batch == nil {
		return nil
	}
	if err := batch.Send(); err != nil {
		return s.broken(err, "inserting into "+into)
	}
	return nil
}

const touchpointColumns = `touchpoints (site, identity, at, message_key, received_at, batch_index,
	kind, event, touchpoint, stage, channel, map_version, message_id, user_id, anonymous_id,
	group_id, occurred_at, original_at, properties, context, device, browser, os, traffic,
	campaign, campaign_source, campaign_medium)`

func (s *Store) insertTouchpoints(ctx context.Context, rows []Row) error {
	return s.insert(ctx, touchpointColumns, func(add func(...any)) {
		for _, r := range rows {
			f, a := r.Fact, r.Attribution
			if !f.Kind.IsTouchpoint() {
				continue
			}
			key := f.Key()
			add(string(f.Site), uint64(f.Identity()), f.At(), string(key[:]),
				f.ReceivedAt.UTC(), f.Index, f.Kind.String(), f.Event, string(a.Touchpoint),
				string(a.Stage), string(a.Channel), uint32(a.Version), string(f.Message),
				string(f.User), string(f.Visitor), string(f.Group), f.OccurredAt.UTC(),
				f.OriginalAt.UTC(), string(f.Properties), string(f.Context), r.Client.Device,
				r.Client.Browser, r.Client.OS, string(r.Traffic), r.Campaign.Name,
				r.Campaign.Source, r.Campaign.Medium)
		}
	})
}

const linkColumns = `links (site, node, other, forward, alias, occurred_at, message_key,
	received_at, batch_index, message_id, node_user, node_visitor)`

// name is an identity by its text: one of the two is empty.
type name struct{ user, visitor string }

func (s *Store) insertLinks(ctx context.Context, rows []Row) error {
	return s.insert(ctx, linkColumns, func(add func(...any)) {
		for _, r := range rows {
			f := r.Fact
			key := f.Key()
			names := namesOf(f)
			for _, l := range identity.LinksOf(f) {
				if r.LinkKnown && !l.Alias {
					continue
				}
				end := func(node, other journey.IdentityID, forward bool) {
					add(string(f.Site), uint64(node), uint64(other), forward, l.Alias,
						f.OccurredAt.UTC(), string(key[:]), f.ReceivedAt.UTC(), f.Index,
						string(f.Message), names[node].user, names[node].visitor)
				}
				end(l.A, l.B, true)
				end(l.B, l.A, false)
			}
		}
	})
}

func namesOf(f *journey.Fact) map[journey.IdentityID]name {
	names := make(map[journey.IdentityID]name, 4)
	addUser := func(id string) {
		names[journey.UserIdentity(f.Site, journey.UserID(id))] = name{user: id}
	}
	addVisitor := func(id string) {
		names[journey.VisitorIdentity(f.Site, journey.VisitorID(id))] = name{visitor: id}
	}
	if f.Previous != "" {
		addUser(f.Previous)
		addVisitor(f.Previous)
	}
	addUser(string(f.User))
	addVisitor(string(f.Visitor))
	return names
}

const writeColumns = `trait_writes (site, identity, name, value, occurred_at, message_key,
	received_at, batch_index, message_id)`

func (s *Store) insertWrites(ctx context.Context, rows []Row) error {
	return s.insert(ctx, writeColumns, func(add func(...any)) {
		for _, r := range rows {
			f := r.Fact
			key := f.Key()
			for _, w := range identity.WritesOf(f) {
				add(string(f.Site), uint64(w.Identity), w.Name, w.Value, f.OccurredAt.UTC(),
					string(key[:]), f.ReceivedAt.UTC(), f.Index, string(f.Message))
			}
		}
	})
}

// maxQueryBytes lets a query name as many keys as a batch has.
const maxQueryBytes = math.MaxInt32
