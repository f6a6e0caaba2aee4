package capture

import (
	"time"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/ingest/quota"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// Door is what a key opens, ready for use. It never changes but for what is left of its quota.
type Door struct {
	Site  journey.SiteID
	KeyID journey.KeyID
	Kind  journey.KeyKind
	// Privacy are the rules of the site.
	Privacy *admit.Privacy

	origins origins
	// bucket is nil where nothing bounds the rate.
	bucket  *quota.Bucket
	rate    float64
	revoked bool
}

// newDoor makes a door. before is the one that it takes the place of, nil if it is the first:
// what is left of its quota stays. usual is the rate of keys that state none, 0: no bound.
func newDoor(found journey.Door, before *Door, usual float64, now time.Time) *Door {
	d := &Door{
		Site: found.Key.Site, KeyID: found.Key.ID, Kind: found.Key.Kind,
		Privacy: admit.NewPrivacy(found.Privacy), origins: newOrigins(found.Key.Origins),
		rate: found.Key.Rate, revoked: found.Key.Revoked(),
	}
	if d.rate <= 0 {
		d.rate = usual
	}
	switch {
	case d.rate <= 0:
	case before == nil || before.bucket == nil:
		d.bucket = quota.New(d.rate, MaxMessages)
	default:
		d.bucket = before.bucket
		d.bucket.SetRate(now, d.rate)
	}
	return d
}

// sends tells by nil that messages may come through. Error: Forbidden.
func (d *Door) sends() error {
	if d.Kind == journey.WriteKey {
		return nil
	}
	return fault.New(fault.Forbidden,
		"this is a %s key, which cannot send messages: use a write key of the site", d.Kind)
}

// admits tells by nil that a page of an origin may send; an empty one is a server's. Error:
// originNotAllowed.
func (d *Door) admits(origin string) error {
	if d.origins.allow(origin) {
		return nil
	}
	return originNotAllowed
}

// charge takes so many messages from the key's quota. Error: Exhausted, with the time to wait.
func (d *Door) charge(now time.Time, messages int) error {
	if d.bucket == nil {
		return nil
	}
	if wait := d.bucket.Take(now, messages); wait > 0 {
		return fault.Exhaust(wait, "this write key may send %g messages a second: send these again "+
			"after Retry-After, with the same message ids", d.rate)
	}
	return nil
}

// refund puts back what charge took for messages that were not kept: they will be sent again.
func (d *Door) refund(messages int) {
	if d.bucket != nil {
		d.bucket.Refund(messages)
	}
}
