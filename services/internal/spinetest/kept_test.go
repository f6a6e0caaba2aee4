package spinetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// keptQuestion draws a question that touchpoints kept in memory answer: with conditions on steps that
// touchpoints alone decide, or departures, or both.
func (c chance) keptQuestion(t *testing.T) funnel.Question {
	t.Helper()
	for {
		q := c.insideQuestion()
		q.Filter = nil
		if c.IntN(2) == 0 {
			q.Departures = true
		}
		p, err := funnel.Compile(q)
		if err == nil && (p.Followed() || p.Conditioned() != 0) {
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
					if strings.Contains(got.Facts.Way, "persons, of whom the order") {
						apart.Add(1)
					}
				}
			}
		})
	}
}
