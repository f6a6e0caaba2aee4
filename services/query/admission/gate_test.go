package admission_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/query/admission"
	"github.com/waystage/waystage/services/query/api"
)

const heavy = 10_000_000

// newGate makes a gate with so many places.
func newGate(places int, wait time.Duration) *admission.Gate {
	return admission.New(admission.Config{Questions: places, Wait: wait, HeavyRows: heavy})
}

// inside is a question that has its turn.
type inside struct {
	name  string
	leave func()
}

// line sends a question to the gate; it is in the channel once it is inside.
func line(t *testing.T, g *admission.Gate, to chan inside, caller, name string, rows uint64) {
	t.Helper()
	go func() {
		leave, err := g.Enter(t.Context(), caller, rows)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		to <- inside{name, leave}
	}()
	synctest.Wait()
}

// TestWait: the wait for a turn ends with the turn, with patience, or with the caller.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, time.Second)
		leave, err := g.Enter(t.Context(), "a", 0)
		if err != nil || g.Running() != 1 {
			t.Fatalf("entering an empty gate: %v, %d inside", err, g.Running())
		}
		_, err = g.Enter(t.Context(), "b", 0)
		if fault.Of(err) != fault.Exhausted || fault.RetryAfter(err) != time.Second {
			t.Errorf("without patience: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.Enter(ctx, "b", 0); !errors.Is(err, context.Canceled) {
			t.Errorf("after the caller left: %v", err)
		}
		time.AfterFunc(time.Second/2, leave)
		leave, err = g.Enter(t.Context(), "b", 0)
		if err != nil {
			t.Errorf("with a turn in time: %v", err)
		}
		leave()
		if g.Running() != 0 || g.Waiting() != 0 {
			t.Errorf("%d inside and %d before an empty gate", g.Running(), g.Waiting())
		}
	})
}

// TestHeavyLeaveRoom: of however many heavy questions half of the places are left for others.
func TestHeavyLeaveRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(4, time.Minute), make(chan inside, 100)
		for i := range 10 {
			line(t, g, to, "greedy", fmt.Sprint("heavy ", i), heavy)
		}
		if g.Running() != 2 || g.Waiting() != 8 {
			t.Fatalf("%d heavy ones inside, %d waiting, want 2 and 8", g.Running(), g.Waiting())
		}
		heavies := []inside{<-to, <-to}
		for i := range 50 {
			line(t, g, to, "modest", fmt.Sprint("light ", i), 1000)
			in := <-to
			if want := fmt.Sprint("light ", i); in.name != want {
				t.Fatalf("%s is inside, want %s", in.name, want)
			}
			in.leave()
		}
		for range 8 {
			heavies[0].leave()
			heavies = append(heavies[1:], <-to)
		}
		heavies[0].leave()
		heavies[1].leave()
	})
}

// TestTurns: free places go to callers in turn, whoever sent how many.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Hour), make(chan inside, 100)
		line(t, g, to, "greedy", "greedy", 0)
		for i := range 50 {
			line(t, g, to, "greedy", fmt.Sprint("greedy ", i), 0)
		}
		for i := range 3 {
			line(t, g, to, "modest", fmt.Sprint("modest ", i), 0)
		}
		var order []string
		for range 8 {
			in := <-to
			order = append(order, in.name)
			in.leave()
			synctest.Wait()
		}
		want := "[greedy modest 0 greedy 0 modest 1 greedy 1 modest 2 greedy 2 greedy 3]"
		if got := fmt.Sprint(order); got != want && got !=
			"[greedy greedy 0 modest 0 greedy 1 modest 1 greedy 2 modest 2 greedy 3]" {
			t.Errorf("order %s, want %s", got, want)
		}
		for range 46 {
			in := <-to
			in.leave()
		}
	})
}

