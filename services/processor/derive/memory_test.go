package derive_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/derive"
)

// memory is a store of facts and profiles; TestContract holds it to the real one.
type memory struct {
	facts []*journey.Fact
	// attributes says what touchpoints are; nil attributes none.
	attributes *journey.Map
	profiles   map[journey.IdentityID]store.Profile
	derived    map[journey.IdentityID]time.Time
	now        time.Time
	// read counts the links that were given out.
	read int
}

var (
	_ derive.Facts    = (*memory)(nil)
	_ derive.Profiles = (*memory)(nil)
)

func newMemory() *memory {
	return &memory{
		profiles: make(map[journey.IdentityID]store.Profile),
		derived:  make(map[journey.IdentityID]time.Time),
		now:      time.Unix(1, 0).UTC(),
	}
}

func (m *memory) add(facts ...journey.Fact) {
	for _, f := range facts {
		m.facts = append(m.facts, &f)
	}
}

func (m *memory) Now(context.Context) (time.Time, error) {
	m.now = m.now.Add(1)
	return m.now, nil
}

func (m *memory) FirstLinks(
	_ context.Context, site journey.SiteID, visitors []journey.IdentityID, n int,
) ([]identity.Link, error) {
	found := m.links(site, func(l identity.Link) bool {
		return !l.Alias && slices.Contains(visitors, l.A)
	})
	given := make(map[journey.IdentityID]int)
	return m.give(slices.DeleteFunc(found, func(l identity.Link) bool {
		given[l.A]++
		return given[l.A] > n
	})), nil
}

func (m *memory) OtherLinks(
	_ context.Context, site journey.SiteID, of []journey.IdentityID,
) ([]identity.Link, error) {
	return m.give(m.links(site, func(l identity.Link) bool {
		return slices.Contains(of, l.B) || l.Alias && slices.Contains(of, l.A)
	})), nil
}

func (m *memory) give(links []identity.Link) []identity.Link {
	m.read += len(links)
	return links
}

// links are the first of each two identities that are wanted, in time order.
func (m *memory) links(site journey.SiteID, wanted func(identity.Link) bool) []identity.Link {
	type two struct {
		a, b  journey.IdentityID
		alias bool
	}
	first := make(map[two]identity.Link)
	for _, f := range m.facts {
		if f.Site != site {
			continue
		}
		for _, l := range identity.LinksOf(f) {
			known, ok := first[two{l.A, l.B, l.Alias}]
			if wanted(l) && (!ok || compareLinks(l, known) < 0) {
				first[two{l.A, l.B, l.Alias}] = l
			}
		}
	}
	return slices.SortedFunc(maps.Values(first), compareLinks)
}

func compareLinks(a, b identity.Link) int {
	return cmp.Or(cmp.Compare(a.OccurredAt, b.OccurredAt), cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
}

func (m *memory) LastWrites(
	_ context.Context, site journey.SiteID, of []journey.IdentityID,
) ([]identity.Write, error) {
	type one struct {
		id   journey.IdentityID
		name string
	}
	last := make(map[one]identity.Write)
	for _, f := range m.facts {
		if f.Site != site || !slices.Contains(of, f.Identity()) {
			continue
		}
		for _, w := range identity.WritesOf(f) {
			known, ok := last[one{w.Identity, w.Name}]
			if !ok || identity.CompareWrites(w, known) > 0 {
				last[one{w.Identity, w.Name}] = w
			}
		}
	}
	return slices.Collect(maps.Values(last)), nil
}

func (m *memory) Deeds(
	_ context.Context, site journey.SiteID, of []journey.IdentityID, needs journey.PersonNeeds,
	asOf int64,
) ([]journey.Deed, error) {
	var deeds []journey.Deed
	for _, f := range m.facts {
		if f.Site != site || !f.Kind.IsTouchpoint() || f.At() > asOf {
			continue
		}
		d := deedOf(f, m.attributes, needs)
		if needs.Wants(d.Event, d.Touchpoint) && (len(of) == 0 || slices.Contains(of, d.Identity)) {
			deeds = append(deeds, d)
		}
	}
	return deeds, nil
}

// deedOf is a touchpoint as rules about persons see it.
func deedOf(f *journey.Fact, m *journey.Map, needs journey.PersonNeeds) journey.Deed {
	d := journey.Deed{
		Identity: f.Identity(), OccurredAt: f.OccurredAt.UnixNano(),
		OriginalAt: f.OriginalAt.UnixNano(), ReceivedAt: f.ReceivedAt.UnixNano(), Index: f.Index,
		Message: f.Message, Event: f.Event,
	}
	if m != nil {
		a := m.Attribute(f)
		d.Touchpoint, d.Channel = a.Touchpoint, a.Channel
	}
	if slices.Contains(needs.Events, f.Event) && f.Properties != "" && len(needs.Properties) > 0 {
		for _, property := range needs.Properties {
			d.Values = append(d.Values, f.Properties.Value(property))
		}
	}
	return d
}

func (m *memory) InsertProfiles(
	_ context.Context, _ journey.SiteID, profiles []store.Profile, derivedAt time.Time,
) error {
	for _, p := range profiles {
		if derivedAt.After(m.derived[p.Identity]) {
			m.profiles[p.Identity], m.derived[p.Identity] = p, derivedAt
		}
	}
	return nil
}
