package spinetest

import (
	"fmt"
	"hash/fnv"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// optionFacts are facts whose times also lie about a session's gap and whole hours apart, and that
// share values to hold: all that follows from the message id, so that copies are alike.
func (c chance) optionFacts(site journey.SiteID, received time.Time, dense bool) []journey.Fact {
	facts := c.splitFacts(site, received, dense)
	for i := range facts {
		hash := fnv.New64()
		fmt.Fprint(hash, "moved", site, facts[i].Message)
		d := newChance(hash.Sum64())
		if facts[i].Kind.IsTouchpoint() && d.IntN(2) == 0 {
			facts[i].Properties = pick[journey.Object](d, `{"size":"S","n":1}`,
				`{"size":"S","n":1.0,"from":"ads"}`, `{"size":"M","n":"1","from":"ads"}`)
		}
		moved := pick(d, 0, 0, 0, time.Second, 30*time.Minute,
			30*time.Minute+time.Millisecond, time.Hour, 2*time.Hour, -26*time.Hour)
		facts[i].OccurredAt = facts[i].OccurredAt.Add(moved)
		facts[i].OriginalAt = facts[i].OriginalAt.Add(moved)
	}
	return facts
}

// optionQuestion draws a question with every option there is.
func (c chance) optionQuestion() funnel.Question {
	for {
		q := c.splitQuestion()
		if c.IntN(3) == 0 {
			q.Breakdowns = nil
		}
		if c.IntN(3) == 0 {
			q.Window = pick(c, time.Second, 30*time.Minute, time.Hour, 50*time.Hour)
		}
		q.Order = pick(c, funnel.Ordered, funnel.Ordered, funnel.Ordered, funnel.Strict, funnel.Any)
		q.Count = pick(c, funnel.Once, funnel.Once, funnel.PerAttempt, funnel.PerSession)
		if c.IntN(3) == 0 {
			q.Simultaneity = pick(c, time.Millisecond, 500*time.Millisecond, time.Second)
		}
		if c.IntN(3) == 0 {
			q.Hold = pick(c, []string{"size"}, []string{"n"}, []string{"from", "size"})
		}
		for i := range q.Steps {
			c.stepOptions(&q, i)
		}
		for range pick(c, 0, 0, 1, 2, 3) {
			x := c.exclusion(len(q.Steps))
			if q.Order == funnel.Any {
				x.From, x.To = 0, len(q.Steps)-1
			}
			q.Exclusions = append(q.Exclusions, x)
		}
		q.Buckets = c.buckets(q)
		if c.IntN(3) == 0 {
			q.TimeToConvert = &funnel.TimeToConvert{
				From: c.IntN(len(q.Steps)), To: c.IntN(len(q.Steps)), Bins: pick(c, 0, 0, 1, 7),
			}
		}
		if c.IntN(5) == 0 {
			q.Departures = true
			q.Reasons = &funnel.Reasons{Properties: pick(c, nil, []string{"size"})}
		}
		if len(q.Check()) == 0 {
			return q
		}
	}
}

func (c chance) stepOptions(q *funnel.Question, i int) {
	s := &q.Steps[i]
	if q.Order != funnel.Any && c.IntN(4) == 0 {
		s.Optional = i > 0 && i < len(q.Steps)-1
	}
	if q.Order != funnel.Any && i > 0 && c.IntN(4) == 0 {
		within := pick(c, time.Second, 1500*time.Millisecond, 30*time.Minute, 24*time.Hour)
		s.Within = &within
	}
	if c.IntN(6) == 0 {
		s.FirstTime = pick(c, funnel.FirstOfTarget, funnel.FirstMatching)
	}
}

func (c chance) exclusion(steps int) funnel.Exclusion {
	s := c.step()
	x := funnel.Exclusion{
		Target: pick(c, s.Target, s.Target, s.Target, funnel.Target{Kind: funnel.Event, Name: "D"},
			funnel.Target{Kind: funnel.Touchpoint, Name: "again"},
			funnel.Target{Kind: funnel.Stage, Name: "loyal"},
			funnel.Target{Kind: funnel.Touchpoint, Name: "order"}),
		Conditions: s.Conditions, From: c.IntN(steps - 1), Effect: pick(c, funnel.Drop, funnel.Remove),
	}
	x.To = x.From + 1 + c.IntN(steps-1-x.From)
	return x
}

// buckets are those of a trend, or none.
func (c chance) buckets(q funnel.Question) []time.Time {
	span := pick(c, 0, 0, time.Second, time.Hour, 24*time.Hour)
	if span == 0 {
		return nil
	}
	var list []time.Time
	for at := q.From.Truncate(span); at.Before(q.To); at = at.Add(span) {
		if list = append(list, at); len(list) > 100 {
			return nil
		}
	}
	return list
}

// TestOptionsEqualReference: whatever is asked, what the store gives follows from the facts, and
// every number is the length of its list.
func TestOptionsEqualReference(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	t.Cleanup(func() {
		if asked, kept := s.asked.Load(), s.kept.Load(); !t.Failed() && kept*3 < asked {
			t.Errorf("of %d answers %d came from memory", asked, kept)
		}
	})
	worlds := 12
	if testing.Short() {
		worlds = 6
	}
	for w := range worlds {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			s.checkOptions(t, uint64(w))
		})
	}
}

