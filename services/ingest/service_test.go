package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// keys is a capture.Keys with the write key "wk" of the site "shop"; it can be away.
type keys struct {
	sync.Mutex
	away bool
}

func (k *keys) DoorByHash(_ context.Context, hash journey.KeyHash) (journey.Door, error) {
	k.Lock()
	defer k.Unlock()
	if k.away {
		return journey.Door{}, fault.New(fault.Unavailable, "no ClickHouse")
	}
	if hash != sha256.Sum256([]byte("wk")) {
		return journey.Door{}, fault.New(fault.NotFound, "no such key")
	}
	return journey.Door{Key: journey.Key{Site: "shop", ID: "w", Kind: journey.WriteKey}}, nil
}

func (k *keys) setAway(away bool) {
	k.Lock()
	defer k.Unlock()
	k.away = away
}

// service is a running Ingest.
type service struct {
	*Ingest

	tb       testing.TB
	keys     *keys
	registry *prometheus.Registry
	url      string
	// stop ends it and gives the error of Run.
	stop func() error
	// ready hears what Run says.
	ready chan bool
}

func testConfig(brokers ...string) Config {
	return Config{
		Listen: "127.0.0.1:0", Brokers: brokers, Topic: "waystage.touchpoints",
		QuarantineTopic: "waystage.quarantine", Partitions: 4, Retention: time.Hour,
		ClickHouse: "http://127.0.0.1:1/none", SkewTolerance: admit.DefaultSkewTolerance,
		InFlightBytes: leastInFlightBytes, MaxConnections: 5000, ReadTimeout: time.Minute,
		WriteTimeout: time.Minute, DrainTimeout: time.Minute,
	}
}

// start runs a service until the test ends.
func start(tb testing.TB, config Config, producer Producer) *service {
	tb.Helper()
	s := &service{
		tb: tb, keys: &keys{}, registry: prometheus.NewPedanticRegistry(),
		ready: make(chan bool, 10),
	}
	if producer == nil {
		producer = stream.NewProducer(stream.ProducerConfig{Brokers: config.Brokers})
	}
	var err error
	s.Ingest, err = assemble(config, neighbours{
		keys: s.keys, closeKeys: func() error { return nil }, producer: producer,
	}, zerolog.Nop(), s.registry)
	if err != nil {
		tb.Fatal(err)
	}
	s.url = "http://" + s.Addr()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(is bool) { s.ready <- is }) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	tb.Cleanup(func() { _ = s.stop() })
	return s
}

// open starts a service with an embedded Kafka of its own and waits until it takes messages.
func open(tb testing.TB) *service {
	tb.Helper()
	s := start(tb, testConfig(enginetest.Kafka(tb)), nil)
	s.awaitReady(true)
	return s
}

func (s *service) awaitReady(want bool) {
	s.tb.Helper()
	select {
	case is := <-s.ready:
		if is != want {
			s.tb.Fatalf("ready: %t", is)
		}
	case <-time.After(time.Minute):
		s.tb.Fatalf("not ready: %t", want)
	}
}

type answer struct {
	Status   int
	Success  bool
	Accepted int
	Refused  []struct {
		Index     int
		MessageID string `json:"message_id"`
		Reason    string
	}
	Error struct{ Code, Message string }
}

func (s *service) post(path string, body []byte, headers ...string) answer {
	s.tb.Helper()
	r, err := http.NewRequest(http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	r.SetBasicAuth("wk", "")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		s.tb.Fatal(err)
	}
	a := answer{Status: got.StatusCode}
	if err = json.Unmarshal(text, &a); err != nil {
		s.tb.Fatalf("%s: %v: %q", path, err, text)
	}
	return a
}

// facts are all that came to the touchpoints topic, by message id; keys are checked.
func (s *service) facts() []journey.Fact {
	s.tb.Helper()
	var facts []journey.Fact
	s.scan(s.config.Topic, func(r stream.Record) error {
		f, err := wire.Decode(r.Value)
		if err == nil && !bytes.Equal(r.Key, wire.Key(&f)) {
			err = fmt.Errorf("key %q", r.Key)
		}
		facts = append(facts, f)
		return err
	})
	slices.SortFunc(facts, func(a, b journey.Fact) int {
		return strings.Compare(string(a.Message), string(b.Message))
	})
	return facts
}

func (s *service) quarantined() []wire.Quarantined {
	s.tb.Helper()
	var all []wire.Quarantined
	s.scan(s.config.QuarantineTopic, func(r stream.Record) error {
		q, err := wire.DecodeQuarantined(r.Value)
		all = append(all, q)
		return err
	})
	return all
}

func (s *service) scan(topic string, each func(stream.Record) error) {
	s.tb.Helper()
	if err := stream.Scan(s.tb.Context(), s.config.Brokers, topic, each); err != nil {
		s.tb.Fatal(err)
	}
}

func track(id, more string) string {
	return `{"type":"track","event":"Paid","userId":"u-` + id + `","messageId":"` + id + `"` +
		more + `}`
}

// silentBroker takes connections and never answers.
func silentBroker(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// producer is a Producer whose writes wait until they are let through.
type producer struct {
	sync.Mutex
	release chan struct{}
	entered chan struct{}
	records []stream.Record
	order   []string
}

func newProducer() *producer {
	return &producer{release: make(chan struct{}), entered: make(chan struct{}, 10_000)}
}

func (p *producer) Produce(ctx context.Context, records ...stream.Record) error {
	p.entered <- struct{}{}
	select {
	case <-p.release:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "Kafka is away")
	}
	p.Lock()
	defer p.Unlock()
	p.records = append(p.records, records...)
	p.order = append(p.order, "written")
	return nil
}

func (p *producer) InFlightBytes() int64 { return 0 }

func (p *producer) Close(context.Context) error {
	p.Lock()
	defer p.Unlock()
	p.order = append(p.order, "flushed")
	return nil
}
