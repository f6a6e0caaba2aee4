package answer

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// surroundings are what a question is answered by besides touchpoints.
type surroundings struct {
	facts api.Facts
	// newest is the newest map, nil if there is none; settled what the directory says of it.
	newest    *journey.Map
	settled   bool
	exposures exposures
	people    *people
	// variants are those that persons were shown first.
	variants map[journey.PersonID][]journey.Value
	// generation is that of the directory that people rests on.
	generation uint64
}

// lately is the newest map of a site as it was when a question was answered last: what is read by
// it is read again should it no longer be.
func (a *Answerer) lately(ctx context.Context, site journey.SiteID) (*journey.Map, error) {
	a.mutex.Lock()
	m, known := a.newest[site]
	a.mutex.Unlock()
	if known {
		return m, nil
	}
	return a.latest(ctx, site)
}

func (a *Answerer) latest(ctx context.Context, site journey.SiteID) (*journey.Map, error) {
	m, err := a.maps.Latest(ctx, site)
	if err != nil {
		return nil, fmt.Errorf("reading the newest map of site %s: %w", site, err)
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.newest[site] = m
	return m, nil
}

// surroundings reads them, and gets to know the persons.
func (in *inquiry) surroundings(ctx context.Context) (*surroundings, error) {
	known := new(surroundings)
	var fresh time.Time
	group, all := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		known.newest, err = remember(&in.memory, in.outlook, "maps", string(in.site),
			func() (*journey.Map, error) { return in.latest(all, in.site) })
		return err
	})
	group.Go(func() (err error) {
		fresh, err = remember(&in.memory, in.outlook, "freshness", string(in.site),
			func() (time.Time, error) { return in.store.FreshUntil(all, in.site) })
		return err
	})
	group.Go(func() error {
		_, err := remember(&in.memory, in.outlook, "profiles", "",
			func() (bool, error) { return true, in.directory.refresh(all, in.outlook) })
		return err
	})
	group.Go(func() (err error) {
		known.exposures, err = in.readExposures(all)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("reading what is known of site %s: %w", in.site, err)
	}
	var err error
	w := in.wants(known.newest)
	if known.settled, err = in.directory.settles(ctx, in.site, known.newest, w); err != nil {
		return nil, err
	}
	known.facts = api.Facts{MapVersion: versionOf(known.newest), FreshUntil: fresh}
	if !known.settled {
		known.facts.Warnings = []string{fmt.Sprintf("personas and repeats of map version %d are "+
			"still being worked out; answers hold, and take longer until that is done",
			versionOf(known.newest))}
	}
	in.directory.mutex.RLock()
	defer in.directory.mutex.RUnlock()
	return known, in.meet(ctx, known)
}

// meet gets to know the persons by the directory, which is locked, unless they are known by it as
// it is.
func (in *inquiry) meet(ctx context.Context, known *surroundings) error {
	if known.people != nil && known.generation == in.directory.generation {
		return nil
	}
	known.generation = in.directory.generation
	known.people = newPeople(in.directory, known.newest, in.program, in.wants(known.newest))
	known.variants = known.exposures.byPerson(in.directory)
	return known.people.read(ctx, in.site, known.settled)
}
