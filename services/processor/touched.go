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

// touched are the identities whose profiles a batch may change, with the number of links that each
// may have got by it.
type touched map[journey.SiteID]map[journey.IdentityID]int

func (t touched) add(site journey.SiteID, id journey.IdentityID, links int) {
	if t[site] == nil {
		t[site] = make(map[journey.IdentityID]int)
	}
	t[site][id] += links
}

// addRow adds what a row changes: both ends of its links, unless they are known to be stored and
// derived, whose traits or groups it writes, and whose touchpoint it is where rules about persons
// need it.
func (t touched) addRow(r store.Row, known *linkCache, needs *journey.PersonNeeds) {
	f := r.Fact
	switch {
	case f.Kind == journey.Identify, f.Kind == journey.Group,
		f.Kind.IsTouchpoint() && needs.Wants(f.Event, r.Attribution.Touchpoint):
		t.add(f.Site, f.Identity(), 0)
	}
	if p, m, ok := pairOf(f); ok && known.known(p, m) {
		return
	}
	for _, l := range identity.LinksOf(f) {
		t.add(f.Site, l.A, 1)
		t.add(f.Site, l.B, 1)
	}
}

// addReceipts adds what removed copies change.
func (t touched) addReceipts(removed []journey.Receipt) {
	for _, r := range removed {
		for _, id := range r.Ends() {
			t.add(r.Site, id, 1)
		}
	}
}

// touchedBy are the identities whose profiles rows may change by the newest maps.
func (h *handler) touchedBy(rows []store.Row) touched {
	t := make(touched)
	for _, r := range rows {
		needs := h.editions.latest(r.Fact.Site).PersonNeeds()
		t.addRow(r, h.links, &needs)
	}
	return t
}

// derive brings the profiles of touched persons up to date and quarantines the links that would
// make a person too large.
func (h *handler) derive(ctx context.Context, t touched, readAt time.Time) error {
	for site, counts := range t {
		ids := slices.Sorted(maps.Keys(counts))
		refused, err := derive.Refresh(ctx, h.store, h.store, derive.Task{
			Site: site, Map: h.editions.latest(site), ReadAt: readAt, Touched: ids,
			NewLinks: slices.Max(slices.Collect(maps.Values(counts))),
		})
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
	profiles := func(site journey.SiteID, done, of int) {
		progress("profiles of "+string(site), done, of)
	}
	latest := func(ctx context.Context, site journey.SiteID) (*journey.Map, error) {
		err := p.handler.editions.refresh(ctx)
		return p.handler.editions.latest(site), err
	}
	if err := derive.Rebuild(ctx, p.store, latest, profiles); err != nil {
		return fmt.Errorf("rebuilding profiles: %w", err)
	}
	journeys := func(done, of int) { progress("months of journeys", done, of) }
	if err := p.store.RebuildJourneys(ctx, journeys); err != nil {
		return fmt.Errorf("rebuilding packed journeys: %w", err)
	}
	return nil
}
