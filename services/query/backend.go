package query

import (
	"fmt"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/query/answer"
)

// open prepares the store without asking it anything.
func open(cfg Config) (backend, error) {
	st, err := store.Open(cfg.ClickHouse)
	if err != nil {
		return backend{}, fmt.Errorf("reading the address of the store: %w", err)
	}
	return backend{
		sites: st, keys: st, maps: st, lookup: st, migrate: st.Migrate, close: st.Close,
		answers: answer.New(st, answer.NewNewestMaps(st), cfg.MaxMemoryBytes),
	}, nil
}
