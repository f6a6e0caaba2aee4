package answer

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// MaxHeldDeeds is how many touchpoints a question may hold at once for rules about persons, some
// 250 bytes each.
const MaxHeldDeeds = 8_000_000

// deeds reads the touchpoints that rules about the persons look at whom the directory does not
// settle. Where it reads those of all the site, it learns of most persons at once and takes them
// out of writesOf: what is left is given.
func (pe *people) deeds(
	ctx context.Context, site journey.SiteID, needs journey.PersonNeeds,
	writesOf map[journey.PersonID][]identity.Write,
) (map[journey.PersonID][]journey.Deed, error) {
	if !needs.Any() || pe.settled() {
		return nil, nil
	}
	if !pe.anew {
		ids, all := pe.identities(site, pe.isUnsettled)
		switch {
		case all:
		case len(ids) == 0:
			return nil, nil
		default:
			deeds, err := pe.directory.store.Deeds(ctx, site, ids, needs, pe.asOf)
			if err != nil {
				return nil, fmt.Errorf("reading what persons did as of the question: %w", err)
			}
			return byPerson(pe.directory, deeds,
				func(d *journey.Deed) journey.IdentityID { return d.Identity }), nil
		}
	}
	f := folder{
		people: pe, most: MaxHeldDeeds, writesOf: writesOf, scattered: pe.directory.scattered(site),
		held: make(map[journey.PersonID][]journey.Deed),
	}
	if err := pe.directory.store.EachDeed(ctx, site, needs, pe.asOf, f.add); err != nil {
		return nil, fmt.Errorf("reading what everybody did as of the question: %w", err)
	}
	f.fold()
	return f.held, nil
}

// folder learns of persons by touchpoints that come identity by identity: of whom has one identity
// as soon as it is through, so that only those of persons with several are held.
type folder struct {
	*people

	// most is how many deeds it may hold.
	most      int
	writesOf  map[journey.PersonID][]identity.Write
	scattered map[journey.PersonID]bool
	// deeds are those of the identity at hand, held those of persons with several.
	deeds []journey.Deed
	held  map[journey.PersonID][]journey.Deed
	// holds is how many there are in both.
	holds int
}

func (f *folder) add(d journey.Deed) error {
	if len(f.deeds) > 0 && f.deeds[0].Identity != d.Identity {
		f.fold()
	}
	f.deeds = append(f.deeds, d)
	if f.holds++; f.holds > f.most {
		return fault.New(fault.TooLarge, "the rules about persons of map version %d look at more than "+
			"%d touchpoints of persons with several ids; let them name rarer events, or ask as of now "+
			"once all profiles follow the map", versionOf(f.newest), f.most)
	}
	return nil
}

// fold is done with an identity. Its deeds are used no more.
func (f *folder) fold() {
	if len(f.deeds) == 0 {
		return
	}
	person := f.directory.personOr(f.deeds[0].Identity)
	switch {
	case !f.isUnsettled(person):
		f.holds -= len(f.deeds)
	case f.scattered[person]:
		f.held[person] = append(f.held[person], f.deeds...)
	default:
		f.holds -= len(f.deeds)
		f.keep(person, f.describe(person, f.writesOf[person], f.deeds))
		delete(f.writesOf, person)
	}
	f.deeds = f.deeds[:0]
}

// scattered are the persons of a site with several identities.
func (d *directory) scattered(site journey.SiteID) map[journey.PersonID]bool {
	several := make(map[journey.PersonID]bool)
	for e := range d.ofSite(site) {
		if uint64(e.person) != uint64(e.identity) {
			several[e.person] = true
		}
	}
	return several
}

// personOr is the person of an identity: its own where nothing is derived of it.
func (d *directory) personOr(id journey.IdentityID) journey.PersonID {
	if e, ok := d.entryOf(id); ok {
		return e.person
	}
	return journey.PersonID(id)
}
