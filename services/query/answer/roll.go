package answer

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

// roll says where the directory has the identities of a shelf's rows, so that a question need not
// look each of them up.
type roll struct {
	// epoch is that of the directory, known how many entries it had, and linked how many of them were
	// not alone.
	epoch         uint64
	known, linked int
	// spots are those of its rows, and badges what else is asked of them at once.
	spots  []spot
	badges []badge
}

// badge is the ordinal of an identity, 0 of one that the directory does not have, and a bit that
// tells that it may not be its person's only one.
type badge uint32

const linkedBadge badge = 1 << 31

func (b badge) ordinal() uint32 { return uint32(b &^ linkedBadge) }

func (b badge) linked() bool { return b&linkedBadge != 0 }

// badgeAt is that of the identity at a place.
func (d *directory) badgeAt(n uint32) badge {
	b := badge(d.ordinals[n])
	if d.whoseAt[n].person != 0 {
		b |= linkedBadge
	}
	return b
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

// upTo tells that a roll knows all that the directory does: within an epoch entries are only added,
// and none becomes alone again.
func (r *roll) upTo(d *directory) bool {
	return r.epoch == d.epoch && r.known == len(d.entries) && r.linked == len(d.linkedAt)
}

// call brings the roll up to the directory. Of two who do so at once either may win.
func (s *shelf) call(d *directory) {
	now := &roll{epoch: d.epoch, known: len(d.entries), linked: len(d.linkedAt)}
	defer s.roll.Store(now)
	last := s.roll.Load()
	if last == nil || last.epoch != d.epoch || now.news(last) > len(s.identities) {
		now.spots = make([]spot, len(s.identities))
		now.badges = make([]badge, len(s.identities))
		for i, identity := range s.identities {
			if n, is := d.place(identity); is {
				now.spots[i], now.badges[i] = spot(n)+1, d.badgeAt(n)
			}
		}
		return
	}
	now.spots, now.badges = last.spots, last.badges
	for n := last.known; n < now.known; n++ {
		now.enter(s, d, last, uint32(n))
	}
	for _, n := range d.linkedAt[last.linked:now.linked] {
		now.enter(s, d, last, n)
	}
}

// news is how much has come since another one.
func (r *roll) news(last *roll) int { return r.known - last.known + r.linked - last.linked }

// enter brings what it says of a place up to the directory.
func (r *roll) enter(s *shelf, d *directory, last *roll, n uint32) {
	identity := uint64(d.entries[n].identity)
	row, found := s.find(identity)
	if found && &r.spots[0] == &last.spots[0] { // others may be reading it
		r.spots, r.badges = slices.Clone(last.spots), slices.Clone(last.badges)
	}
	// A part has several rows of an identity where a server does not merge what is inserted.
	for ; int(row) < len(s.identities) && s.identities[row] == identity; row++ {
		r.spots[row], r.badges[row] = spot(n)+1, d.badgeAt(n)
	}
}
