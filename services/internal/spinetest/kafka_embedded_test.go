//go:build (realdata || cases) && !integration

package spinetest

import (
	"testing"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// startKafka starts the embedded broker.
func startKafka(t *testing.T) string { return enginetest.Kafka(t) }
