package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/conf"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// notes gathers findings.
type notes []Finding

func (n *notes) tell(f Finding) { *n = append(*n, f) }

// want fails unless there is a finding of that part and matter, in that state, that says something
// and tells what to do where it is not fine.
func (n notes) want(t *testing.T, part, about string, state State, says string) {
	t.Helper()
	for _, f := range n {
		if f.Part != part || !strings.HasPrefix(f.About, about) {
			continue
		}
		if f.State != state || !strings.Contains(f.Says+" "+f.Do, says) {
			t.Errorf("%s, %s: %+v, want %s saying %q", part, about, f, state, says)
		}
		if (f.Do == "") != (f.State == Fine || f.State == Skip) {
			t.Errorf("%s, %s: %+v: what to do belongs to what is not fine", part, about, f)
		}
		return
	}
	t.Errorf("%s, %s: nothing was found among %+v", part, about, n)
}

func newDatabase(t *testing.T) string {
	t.Helper()
	dsn := enginetest.Database(t)
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dsn
}

const week = 7 * 24 * time.Hour

var topics = []Topic{
	{Title: "touchpoints", Name: "waystage.touchpoints", Group: "processor", Retention: week},
	{Title: "quarantine", Name: "waystage.quarantine"},
}

func TestHealthyEngines(t *testing.T) {
	t.Parallel()
	brokers := []string{enginetest.Kafka(t)}
	_, err := stream.EnsureTopics(t.Context(), brokers, []stream.Topic{
		{Name: topics[0].Name, Partitions: 3, Retention: week}, {Name: topics[1].Name, Partitions: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	producer := stream.NewProducer(stream.ProducerConfig{Brokers: brokers})
	if err := producer.Produce(t.Context(), stream.Record{Topic: topics[0].Name}); err != nil {
		t.Fatal(err)
	}
	if err := producer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var n notes
	Examine(t.Context(), Config{
		Brokers: brokers, Topics: topics, ClickHouse: newDatabase(t), Dir: t.TempDir(), Now: time.Now,
	}, n.tell)
	n.want(t, "kafka", "brokers", Fine, "1 of the cluster")
	n.want(t, "kafka", "touchpoints topic", Fine, "waystage.touchpoints: 3 partitions, 1 copies, 1 in sync, kept for 7 days")
	n.want(t, "kafka", "quarantine topic", Fine, "1 partitions")
	n.want(t, "kafka", "touchpoints lag", Fine, "1 records")
	n.want(t, "clickhouse", "server", Fine, "ClickHouse 2")
	n.want(t, "clickhouse", "clock", Fine, "agrees")
	n.want(t, "clickhouse", "schema", Fine, "version")
	n.want(t, "clickhouse", "tables", Fine, "rows")
	n.want(t, "ingest", "address", Skip, "WAYSTAGE_INGEST")
	n.want(t, "query", "address", Skip, "WAYSTAGE_SERVER")
}

func TestNothingIsThere(t *testing.T) {
	t.Parallel()
	nowhere := httptest.NewServer(nil)
	address := nowhere.Listener.Addr().String()
	nowhere.Close()
	var n notes
	Examine(t.Context(), Config{
		Ingest: "http://" + address, IngestGRPC: address, Query: "http://" + address,
		QueryGRPC: address, Brokers: []string{address}, Topics: topics,
		ClickHouse: "http://" + address + "/waystage", Now: time.Now,
	}, n.tell)
	n.want(t, "ingest", "http", Fail, "does not answer")
	n.want(t, "ingest", "grpc", Fail, "does not answer")
	n.want(t, "query", "http", Fail, "does not answer")
	n.want(t, "kafka", "brokers", Fail, "start Kafka")
	n.want(t, "clickhouse", "server", Fail, "start it")
}

// TestSecretsStay: what addresses hold besides hosts and ports is never told.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	nowhere := httptest.NewServer(nil)
	address := nowhere.Listener.Addr().String()
	nowhere.Close()
	const secret = "Kn0ck"
	for _, c := range []Config{
		{Ingest: "http://u:" + secret + "@" + address},
		{Ingest: "http://u:" + secret + "@" + address + "/deep/"},
		{Ingest: "http://" + address + "/?token=" + secret},
		{Ingest: "http://u:" + secret + "%zz@" + address},
		{Query: "http://u:" + secret + "@" + address, QueryGRPC: "http://u:" + secret + "@" + address},
		{QueryGRPC: "u:" + secret + "@" + address},
		{ClickHouse: "http://u:" + secret + "@" + address + "/waystage"},
		{ClickHouse: "clickhouse://u:" + secret + "@" + address + "/waystage?password=" + secret},
		{ClickHouse: "http://u:" + secret + "@h:1:2/waystage"},
		{ClickHouse: enginetest.Database(t) + "?password=" + secret + "&" + secret + "=1"},
	} {
		c.Now = time.Now
		var n notes
		Examine(t.Context(), c, n.tell)
		failed := false
		for _, f := range n {
			failed = failed || f.State == Fail
			if strings.Contains(f.Says+f.Do+f.About, secret) {
				t.Errorf("%+v tells a secret: %+v", c, f)
			}
		}
		if !failed {
			t.Errorf("%+v: nothing fails: %+v", c, n)
		}
	}
}

// TestClickHouseRefuses: a server that answers is not to be started.
func TestClickHouseRefuses(t *testing.T) {
	t.Parallel()
	var n notes
	Examine(t.Context(), Config{
		ClickHouse: enginetest.Database(t) + "?no_such_setting=1", Now: time.Now,
	}, n.tell)
	n.want(t, "clickhouse", "server", Fail, "settings of WAYSTAGE_CLICKHOUSE_DSN are right")
}

func TestMissingParts(t *testing.T) {
	t.Parallel()
	var n notes
	Examine(t.Context(), Config{
		Brokers: []string{enginetest.Kafka(t)}, Topics: topics, ClickHouse: enginetest.Database(t),
		Now: time.Now,
	}, n.tell)
	n.want(t, "kafka", "touchpoints topic", Fail, "start the processor")
	n.want(t, "clickhouse", "schema", Fail, "start query or the processor")
}

func TestService(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		version string
		ahead   time.Duration
		status  int
		about   string
		state   State
		says    string
	}{
		{name: "well", version: Version(), about: "clock", state: Fine, says: "agrees"},
		{name: "same release", version: Version(), about: "version", state: Fine},
		{name: "another release", version: "v0.1", about: "version", state: Warn, says: "v0.1"},
		{name: "something else", about: "version", state: Warn, says: "Waystage service"},
		{name: "clock is late", ahead: -time.Minute, about: "clock", state: Warn, says: "behind"},
		{name: "clock is wrong", ahead: time.Hour, about: "clock", state: Fail, says: "ahead"},
		{name: "not ready", status: 503, about: "http", state: Fail, says: "log of ingest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set(conf.VersionHeader, c.version)
					w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
					w.WriteHeader(max(c.status, http.StatusOK))
				}))
			defer server.Close()
			var n notes
			lookAtIngest(t.Context(), Config{Ingest: server.URL, Now: time.Now}, n.tell)
			n.want(t, "ingest", c.about, c.state, c.says)
		})
	}
}

