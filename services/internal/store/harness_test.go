package store_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

const site journey.SiteID = "shop"

// noon is today's: receipts of long ago are not kept.
var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(12*time.Hour + 123_456_789)

// database is a store on a database of its own.
type database struct {
	*store.Store

	dsn string
}

func newDatabase(t testing.TB) database {
	t.Helper()
	d := open(t, enginetest.Database(t))
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, dsn string) database {
	t.Helper()
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return database{st, dsn}
}

// raw runs a statement past the store and gives what the server answers.
func (d database) raw(t testing.TB, statement string) string {
	t.Helper()
	server, name, _ := strings.Cut(strings.TrimPrefix(d.dsn, "http://"), "/")
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

// count counts the rows of a table as they are, or once merges have done all they ever will.
func (d database) count(t testing.TB, table string) string {
	t.Helper()
	return d.raw(t, "SELECT count() FROM "+table)
}

func (d database) merge(t testing.TB, tables ...string) {
	t.Helper()
	for _, table := range tables {
		d.raw(t, "OPTIMIZE TABLE "+table+" FINAL")
	}
}

// insert stores facts without an attribution.
func (d database) insert(t testing.TB, facts ...journey.Fact) {
	t.Helper()
	if err := d.InsertFacts(t.Context(), rowsOf(facts...)); err != nil {
		t.Fatal(err)
	}
}

func rowsOf(facts ...journey.Fact) []store.Row {
	rows := make([]store.Row, len(facts))
	for i := range facts {
		rows[i].Fact = &facts[i]
	}
	return rows
}

// track is a touchpoint so many seconds after noon, named for it. Users and visitors are told by
// their ids: "u1" and "v1".
func track(second int, ids ...string) journey.Fact {
	f := journey.Fact{
		Site: site, Message: journey.MessageID(fmt.Sprint("m", second)), Kind: journey.Track,
		Event: "Order", OccurredAt: noon.Add(time.Duration(second) * time.Second),
		ReceivedAt: noon.Add(time.Duration(second)*time.Second + time.Hour),
		Properties: `{"n":1}`,
	}
	f.OriginalAt = f.OccurredAt.Add(-time.Second)
	for _, id := range ids {
		if id[0] == 'u' {
			f.User = journey.UserID(id)
		} else {
			f.Visitor = journey.VisitorID(id)
		}
	}
	return f
}

func identify(second int, traits journey.Object, ids ...string) journey.Fact {
	f := track(second, ids...)
	f.Kind, f.Event, f.Properties, f.Traits = journey.Identify, "", "", traits
	return f
}

func alias(second int, previous, user string) journey.Fact {
	f := track(second, user)
	f.Kind, f.Event, f.Properties, f.Previous = journey.Alias, "", "", previous
	return f
}

// newCountdown is a context that ends once a condition holds.
func newCountdown(parent context.Context, holds func() bool) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil && !holds() {
		}
		cancel()
	}()
	return ctx, func() {
		cancel()
		<-done
	}
}

func user(id journey.UserID) journey.IdentityID { return journey.UserIdentity(site, id) }

func visitor(id journey.VisitorID) journey.IdentityID { return journey.VisitorIdentity(site, id) }

// shown are links and writes as texts that can be sorted.
func shownLinks(links []identity.Link) []string {
	texts := make([]string, 0, len(links))
	for _, l := range links {
		texts = append(texts, fmt.Sprintf("%x %x %v %d %s", l.A, l.B, l.Alias, l.OccurredAt,
			l.Message))
	}
	slices.Sort(texts)
	return texts
}

func linksOf(facts ...journey.Fact) []identity.Link {
	var links []identity.Link
	for i := range facts {
		links = append(links, identity.LinksOf(&facts[i])...)
	}
	return links
}