// TestCostly: who asked for much waits until others got as much.
func TestCostly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Hour), make(chan inside, 100)
		line(t, g, to, "a", "first", 9_000_000)
		line(t, g, to, "a", "a", 9_000_000)
		for i := range 5 {
			line(t, g, to, "b", fmt.Sprint("b", i), 0)
		}
		var order []string
		for range 7 {
			in := <-to
			order = append(order, in.name)
			in.leave()
			synctest.Wait()
		}
		if got := order[6]; got != "a" && order[1] != "a" {
			t.Errorf("order %v", order)
		}
	})
}

// TestBounded: who has too many questions waiting is told when to come back, and others are not.
func TestBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Minute), make(chan inside, 200)
		for i := range 101 {
			line(t, g, to, "greedy", fmt.Sprint(i), 0)
		}
		_, err := g.Enter(t.Context(), "greedy", 0)
		if fault.Of(err) != fault.Exhausted || fault.RetryAfter(err) != time.Minute {
			t.Errorf("one too many: %v", err)
		}
		line(t, g, to, "modest", "modest", 0)
		for range 102 {
			in := <-to
			in.leave()
		}
	})
}

// TestTold: who waits is told how many wait before it, and in the end that none does.
func TestTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Minute), make(chan inside, 10)
		for i := range 3 {
			line(t, g, to, "a", fmt.Sprint(i), 0)
		}
		var told []int
		ctx := api.WithProgress(t.Context(), func(_, _ uint64, waiting int) {
			if n := len(told); n == 0 || told[n-1] != waiting {
				told = append(told, waiting)
			}
		})
		done := make(chan bool)
		go func() {
			defer close(done)
			leave, err := g.Enter(ctx, "a", 0)
			if err != nil {
				t.Error(err)
				return
			}
			leave()
		}()
		for range 3 {
			time.Sleep(time.Second) // of the bubble's clock
			in := <-to
			in.leave()
		}
		<-done
		if fmt.Sprint(told) != "[3 2 1 0]" {
			t.Errorf("told %v, want [3 2 1 0]", told)
		}
	})
}

// TestGate: whatever callers do, no place is given twice, heavy ones take half at most, and nobody
// who fits waits while a place is free.
func TestGate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 6).Draw(t, "places")
		g := newGate(places, time.Hour)
		type held struct {
			leave func()
			heavy bool
		}
		in := make(chan held, 100)
		var inside []held
		var left context.CancelFunc
		var waiting [2]int // light and heavy
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			switch rapid.IntRange(0, 2).Draw(t, "event") {
			case 0, 1:
				isHeavy := rapid.Bool().Draw(t, "heavy")
				caller := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "caller")
				var ctx context.Context
				ctx, left = context.WithCancel(context.Background())
				_ = left
				rows, kind := uint64(0), 0
				if isHeavy {
					rows, kind = heavy, 1
				}
				waiting[kind]++
				go func() {
					if leave, err := g.Enter(ctx, caller, rows); err == nil {
						in <- held{leave, isHeavy}
					}
				}()
			case 2:
				if len(inside) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(inside)-1).Draw(t, "who")
				inside[i].leave()
				inside = append(inside[:i], inside[i+1:]...)
			}
			most := max(places/2, 1)
			for {
				heavies := 0
				for _, h := range inside {
					if h.heavy {
						heavies++
					}
				}
				if len(inside) > places || heavies > most {
					t.Fatalf("%d inside, %d of them heavy, with %d places", len(inside), heavies, places)
				}
				fits := waiting[0] > 0 || waiting[1] > 0 && heavies < most
				if len(inside) == places || !fits {
					break
				}
				next := <-in // somebody must come in
				inside = append(inside, next)
				if next.heavy {
					waiting[1]--
				} else {
					waiting[0]--
				}
			}
		}
		for waiting[0]+waiting[1] > 0 || len(inside) > 0 {
			if len(inside) > 0 {
				inside[0].leave()
				inside = inside[1:]
				continue
			}
			next := <-in
			inside = append(inside, next)
			if next.heavy {
				waiting[1]--
			} else {
				waiting[0]--
			}
		}
	})
}
