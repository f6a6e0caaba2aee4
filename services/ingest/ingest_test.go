package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

func (k *keys) KeyByHash(_ context.Context, hash journey.KeyHash) (journey.Key, error) {
	k.Lock()
	defer k.Unlock()
	if k.away {
		return journey.Key{}, fault.New(fault.Unavailable, "no ClickHouse")
	}
	if hash != sha256.Sum256([]byte("wk")) {
		return journey.Key{}, fault.New(fault.NotFound, "no such key")
	}
	return journey.Key{Site: "shop", Kind: journey.WriteKey}, nil
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
		InFlightBytes: leastInFlightBytes, ReadTimeout: 10 * time.Second,
		WriteTimeout: 5 * time.Second, DrainTimeout: 20 * time.Second,
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
	case <-time.After(30 * time.Second):
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
	return `{"type":"track","event":"Paid","userId":"u-` + id + `","messageId":"` + id + `"` + more + `}`
}

func TestRecordIsTheFact(t *testing.T) {
	t.Parallel()
	s := open(t)
	before := time.Now()
	got := s.post("/v1/batch", []byte(`{"batch":[`+track("a", "")+`,`+
		`{"type":"page","anonymousId":"v","messageId":"b","name":"Home",`+
		`"timestamp":"2026-01-02T03:04:05.123456789Z","context":{"x":1}}],"context":{"lib":2}}`))
	if got.Status != 200 || !got.Success || got.Accepted != 2 {
		t.Fatalf("answer %+v", got)
	}
	facts := s.facts()
	if len(facts) != 2 {
		t.Fatalf("%d facts", len(facts))
	}
	received := facts[0].ReceivedAt
	if received.Before(before) || received.After(time.Now()) {
		t.Errorf("received at %s", received)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	want := []journey.Fact{
		{
			Site: "shop", Message: "a", Kind: journey.Track, User: "u-a", Event: "Paid",
			OccurredAt: received, OriginalAt: received, ReceivedAt: received, Context: `{"lib":2}`,
		},
		{
			Site: "shop", Message: "b", Kind: journey.Page, Visitor: "v", Event: "page",
			OccurredAt: at, OriginalAt: at, ReceivedAt: received, Index: 1,
			Properties: `{"name":"Home"}`, Context: `{"lib":2,"x":1}`,
		},
	}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

// bad are messages that must not enter, and why.
var bad = []struct {
	name, message string
	reason        admit.Reason
}{
	{"wrong type of a message", `"text"`, admit.WrongType},
	{"wrong type of the event", `{"type":"track","event":{"a":1},"userId":"u","messageId":"x"}`, admit.WrongType},
	{"wrong type of properties", track("x", `,"properties":"p"`), admit.WrongType},
	{"33 KB", track("x", `,"properties":{"a":"`+strings.Repeat("x", 33<<10)+`"}`), admit.TooLarge},
	{"66 KB", track("x", `,"properties":{"a":"`+strings.Repeat("x", 66<<10)+`"}`), admit.TooLarge},
	{"no id", `{"type":"track","event":"e","messageId":"x"}`, admit.NoIdentity},
	{"an id of nobody", `{"type":"track","event":"e","userId":"null","messageId":"x"}`, admit.NoIdentity},
	{"year 0", track("x", `,"timestamp":"0000-01-01T00:00:00Z"`), admit.TimeOutOfRange},
	{"year 9999", track("x", `,"timestamp":"9999-12-31T23:59:59Z"`), admit.TimeOutOfRange},
	{"no time", track("x", `,"timestamp":"soon"`), admit.BadTime},
	{"NUL in the event", `{"type":"track","event":"a\u0000","userId":"u","messageId":"x"}`, admit.NULCharacter},
	{"NUL in an id", `{"type":"track","event":"a","userId":"u\u0000","messageId":"x"}`, admit.NULCharacter},
	{"invalid UTF-8", track("x", ",\"properties\":{\"a\":\"\xff\xfe\"}"), admit.InvalidUTF8},
	{"10,000 levels", track("x", `,"properties":{"a":`+nested(10_000)+`}`), admit.TooDeep},
	{"overflow", track("x", `,"properties":{"a":1e999}`), admit.NumberOutOfRange},
	{"unknown type", `{"type":"purchase","userId":"u","messageId":"x"}`, admit.UnknownType},
}

// TestBadNeighbours: each bad message stands between two good ones, which arrive; it goes to
// quarantine with its reason and payload, and the answer names it.
func TestBadNeighbours(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, b := range bad {
		first, second := fmt.Sprintf("%03d-a", i), fmt.Sprintf("%03d-b", i)
		got := s.post("/v1/batch", []byte(
			`{"batch":[`+track(first, "")+`,`+b.message+`,`+track(second, "")+`]}`))
		if got.Status != 200 || got.Accepted != 2 || len(got.Refused) != 1 ||
			got.Refused[0].Index != 1 || got.Refused[0].Reason != string(b.reason) {
			t.Errorf("%s: answer %+v", b.name, got)
		}
	}
	if facts := s.facts(); len(facts) != 2*len(bad) {
		t.Errorf("%d facts, want %d", len(facts), 2*len(bad))
	}
	all := s.quarantined()
	if len(all) != len(bad) {
		t.Fatalf("%d in quarantine, want %d", len(all), len(bad))
	}
	for i, b := range bad {
		q := all[i]
		whole := string(q.Payload) == b.message
		cut := q.PayloadCut && len(q.Payload) == wire.MaxPayloadBytes &&
			strings.HasPrefix(b.message, string(q.Payload))
		if q.Reason != string(b.reason) || q.Site != "shop" || q.Index != 1 ||
			q.Source != "/v1/batch" || q.By != wire.ByIngest || q.Detail == "" || !whole && !cut {
			t.Errorf("%s: quarantine %.300v", b.name, q)
		}
	}
	if n := s.refusedAs(admit.TooLarge); n != 2 {
		t.Errorf("%v messages counted as too large", n)
	}
}

// refusedAs is what the metrics say of a reason.
func (s *service) refusedAs(reason admit.Reason) float64 {
	s.tb.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "waystage_ingest_refused_messages_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == string(reason) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// TestBadAlone: the same messages alone are answered with the reason, and kept in quarantine.
func TestBadAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	sent := 0
	for _, b := range bad {
		if b.reason == admit.UnknownType {
			continue // the endpoint says the type
		}
		sent++
		got := s.post("/v1/track", []byte(b.message))
		status := 400
		if b.reason == admit.TooLarge {
			status = 413
		}
		if got.Status != status || got.Error.Code != string(b.reason) || got.Error.Message == "" {
			t.Errorf("%s: answer %+v", b.name, got)
		}
	}
	if n := len(s.quarantined()); n != sent {
		t.Errorf("%d in quarantine, want %d", n, sent)
	}
	if n := len(s.facts()); n != 0 {
		t.Errorf("%d facts", n)
	}
}

// TestBadRequests: what is no request is answered and leaves nothing behind; the next one works.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := open(t)
	bomb := func() []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for range 32 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := []byte(`{"batch":[` + track("a", "") + `]}`)
	tests := []struct {
		name    string
		body    []byte
		headers []string
		status  int
		code    string
	}{
		{"malformed", []byte(`{"batch":[{]}`), nil, 400, "malformed_json"},
		{"nothing", nil, nil, 400, "malformed_json"},
		{"501 KB", append(good, bytes.Repeat([]byte(" "), 501<<10)...), nil, 413, "body_too_large"},
		{"10 MB", append(good, bytes.Repeat([]byte(" "), 10<<20)...), nil, 413, "body_too_large"},
		{"gzip bomb", bomb(), []string{"Content-Encoding", "gzip"}, 413, "body_too_large"},
		{"broken gzip", good, []string{"Content-Encoding", "gzip"}, 400, "bad_gzip"},
		{"unknown key", good, []string{"Authorization", "Basic bm9uZTo="}, 401, "unknown_write_key"},
		{"no key", good, []string{"Authorization", ""}, 401, "missing_write_key"},
	}
	for _, tt := range tests {
		got := s.post("/v1/batch", tt.body, tt.headers...)
		if got.Status != tt.status || got.Error.Code != tt.code || got.Error.Message == "" {
			t.Errorf("%s: answer %+v", tt.name, got)
		}
	}
	if n := len(s.quarantined()) + len(s.facts()); n != 0 {
		t.Errorf("%d records", n)
	}
	if got := s.post("/v1/batch", good); got.Status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	s := open(t)
	if got := s.post("/v1/track", []byte(track("a", ""))); got.Status != 200 {
		t.Fatalf("answer %+v", got)
	}
	s.keys.setAway(true)
	if got := s.post("/v1/track", []byte(track("b", ""))); got.Status != 200 {
		t.Errorf("known key: %+v", got)
	}
	got := s.post("/v1/track", []byte(track("c", "")), "Authorization", "Bearer other")
	if got.Status != 503 || got.Error.Code != "unavailable" {
		t.Errorf("unknown key: %+v", got)
	}
	if n := len(s.facts()); n != 2 {
		t.Errorf("%d facts", n)
	}
}

// TestKafkaNeverThere: the port answers at once; messages get 503 without waiting.
func TestKafkaNeverThere(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(silentBroker(t)), nil)
	for range 20 {
		got := s.post("/v1/track", []byte(track("a", "")))
		if got.Status != 503 || got.Error.Code != "unavailable" {
			t.Fatalf("answer %+v", got)
		}
	}
	answer, err := http.Get(s.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("readyz: %d", answer.StatusCode)
	}
	if err = s.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
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
	release  chan struct{}
	entered  chan struct{}
	records  []stream.Record
	order    []string
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

// TestKafkaAway: requests wait no longer than WriteTimeout and hold no more memory than they may;
// those beyond are told at once.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	p := newProducer()
	config := testConfig(enginetest.Kafka(t))
	config.WriteTimeout = time.Second
	s := start(t, config, p)
	s.awaitReady(true)
	// 60 requests count 2 MB each: about 15 have room.
	body := []byte(`{"batch":[` + track("a", "") + strings.Repeat(" ", 480_000) + `]}`)
	var group sync.WaitGroup
	var mutex sync.Mutex
	codes := map[string]int{}
	for range 60 {
		group.Go(func() {
			got := s.post("/v1/batch", body)
			mutex.Lock()
			defer mutex.Unlock()
			codes[fmt.Sprint(got.Status, " ", got.Error.Code)]++
		})
	}
	group.Wait()
	if codes["503 unavailable"] == 0 || codes["503 busy"] == 0 ||
		codes["503 unavailable"]+codes["503 busy"] != 60 {
		t.Errorf("answers %v", codes)
	}
	if waiting := len(p.entered); int64(waiting*3*len(body)) > config.InFlightBytes {
		t.Errorf("%d requests of %d bytes waited together", waiting, len(body))
	}
	close(p.release)
	if got := s.post("/v1/batch", body); got.Status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
}

