package processor

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/catalogue"
)

// cataloguer keeps the catalogues of sites: which names they send.
type cataloguer struct {
	store *store.Store
	names *catalogue.Names
}

func newCataloguer(st *store.Store) *cataloguer {
	return &cataloguer{store: st, names: catalogue.NewNames()}
}

// forget drops the names that others may add to from now on.
func (c *cataloguer) forget() { c.names.Forget() }

// count adds the names of facts. A batch that is done again after it is counted again.
func (c *cataloguer) count(ctx context.Context, facts []*journey.Fact) error {
	bySite := make(map[journey.SiteID][]*journey.Fact)
	for _, f := range facts {
		bySite[f.Site] = append(bySite[f.Site], f)
	}
	var sightings []journey.Sighting
	for site, of := range bySite {
		found, err := c.sightings(ctx, site, of)
		if err != nil {
			return err
		}
		sightings = append(sightings, found...)
	}
	if err := c.store.InsertSightings(ctx, sightings); err != nil {
		return fmt.Errorf("adding %d sightings to the catalogues: %w", len(sightings), err)
	}
	return nil
}

// sightings counts the facts of one site, whose names are read if they are not known: learning
// those of another site in between might have them forgotten.
func (c *cataloguer) sightings(
	ctx context.Context, site journey.SiteID, facts []*journey.Fact,
) ([]journey.Sighting, error) {
	if !c.names.Knows(site) {
		known, err := c.store.CatalogueNames(ctx, site)
		if err != nil {
			return nil, fmt.Errorf("reading the names of site %s: %w", site, err)
		}
		c.names.Learn(site, known)
	}
	batch := catalogue.NewBatch(c.names)
	for _, f := range facts {
		batch.Add(f)
	}
	return batch.Sightings(), nil
}
