package ingest

import (
	"context"
	"sync/atomic"

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
	// away tells that the last write failed.
	away atomic.Bool
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

// notice logs when Kafka goes and when it is back: a line per request would tell no more.
func (r *recorder) notice(err error) {
	switch {
	case err == nil && r.away.CompareAndSwap(true, false):
		r.log.Info().Msg("Kafka acknowledges again")
	case err != nil && r.away.CompareAndSwap(false, true):
		r.log.Warn().Err(err).Msg("Kafka does not acknowledge")
	}
}