func TestTopicAdvice(t *testing.T) {
	t.Parallel()
	sound := func(change func(*stream.TopicState)) stream.TopicState {
		s := stream.TopicState{
			Name: "touchpoints", Partitions: 8, Replication: 3, InSync: 3,
			Settings: map[string]string{
				"cleanup.policy": "delete", "retention.ms": fmt.Sprint(week.Milliseconds()),
				"min.insync.replicas": "2", "max.message.bytes": "1048588",
			},
		}
		change(&s)
		return s
	}
	set := func(name, value string) func(*stream.TopicState) {
		return func(s *stream.TopicState) { s.Settings[name] = value }
	}
	for _, c := range []struct {
		name    string
		change  func(*stream.TopicState)
		do      string
		failing bool
	}{
		{name: "sound", change: func(*stream.TopicState) {}},
		{name: "kept for ever", change: set("retention.ms", "-1")},
		{
			name: "nothing told", change: func(s *stream.TopicState) { s.Settings = nil; s.Replication = 1 },
			do: "3 copies",
		},
		{
			name: "leaderless", change: func(s *stream.TopicState) { s.Leaderless = 2 },
			do: "2 partitions have no leader", failing: true,
		},
		{
			name: "compacted", change: set("cleanup.policy", "compact"), do: "cleanup.policy=delete",
			failing: true,
		},
		{
			name: "small messages", change: set("max.message.bytes", "1000"), do: "max.message.bytes",
			failing: true,
		},
		{name: "behind", change: func(s *stream.TopicState) { s.InSync = 2 }, do: "behind or away"},
		{name: "kept too short", change: set("retention.ms", "3600000"), do: "retention.ms to 604800000"},
		{name: "one is enough", change: set("min.insync.replicas", "1"), do: "min.insync.replicas=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			do, failing := topicAdvice(sound(c.change), topics[0], 3)
			if (do == "") != (c.do == "") || !strings.Contains(do, c.do) || failing != c.failing {
				t.Errorf("%q, %v; want %q, %v", do, failing, c.do, c.failing)
			}
		})
	}
}

func TestDisk(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for _, c := range []struct {
		name        string
		free, total uint64
		state       State
	}{
		{"much", 100 * gib, 200 * gib, Fine},
		{"a small part of a large disk", 100 * gib, 10_000 * gib, Fine},
		{"a small disk, half empty", 5 * gib, 10 * gib, Fine},
		{"little", 5 * gib, 100 * gib, Warn},
		{"none", gib / 2, gib, Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var n notes
			teller(n.tell).disk("x", "d", c.free, c.total)
			n.want(t, "x", "disk", c.state, "free of")
		})
	}
}