// checkOptions asks when half of the batches have come, and when all have: what comes late counts
// as if it had been there before.
func (s *spine) checkOptions(t *testing.T, seed uint64) {
	t.Helper()
	c := newChance(9000 + seed)
	site := journey.SiteID(fmt.Sprintf("options-%d", seed))
	m := s.publishSource(t, site, splitMap)
	batches := c.batches(c.optionFacts(site, time.Now(), seed%4 == 3))
	half := (len(batches) + 1) / 2
	for _, part := range []struct{ from, to, questions int }{
		{0, half, 4}, {half, len(batches), 14},
	} {
		s.deliver(t, batches[part.from:part.to])
		facts := slices.Concat(batches[:part.to]...)
		for range part.questions {
			s.compareOptions(t, c, m, site, facts, c.tellingQuestion(t, m, facts))
			if t.Failed() {
				t.Fatalf("world %d", seed)
			}
		}
	}
}

// tellingQuestion draws questions until one tells much of a world: of most that are drawn nobody
// counts.
func (c chance) tellingQuestion(
	t *testing.T, m *journey.Map, facts []journey.Fact,
) funnel.Question {
	t.Helper()
	tells := pick(c,
		func(*funnel.Attempt) bool { return true },
		func(a *funnel.Attempt) bool { return a.Depth > 1 },
		func(a *funnel.Attempt) bool { return a.Hit && a.Depth > 1 || a.Converted },
		func(a *funnel.Attempt) bool { return a.InWindow || bits.OnesCount32(a.Filled) > 2 },
	)
	for try := 0; ; try++ {
		q := c.optionQuestion()
		_, units := reference(t, m, facts, q)
		for i := range units {
			for k := range units[i].Attempts {
				if tells(&units[i].Attempts[k]) {
					return q
				}
			}
		}
		if try == 40 {
			return q
		}
	}
}

func (s *spine) compareOptions(
	t *testing.T, c chance, m *journey.Map, site journey.SiteID, facts []journey.Fact,
	q funnel.Question,
) {
	t.Helper()
	want, units := reference(t, m, facts, q)
	s.compareSplits(t, c, m, site, facts, q)
	s.compareTrend(t, c, site, q, want, units)
	s.compareExplained(t, site, q, units)
	if t.Failed() {
		t.Errorf("question %+v", q)
	}
}

