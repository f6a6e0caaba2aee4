package answer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// told is what somebody was told of how far a question is.
type told struct {
	mutex sync.Mutex
	list  [][3]int
}

func (l *told) tell(read, total uint64, waiting int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.list = append(l.list, [3]int{int(read), int(total), waiting}) //nolint:gosec // few
}

func (l *told) was() [][3]int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.list
}

// TestToldAtOnce: all who wait for one answer are told how far it is, what is said and when; who
// left is not.
func TestToldAtOnce(t *testing.T) {
	t.Parallel()
	m, s := newSlow(t)
	s.reportsOfRows, s.say = false, make(chan [3]int)
	var wait sync.WaitGroup
	var one, other, left told
	fine := func(_ api.Funnel, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	m.asks(api.WithProgress(t.Context(), one.tell), t, 1, &wait, fine)
	m.asks(t.Context(), t, 1, &wait, fine) // who does not ask how far it is
	m.asks(api.WithProgress(t.Context(), other.tell), t, 1, &wait, fine)
	m.asks(api.WithProgress(ctx, left.tell), t, 1, &wait, func(api.Funnel, error) {})
	<-s.entered
	s.say <- [3]int{0, 0, 4}
	s.say <- [3]int{3, 7, 0}
	until(t, func() bool { return len(other.was()) == 2 })
	leave()
	until(t, func() bool { return m.cache.Waiting() == 3 })
	s.say <- [3]int{5, 7, 0}
	close(s.let)
	wait.Wait()
	want := [][3]int{{0, 0, 4}, {3, 7, 0}, {5, 7, 0}}
	for name, got := range map[string][][3]int{"one": one.was(), "other": other.was()} {
		if len(got) != 3 || [3][3]int(got) != [3][3]int(want) {
			t.Errorf("the %s was told %v, want %v", name, got, want)
		}
	}
	if got := left.was(); len(got) != 2 {
		t.Errorf("who left was told %v", got)
	}
}

// at asks as of an instant, in the background, and gives what is answered.
func (m *market) at(
	t *testing.T, wait *sync.WaitGroup, asOf time.Time, check func(api.Funnel),
) {
	t.Helper()
	q := whole
	q.AsOf = asOf
	wait.Go(func() {
		got, err := m.cache.Funnel(t.Context(), site, q)
		if err != nil {
			t.Error(err)
			return
		}
		check(got)
	})
}

// TestAskedAsOfOthers: who asks as of a later instant gets the answer that is just being worked
// out where nothing differs, and its own where something does; who asks as of an earlier one does
// not wait for it.
func TestAskedAsOfOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		first, second time.Time
		// joins tells that the second waits for the first, shared that it takes its answer.
		joins, shared bool
		counts        [2]int
	}{
		{
			name: "later, the same", first: noon.Add(5 * time.Hour), second: noon.Add(6 * time.Hour),
			joins: true, shared: true, counts: [2]int{1, 1},
		},
		{
			name: "later, after what happened", first: noon.Add(-time.Hour), second: noon,
			joins: true, counts: [2]int{0, 1},
		},
		{
			name: "earlier", first: noon.Add(6 * time.Hour), second: noon.Add(-time.Hour),
			counts: [2]int{1, 0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, s := newSlow(t)
			var wait sync.WaitGroup
			check := func(want int, shared bool) func(api.Funnel) {
				return func(got api.Funnel) {
					if got.Steps[0].Count != want || got.Facts.Cached != shared {
						t.Errorf("%+v, want %d persons, shared: %v", got, want, shared)
					}
				}
			}
			m.at(t, &wait, c.first, check(c.counts[0], false))
			<-s.entered
			m.at(t, &wait, c.second, check(c.counts[1], c.shared))
			if c.joins {
				until(t, func() bool { return m.cache.Waiting() == 2 })
			} else {
				until(t, func() bool { return s.asked.Load() == 2 })
			}
			close(s.let)
			wait.Wait()
		})
	}
}

// TestWrittenBetween: who asks after something was written does not get what was begun before.
func TestWrittenBetween(t *testing.T) {
	t.Parallel()
	m, s := newSlow(t)
	var wait sync.WaitGroup
	m.at(t, &wait, whole.AsOf, func(api.Funnel) {})
	<-s.entered
	if err := m.enter(t.Context(), site, 1); err != nil {
		t.Fatal(err)
	}
	m.at(t, &wait, whole.AsOf, func(got api.Funnel) {
		if got.Steps[0].Count != 2 || got.Facts.Cached {
			t.Errorf("%+v, want 2 persons", got)
		}
	})
	until(t, func() bool { return s.asked.Load() == 2 })
	close(s.let)
	wait.Wait()
}

// TestGivenUpSlowly: who asks after all others have left does not wait for what they gave up, even
// while that is still ending.
func TestGivenUpSlowly(t *testing.T) {
	t.Parallel()
	m, s := newSlow(t)
	s.stubborn = true
	var wait sync.WaitGroup
	ctx, leave := context.WithCancel(t.Context())
	m.asks(ctx, t, 1, &wait, func(_ api.Funnel, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	})
	<-s.entered
	leave()
	wait.Wait()
	m.at(t, &wait, whole.AsOf, func(got api.Funnel) {
		if got.Steps[0].Count != 1 || got.Facts.Cached {
			t.Errorf("%+v, want 1 person", got)
		}
	})
	until(t, func() bool { return s.asked.Load() == 2 })
	close(s.let)
	wait.Wait()
}

// fragile panics when it is asked for the first time, and fails when for the second.
type fragile struct {
	api.Answers

	asked int
}

func (f *fragile) Funnel(
	ctx context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	switch f.asked++; f.asked {
	case 1:
		panic("out of luck")
	case 2:
		return api.Funnel{}, fault.New(fault.TooLarge, "too large")
	}
	return f.Answers.Funnel(ctx, site, q)
}

// TestFailedIsNotKept: what goes wrong is told who asked, and nothing of it is kept.
func TestFailedIsNotKept(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, func(a *answer.Answerer) api.Answers { return &fragile{Answers: a} })
	m.crowd(t, 2)
	for n, want := range []fault.Kind{fault.Internal, fault.TooLarge} {
		if _, err := m.cache.Funnel(t.Context(), site, whole); fault.Of(err) != want {
			t.Errorf("asked for the %d. time: %v, want one of kind %v", n+1, err, want)
		}
	}
	if m.cache.KeptBytes() != 0 || len(m.counts.by) != 0 {
		t.Errorf("%d bytes are kept, answers by source: %v", m.cache.KeptBytes(), m.counts.by)
	}
	got, err := m.cache.Funnel(t.Context(), site, whole)
	if err != nil || len(got.Steps) != 2 || got.Steps[0].Count != 2 || got.Facts.Cached {
		t.Errorf("%+v, %v", got, err)
	}
}
