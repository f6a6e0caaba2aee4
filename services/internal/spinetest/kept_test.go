package spinetest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
)

// keptQuestion draws a question that touchpoints kept in memory answer: with departures, or with
// conditions on steps or a filter, which touchpoints alone decide.
func (c chance) keptQuestion(t *testing.T) funnel.Question {
	t.Helper()
	for {
		q := c.insideQuestion()
		if q.Filter = nil; c.IntN(3) == 0 {
			q.Filter = c.filter(2)
		}
		q.Departures = c.IntN(2) == 0
		p, err := funnel.Compile(q)
		if err == nil && !p.Marked() && (p.Followed() || p.ByTouch()) {
			return q
		}
	}
}

// TestKeptEqualsReference: what is answered from touchpoints kept in memory follows from the facts,
// with touchpoints that come, copies, merges of persons, and many at one instant. What some part of
// the table held is never seen after it changed.
func TestKeptEqualsReference(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	var asked, kept, apart atomic.Int64
	t.Cleanup(func() {
		if !t.Failed() && (kept.Load()*2 < asked.Load() || apart.Load() == 0) {
			t.Errorf("of %d answers %d came from memory, %d of these with persons apart",
				asked.Load(), kept.Load(), apart.Load())
		}
	})
	sites, questions := 10, 12
	if testing.Short() {
		sites = 4
	}
	for n := range sites {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			c := newChance(uint64(4000 + n))
			site := journey.SiteID(fmt.Sprint("kept-", n))
			m := s.publishSource(t, site, adversarialMap)
			batches := c.batches(c.worlds(site, 30, n%3 == 0))
			var facts []journey.Fact
			for part, upto := 0, 0; upto < len(batches); part++ {
				from := upto
				upto = min(upto+1+len(batches)/3, len(batches))
				s.deliver(t, batches[from:upto])
				for _, b := range batches[from:upto] {
					facts = append(facts, b...)
				}
				if part == 1 {
					execute(t, s.dsn, "OPTIMIZE TABLE touchpoints FINAL")
				}
				for range questions / 3 {
					q := c.keptQuestion(t)
					want, _ := reference(t, m, facts, q)
					got, err := s.answers.Funnel(t.Context(), site, q)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, got.Answer, cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("%q, of %+v (-reference +kept):\n%s", got.Facts.Way, q, diff)
					}
					asked.Add(1)
					if strings.HasPrefix(got.Facts.Way, "touchpoints kept in memory") {
						kept.Add(1)
					}
					if strings.Contains(got.Facts.Way, "the order within a millisecond, of ") {
						apart.Add(1)
					}
				}
			}
		})
	}
}

// TestCopiesInAPart: a receipt that a part of the table holds twice, as where the server does not
// merge what is inserted, counts once.
func TestCopiesInAPart(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "copies"
	c := newChance(8000)
	m := s.publishSource(t, site, splitMap)
	batches := c.batches(c.optionFacts(site, time.Now(), true))
	s.deliver(t, batches)
	execute(t, s.dsn, "SYSTEM STOP MERGES touchpoints")
	before := s.parts(t)
	execute(t, s.dsn, `INSERT INTO touchpoints SELECT * FROM (
		SELECT * FROM touchpoints FINAL UNION ALL SELECT * FROM touchpoints FINAL
	) SETTINGS optimize_on_insert = 0, max_insert_threads = 1`)
	for name := range before {
		execute(t, s.dsn, "ALTER TABLE touchpoints DROP PART '"+name+"'")
	}
	execute(t, s.dsn, `SELECT throwIf(count() != 2 * uniqExact(
		_part, identity, at, message_key, received_at, batch_index)) FROM touchpoints`)
	facts := slices.Concat(batches...)
	for range 40 {
		s.compareOptions(t, c, m, site, facts, c.tellingQuestion(t, m, facts))
	}
}

// TestFarFuture: touchpoints of a time that those kept in memory cannot have count all the same.
func TestFarFuture(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "future"
	m := s.publishSource(t, site, splitMap)
	f := &flow{site: site, received: time.Now().UTC()}
	at := time.Date(2150, 3, 1, 0, 0, 0, 0, time.UTC)
	facts := []journey.Fact{
		f.track("A", at, "u1", ""), f.track("B", at.Add(time.Second), "u1", ""),
		f.track("A", base, "u2", ""), f.track("B", base.Add(time.Second), "u2", ""),
	}
	s.deliver(t, [][]journey.Fact{facts})
	for _, from := range []time.Time{at, base} {
		q := funnel.Question{
			From: from, To: from.Add(time.Hour), AsOf: from.Add(2 * time.Hour), Window: time.Hour,
			Limit: 1, Order: funnel.Strict, Departures: true,
		}
		for _, name := range []string{"A", "B"} {
			q.Steps = append(q.Steps, funnel.Step{Target: funnel.Target{Name: name, Kind: funnel.Event}})
		}
		s.compare(t, m, site, facts, q)
		q.Order = funnel.Ordered
		s.compare(t, m, site, facts, q)
	}
	if s.kept.Load() != 2 {
		t.Errorf("%d answers came from memory, want those of today", s.kept.Load())
	}
}

