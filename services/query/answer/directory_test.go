package answer_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
)

const site journey.SiteID = "shop"

const persons = 500

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shop has 500 visitors who each did A, and as many users who did B an hour later. Which of them
// are one person, only profiles tell.
type shop struct {
	*store.Store
	*answer.Answerer

	dsn      string
	visitors []journey.IdentityID
	users    []journey.IdentityID
}

func newShop(t *testing.T) *shop {
	t.Helper()
	dsn := enginetest.Database(t)
	st, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &shop{Store: st, dsn: dsn, Answerer: answer.New(st, answer.NewNewestMaps(st), 0)}
	var rows []store.Row
	for i := range persons {
		visitor, user := journey.VisitorID(fmt.Sprint("v", i)), journey.UserID(fmt.Sprint("u", i))
		s.visitors = append(s.visitors, journey.VisitorIdentity(site, visitor))
		s.users = append(s.users, journey.UserIdentity(site, user))
		rows = append(rows, row(fmt.Sprint("a", i), "A", noon, "", visitor),
			row(fmt.Sprint("b", i), "B", noon.Add(time.Hour), user, ""))
	}
	if err := st.InsertFacts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	return s
}

func row(
	message, event string, at time.Time, u journey.UserID, v journey.VisitorID,
) store.Row {
	return store.Row{Fact: &journey.Fact{
		Site: site, Message: journey.MessageID(message), Kind: journey.Track, Event: event,
		User: u, Visitor: v, OccurredAt: at, OriginalAt: at, ReceivedAt: at,
	}}
}

// linked are profiles in which the first n visitors are one person with the user of their number,
// and the others persons of their own.
func (s *shop) linked(n int) []store.Profile {
	var profiles []store.Profile
	for i := range persons {
		v, u := s.visitors[i], s.users[i]
		ofVisitor, ofUser := v, u
		if i < n {
			ofVisitor, ofUser = min(v, u), min(v, u)
		}
		profiles = append(profiles,
			store.Profile{Identity: v, Person: journey.PersonID(ofVisitor), Persona: "p"},
			store.Profile{Identity: u, Person: journey.PersonID(ofUser), Persona: "p"})
	}
	return profiles
}

// insert stores profiles that were derived so many seconds after noon.
func (s *shop) insert(t *testing.T, profiles []store.Profile, second int) {
	t.Helper()
	at := noon.Add(time.Duration(second) * time.Second)
	if err := s.InsertProfiles(t.Context(), site, profiles, at); err != nil {
		t.Fatal(err)
	}
}

// raw runs a statement past the store.
func (s *shop) raw(t *testing.T, statement string) {
	t.Helper()
	u, err := url.Parse(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+u.Host+"/?database="+strings.Trim(u.Path, "/"), "text/plain",
		strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", statement, answer.Status, text)
	}
}

// converted asks how many persons did A and then B.
func (s *shop) converted(ctx context.Context) (int, error) {
	event := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}}
	}
	got, err := s.Funnel(ctx, site, funnel.Question{
		From: noon, To: noon.Add(time.Minute), AsOf: noon.Add(24 * time.Hour),
		Window: 2 * time.Hour, Steps: []funnel.Step{event("A"), event("B")}, Limit: 25,
	})
	if err != nil {
		return 0, err
	}
	return got.Steps[1].Count, nil
}

func (s *shop) want(t *testing.T, when string, want int) {
	t.Helper()
	got, err := s.converted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s: %d persons converted, want %d", when, got, want)
	}
}

// TestDirectory: a question sees the profiles that were stored before it, at once: after inserts,
// after merges of parts, whatever came first, and after another generation took their place.
func TestDirectory(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.want(t, "without profiles", 0)
	s.insert(t, s.linked(1), 1)
	s.want(t, "after one insert", 1)
	for n := 2; n < 6; n++ {
		s.insert(t, s.linked(n), n)
		s.want(t, "after the next insert", n)
	}
	s.insert(t, s.linked(0), 0)
	s.want(t, "after an insert of profiles that were derived earlier", 5)
	s.raw(t, "OPTIMIZE TABLE profiles FINAL")
	s.want(t, "after a merge of all parts", 5)
	s.insert(t, s.linked(6), 6)
	s.raw(t, "OPTIMIZE TABLE profiles FINAL")
	s.want(t, "after an insert that was merged before it was seen", 6)
	s.insert(t, s.linked(2), 7)
	s.want(t, "after persons were split", 2)
	s.exchange(t, 100)
	s.want(t, "after a rebuild", 100)
	s.exchange(t, 0)
	s.want(t, "after another", 0)
	s.insert(t, s.linked(3), 9)
	s.want(t, "after an insert into the new generation", 3)
}

