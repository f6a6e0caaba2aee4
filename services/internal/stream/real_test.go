//go:build integration

package stream_test

import (
	"testing"

	"github.com/waystage/waystage/services/internal/stream/kafkatest"
)

// TestApacheKafka holds the contract against real brokers.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	contract(t, kafkatest.Start(t), func(tb testing.TB) broker { return kafkatest.Start(tb) })
}
