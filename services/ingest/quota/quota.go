// Package quota says how many messages a key may send: a bucket that fills with tokens at the
// key's rate, and a token for each message.
package quota

import (
	"math"
	"sync"
	"time"
)

// burst is how much of its rate a bucket holds.
const burst = 2 * time.Second

// Bucket is a key's allowance. It is safe for concurrent use.
type Bucket struct {
	// largest is the most messages that are taken at once.
	largest int

	mutex sync.Mutex
	// perSecond tokens come in, up to size; tokens were there at an instant.
	perSecond, size, tokens float64
	at                      time.Time
}

// New makes a full bucket for a rate in messages a second, above 0. It holds two seconds of it,
// and never less than the largest number of messages that is taken at once.
func New(perSecond float64, largest int) *Bucket {
	b := &Bucket{largest: largest, perSecond: perSecond}
	b.size = b.sizeAt(perSecond)
	b.tokens = b.size
	return b
}

// sizeAt is what the bucket holds at a rate, in whole tokens.
func (b *Bucket) sizeAt(perSecond float64) float64 {
	return max(math.Floor(perSecond*burst.Seconds()), float64(b.largest))
}

// fill adds what has come in. Instants may come out of order, as requests do: what came in between
// two of them counts once.
func (b *Bucket) fill(at time.Time) {
	if past := at.Sub(b.at); past > 0 {
		b.tokens = min(b.tokens+past.Seconds()*b.perSecond, b.size)
		b.at = at
	}
}

// SetRate changes the rate from an instant on. What is in the bucket stays, as far as it fits.
func (b *Bucket) SetRate(at time.Time, perSecond float64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.fill(at)
	b.perSecond, b.size = perSecond, b.sizeAt(perSecond)
	b.tokens = min(b.tokens, b.size)
}

// Take takes a token for each message and gives 0, or takes none and gives the time after which
// there will be enough if nobody else takes any.
func (b *Bucket) Take(at time.Time, messages int) (wait time.Duration) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.fill(at)
	missing := float64(messages) - b.tokens
	if missing <= 0 {
		b.tokens = -missing
		return 0
	}
	seconds := min(missing/b.perSecond, longest.Seconds())
	return time.Duration(math.Ceil(seconds * float64(time.Second)))
}

// Refund puts back the tokens of messages that Take took and that came to nothing: all of them, as
// far as they fit. So no more messages are ever taken and not refunded than the bucket held at
// first and the rate has let in.
func (b *Bucket) Refund(messages int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.tokens = min(b.tokens+float64(messages), b.size)
}

// longest wait that is told: SDKs wait no longer, whatever they are told.
const longest = 5 * time.Minute
