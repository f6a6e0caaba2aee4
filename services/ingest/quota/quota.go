// Package quota says how many messages a key may send: a bucket that fills with tokens at the
// key's rate, and a token for each message.
package quota

import (
	"time"

	"golang.org/x/time/rate"
)

// burst is how much of its rate a bucket holds.
const burst = 2 * time.Second

// Bucket is a key's allowance. It is safe for concurrent use.
type Bucket struct {
	limiter *rate.Limiter
	// largest is the most messages that are taken at once.
	largest int
}

// New makes a full bucket for a rate in messages a second, above 0. It holds two seconds of it,
// and never less than the largest number of messages that is taken at once.
func New(perSecond float64, largest int) *Bucket {
	b := &Bucket{largest: largest}
	b.limiter = rate.NewLimiter(rate.Limit(perSecond), b.size(perSecond))
	return b
}

func (b *Bucket) size(perSecond float64) int {
	// The bound keeps a large rate within the integers.
	const most = 1 << 31
	return max(int(min(perSecond*burst.Seconds(), most)), b.largest)
}

// SetRate changes the rate from an instant on. What is in the bucket stays, as far as it fits.
func (b *Bucket) SetRate(at time.Time, perSecond float64) {
	if b.limiter.Limit() == rate.Limit(perSecond) {
		return
	}
	b.limiter.SetLimitAt(at, rate.Limit(perSecond))
	b.limiter.SetBurstAt(at, b.size(perSecond))
}

// Take takes a token for each message and gives 0, or takes none and gives the time after which
// there will be enough if nobody else takes any.
func (b *Bucket) Take(at time.Time, messages int) (wait time.Duration) {
	if b.limiter.AllowN(at, messages) {
		return 0
	}
	missing := float64(messages) - b.limiter.TokensAt(at)
	seconds := max(missing, 0) / float64(b.limiter.Limit())
	return max(time.Duration(min(seconds, longest.Seconds())*float64(time.Second)), time.Nanosecond)
}

// longest wait that is told: SDKs wait no longer, whatever they are told.
const longest = 5 * time.Minute
