package answer

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

// wayOfOne is the way to an explanation.
const wayOfOne = "rows of one unit, in shown order with message ids"

// explainPerson reads one person and explains it.
func (in *inquiry) explainPerson(ctx context.Context, who api.Who) error {
	if err := in.directory.refresh(ctx, nil); err != nil {
		return fmt.Errorf("bringing the persons of site %s up to date: %w", in.site, err)
	}
	person, err := in.find(ctx, in.site, who)
	if err != nil {
		return err
	}
	in.explaining.only.Identities, in.explaining.out.Person = person.identities, person.id
	var g *gathered
	var of *people
	var fresh time.Time
	group, all := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		g, err = in.gatherRows(all, plan.Shown)
		return err
	})
	group.Go(func() (err error) {
		of, err = in.meetOne(all, &person)
		return err
	})
	group.Go(func() (err error) {
		fresh, err = in.store.FreshUntil(all, in.site)
		return err
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("reading what a person did: %w", err)
	}
	in.explaining.out.Facts = api.Facts{
		MapVersion: versionOf(in.newest), FreshUntil: fresh, TouchpointsRead: uint64(g.read),
		Way: wayOfOne,
	}
	k := &kernel{
		gathered: g, directory: in.directory, people: of, newest: in.newest,
		explaining: in.explaining,
	}
	return k.explainOne(ctx, person.id)
}

// meetOne gets to know one person from facts alone.
func (in *inquiry) meetOne(ctx context.Context, p *remembered) (*people, error) {
	of := newPeople(in.directory, in.newest, in.program, in.wants(in.newest))
	of.anew = true
	var writes []identity.Write
	var deeds []journey.Deed
	needs := of.wanted.of(in.newest)
	asOf := in.program.Question().AsOf.UnixMilli()
	group, all := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		writes, err = in.store.WritesAsOf(all, in.site, p.identities, asOf)
		return err
	})
	group.Go(func() (err error) {
		if needs.Any() {
			deeds, err = in.store.Deeds(all, in.site, p.identities, needs, asOf)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("reading what is known of a person: %w", err)
	}
	of.known[p.id] = of.describe(p.id, writes, deeds)
	return of, nil
}

// explainOne explains the person whose touchpoints were gathered.
func (k *kernel) explainOne(ctx context.Context, person journey.PersonID) error {
	w := newWorker(k, 0)
	w.counter.Interrupt = ctx.Err
	for i := range k.blocks {
		rows := int32(len(k.blocks[i].identities))
		w.strips = append(w.strips, strip{int32(i), 0, rows, int32(i) - 1})
	}
	w.seen(person, int32(len(k.blocks))-1)
	if w.unsure {
		return errUnsure
	}
	return w.err
}

// mostTries is how often the rows of a unit are read while persons change beneath: then those of
// all are.
const mostTries = 3

// explainUnit reads what may be a unit's that is no person, and explains it.
func (in *inquiry) explainUnit(ctx context.Context) error {
	for try := 1; ; try++ {
		known, err := in.surroundings(ctx)
		if err != nil {
			return err
		}
		in.suppose(known.newest)
		in.explaining.only.Identities = nil
		if try <= mostTries {
			in.explaining.only.Identities = in.members(known)
		}
		g, err := in.gatherRows(ctx, plan.Shown)
		if err != nil {
			return err
		}
		if done, err := in.explainGathered(ctx, g, known); done || err != nil {
			return err
		}
	}
}

// members are the identities of the persons whose trait or group is the unit: nil where that is
// asked of touchpoints, or they are many.
func (in *inquiry) members(known *surroundings) []journey.IdentityID {
	if in.program.Question().Unit.Kind == funnel.PropertyUnit {
		return nil
	}
	in.directory.mutex.RLock()
	defer in.directory.mutex.RUnlock()
	nothing := funnel.TouchView{Groups: make([]journey.GroupID, len(in.program.Needs().Groups))}
	ids, all := known.people.identities(in.site, func(p journey.PersonID) bool {
		view := known.people.view(p)
		unit, has := in.program.UnitOf(&nothing, &view)
		return has && unit == in.explaining.only.Unit
	})
	if all {
		return nil
	}
	return append(make([]journey.IdentityID, 0, len(ids)), ids...)
}

// explainGathered explains what was gathered. It is not done where persons have changed meanwhile.
func (in *inquiry) explainGathered(
	ctx context.Context, g *gathered, known *surroundings,
) (done bool, err error) {
	in.directory.mutex.RLock()
	defer in.directory.mutex.RUnlock()
	if known.generation != in.directory.generation && in.explaining.only.Identities != nil {
		return false, nil
	}
	if err := in.meet(ctx, known); err != nil {
		return false, err
	}
	in.explaining.out.Attempts, in.explaining.out.Touchpoints = nil, nil
	err = in.evaluate(ctx, g, known, func(int, result) error { return nil })
	in.explaining.out.Facts = known.facts
	in.explaining.out.Facts.Way = wayOfOne
	return true, err
}
