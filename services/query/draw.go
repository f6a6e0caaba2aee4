package query

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// drawEvery is how long a published map waits at most until tools for SQL see it.
const drawEvery = 10 * time.Second

// drawings are the maps as rows, for tools for SQL.
type drawings interface {
	// Undrawn lists newest versions of maps that have no rows yet. Errors: Unavailable.
	Undrawn(ctx context.Context) ([]store.Undrawn, error)
	// Draw keeps a version as rows; a nil map says nothing. Errors: Unavailable.
	Draw(ctx context.Context, site journey.SiteID, version journey.MapVersion, m *journey.Map) error
}

// keepDrawing draws maps as they are published, until the context ends. What fails is tried again
// in the next round: no answer rests on it.
func keepDrawing(ctx context.Context, d drawings, log zerolog.Logger) {
	rounds := time.NewTicker(drawEvery)
	defer rounds.Stop()
	for {
		if err := drawAll(ctx, d); err != nil && ctx.Err() == nil {
			log.Warn().Err(err).Msg("maps could not be drawn for tools for SQL; trying again")
		}
		select {
		case <-ctx.Done():
			return
		case <-rounds.C:
		}
	}
}

func drawAll(ctx context.Context, d drawings) error {
	list, err := d.Undrawn(ctx)
	if err != nil {
		return err //nolint:wrapcheck // the store says what it was doing
	}
	for _, u := range list {
		m, err := journey.ParseMap(u.Source)
		if err != nil {
			m = nil // published by a version that read other maps
		}
		if err := d.Draw(ctx, u.Site, u.Version, m); err != nil {
			return err //nolint:wrapcheck // the store says what it was doing
		}
	}
	return nil
}
