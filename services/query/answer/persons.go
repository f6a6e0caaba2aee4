package answer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// listed is a unit of a list.
type listed struct {
	person  journey.PersonID
	persona journey.PersonaID
	unit    string
	// number is that of the attempt among those of the unit that are listed, from 0.
	number  int
	attempt funnel.Attempt
}

func compareListed(a, b listed) int {
	return cmp.Or(cmp.Compare(a.person, b.person), cmp.Compare(a.unit, b.unit), cmp.Compare(a.number, b.number))
}

// begin is where a page begins.
func begin(all []listed, u funnel.Unit, page api.Page) int {
	switch {
	case u.Kind == funnel.PersonUnit && page.After != 0:
		return sort.Search(len(all), func(i int) bool { return all[i].person > page.After })
	case u.Kind != funnel.PersonUnit && page.AfterUnit != nil:
		return sort.Search(len(all), func(i int) bool { return all[i].unit > *page.AfterUnit })
	default:
		return 0
	}
}

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
			ID: l.person, Persona: l.persona, Unit: l.unit, Outcome: l.attempt.Outcome(),
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
		for _, at := range l.attempt.Times {
			p.StepTimes = append(p.StepTimes, time.UnixMilli(at).UTC())
		}
		persons[i] = p
	}
	return persons, nil
}
