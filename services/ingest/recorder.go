package ingest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// recorder is the capture.Sink that writes to Kafka.
type recorder struct {
	producer                Producer
	log                     zerolog.Logger
	touchpoints, quarantine string
	// open tells that the topics are there.
	open atomic.Bool
	// away tells that a write failed since Kafka was last said to acknowledge.
	away atomic.Bool

	mutex sync.Mutex
	// failed writes were not told of yet. The last one failed at failedAt, the last line is of
	// toldAt.
	failed           int
	failedAt, toldAt time.Time
}

// Write gives nil when Kafka has acknowledged all. Errors: Unavailable, Expired (try again),
// Internal.
func (r *recorder) Write(
	ctx context.Context, accepted []journey.Fact, refused []wire.Quarantined,
) error {
	if !r.open.Load() {
		return fault.New(fault.Unavailable,
			"messages cannot be kept yet: Kafka is not there; send them again after Retry-After")
	}
	records, err := r.records(accepted, refused)
	if err != nil {
		return err
	}
	err = r.producer.Produce(ctx, records...)
	r.notice(err)
	if fault.Retryable(err) {
		return fault.Wrap(fault.Unavailable, err,
			"Kafka has not acknowledged all messages in time: send them again after Retry-After")
	}
	return err
}

func (r *recorder) records(
	accepted []journey.Fact, refused []wire.Quarantined,
) ([]stream.Record, error) {
	records := make([]stream.Record, 0, len(accepted)+len(refused))
	for i := range accepted {
		value, err := wire.Encode(&accepted[i])
		if err != nil {
			return nil, err
		}
		records = append(records, stream.Record{
			Topic: r.touchpoints, Key: wire.Key(&accepted[i]), Value: value,
		})
	}
	for i := range refused {
		value, err := wire.EncodeQuarantined(&refused[i])
		if err != nil {
			return nil, err
		}
		records = append(records, stream.Record{
			Topic: r.quarantine, Key: wire.QuarantineKey(&refused[i]), Value: value,
		})
	}
	return records, nil
}

// noticePause is between two lines of writes that fail, and how long none may have failed before
// they are said to succeed again.
const noticePause = 5 * time.Second

// notice logs that Kafka is away, with the number of requests that have failed, and that it is
// back: a line per request would tell no more, and where only some of them fail none is said to be
// back.
func (r *recorder) notice(err error) {
	if err == nil && !r.away.Load() {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := time.Now()
	if err != nil {
		r.failed++
		r.failedAt = now
		if now.Sub(r.toldAt) >= noticePause {
			r.log.Warn().Err(err).Int("requests", r.failed).Msg("Kafka does not acknowledge")
			r.failed, r.toldAt = 0, now
		}
		r.away.Store(true)
		return
	}
	if r.away.Load() && now.Sub(r.failedAt) >= noticePause {
		r.log.Info().Int("requests", r.failed).Msg("Kafka acknowledges again")
		r.failed = 0
		r.away.Store(false)
	}
}
