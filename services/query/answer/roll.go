package answer

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

// roll says where the directory has the identities of a shelf's rows, so that a question need not
// look each of them up.
type roll struct {
	// epoch is that of the directory, and known how many entries it had.
	epoch uint64
	known int
	// spots are those of its rows.
	spots []spot
}

// call brings the rolls of shelves up to the directory, which is locked.
func (k *stock) call(ctx context.Context, d *directory, workers int) error {
	var group errgroup.Group
	group.SetLimit(workers)
	for _, s := range k.shelves {
		if r := s.roll.Load(); r != nil && r.upTo(d) {
			continue
		}
		group.Go(func() error {
			s.call(d)
			return ctx.Err()
		})
	}
	return group.Wait() //nolint:wrapcheck // the caller knows
}

// upTo tells that a roll knows all that the directory does: entries are only added within an epoch.
func (r *roll) upTo(d *directory) bool { return r.epoch == d.epoch && r.known == len(d.entries) }

// call brings the roll up to the directory. Of two who do so at once either may win.
func (s *shelf) call(d *directory) {
	now := &roll{epoch: d.epoch, known: len(d.entries)}
	last := s.roll.Load()
	if last == nil || last.epoch != d.epoch || now.known-last.known > len(s.identities) {
		now.spots = make([]spot, len(s.identities))
		for i, identity := range s.identities {
			now.spots[i] = d.spotOf(identity)
		}
		s.roll.Store(now)
		return
	}
	now.spots = last.spots
	for n := last.known; n < now.known; n++ {
		identity := uint64(d.entries[n].identity)
		row, found := s.find(identity)
		if found && &now.spots[0] == &last.spots[0] { // others may be reading it
			now.spots = slices.Clone(last.spots)
		}
		// A part has several rows of an identity where a server does not merge what is inserted.
		for ; int(row) < len(s.identities) && s.identities[row] == identity; row++ {
			now.spots[row] = spot(n) + 1
		}
	}
	s.roll.Store(now)
}