// TestStopOrder: not ready, then requests under way are answered, then records are flushed.
func TestStopOrder(t *testing.T) {
	t.Parallel()
	p := newProducer()
	s := start(t, testConfig(enginetest.Kafka(t)), p)
	s.awaitReady(true)
	answered := make(chan answer, 1)
	go func() { answered <- s.post("/v1/track", []byte(track("a", ""))) }()
	<-p.entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	s.awaitReady(false)
	select {
	case err := <-stopped:
		t.Fatalf("stopped before the request under way was answered: %v", err)
	case a := <-answered:
		t.Fatalf("answered before Kafka was: %+v", a)
	default:
	}
	close(p.release)
	if a := <-answered; a.Status != 200 {
		t.Errorf("the request under way: %+v", a)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if diff := cmp.Diff([]string{"written", "flushed"}, p.order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("the port is still open")
	}
}

// TestDrainTimeout: a request that does not end is given up after DrainTimeout, with an error.
func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	p := newProducer()
	config := testConfig(enginetest.Kafka(t))
	config.DrainTimeout, config.WriteTimeout = 50*time.Millisecond, time.Minute
	s := start(t, config, p)
	s.awaitReady(true)
	r, err := http.NewRequest(http.MethodPost, s.url+"/v1/track?writeKey=wk", strings.NewReader(track("a", "")))
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			answer.Body.Close()
		}
		failed <- err
	}()
	<-p.entered
	if err := s.stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopping: %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
	close(p.release)
}