// TestDirectoryReads: profiles that have come cost a question two queries, and where none have come it
// asks nothing. The first time nothing is known of their table.
func TestDirectoryReads(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var queries atomic.Int32
	address := enginetest.Between(t, s.dsn, func(sql string, _ *http.Request, forward func()) {
		if strings.Contains(sql, "FROM profiles") || strings.Contains(sql, "table = 'profiles'") {
			queries.Add(1)
		}
		forward()
	})
	st, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	watched := &shop{Store: st, Answerer: answer.New(st, answer.NewNewestMaps(st), 0)}
	for n := 1; n < 4; n++ {
		s.insert(t, s.linked(n), n)
		for _, want := range [][]int32{1: {3, 0}, 2: {2, 0}, 3: {2, 0}}[n] {
			queries.Store(0)
			watched.want(t, "after an insert", n)
			if got := queries.Load(); got != want {
				t.Errorf("insert %d took %d queries of profiles, want %d", n, got, want)
			}
		}
	}
}

// exchange puts a new generation in place of the present one.
func (s *shop) exchange(t *testing.T, n int) {
	t.Helper()
	next, err := s.NextProfiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(s.linked(n), 2*persons/3) {
		if err := next.InsertProfiles(t.Context(), site, part, noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := next.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := next.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestDirectoryAtOnce: while generations are exchanged, profiles are written and parts are merged,
// several questions at the same time each see a whole state: here all states say the same.
func TestDirectoryAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.insert(t, s.linked(persons), 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for ctx.Err() == nil {
				got, err := s.converted(t.Context())
				if err != nil || got != persons {
					t.Errorf("%d persons converted, %v, want %d", got, err, persons)
					return
				}
			}
		})
	}
	for round := range 10 {
		s.exchange(t, persons)
		if round%3 == 0 {
			s.insert(t, s.linked(persons), round+2)
			s.raw(t, "OPTIMIZE TABLE profiles FINAL")
		}
	}
	stop()
	wait.Wait()
}

// gate stands before ClickHouse and holds queries that contain a text until it is opened. It
// tells when it holds one and when one was answered.
type gate struct {
	text                   string
	opened, held, answered chan struct{}
}

// gated is an address of the same database behind gates.
func gated(t *testing.T, dsn string, gates ...*gate) string {
	t.Helper()
	return enginetest.Between(t, dsn, func(sql string, _ *http.Request, forward func()) {
		for _, g := range gates {
			if strings.Contains(sql, g.text) {
				g.held <- struct{}{}
				<-g.opened
				defer func() { g.answered <- struct{}{} }()
			}
		}
		forward()
	})
}

func newGate(text string) *gate {
	const queries = 100
	return &gate{
		text: text, opened: make(chan struct{}), held: make(chan struct{}, queries),
		answered: make(chan struct{}, queries),
	}
}

// TestDirectoryWhole: a question that knows the old generation, and waits for its touchpoints, is
// not disturbed by another one that is just reading the new generation.
func TestDirectoryWhole(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.insert(t, s.linked(persons), 1)
	touchpoints, profiles := newGate("FROM journeys"), newGate("FROM profiles")
	parts := newGate("FROM system.parts")
	close(parts.opened)
	st, err := store.Open(gated(t, s.dsn, touchpoints, profiles, parts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	slow := &shop{Store: st, Answerer: answer.New(st, answer.NewNewestMaps(st), 0)}
	ask := func() chan int {
		counted := make(chan int, 1)
		go func() {
			n, err := slow.converted(context.WithoutCancel(t.Context()))
			if err != nil {
				t.Error(err)
			}
			counted <- n
		}()
		return counted
	}
	first := ask()
	<-touchpoints.held
	<-profiles.held
	// The first question reads its profiles, and sees that these are all parts; the gate is closed
	// again behind it.
	profiles.opened <- struct{}{}
	for range 3 {
		<-parts.answered
	}
	s.exchange(t, persons)
	second := ask()
	<-profiles.held // the second question has found the new generation
	close(touchpoints.opened)
	if got := <-first; got != persons {
		t.Errorf("the first question counts %d persons, want %d", got, persons)
	}
	close(profiles.opened)
	if got := <-second; got != persons {
		t.Errorf("the second question counts %d persons, want %d", got, persons)
	}
}