// parts are those of the touchpoints, by name.
func (s *spine) parts(t *testing.T) map[string]store.Part {
	t.Helper()
	all, _, err := s.store.AnswerParts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parts := make(map[string]store.Part)
	for _, p := range all {
		if p.Table == "touchpoints" {
			parts[p.Name] = p
		}
	}
	return parts
}

// tiedFacts are of persons, half of them of two identities, who do several things at one instant
// after a first one: which comes first is said by one thing or another.
func (c chance) tiedFacts(site journey.SiteID, persons int) []journey.Fact {
	var facts []journey.Fact
	received := time.Now().UTC().Truncate(time.Millisecond)
	for person := range persons {
		first := journey.Fact{
			Site: site, Message: journey.MessageID(fmt.Sprintf("%d first", person)),
			Kind: journey.Track, Event: "A", ReceivedAt: received,
			Visitor: journey.VisitorID(fmt.Sprint("v", person)), OccurredAt: base, OriginalAt: base,
		}
		user := journey.UserID("")
		if person%2 == 0 {
			user = journey.UserID(fmt.Sprint("u", person))
			known := first
			known.Kind, known.Event, known.User = journey.Identify, "", user
			known.Message = journey.MessageID(fmt.Sprintf("%d known", person))
			facts = append(facts, known)
		}
		facts = append(facts, first)
		for n := range 2 + c.IntN(3) {
			next := first
			next.Message = journey.MessageID(fmt.Sprintf("%d %d %d", person, c.IntN(100), n))
			next.Event = pick(c, "B", "C", "D", "page")
			next.OccurredAt = base.Add(time.Second + time.Duration(c.IntN(8)/7)*time.Microsecond)
			next.OriginalAt = base.Add(time.Duration(c.IntN(8)/7) * time.Second)
			next.ReceivedAt = first.ReceivedAt.Add(time.Duration(c.IntN(8)/7) * time.Millisecond)
			next.Index = uint32(c.IntN(2))
			if c.IntN(2) == 0 {
				next.User = user
			}
			facts = append(facts, next)
		}
	}
	c.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	return facts
}

// tiedPersons are so many that several goroutines count them.
const tiedPersons = 3000

// TestShownOrder: what comes next after a step is what is shown next, also where that was kept in
// memory of several parts and identities.
func TestShownOrder(t *testing.T) {
	t.Parallel()
	s, c, site := newSpine(t), newChance(1), journey.SiteID("tied")
	m := s.publishSource(t, site, adversarialMap)
	execute(t, s.dsn, "SYSTEM STOP MERGES touchpoints")
	facts := c.tiedFacts(site, tiedPersons)
	for third := range 3 {
		s.deliver(t, [][]journey.Fact{facts[third*len(facts)/3 : (third+1)*len(facts)/3]})
	}
	q := funnel.Question{
		From: base, To: base.Add(time.Hour), AsOf: base.Add(1000 * time.Hour), Window: time.Hour,
		Limit: 1, Departures: true,
	}
	for _, name := range []string{"A", "never"} {
		q.Steps = append(q.Steps, funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}})
	}
	want, _ := reference(t, m, facts, q)
	askTied(t, s.answers, site, q, want)
	askTied(t, s.answers, site, q, want) // the order is known by now
	merged := beforeQuery(t, s.dsn, "AS Array(Tuple(", "SYSTEM START MERGES touchpoints",
		"OPTIMIZE TABLE touchpoints FINAL")
	askTied(t, answer.New(merged, answer.NewNewestMaps(merged), 0), site, q, want)
}

// askTied asks about persons of whom the order within a millisecond decides, but not of nearly all.
func askTied(
	t *testing.T, answers *answer.Answerer, site journey.SiteID, q funnel.Question,
	want funnel.Answer,
) {
	t.Helper()
	got, err := answers.Funnel(t.Context(), site, q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Answer, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-reference +kept):\n%s", diff)
	}
	tied := regexp.MustCompile(`^touchpoints kept in memory.* within a millisecond, of (\d+) persons`).
		FindStringSubmatch(got.Facts.Way)
	if tied == nil {
		t.Fatalf("the way is %q, want it from memory, with an order that was read", got.Facts.Way)
	}
	if n, _ := strconv.Atoi(tied[1]); n > tiedPersons*9/10 {
		t.Errorf("touchpoints of %d of %d persons were put in order", n, tiedPersons)
	}
}

// beforeQuery is a store that does something to the database before the first query that has a
// text.
func beforeQuery(t *testing.T, dsn, text string, statements ...string) *store.Store {
	t.Helper()
	var once sync.Once
	between := enginetest.Between(t, dsn, func(sql string, _ *http.Request, forward func()) {
		if strings.Contains(sql, text) {
			once.Do(func() {
				for _, statement := range statements {
					execute(t, dsn, statement)
				}
			})
		}
		forward()
	})
	t.Cleanup(func() { once.Do(func() { t.Errorf("no query had %q", text) }) })
	st, err := store.Open(between)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}
