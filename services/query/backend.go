package query

import (
	"errors"
	"fmt"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/query/admission"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

// open prepares the store without asking it anything, and the way to ingest where one is known.
func open(cfg Config) (backend, error) {
	st, err := store.Open(cfg.ClickHouse)
	if err != nil {
		return backend{}, fmt.Errorf("reading the address of the store: %w", err)
	}
	maps := answer.NewNewestMaps(st)
	way, _ := plan.WayOf(cfg.Way) // checked by Validate
	answerer := answer.New(st, maps, cfg.MaxMemoryBytes).Go(way, nil)
	answerer.KeepJourneys(int(cfg.JourneyBytes))
	b := backend{
		sites: st, keys: st, maps: st, lookup: st, migrate: st.Migrate, close: st.Close,
		drawings: st,
		answers:  answerer, explainer: answerer, people: answerer, questions: st, quarantine: st,
		catalogue: st,
		shielded: func(cfg Config, gate *admission.Gate, m *metrics) (*answer.Cache, api.Explainer) {
			watched := answer.NewWatched(answerer, st, m.cancelled.Inc)
			return answer.NewCache(gate.Answers(watched, answer.NewCosts(st)), answer.CacheConfig{
				Store: st, Maps: maps, MaxBytes: int(cfg.CacheBytes), Count: m.answered,
			}), watched.Explainer(answerer)
		},
		journeyBytes: answerer.KeptJourneyBytes,
		recall:       func(c *answer.Cache) api.Background { return c.Recall(st) },
	}
	if cfg.IngestGRPC == "" {
		return b, nil
	}
	r, err := newReplayer(cfg.IngestGRPC)
	if err != nil {
		return backend{}, errors.Join(
			fmt.Errorf("reading WAYSTAGE_QUERY_INGEST_GRPC: %w", err), st.Close())
	}
	b.replayer = r
	b.close = func() error { return errors.Join(r.close(), st.Close()) }
	return b, nil
}
