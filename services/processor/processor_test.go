package processor

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/stream"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

const site journey.SiteID = "shop"

var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)

func fact(second int, kind journey.Kind, u, v string) journey.Fact {
	f := journey.Fact{
		Site: site, Message: journey.MessageID(fmt.Sprintf("m%04d", second)), Kind: kind,
		User: journey.UserID(u), Visitor: journey.VisitorID(v),
		OccurredAt: noon.Add(time.Duration(second) * time.Second), ReceivedAt: noon.Add(time.Hour),
	}
	f.OriginalAt = f.OccurredAt
	if kind == journey.Track {
		f.Event = "A"
	}
	return f
}

// running is a processor with all that it needs, besides a consumer.
type running struct {
	*Processor

	kafka string
	dsn   string
}

func start(t *testing.T) *running {
	t.Helper()
	r := &running{kafka: enginetest.Kafka(t), dsn: enginetest.Database(t)}
	p, err := New(Config{
		Brokers: []string{r.kafka}, ClickHouse: r.dsn, CopyWindow: maxCopyWindow,
		Topic: "touchpoints", QuarantineTopic: "quarantine", Partitions: 2,
		Retention: time.Hour, FinishTimeout: 10 * time.Second,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if err := p.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Processor = p
	return r
}

func (r *running) handle(t *testing.T, facts ...journey.Fact) {
	t.Helper()
	var b stream.Batch
	for i := range facts {
		value, err := wire.Encode(&facts[i])
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, stream.Record{Topic: "touchpoints", Value: value})
	}
	if err := r.Handle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// raw runs a statement past the store and gives what the server answers.
func (r *running) raw(t *testing.T, statement string) string {
	t.Helper()
	server, name, _ := strings.Cut(strings.TrimPrefix(r.dsn, "http://"), "/")
	address := "http://" + server + "/?" + url.Values{"database": {name}}.Encode()
	answer, err := http.Post(address, "text/plain", strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s, %v", statement, answer.Status, text, err)
	}
	return strings.TrimSpace(string(text))
}

func (r *running) quarantined(t *testing.T) []wire.Quarantined {
	t.Helper()
	var found []wire.Quarantined
	err := stream.Scan(t.Context(), []string{r.kafka}, "quarantine", func(rec stream.Record) error {
		q, err := wire.DecodeQuarantined(rec.Value)
		found = append(found, q)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (r *running) links(t *testing.T, of ...journey.IdentityID) []identity.Link {
	t.Helper()
	links, err := r.store.OtherLinks(t.Context(), site, of)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(links, func(a, b identity.Link) int { return int(a.OccurredAt - b.OccurredAt) })
	return links
}

// TestLateReplay: a message that comes out of quarantine as long as it lies there finds its copy,
// wherever in the copy window that was received, and is one touchpoint with it.
func TestLateReplay(t *testing.T) {
	t.Parallel()
	for days, apart := range map[int]time.Duration{
		2: time.Hour, 20: time.Hour, 96: time.Hour, 97: -7*24*time.Hour + time.Minute,
	} {
		t.Run(fmt.Sprint(days, " days, ", apart), func(t *testing.T) {
			t.Parallel()
			r := start(t)
			refused := fact(1, journey.Track, "u", "v")
			refused.ReceivedAt = time.Now().UTC().AddDate(0, 0, -days)
			refused.OccurredAt, refused.OriginalAt = refused.ReceivedAt, refused.ReceivedAt
			taken := refused
			taken.ReceivedAt = refused.ReceivedAt.Add(apart)
			r.handle(t, taken)
			r.raw(t, "OPTIMIZE TABLE receipts FINAL")
			for range 2 {
				r.handle(t, refused)
				r.raw(t, "OPTIMIZE TABLE receipts FINAL")
			}
			if got := r.raw(t, "SELECT count() FROM touchpoints FINAL"); got != "1" {
				t.Errorf("%s touchpoints, want 1", got)
			}
			if got := r.events(t)["A"]; got != 1 {
				t.Errorf("counted %d times in the catalogue, want 1", got)
			}
		})
	}
}

// TestUnreadable: a record that is no message of ours is kept apart and stops nothing; its
// neighbours are stored.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := start(t)
	good := fact(1, journey.Track, "", "v")
	value, err := wire.Encode(&good)
	if err != nil {
		t.Fatal(err)
	}
	appended := noon.Truncate(time.Millisecond)
	err = r.Handle(t.Context(), stream.Batch{Records: []stream.Record{
		{Topic: "touchpoints", Partition: 1, Offset: 7, Value: []byte("\xffgarbage"), AppendedAt: appended},
		{Topic: "touchpoints", Value: value},
		{Topic: "touchpoints", Partition: 1, Offset: 8},
	}})
	if err != nil {
		t.Fatal(err)
	}
	found := r.quarantined(t)
	if len(found) != 2 {
		t.Fatalf("%d records are quarantined, want 2: %+v", len(found), found)
	}
	q := found[0]
	if q.Reason != "unreadable_record" || q.By != wire.ByProcessor || q.Source != "touchpoints/1/7" ||
		string(q.Payload) != "\xffgarbage" || !q.ReceivedAt.Equal(appended) {
		t.Errorf("quarantined %+v", q)
	}
	fresh, err := r.store.FreshUntil(t.Context(), site)
	if !fresh.Equal(good.ReceivedAt) || err != nil {
		t.Errorf("its neighbour is not stored: fresh until %v, %v", fresh, err)
	}
	if got := testutil.ToFloat64(r.handler.metrics.quarantined); got != 2 {
		t.Errorf("%v records are counted as quarantined, want 2", got)
	}
}

// TestPersonTooLarge: the link that would make a person too large is quarantined, in the batch
// that brings it and in no other.
func TestPersonTooLarge(t *testing.T) {
	t.Parallel()
	r := start(t)
	var batch []journey.Fact
	for i := range identity.MaxIdentities - 1 {
		batch = append(batch, fact(i, journey.Track, "shared", fmt.Sprint("v", i)))
	}
	r.handle(t, batch...)
	if found := r.quarantined(t); len(found) > 0 {
		t.Fatalf("quarantined %+v before the person is full", found)
	}
	r.handle(t, fact(5000, journey.Track, "shared", "one-too-many"))
	found := r.quarantined(t)
	if len(found) != 1 || found[0].Reason != "person_too_large" || found[0].Site != site ||
		!strings.Contains(found[0].Detail, `"m5000"`) {
		t.Fatalf("quarantined %+v, want the last link", found)
	}
	r.handle(t, fact(6000, journey.Identify, "shared", ""))
	if again := r.quarantined(t); len(again) != 1 {
		t.Errorf("%d links are quarantined after another batch, want 1", len(again))
	}
}

// TestLinksOnce: a visitor seen with its user in every message is linked by the first alone,
// within a batch, over batches, and when this process knows nothing of it any more. A link that
// is earlier than the stored one is stored too.
func TestLinksOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	user := journey.UserIdentity(site, "u")
	check := func(when string, want ...journey.MessageID) {
		t.Helper()
		var got []journey.MessageID
		for _, l := range r.links(t, user) {
			got = append(got, l.Message)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("links %s (-want +got):\n%s", when, diff)
		}
	}
	stored := func() (n uint64) {
		t.Helper()
		err := r.store.Stream(t.Context(), store.Query{
			SQL:     "SELECT count() FROM links",
			Columns: []store.Column{{Name: "n", Type: store.UInt64}},
		}, func(b *store.Block) error {
			n = b.UInt64(0)[0]
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	r.handle(t, fact(12, journey.Track, "u", "v"), fact(11, journey.Track, "u", "v"),
		fact(13, journey.Track, "u", "v"))
	check("after a batch", "m0011")
	r.handle(t, fact(14, journey.Track, "u", "v"))
	r.handler.forget()
	r.handle(t, fact(15, journey.Track, "u", "v"))
	if got := stored(); got != 2 {
		t.Errorf("%d rows of links, want 2: one link by both its ends", got)
	}
	r.handle(t, fact(10, journey.Track, "u", "v"))
	check("after an earlier one", "m0010")
	if got := stored(); got != 4 {
		t.Errorf("%d rows of links, want 4: two links by both their ends", got)
	}
	r.handle(t, fact(20, journey.Group, "u", "v"))
	if got := stored(); got != 6 {
		t.Errorf("%d rows of links, want 6: a group's link cannot be found from a touchpoint", got)
	}
}

// TestUnavailable: while ClickHouse is away a batch fails so that it comes again.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	p, err := New(Config{
		Brokers: []string{"127.0.0.1:1"}, ClickHouse: "http://127.0.0.1:1/x",
		CopyWindow: maxCopyWindow,
	}, zerolog.Nop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	f := fact(1, journey.Track, "", "v")
	value, err := wire.Encode(&f)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Handle(t.Context(), stream.Batch{Records: []stream.Record{{Value: value}}})
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("error %v, want Unavailable", err)
	}
	if err := p.Handle(t.Context(), stream.Batch{}); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := Config{BatchRecords: 1, BatchBytes: 1, BatchAge: 1, CopyWindow: time.Hour}
	for _, c := range []struct {
		name  string
		with  func(*Config)
		wrong string
	}{
		{name: "good", with: func(*Config) {}},
		{name: "the longest window", with: func(c *Config) { c.CopyWindow = 168 * time.Hour }},
		{name: "no records", with: func(c *Config) { c.BatchRecords = 0 }, wrong: "batch"},
		{name: "no bytes", with: func(c *Config) { c.BatchBytes = 0 }, wrong: "batch"},
		{name: "no age", with: func(c *Config) { c.BatchAge = 0 }, wrong: "batch"},
		{name: "no window", with: func(c *Config) { c.CopyWindow = 0 }, wrong: "COPY_WINDOW"},
		{
			name: "a window longer than receipts are kept", wrong: "COPY_WINDOW",
			with: func(c *Config) { c.CopyWindow = 168*time.Hour + 1 },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := good
			c.with(&config)
			err := config.Validate()
			if c.wrong == "" && err != nil || c.wrong != "" &&
				(err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("error %v, want one about %q", err, c.wrong)
			}
		})
	}
	if _, err := New(Config{ClickHouse: "%"}, zerolog.Nop(), prometheus.NewRegistry()); fault.Of(err) !=
		fault.Invalid {
		t.Errorf("an address that is none: %v, want Invalid", err)
	}
}

// TestEditionsToCome: a map that comes into force later is not taken before it nearly is: until
// then another may turn out to be its version.
func TestEditionsToCome(t *testing.T) {
	t.Parallel()
	const source = "title: T\nstages: [{id: a}, {id: b}]\ntouchpoints: []\n"
	e := newEditions(nil)
	fresh := []journey.Publication{
		{Version: 2, Source: source, InForceAt: noon.Add(settled + 1)},
		{Version: 1, Source: source, InForceAt: noon.Add(settled)},
	}
	if err := e.add(site, siteEditions{}, fresh, noon); err != nil {
		t.Fatal(err)
	}
	if got := e.latest(site); got == nil || got.Version != 1 || e.bySite[site].newest != 1 {
		t.Errorf("the newest map is %+v, want version 1", got)
	}
	if err := e.add(site, e.bySite[site], fresh[:1], noon.Add(1)); err != nil {
		t.Fatal(err)
	}
	if got := e.latest(site); got.Version != 2 || e.bySite[site].newest != 2 {
		t.Errorf("the newest map is version %d, want 2", got.Version)
	}
	if got := e.of(site).At(noon.Add(settled)); got.Version != 1 {
		t.Errorf("in force is version %d, want 1", got.Version)
	}
	if got := e.latest("other"); got != nil {
		t.Errorf("another site has map %+v", got)
	}
}
