package stream_test

import (
	"testing"

	"github.com/waystage/waystage/services/engine"
)

// TestEmbedded holds the contract against the embedded broker.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	contract(t, openEmbedded(t), func(tb testing.TB) broker { return openEmbedded(tb) })
}

// embedded is an embedded broker that can be stopped.
type embedded struct {
	tb      testing.TB
	dir     string
	running *engine.Kafka
	address string
	port    int
}

func openEmbedded(tb testing.TB) *embedded {
	tb.Helper()
	e := &embedded{tb: tb, dir: tb.TempDir()}
	e.Restart()
	tb.Cleanup(e.Stop)
	return e
}

func (e *embedded) Addr() string { return e.address }

func (e *embedded) Stop() {
	if e.running == nil {
		return
	}
	if err := e.running.Close(); err != nil {
		e.tb.Errorf("closing the embedded Kafka: %v", err)
	}
	e.running = nil
}

func (e *embedded) Restart() {
	e.tb.Helper()
	e.Stop()
	running, err := engine.OpenKafka(engine.KafkaConfig{Dir: e.dir, Port: e.port})
	if err != nil {
		e.tb.Fatalf("opening the embedded Kafka: %v", err)
	}
	e.running, e.address, e.port = running, running.Addr(), running.Port()
}
