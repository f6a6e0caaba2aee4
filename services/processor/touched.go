package processor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/derive"
)

// touched are the identities whose profiles a batch may change, with the number of links that
// each got by it.
type touched map[journey.SiteID]map[journey.IdentityID]int

func (t touched) add(site journey.SiteID, id journey.IdentityID) {
	if t[site] == nil {
		t[site] = make(map[journey.IdentityID]int)
	}
	t[site][id]++
}

// addRow adds what a row changes: both ends of its links, unless they are known to be stored and
// derived, and whose traits it writes.
func (t touched) addRow(r store.Row, known *linkCache) {
	f := r.Fact
	if f.Kind == journey.Identify {
		t.add(f.Site, f.Identity())
	}
	if p, m, ok := pairOf(f); ok && known.known(p, m) {
		return
	}
	for _, l := range identity.LinksOf(f) {
		t.add(f.Site, l.A)
		t.add(f.Site, l.B)
	}
}

// addReceipts adds what removed copies change.
func (t touched) addReceipts(removed []journey.Receipt) {
	for _, r := range removed {
		for _, id := range r.Ends() {
			t.add(r.Site, id)
		}
	}
}

// derive brings the profiles of touched persons up to date and quarantines the links that would
// make a person too large.
func (h *handler) derive(ctx context.Context, t touched) error {
	for site, counts := range t {
		ids := slices.Sorted(maps.Keys(counts))
		links := slices.Max(slices.Collect(maps.Values(counts)))
		refused, err := derive.Refresh(
			ctx, h.store, h.store, h.editions.latest(site), site, ids, links)
		if err != nil {
			return fmt.Errorf("deriving %d profiles of site %s: %w", len(ids), site, err)
		}
		h.metrics.derived.Add(float64(len(ids)))
		if err := h.quarantine.put(ctx, tooLarge(site, refused, counts)); err != nil {
			return fmt.Errorf("quarantining %d links: %w", len(refused), err)
		}
	}
	return nil
}

// tooLarge are the refused links that this batch brought.
func tooLarge(
	site journey.SiteID, refused []identity.Link, counts map[journey.IdentityID]int,
) []wire.Quarantined {
	var q []wire.Quarantined
	for _, l := range refused {
		if counts[l.A] == 0 || counts[l.B] == 0 {
			continue
		}
		q = append(q, wire.Quarantined{
			Site: site, By: wire.ByProcessor, Reason: "person_too_large",
			Detail: "the link of message " + strconv.Quote(string(l.Message)) + " would join more than " +
				strconv.Itoa(identity.MaxIdentities) + " identities into one person and was left " +
				"out; use ids that belong to one human",
			ReceivedAt: time.Unix(0, l.OccurredAt).UTC(),
			Source:     "links",
		})
	}
	return q
}

// Rebuild derives everything derived anew, profiles and packed journeys, and puts it in place of
// what is there, while processors go on and questions are answered. progress is told per part how
// much is done of how much: identities of a site, months of journeys.
func (p *Processor) Rebuild(
	ctx context.Context, progress func(part string, done, of int),
) error {
	if err := p.handler.editions.refresh(ctx); err != nil {
		return fmt.Errorf("reading the maps: %w", err)
	}
	profiles := func(site journey.SiteID, done, of int) {
		progress("profiles of "+string(site), done, of)
	}
	if err := derive.Rebuild(ctx, p.store, p.handler.editions.latest, profiles); err != nil {
		return fmt.Errorf("rebuilding profiles: %w", err)
	}
	journeys := func(done, of int) { progress("months of journeys", done, of) }
	if err := p.store.RebuildJourneys(ctx, journeys); err != nil {
		return fmt.Errorf("rebuilding packed journeys: %w", err)
	}
	return nil
}
