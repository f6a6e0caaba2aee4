package processor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
	"github.com/waystage/waystage/services/processor/settle"
)

// handler turns one batch of records into facts, receipts and profiles, in the one order that a
// kill at any point leaves mendable by doing the batch again:
//
//  1. quarantine what cannot be read;
//  2. rows of the copies that count, the names of messages that were not here before for the
//     catalogue, then the receipts of all copies;
//  3. read the receipts back and remove the rows of copies that turned out not to count;
//  4. derive the profiles of the persons touched, by the newest maps as they are read then;
//  5. bring some more profiles to maps that were published since they were derived.
//
// Handle and Idle are called by one goroutine at a time.
type handler struct {
	config     Config
	log        zerolog.Logger
	store      *store.Store
	quarantine quarantine
	editions   *editions
	links      *linkCache
	clients    *clientCache
	catalogue  *cataloguer
	catchUps   *catchUps
	metrics    *metrics
}

func newHandler(
	config Config, log zerolog.Logger, st *store.Store, producer *stream.Producer, m *metrics,
) *handler {
	return &handler{
		config: config, log: log, store: st, metrics: m,
		quarantine: quarantine{producer: producer, topic: config.QuarantineTopic},
		editions:   newEditions(st), links: newLinkCache(), clients: newClientCache(),
		catalogue: newCataloguer(st), catchUps: newCatchUps(),
	}
}

// forget drops what this process remembers of partitions that another may write from now on.
func (h *handler) forget() {
	h.links.clear()
	h.catalogue.forget()
}

// Handle does one batch. After an error the same batch comes again.
func (h *handler) Handle(ctx context.Context, batch stream.Batch) error {
	began := time.Now()
	facts, refused := decode(batch)
	if err := h.quarantine.put(ctx, refused); err != nil {
		return fmt.Errorf("quarantining %d records: %w", len(refused), err)
	}
	if err := h.keep(ctx, facts); err != nil {
		return fmt.Errorf("keeping %d facts: %w", len(facts), err)
	}
	h.catchUp(ctx, catchUpBesideBatch)
	h.metrics.batch(len(batch.Records), len(refused), time.Since(began))
	if n := len(facts); n > 0 {
		h.metrics.behind.Set(time.Since(facts[n-1].ReceivedAt).Seconds())
	}
	h.log.Debug().Int("records", len(batch.Records)).Int("quarantined", len(refused)).
		Dur("took", time.Since(began)).Msg("batch stored")
	return nil
}

func decode(batch stream.Batch) ([]*journey.Fact, []wire.Quarantined) {
	facts := make([]*journey.Fact, 0, len(batch.Records))
	var refused []wire.Quarantined
	for _, r := range batch.Records {
		fact, err := wire.Decode(r.Value)
		if err != nil {
			refused = append(refused, unreadable(r, err))
			continue
		}
		facts = append(facts, &fact)
	}
	return facts, refused
}

func (h *handler) keep(ctx context.Context, facts []*journey.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	if err := h.editions.refresh(ctx); err != nil {
		return fmt.Errorf("reading the maps: %w", err)
	}
	own := make([]journey.Receipt, len(facts))
	for i, f := range facts {
		own[i] = journey.ReceiptOf(f)
	}
	known, err := h.receipts(ctx, own)
	if err != nil {
		return err
	}
	batch := settle.New(own, known)
	counting, write, err := h.rows(ctx, facts, batch)
	if err != nil {
		return err
	}
	if err := h.write(ctx, write, fresh(facts, batch), own); err != nil {
		return err
	}
	beaten, err := h.removeBeaten(ctx, batch, own)
	if err != nil {
		return err
	}
	// After the facts are there, so that either this batch knows a map, or whoever brings profiles to
	// it knows this batch; see package derive.
	readAt, err := h.readMaps(ctx)
	if err != nil {
		return err
	}
	touched := h.touchedBy(counting)
	touched.addReceipts(beaten)
	if err := h.derive(ctx, touched, readAt); err != nil {
		return err
	}
	h.links.remember(write)
	return nil
}

