package spinetest

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/ingest"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/query/answer"
)

// bridge carries connections to a server until it is cut.
type bridge struct {
	listener net.Listener
	target   string

	mutex sync.Mutex
	cut   bool
	open  map[net.Conn]bool
}

func newBridge(t *testing.T, target string) *bridge {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{listener: listener, target: target, open: make(map[net.Conn]bool)}
	t.Cleanup(func() {
		b.set(true)
		_ = listener.Close()
	})
	go b.serve()
	return b
}

func (b *bridge) serve() {
	for {
		from, err := b.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", b.target)
		if err != nil || !b.keep(from, to) {
			_ = from.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			}()
		}
	}
}

func (b *bridge) keep(conns ...net.Conn) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, c := range conns {
		b.open[c] = true
		if b.cut {
			_ = c.Close()
		}
	}
	return !b.cut
}

// set cuts the bridge, connections under way too, or mends it.
func (b *bridge) set(cut bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.cut = cut
	for c := range b.open {
		_ = c.Close()
	}
	clear(b.open)
}

// TestClickHouseAway cuts every service off ClickHouse: ingest goes on accepting with the keys
// that it knows, refuses others for the time being, questions say that the store is away, and when
// it is back the processor has caught up with everything that was accepted.
func TestClickHouseAway(t *testing.T) {
	t.Parallel()
	kafka, dsn := enginetest.Kafka(t), enginetest.Database(t)
	host, database, _ := strings.Cut(strings.TrimPrefix(dsn, "http://"), "/")
	clickHouse := newBridge(t, host)
	bridged := "http://" + clickHouse.listener.Addr().String() + "/" + database
	direct, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	if err := direct.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const known, unknown = "wk_known", "wk_unknown"
	for _, secret := range []string{known, unknown} {
		key := journey.Key{
			Site: "shop", ID: journey.KeyID(secret), Kind: journey.WriteKey, CreatedAt: time.Now(),
		}
		if err := direct.CreateKey(t.Context(), key, sha256.Sum256([]byte(secret))); err != nil {
			t.Fatal(err)
		}
	}
	send := startServices(t, kafka, bridged)
	st, err := store.Open(bridged)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	answers := answer.New(st, answer.NewNewestMaps(st), 0)

	awaitCount(t, answers, 1, func() int { return send(known, "before") })
	clickHouse.set(true)
	if code := send(known, "meanwhile"); code != http.StatusOK {
		t.Errorf("a known key while ClickHouse is away: %d, want 200", code)
	}
	if code := send(unknown, "unknown"); code != http.StatusServiceUnavailable {
		t.Errorf("a key that cannot be looked up: %d, want 503", code)
	}
	_, err = answers.Funnel(t.Context(), "shop", signUps())
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("a question while ClickHouse is away: %v, want unavailable", err)
	}
	clickHouse.set(false)
	awaitCount(t, answers, 2, nil)
}

// startServices runs ingest and a processor until the test ends, and gives what sends a touchpoint.
func startServices(t *testing.T, kafka, dsn string) (send func(key, user string) int) {
	t.Helper()
	p, err := processor.New(processor.Config{
		Brokers: []string{kafka}, Topic: "waystage.touchpoints",
		QuarantineTopic: "waystage.quarantine", Partitions: 2, Retention: time.Hour,
		Group: "processor", ClickHouse: dsn, CopyWindow: time.Hour,
		FinishTimeout: 10 * time.Second, BatchAge: 20 * time.Millisecond,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	in, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Brokers: []string{kafka}, ClickHouse: dsn,
		Topic: "waystage.touchpoints", QuarantineTopic: "waystage.quarantine", Partitions: 2,
		Retention: time.Hour, SkewTolerance: 2 * time.Minute, InFlightBytes: 64 << 20,
		ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		DrainTimeout: 20 * time.Second, MaxConnections: 1000,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	ready := make(chan bool, 8)
	running.Go(func() { _ = p.Run(ctx, func(bool) {}) })
	running.Go(func() { _ = in.Run(ctx, func(is bool) { ready <- is }) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	<-ready
	return func(key, user string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			"http://"+in.Addr()+"/v1/track",
			strings.NewReader(`{"event":"Signed Up","userId":"`+user+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(key, "")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
}

func signUps() funnel.Question {
	step := funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: "Signed Up"}}
	other := funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: "Paid"}}
	now := time.Now()
	return funnel.Question{
		From: now.Add(-time.Hour), To: now.Add(time.Hour), AsOf: now.Add(time.Hour),
		Window: time.Hour, Steps: []funnel.Step{step, other}, Limit: 1,
	}
}

// awaitCount waits until so many persons have signed up. do is done first, until it answers 200.
func awaitCount(t *testing.T, answers *answer.Answerer, want int, do func() int) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for do != nil && do() != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("ingest accepted nothing")
		}
		time.Sleep(50 * time.Millisecond)
	}
	for {
		got, err := answers.Funnel(t.Context(), "shop", signUps())
		if err == nil && got.Steps[0].Count == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("signed up: %v, %v; want %d", got.Steps, err, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
