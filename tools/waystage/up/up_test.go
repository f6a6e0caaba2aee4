package up

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/waystage/waystage/tools/waystage/instance"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestScreenKeepsTheStatusBelowTheLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &screen{out: &out, live: true, width: 12}
	s.Status("busy", noon)
	s.Line("hello %d", 1)
	if _, err := s.Write([]byte("log\n")); err != nil {
		t.Fatal(err)
	}
	s.Status("0123456789abcdef", noon)
	s.Status("", noon)
	s.Line("end")
	want := eraseLine + "busy" + eraseLine + "hello 1\nbusy" + eraseLine + "log\nbusy" +
		eraseLine + "0123456789…" + eraseLine + "end\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScreenThatIsNoTerminalTellsNowAndThen(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &screen{out: &out}
	s.Hold(noon)
	for _, seconds := range []int{1, 10, 11, 19, 20} {
		s.Status(fmt.Sprintf("after %d s", seconds), noon.Add(time.Duration(seconds)*time.Second))
	}
	s.Status("", noon.Add(time.Hour))
	s.Line("end")
	if diff := cmp.Diff("after 10 s\nafter 20 s\nend\n", out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStackStopsInTheOppositeOrderAndGoesOnAfterErrors(t *testing.T) {
	t.Parallel()
	var s stack
	var stopped, said []string
	broken := errors.New("broken")
	for _, name := range []string{"clickhouse", "query", "ingest"} {
		s.push(name, func() error {
			stopped = append(stopped, name)
			if name == "query" {
				return broken
			}
			return nil
		})
	}
	err := s.unwind(func(name string, _ time.Duration, err error) {
		said = append(said, fmt.Sprint(name, " ", err))
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "stopping query") {
		t.Errorf("got %v", err)
	}
	if want := []string{"ingest", "query", "clickhouse"}; !slices.Equal(want, stopped) {
		t.Errorf("stopped %v, want %v", stopped, want)
	}
	want := []string{"ingest <nil>", "query broken", "clickhouse <nil>"}
	if !slices.Equal(want, said) {
		t.Errorf("said %v, want %v", said, want)
	}
	if err := s.unwind(nil); err != nil {
		t.Errorf("unwinding twice gives %v", err)
	}
}

func TestPartIsReadyAndStops(t *testing.T) {
	t.Parallel()
	p := launch("x", func(ctx context.Context, ready func(bool)) error {
		ready(true)
		ready(false)
		ready(true)
		<-ctx.Done()
		return errors.New("unhappy")
	})
	if err := p.await(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err == nil || err.Error() != "unhappy" {
		t.Errorf("stopping gives %v", err)
	}
}

func TestPartThatEndsByItself(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		err  error
		says string
	}{{broken, "x: broken"}, {nil, "x ended by itself"}} {
		p := launch("x", func(context.Context, func(bool)) error { return c.err })
		if err := p.await(t.Context(), nil); err == nil || err.Error() != c.says {
			t.Errorf("waiting gives %v, want %q", err, c.says)
		}
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := launch("x", func(ctx context.Context, _ func(bool)) error { <-ctx.Done(); return nil })
	if err := p.await(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

func TestTakenPortsAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	taken := make([]int, 2)
	for i := range taken {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		taken[i] = l.Addr().(*net.TCPAddr).Port
	}
	c := Config{IngestPort: taken[0], HTTPPort: taken[1], GRPCPort: 0}
	err := checkPorts(t.Context(), c.ports())
	if err == nil {
		t.Fatal("taken ports give no error")
	}
	for _, want := range []string{
		fmt.Sprint(taken[0]), fmt.Sprint(taken[1]), "--ingest-port", "--http-port", "taken",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "--grpc-port") {
		t.Errorf("%q speaks of a port that is free", err)
	}
}

func TestPortsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{IngestPort: 70000}, "--ingest-port 70000: a port is 0 to 65535"},
		{Config{GRPCPort: -1}, "--grpc-port -1"},
		{Config{IngestPort: 1, HTTPPort: 1}, "given to --ingest-port and --http-port"},
	} {
		err := checkPorts(t.Context(), c.config.ports())
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v gives %v, want %q", c.config, err, c.says)
		}
	}
	if err := checkPorts(t.Context(), Config{}.ports()); err != nil {
		t.Errorf("free ports give %v", err)
	}
}

func TestMeterTellsRates(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counter := func(name string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name})
		registry.MustRegister(c)
		return c
	}
	accepted := counter("waystage_ingest_accepted_messages_total")
	stored := counter("waystage_processor_stored_facts_total")
	m := &meter{gatherer: registry}
	want := "12:00:00  accepted 0.0/s · stored 0.0/s · 0.0 s behind · 0 this run"
	if got := m.line(noon); got != want {
		t.Errorf("at first: %q, want %q", got, want)
	}
	accepted.Add(30)
	stored.Add(20000)
	want = "12:00:10  accepted 3.0/s · stored 2000.0/s · 0.0 s behind · 20,000 this run"
	if got := m.line(noon.Add(10 * time.Second)); got != want {
		t.Errorf("then: %q, want %q", got, want)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := Config{Demo: DemoNone, DemoPace: 1, LogLevel: "warn", LogFormat: "json"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good one gives %v", err)
	}
	bad := Config{Demo: "x", DemoPace: -1, LogLevel: "loud", LogFormat: "json"}
	err := bad.Validate()
	for _, want := range []string{
		`--demo "x": there are grocery, airline, tiles and none`, "--demo-pace", "loud",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	bad = good
	bad.LogFormat = "xml"
	if err := bad.Validate(); err == nil {
		t.Error("the log format xml gives no error")
	}
}

func TestAFolderInUseIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := instance.Folder(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	var out strings.Builder
	err = Run(t.Context(), Config{
		Dir: dir, Demo: DemoNone, DemoPace: 1, LogLevel: "warn", LogFormat: "json", Out: &out,
	})
	if !errors.Is(err, instance.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

func TestAFolderKeepsItsDemonstration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kept, asked, want, says string }{
		{name: "new", want: "grocery"},
		{name: "new, asked", asked: "airline", want: "airline"},
		{name: "none", asked: DemoNone},
		{name: "kept", kept: `{"demo": "tiles"}`, want: "tiles"},
		{name: "kept, asked", kept: `{"demo": "tiles"}`, asked: "tiles", want: "tiles"},
		{name: "kept of old", kept: `{}`, asked: "grocery", want: "grocery"},
		{name: "kept, none", kept: `{"demo": "tiles"}`, asked: DemoNone},
		{
			name: "another", kept: `{"demo": "tiles"}`, asked: "grocery",
			says: `shows the demonstration "tiles" already; give this one a folder of its own by --data`,
		},
		{name: "another of old", kept: `{}`, asked: "airline", says: `"grocery" already`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := up{folder: instance.Folder(t.TempDir()), config: Config{Demo: c.asked}}
			if c.kept != "" {
				if err := os.WriteFile(u.folder.DemoFile(), []byte(c.kept), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := u.chooseDemo()
			if c.says == "" && (err != nil || string(u.story.Demo) != c.want) {
				t.Errorf("the demonstration is %q, %v, want %q", u.story.Demo, err, c.want)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		".data": ".data", "/a b": "'/a b'", "it's": `'it'\''s'`, "": "''", "a$b": "'a$b'",
	} {
		if got := quoted(path); got != want {
			t.Errorf("quoted(%q) = %s, want %s", path, got, want)
		}
	}
}
