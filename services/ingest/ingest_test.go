package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/journey"
)

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
	p := newProducer()
	s := start(t, testConfig(silentBroker(t)), p)
	for range 20 {
		got := s.post("/v1/track", []byte(track("a", "")))
		if got.Status != 503 || got.Error.Code != "unavailable" {
			t.Fatalf("answer %+v", got)
		}
	}
	if len(p.entered) > 0 {
		t.Error("messages waited for topics that are not there")
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

// TestKafkaAwayIsBoundedInTime: a request waits for Kafka no longer than WriteTimeout.
func TestKafkaAwayIsBoundedInTime(t *testing.T) {
	t.Parallel()
	p := newProducer()
	config := testConfig(enginetest.Kafka(t))
	config.WriteTimeout = 50 * time.Millisecond
	s := start(t, config, p)
	s.awaitReady(true)
	for _, body := range []string{track("a", ""), `{}`} {
		got := s.post("/v1/track", []byte(body))
		if got.Status != 503 || got.Error.Code != "unavailable" {
			t.Errorf("answer %+v", got)
		}
	}
	close(p.release)
	if got := s.post("/v1/track", []byte(track("a", ""))); got.Status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
}

// TestKafkaAwayIsBoundedInMemory: requests that wait for Kafka hold no more memory than they may;
// those beyond are told at once, and there is room again when the others are through.
func TestKafkaAwayIsBoundedInMemory(t *testing.T) {
	t.Parallel()
	p := newProducer()
	config := testConfig(enginetest.Kafka(t))
	config.WriteTimeout = time.Minute
	s := start(t, config, p)
	s.awaitReady(true)
	large := track("a", `,"properties":{"a":"`+strings.Repeat("x", 30_000)+`"}`)
	body := []byte(`{"batch":[` + large + strings.Repeat(","+large, 15) + `]}`)
	answers := make(chan answer, 100)
	waiting := 0
	for full := false; !full && waiting < cap(answers); {
		go func() { answers <- s.post("/v1/batch", body) }()
		select {
		case <-p.entered:
			waiting++
		case got := <-answers:
			full = true
			if got.Status != 503 || got.Error.Code != "busy" {
				t.Errorf("answer %+v", got)
			}
		}
	}
	if held := int64(waiting * 3 * len(body)); waiting < 5 || held > config.InFlightBytes {
		t.Errorf("%d requests of %d bytes waited together", waiting, len(body))
	}
	close(p.release)
	for range waiting {
		if got := <-answers; got.Status != 200 {
			t.Errorf("one that waited: %+v", got)
		}
	}
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
	if s.serving.Load() {
		t.Error("readyz says ready while stopping")
	}
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
	r, err := http.NewRequest(http.MethodPost, s.url+"/v1/track?writeKey=wk",
		strings.NewReader(track("a", "")))
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

// TestAwayIsLoggedOnce: while writes fail, all of them or some, there is a line in some seconds,
// and one when none has failed for as long; each says how many failed before it.
func TestAwayIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		r := &recorder{log: zerolog.New(&lines)}
		expect := func(when string, want ...string) {
			t.Helper()
			got := strings.FieldsFunc(lines.String(), func(r rune) bool { return r == '\n' })
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: lines (-want +got):\n%s", when, diff)
			}
			lines.Reset()
		}
		away := func(requests int) string {
			return fmt.Sprintf(`{"level":"warn","error":"x","requests":%d,`+
				`"message":"Kafka does not acknowledge"}`, requests)
		}
		r.notice(nil)
		expect("all is well")
		r.notice(errors.New("x"))
		expect("one failed", away(1))
		for range 1000 {
			r.notice(nil)
			r.notice(errors.New("x"))
			time.Sleep(10 * time.Millisecond)
		}
		expect("every second one failed for nearly ten seconds", away(501))
		time.Sleep(noticePause)
		r.notice(nil)
		r.notice(nil)
		expect("none failed any more",
			`{"level":"info","requests":499,"message":"Kafka acknowledges again"}`)
	})
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

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Config)
		says   string
	}{
		{"none", func(*Config) {}, ""},
		{"rate", func(c *Config) { c.KeyRate = -1 }, "WAYSTAGE_INGEST_KEY_RATE"},
		{"connections", func(c *Config) { c.MaxConnections = 0 }, "WAYSTAGE_INGEST_MAX_CONNECTIONS"},
		{"a good URL", func(c *Config) { c.PublicURL = "https://in.example:8443/collect" }, ""},
		{"no scheme", func(c *Config) { c.PublicURL = "in.example" }, "WAYSTAGE_INGEST_PUBLIC_URL"},
		{"a query", func(c *Config) { c.PublicURL = "https://in.example?x=1" }, "must be http or https"},
		{"no URL", func(c *Config) { c.PublicURL = "https://in example" }, "WAYSTAGE_INGEST_PUBLIC_URL"},
		{
			"no directory", func(c *Config) { c.SnippetDir = "/nowhere/at/all" },
			"WAYSTAGE_INGEST_SNIPPET_DIR",
		},
		{"another directory", func(c *Config) { c.SnippetDir = t.TempDir() }, "dist/umd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := testConfig("127.0.0.1:1")
			tt.change(&config)
			s, err := New(config, zerolog.Nop(), prometheus.NewPedanticRegistry())
			if err == nil {
				_ = s.Close()
			}
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
		})
	}
}
