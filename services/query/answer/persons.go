package answer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// maxVisitors is how many visitor ids of a person are named.
const maxVisitors = 100

// persons names the units of a page.
func (a *Answerer) persons(
	ctx context.Context, site journey.SiteID, list []listed,
) ([]api.Person, error) {
	var ids []journey.PersonID
	for _, l := range list {
		if l.person != 0 {
			ids = append(ids, l.person)
		}
	}
	identities := a.directory.identitiesOf(ids)
	names, err := a.store.Names(ctx, site, slices.Concat(slices.Collect(maps.Values(identities))...))
	if err != nil {
		return nil, fmt.Errorf("naming %d persons: %w", len(ids), err)
	}
	persons := make([]api.Person, len(list))
	for i, l := range list {
		p := api.Person{
			ID: l.person, Persona: l.persona, Unit: l.unit, Number: l.number,
			Outcome: l.attempt.Outcome(), Group: l.attempt.Group,
		}
		for _, id := range identities[l.person] {
			n := names[id]
			if n.User != "" {
				p.Users = append(p.Users, n.User)
			} else if n.Visitor != "" {
				p.Visitors = append(p.Visitors, n.Visitor)
			}
		}
		slices.Sort(p.Users)
		slices.Sort(p.Visitors)
		p.Visitors = p.Visitors[:min(len(p.Visitors), maxVisitors)]
		for step, at := range l.attempt.Times {
			if l.attempt.Filled>>step&1 != 0 {
				p.FilledSteps = append(p.FilledSteps, step)
				p.StepTimes = append(p.StepTimes, time.UnixMilli(at).UTC())
			}
		}
		persons[i] = p
	}
	return persons, nil
}
