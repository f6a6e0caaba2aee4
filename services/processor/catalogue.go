package processor

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/internal/store"
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

// count adds the names of rows. A batch that is done again after it is counted again.
func (c *cataloguer) count(ctx context.Context, rows []store.Row) error {
	if err := c.learn(ctx, rows); err != nil {
		return err
	}
	batch := catalogue.NewBatch(c.names)
	for _, r := range rows {
		batch.Add(r.Fact)
	}
	sightings := batch.Sightings()
	if err := c.store.InsertSightings(ctx, sightings); err != nil {
		return fmt.Errorf("adding %d sightings to the catalogues: %w", len(sightings), err)
	}
	return nil
}

// learn reads the names of the sites that are seen for the first time.
func (c *cataloguer) learn(ctx context.Context, rows []store.Row) error {
	for _, r := range rows {
		if c.names.Knows(r.Fact.Site) {
			continue
		}
		known, err := c.store.CatalogueNames(ctx, r.Fact.Site)
		if err != nil {
			return fmt.Errorf("reading the names of site %s: %w", r.Fact.Site, err)
		}
		c.names.Learn(r.Fact.Site, known)
	}
	return nil
}