// TestNothingAnsweredIsLost: under concurrent requests, what was answered with success is there.
func TestNothingAnsweredIsLost(t *testing.T) {
	t.Parallel()
	s := open(t)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for j := range 10 {
				body := `{"batch":[` + track(fmt.Sprintf("%02d-%02d-a", i, j), "") + `,` +
					track(fmt.Sprintf("%02d-%02d-b", i, j), "") + `]}`
				if got := s.post("/v1/batch", []byte(body)); got.Status != 200 || got.Accepted != 2 {
					t.Errorf("answer %+v", got)
				}
			}
		})
	}
	group.Wait()
	if n := len(s.facts()); n != 320 {
		t.Errorf("%d facts, want 320", n)
	}
}

func TestAwayIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	r := &recorder{log: zerolog.New(&lines)}
	for _, err := range []error{nil, errors.New("x"), errors.New("x"), nil, nil} {
		r.notice(err)
	}
	if n := strings.Count(lines.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, lines.String())
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	config := testConfig("127.0.0.1:1")
	s, err := New(config, zerolog.Nop(), prometheus.NewPedanticRegistry())
	if err != nil {
		t.Fatal(err)
	}
	taken := config
	taken.Listen = s.Addr()
	if _, err = New(taken, zerolog.Nop(), prometheus.NewPedanticRegistry()); err == nil {
		t.Error("a taken port is no error")
	}
	if err = s.Close(); err != nil {
		t.Error(err)
	}
	config.Partitions, config.WriteTimeout = 0, 0
	_, err = New(config, zerolog.Nop(), prometheus.NewPedanticRegistry())
	if err == nil || !strings.Contains(err.Error(), "PARTITIONS") ||
		!strings.Contains(err.Error(), "WRITE_TIMEOUT") {
		t.Errorf("error %v", err)
	}
}
