package processor

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
)

// quarantineKeeper stores what stands on the quarantine topic, whoever refused it, so that it can
// be looked at and replayed.
type quarantineKeeper struct {
	log     zerolog.Logger
	store   *store.Store
	metrics *metrics
}

// Handle stores one batch. A record that cannot be read is counted and left out: there is no place
// left to put it. After an error the same batch comes again; storing it twice changes nothing.
func (k quarantineKeeper) Handle(ctx context.Context, batch stream.Batch) error {
	refused := make([]wire.Quarantined, 0, len(batch.Records))
	for _, r := range batch.Records {
		q, err := wire.DecodeQuarantined(r.Value)
		if err != nil {
			k.metrics.unreadableRefusals.Inc()
			k.log.Warn().Err(err).Str("topic", r.Topic).Int("partition", r.Partition).
				Int64("offset", r.Offset).Msg("a record of the quarantine topic is left out")
			continue
		}
		refused = append(refused, q)
	}
	if err := k.store.InsertQuarantined(ctx, refused); err != nil {
		return fmt.Errorf("storing %d refused messages: %w", len(refused), err)
	}
	k.metrics.keptRefusals.Add(float64(len(refused)))
	return nil
}