// readMaps reads the maps that were published since the last time, and gives an instant of the
// server's clock before that.
func (h *handler) readMaps(ctx context.Context) (time.Time, error) {
	readAt, err := h.store.Now(ctx)
	if err != nil {
		return readAt, fmt.Errorf("dating profiles: %w", err)
	}
	if err := h.editions.refresh(ctx); err != nil {
		return readAt, fmt.Errorf("reading the maps: %w", err)
	}
	return readAt, nil
}

// rows are those of the copies that count, and those of them that are to be written.
func (h *handler) rows(
	ctx context.Context, facts []*journey.Fact, batch *settle.Batch,
) (counting, write []store.Row, err error) {
	places := batch.Counting()
	counting = make([]store.Row, 0, len(places))
	for _, i := range places {
		counting = append(counting, h.row(facts[i]))
	}
	if err := h.links.mark(ctx, h.store, counting); err != nil {
		return nil, nil, fmt.Errorf("looking up known links: %w", err)
	}
	for k, i := range places {
		if !batch.Known(i) {
			write = append(write, counting[k])
		}
	}
	return counting, write, nil
}

// row is a fact with what it says of itself and what the map says of it.
func (h *handler) row(f *journey.Fact) store.Row {
	r := store.Row{
		Fact: f, Attribution: enrich.Attribute(h.editions.of(f.Site), f),
		Campaign: enrich.CampaignOf(f),
	}
	r.Client, r.Traffic = h.clients.of(f)
	return r
}

// fresh are the facts of the messages of which no copy was here before.
func fresh(facts []*journey.Fact, batch *settle.Batch) []*journey.Fact {
	var first []*journey.Fact
	for _, i := range batch.Counting() {
		if batch.First(i) {
			first = append(first, facts[i])
		}
	}
	return first
}

func (h *handler) write(
	ctx context.Context, rows []store.Row, fresh []*journey.Fact, own []journey.Receipt,
) error {
	if err := h.store.InsertFacts(ctx, rows); err != nil {
		return fmt.Errorf("storing %d facts: %w", len(rows), err)
	}
	// Before the receipts, by which a batch that is done again knows its rows: a kill in between
	// counts names twice and loses none.
	if err := h.catalogue.count(ctx, fresh); err != nil {
		return fmt.Errorf("counting the names of %d facts: %w", len(fresh), err)
	}
	if err := h.store.InsertReceipts(ctx, own); err != nil {
		return fmt.Errorf("storing %d receipts: %w", len(own), err)
	}
	h.metrics.stored.Add(float64(len(rows)))
	h.metrics.copies.Add(float64(len(own) - len(rows)))
	return nil
}

// removeBeaten removes the rows of copies that turned out not to count and gives the receipts
// from which something may have followed.
func (h *handler) removeBeaten(
	ctx context.Context, batch *settle.Batch, own []journey.Receipt,
) ([]journey.Receipt, error) {
	after, err := h.receipts(ctx, own)
	if err != nil {
		return nil, err
	}
	beaten := batch.Beaten(after)
	if len(beaten) == 0 {
		return nil, nil
	}
	removed, err := h.store.DeleteReceipts(ctx, beaten)
	if err != nil || len(removed) > 0 {
		h.links.clear()
	}
	if err != nil {
		return nil, fmt.Errorf("removing copies among %d receipts: %w", len(beaten), err)
	}
	had := make(map[journey.Receipt]bool, len(removed))
	for _, r := range removed {
		had[r] = true
	}
	return slices.DeleteFunc(beaten, func(r journey.Receipt) bool {
		return batch.Fresh(r) && !had[r]
	}), nil
}

// receipts finds the stored copies of messages that were received within the copy window of them.
func (h *handler) receipts(
	ctx context.Context, own []journey.Receipt,
) ([]journey.Receipt, error) {
	keys := make(map[journey.SiteID][]journey.MessageKey)
	from, to := own[0].ReceivedAt, own[0].ReceivedAt
	for _, r := range own {
		keys[r.Site] = append(keys[r.Site], r.Key)
		if r.ReceivedAt.Before(from) {
			from = r.ReceivedAt
		}
		if r.ReceivedAt.After(to) {
			to = r.ReceivedAt
		}
	}
	window := h.config.CopyWindow
	found, err := h.store.Receipts(ctx, keys, from.Add(-window), to.Add(window))
	if err != nil {
		return nil, fmt.Errorf("looking up copies of %d messages: %w", len(own), err)
	}
	return found, nil
}
