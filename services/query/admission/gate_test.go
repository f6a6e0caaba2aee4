package admission_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
		began := time.Now()
		_, err = g.Enter(t.Context(), "b", 0)
		if fault.Of(err) != fault.Exhausted || fault.RetryAfter(err) != time.Second ||
			time.Since(began) != time.Second {
			t.Errorf("without patience: %v after %v", err, time.Since(began))
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

// order lets so many questions in, one after the other, and gives their names.
func order(to chan inside, n int) (names []string) {
	for range n {
		in := <-to
		names = append(names, in.name)
		in.leave()
		synctest.Wait()
	}
	return names
}

// TestNobodySavesUp: who comes later has its turn among the others from then on, and no more: what
// others got before does not count against them.
func TestNobodySavesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Hour), make(chan inside, 100)
		for i := range 20 {
			line(t, g, to, "a", fmt.Sprint("a", i), 0)
		}
		order(to, 10)
		for i := range 4 {
			line(t, g, to, "b", fmt.Sprint("b", i), 0)
		}
		if got := fmt.Sprint(order(to, 6)); got != "[a10 a11 b0 a12 b1 a13]" {
			t.Errorf("order %s", got)
		}
		order(to, 8)
	})
}

// TestNobodyIsPutBack: who comes later comes before those who got more than the one who got least.
func TestNobodyIsPutBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Hour), make(chan inside, 100)
		line(t, g, to, "a", "a0", 0)
		line(t, g, to, "c", "c0", 9_000_000)
		for i := range 8 {
			line(t, g, to, "a", fmt.Sprint("a", i+1), 0)
		}
		line(t, g, to, "c", "c1", 0)
		if got := fmt.Sprint(order(to, 2)); got != "[a0 c0]" {
			t.Fatalf("order %s", got)
		}
		for i := range 2 { // c got 11 by now, a 2 at most
			line(t, g, to, "b", fmt.Sprint("b", i), 0)
		}
		if got := fmt.Sprint(order(to, 5)); got != "[a1 a2 b0 a3 b1]" {
			t.Errorf("order %s", got)
		}
		order(to, 6)
	})
}

// TestNothingIsHeldAgainst: what a caller got before it was gone for a while does not count.
func TestNothingIsHeldAgainst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(2, time.Hour), make(chan inside, 100)
		line(t, g, to, "c", "c0", 0)
		held := <-to
		for i := range 20 {
			line(t, g, to, "a", fmt.Sprint(i), 0)
			order(to, 1)
		}
		line(t, g, to, "c", "c1", 0)
		other := <-to
		for i := range 3 {
			line(t, g, to, "a", fmt.Sprint("a", i), 0)
			line(t, g, to, "b", fmt.Sprint("b", i), 0)
		}
		held.leave()
		synctest.Wait()
		if got := fmt.Sprint(order(to, 6)); got != "[a0 b0 a1 b1 a2 b2]" {
			t.Errorf("order %s", got)
		}
		other.leave()
	})
}

// TestFirstThatFits: of one caller's questions a light one passes a heavy one for which there is no
// room, and else they come in their order.
func TestFirstThatFits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(2, time.Hour), make(chan inside, 100)
		line(t, g, to, "a", "heavy 0", heavy)
		first := <-to
		line(t, g, to, "a", "light 0", 0)
		line(t, g, to, "a", "heavy 1", heavy)
		line(t, g, to, "a", "light 1", 0)
		line(t, g, to, "a", "light 2", 0)
		if got := fmt.Sprint(order(to, 2)); got != "[light 0 light 1]" {
			t.Errorf("order %s", got)
		}
		light := <-to
		first.leave()
		synctest.Wait()
		if got := fmt.Sprint(light.name, order(to, 1)); got != "light 2[heavy 1]" {
			t.Errorf("order %s", got)
		}
		light.leave()
		if g.Running() != 0 || g.Waiting() != 0 {
			t.Errorf("%d inside and %d before an empty gate", g.Running(), g.Waiting())
		}
	})
}

// TestNoneIsHeavy: where no size is heavy all places are for all.
func TestNoneIsHeavy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.New(admission.Config{Questions: 4, Wait: time.Minute})
		to := make(chan inside, 10)
		for i := range 4 {
			line(t, g, to, "a", fmt.Sprint(i), 1<<60)
		}
		if g.Running() != 4 {
			t.Errorf("%d of 4 are inside", g.Running())
		}
		order(to, 4)
	})
}

// TestGivenUpAtOnce: whoever leaves in the very moment of its turn leaves its place to others.
func TestGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, time.Hour)
		gave := 0
		for range 100 {
			leave, err := g.Enter(t.Context(), "a", 0)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan bool)
			go func() {
				defer close(done)
				if leave, err := g.Enter(ctx, "b", 0); err == nil {
					leave()
				} else {
					gave++
				}
			}()
			synctest.Wait()
			cancel()
			leave()
			<-done
			if g.Running() != 0 || g.Waiting() != 0 {
				t.Fatalf("%d inside and %d before an empty gate", g.Running(), g.Waiting())
			}
		}
		if gave == 0 {
			t.Error("nobody gave up")
		}
	})
}

// TestCountedMeanwhile: how many are inside and wait may be asked at any time.
func TestCountedMeanwhile(t *testing.T) {
	t.Parallel()
	g := newGate(2, time.Minute)
	var askers, watchers sync.WaitGroup
	for i := range 4 {
		askers.Go(func() {
			for range 200 {
				leave, err := g.Enter(t.Context(), fmt.Sprint(i), 0)
				if err != nil {
					t.Error(err)
					return
				}
				leave()
			}
		})
	}
	for most, count := range map[int]func() int{2: g.Running, 4: g.Waiting} {
		watchers.Go(func() {
			for range 500 {
				if n := count(); n < 0 || n > most {
					t.Errorf("%d are counted, at most %d can be", n, most)
				}
			}
		})
	}
	watchers.Wait()
	askers.Wait()
}

// TestAllBounded: however many callers there are, no more wait than the service can bear.
func TestAllBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, to := newGate(1, time.Minute), make(chan inside, 2000)
		line(t, g, to, "one", "one", 0)
		for i := range 1000 {
			go func() {
				if leave, err := g.Enter(t.Context(), fmt.Sprint(i%11), 0); err == nil {
					to <- inside{"", leave}
				}
			}()
		}
		synctest.Wait()
		_, err := g.Enter(t.Context(), "modest", 0)
		if fault.Of(err) != fault.Exhausted || g.Waiting() != 1000 {
			t.Errorf("one too many: %v; %d wait", err, g.Waiting())
		}
		order(to, 1001)
		// Who was refused is forgotten: what it got is no measure of others.
		for i := range 20 {
			line(t, g, to, "c", fmt.Sprint("c", i), 0)
		}
		order(to, 10)
		for i := range 4 {
			line(t, g, to, "b", fmt.Sprint("b", i), 0)
		}
		if got := fmt.Sprint(order(to, 6)); got != "[c10 c11 b0 c12 b1 c13]" {
			t.Errorf("order %s", got)
		}
		order(to, 8)
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