// compareTrend lists what is behind numbers of a bucket, of all and of a group.
func (s *spine) compareTrend(
	t *testing.T, c chance, site journey.SiteID, q funnel.Question, want funnel.Answer,
	units []funnel.Result,
) {
	t.Helper()
	if len(q.Buckets) != len(want.Trend) {
		t.Fatalf("the trend has %d buckets, want %d", len(want.Trend), len(q.Buckets))
	}
	for i := range want.Trend {
		if want.Trend[i].Steps[0].Count > 0 {
			s.compareBucket(t, c, site, q, units, want.Trend[i].Steps,
				funnel.Selection{Bucket: i + 1})
		}
	}
	for _, g := range want.Groups {
		if len(q.Buckets) == 0 {
			break
		}
		i := c.IntN(len(q.Buckets))
		of := selectionOf(want, g)
		of.Bucket = i + 1
		s.compareBucket(t, c, site, q, units, g.Trend[i].Steps, of)
	}
}

func (s *spine) compareBucket(
	t *testing.T, c chance, site journey.SiteID, q funnel.Question, units []funnel.Result,
	steps []funnel.StepNumbers, selection funnel.Selection,
) {
	t.Helper()
	selection.Step, selection.Part = 1+c.IntN(len(q.Steps)), funnel.Part(c.IntN(4))
	listed := funnel.Select(q, units, selection)
	if n := numberOf(steps[selection.Step-1], selection.Part); n != len(listed) {
		t.Errorf("%d units are listed of %+v, the number is %d", len(listed), selection, n)
	}
	s.comparePersons(t, site, q, selection, listed)
}

// compareExplained holds what is explained to what counts.
func (s *spine) compareExplained(
	t *testing.T, site journey.SiteID, q funnel.Question, units []funnel.Result,
) {
	t.Helper()
	for i := range units {
		u := &units[i]
		got, err := s.answers.Explain(t.Context(), site, q, api.UnitName{
			Who: api.Who{Identity: journey.IdentityID(u.Person)}, Unit: u.Unit,
		})
		if err != nil {
			t.Fatalf("explaining: %v", err)
		}
		checkExplained(t, q, u, &got)
	}
}

func checkExplained(t *testing.T, q funnel.Question, u *funnel.Result, got *api.Explained) {
	t.Helper()
	var counted []funnel.Attempt
	buckets := make([]int, len(q.Buckets))
	for i := range got.Attempts {
		a := &got.Attempts[i]
		if a.Counted {
			counted = append(counted, a.Attempt)
		}
		if a.Bucket > 0 {
			buckets[a.Bucket-1]++
		}
		checkPlaces(t, a, got.Touchpoints)
	}
	if diff := cmp.Diff(u.Attempts, counted, cmpopts.EquateEmpty(), times()); diff != "" {
		t.Errorf("attempts of %v %q (-counted +explained):\n%s", u.Person, u.Unit, diff)
	}
	for _, b := range u.Buckets {
		buckets[b.Bucket]--
	}
	for i, n := range buckets {
		if n != 0 {
			t.Errorf("%v %q: bucket %d counts %d attempts less than are explained", u.Person, u.Unit,
				i+1, n)
		}
	}
}

// times compares those of the steps that are filled.
func times() cmp.Option {
	return cmp.Transformer("times", func(a funnel.Attempt) string {
		filled := make(map[int]int64)
		for k, at := range a.Times {
			if a.Filled>>k&1 != 0 {
				filled[k] = at
			}
		}
		return fmt.Sprintf("depth %d, %v, converted %t, in window %t, hit %t", a.Depth, filled,
			a.Converted, a.InWindow, a.Hit)
	})
}

// checkPlaces: what an attempt is filled with happened when it says, and may fill the step.
func checkPlaces(t *testing.T, a *funnel.ExplainedAttempt, touchpoints []api.SeenTouchpoint) {
	t.Helper()
	for k, place := range a.Places {
		if place < 0 {
			continue
		}
		p := &touchpoints[place]
		if p.At.UnixMilli() != a.Times[k] || p.Steps>>a.Steps[k]&1 == 0 {
			t.Errorf("place %d of attempt %+v is touchpoint %+v", k, a, p)
		}
		if p.Message == "" || p.Event == "" {
			t.Errorf("touchpoint %+v has no message id or no event", p)
		}
	}
}
