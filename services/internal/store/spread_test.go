package store_test

import (
	"testing"

	"github.com/waystage/waystage/services/internal/store"
)

// TestSpread: the tables that migrations make stand on one node.
func TestSpread(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	if got, err := d.Spread(t.Context()); err != nil || got != (store.Spread{}) {
		t.Errorf("Spread: %+v, %v", got, err)
	}
	d.raw(t, "DROP TABLE journeys SYNC")
	if got, err := d.Spread(t.Context()); err != nil || got != (store.Spread{}) {
		t.Errorf("Spread without journeys: %+v, %v", got, err)
	}
}
