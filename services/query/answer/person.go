package answer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

var _ api.People = (*Answerer)(nil)

// Person gives what is known of the person of an identity as of an instant, which is cut to
// milliseconds. It rests on facts alone: profiles say only who is whom. Errors: NotFound,
// Unavailable, Expired.
func (a *Answerer) Person(
	ctx context.Context, site journey.SiteID, who api.Who, asOf time.Time,
) (api.PersonAsOf, error) {
	m, err := a.maps.Latest(ctx, site)
	if err != nil {
		return api.PersonAsOf{}, fmt.Errorf("reading the map of site %s: %w", site, err)
	}
	if err := a.directory.refresh(ctx, nil); err != nil {
		return api.PersonAsOf{}, fmt.Errorf("bringing the persons of site %s up to date: %w", site, err)
	}
	p, err := a.find(ctx, site, who)
	if err != nil {
		return api.PersonAsOf{}, err
	}
	if err := a.recall(ctx, site, m, &p, asOf.UnixMilli()); err != nil {
		return api.PersonAsOf{}, fmt.Errorf("reading what is known of a person: %w", err)
	}
	return p.explain(m, asOf.UnixMilli()), nil
}

// remembered is a person with everything that is read of them.
type remembered struct {
	id              journey.PersonID
	identities      []journey.IdentityID
	users, visitors []string
	writes          []identity.Write
	deeds           []journey.Deed
	presence        store.Presence
}

// find finds the person of an identity, and who that is.
func (a *Answerer) find(
	ctx context.Context, site journey.SiteID, who api.Who,
) (remembered, error) {
	unknown := fault.New(fault.NotFound, "nothing is known of a person with that id on site %q; "+
		"ids are compared letter by letter, and an id is known once a message with it was stored",
		site)
	p := remembered{id: journey.PersonID(who.Identity)}
	a.directory.mutex.RLock()
	e, derived := a.directory.entryOf(who.Identity)
	number, sited := a.directory.sites.numbers[string(site)]
	a.directory.mutex.RUnlock()
	if derived {
		if !sited || e.site != number {
			return p, unknown // it is another site's
		}
		p.id = e.person
	}
	p.identities = a.directory.identitiesOf([]journey.PersonID{p.id})[p.id]
	names, err := a.store.Names(ctx, site, p.identities)
	if err != nil {
		return p, fmt.Errorf("naming a person: %w", err)
	}
	if len(names) == 0 && (!derived || e.lastWriteAt == 0) {
		return p, unknown
	}
	names[who.Identity] = nameOr(names[who.Identity], who)
	p.name(names)
	return p, nil
}

// nameOr is a name, or where the store knows none what the asker called the identity.
func nameOr(n store.Name, who api.Who) store.Name {
	if n == (store.Name{}) {
		return store.Name{User: who.User, Visitor: who.Visitor}
	}
	return n
}

func (p *remembered) name(names map[journey.IdentityID]store.Name) {
	for _, n := range names {
		if n.User != "" {
			p.users = append(p.users, string(n.User))
		} else if n.Visitor != "" {
			p.visitors = append(p.visitors, string(n.Visitor))
		}
	}
	slices.Sort(p.users)
	slices.Sort(p.visitors)
	p.visitors = p.visitors[:min(len(p.visitors), maxVisitors)]
}

// recall reads the facts of a person as of an instant in milliseconds since 1970.
func (a *Answerer) recall(
	ctx context.Context, site journey.SiteID, m *journey.Map, p *remembered, asOf int64,
) error {
	group, all := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		p.writes, err = a.store.WritesAsOf(all, site, p.identities, asOf)
		return err
	})
	group.Go(func() (err error) {
		p.presence, err = a.store.PresenceOf(all, site, p.identities, asOf)
		return err
	})
	group.Go(func() (err error) {
		if m != nil {
			p.deeds, err = a.store.Deeds(all, site, p.identities, m.PersonNeeds(), asOf)
		}
		return err
	})
	return group.Wait() //nolint:wrapcheck // the caller says what it was reading
}

// explain says what follows.
func (p *remembered) explain(m *journey.Map, asOf int64) api.PersonAsOf {
	past := pastOf(p.writes, p.deeds, asOf)
	out := api.PersonAsOf{
		ID: p.id, Users: idsOf[journey.UserID](p.users), Map: m,
		Visitors: idsOf[journey.VisitorID](p.visitors),
		Traits:   past.Traits, Groups: past.Groups, Persona: journey.Unassigned,
		Touchpoints: p.presence.Touchpoints, Stage: p.presence.Stage,
		FirstAt: p.presence.FirstAt, LastAt: p.presence.LastAt,
	}
	lostAfter := journey.DefaultLostAfter
	if m != nil {
		out.Persona, out.Rules = m.PersonaOf(past), m.ExplainPersona(past)
		out.Stage = stageOf(m, past.Deeds, p.presence)
		lostAfter = m.LostAfter
	}
	if p.presence.Touchpoints > 0 {
		out.Lost = asOf-p.presence.LastAt.UnixMilli() > lostAfter.Milliseconds()
	}
	return out
}

func idsOf[T ~string](texts []string) []T {
	ids := make([]T, len(texts))
	for i, text := range texts {
		ids[i] = T(text)
	}
	return ids
}

// stageOf is the stage of the latest touchpoint with a stage, repeats applied. deeds hold those of
// the bases that others repeat; the latest touchpoint is the last of its base.
func stageOf(m *journey.Map, deeds []journey.Deed, latest store.Presence) journey.StageID {
	done := 0
	for i := range deeds {
		if deeds[i].Touchpoint == latest.Touchpoint {
			done++
		}
	}
	stage, from := latest.Stage, 0
	for i := range m.Touchpoints {
		t := &m.Touchpoints[i]
		if t.Repeat == nil || t.Repeat.Of != latest.Touchpoint {
			continue
		}
		if done >= t.Repeat.From && t.Repeat.From > from {
			stage, from = t.Stage, t.Repeat.From
		}
	}
	return stage
}
