//go:build (realdata || cases) && integration

package spinetest

import (
	"testing"

	"github.com/waystage/waystage/services/internal/stream/kafkatest"
)

// startKafka starts Apache Kafka.
func startKafka(t *testing.T) string { return kafkatest.Start(t).Addr() }
