package funnel

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// Masks of the first four steps.
const (
	a = 1 << iota
	b
	c
	d
)

func TestEvaluateWorkedExamples(t *testing.T) {
	t.Parallel()
	wide := world{From: 0, To: 1000, AsOf: 5000, Window: 100, Steps: 3}
	with := func(change func(*world), touches ...Touch) world {
		w := wide
		w.Touches = touches
		change(&w)
		return w
	}
	same := func(*world) {}
	first := func(w *world) { w.First = true }
	tests := []struct {
		name  string
		world world
		want  Attempt
	}{
		{name: "nobody", world: with(same), want: Attempt{}},
		{
			name:  "bits past the steps mean nothing",
			world: with(same, Touch{At: 5, Steps: a | 1<<31 | d}, Touch{At: 6, Steps: b | d<<1}, Touch{At: 6, Steps: 1 << 30}),
			want:  Attempt{Depth: 2, Times: []int64{5, 6}},
		},
		{name: "no entry", world: with(same, Touch{At: 5, Steps: b}, Touch{At: 6, Steps: c}), want: Attempt{}},
		{
			name:  "straight through",
			world: with(same, Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}, Touch{At: 9, Steps: c}),
			want:  Attempt{Depth: 3, Times: []int64{5, 6, 9}, Converted: true},
		},
		{
			name:  "the later entry reaches what the first does not",
			world: with(same, Touch{At: 0, Steps: a}, Touch{At: 50, Steps: a}, Touch{At: 60, Steps: b}, Touch{At: 150, Steps: c}),
			want:  Attempt{Depth: 3, Times: []int64{50, 60, 150}, Converted: true},
		},
		{
			name:  "first attempt alone",
			world: with(first, Touch{At: 0, Steps: a}, Touch{At: 50, Steps: a}, Touch{At: 60, Steps: b}, Touch{At: 150, Steps: c}),
			want:  Attempt{Depth: 2, Times: []int64{0, 60}},
		},
		{
			name:  "among the deepest the one that came first, then the latest start",
			world: with(same, Touch{At: 0, Steps: a}, Touch{At: 1, Steps: a}, Touch{At: 2, Steps: b}, Touch{At: 3, Steps: a}, Touch{At: 4, Steps: b}),
			want:  Attempt{Depth: 2, Times: []int64{1, 2}},
		},
		{
			name:  "entries alone: the first",
			world: with(same, Touch{At: 3, Steps: a}, Touch{At: 7, Steps: a}),
			want:  Attempt{Depth: 1, Times: []int64{3}},
		},
		{
			name:  "window's end is inside",
			world: with(same, Touch{At: 0, Steps: a}, Touch{At: 100, Steps: b}, Touch{At: 101, Steps: c}),
			want:  Attempt{Depth: 2, Times: []int64{0, 100}},
		},
		{
			name:  "equal times in either order",
			world: with(same, Touch{At: 5, Steps: c}, Touch{At: 5, Steps: b}, Touch{At: 5, Steps: a}),
			want:  Attempt{Depth: 3, Times: []int64{5, 5, 5}, Converted: true},
		},
		{
			name:  "one touchpoint fills one step",
			world: with(same, Touch{At: 5, Steps: a | b | c}, Touch{At: 6, Steps: a | b | c}),
			want:  Attempt{Depth: 2, Times: []int64{5, 6}},
		},
		{
			name:  "an equal time is given to the step that has no other",
			world: with(first, Touch{At: 1, Steps: a}, Touch{At: 5, Steps: b | c}, Touch{At: 5, Steps: b}),
			want:  Attempt{Depth: 3, Times: []int64{1, 5, 5}, Converted: true},
		},
		{
			name:  "the entry is the one that later steps do not want",
			world: with(same, Touch{At: 5, Steps: a}, Touch{At: 5, Steps: a | b}, Touch{At: 6, Steps: c}),
			want:  Attempt{Depth: 3, Times: []int64{5, 5, 6}, Converted: true},
		},
		{
			name:  "the first entry may be the one that a later step wants",
			world: with(first, Touch{At: 5, Steps: a | b}, Touch{At: 5, Steps: a}, Touch{At: 6, Steps: c}),
			want:  Attempt{Depth: 1, Times: []int64{5}},
		},
		{
			name:  "the entry that later steps want starts latest and loses nothing",
			world: with(same, Touch{At: 5, Steps: a}, Touch{At: 5, Steps: a | b}, Touch{At: 6, Steps: b}, Touch{At: 6, Steps: c}),
			want:  Attempt{Depth: 3, Times: []int64{5, 6, 6}, Converted: true},
		},
		{
			name:  "before the range nothing opens",
			world: with(func(w *world) { w.From = 5 }, Touch{At: 4, Steps: a}, Touch{At: 5, Steps: b}, Touch{At: 6, Steps: c}),
			want:  Attempt{},
		},
		{
			name:  "after the range later steps count",
			world: with(func(w *world) { w.To = 6 }, Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}, Touch{At: 7, Steps: c}),
			want:  Attempt{Depth: 3, Times: []int64{5, 6, 7}, Converted: true},
		},
		{
			name: "under All nothing outside is seen",
			world: with(func(w *world) { w.To, w.All = 6, true },
				Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}, Touch{At: 7, Steps: c}),
			want: Attempt{Depth: 1, Times: []int64{5}},
		},
		{
			name:  "after as_of nothing is seen, and the window is open",
			world: with(func(w *world) { w.AsOf = 6 }, Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}, Touch{At: 7, Steps: c}),
			want:  Attempt{Depth: 2, Times: []int64{5, 6}, InWindow: true},
		},
		{
			name:  "a deadline at as_of is over",
			world: with(func(w *world) { w.AsOf = 105 }, Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}),
			want:  Attempt{Depth: 2, Times: []int64{5, 6}},
		},
		{
			name:  "any attempt of Best keeps the window open",
			world: with(func(w *world) { w.AsOf = 105 }, Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}, Touch{At: 7, Steps: a}),
			want:  Attempt{Depth: 2, Times: []int64{5, 6}, InWindow: true},
		},
		{
			name: "only the counted one of First does",
			world: with(func(w *world) { w.AsOf, w.First = 105, true },
				Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}, Touch{At: 7, Steps: a}),
			want: Attempt{Depth: 2, Times: []int64{5, 6}},
		},
		{
			name: "the range's end is a deadline under All",
			world: with(func(w *world) { w.AsOf, w.To, w.All = 20, 20, true },
				Touch{At: 5, Steps: a}, Touch{At: 6, Steps: b}),
			want: Attempt{Depth: 2, Times: []int64{5, 6}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := diffAttempts(test.want, oracle(test.world)); diff != "" {
				t.Fatalf("oracle (-want +got):\n%s", diff)
			}
			got := NewEvaluator(test.world.question()).Evaluate(test.world.Touches)
			if diff := diffAttempts(test.want, got); diff != "" {
				t.Errorf("Evaluate (-want +got):\n%s", diff)
			}
		})
	}
}

func diffAttempts(want, got Attempt) string {
	want.Filled = 1<<want.Depth - 1
	return gocmp.Diff(want, got, cmpopts.EquateEmpty())
}

// drawWorlds draws small worlds whose edges coincide often: few instants, few steps, masks that
// overlap or, for half of them, do not.
func drawWorlds(rt *rapid.T) []world {
	shared := world{
		From:   rapid.Int64Range(0, 3).Draw(rt, "from"),
		AsOf:   rapid.Int64Range(0, 12).Draw(rt, "as_of"),
		Window: rapid.Int64Range(0, 6).Draw(rt, "window"),
		Steps:  rapid.IntRange(2, 4).Draw(rt, "steps"),
	}
	shared.To = shared.From + rapid.Int64Range(1, 8).Draw(rt, "range")
	shared.All = rapid.Bool().Draw(rt, "all")
	shared.First = rapid.Bool().Draw(rt, "first")
	latest := rapid.Int64Range(0, 10).Draw(rt, "latest")
	masks := drawMasks(rt, shared.Steps)
	touch := rapid.Custom(func(rt *rapid.T) Touch {
		return Touch{
			At:    rapid.Int64Range(0, latest).Draw(rt, "at"),
			Steps: rapid.SampledFrom(masks).Draw(rt, "mask"),
		}
	})
	person := rapid.Custom(func(rt *rapid.T) []Touch {
		n := rapid.IntRange(0, 9).Draw(rt, "touches")
		return rapid.SliceOfN(touch, n, n).Draw(rt, "person")
	})
	persons := rapid.SliceOfN(person, 20, 60).Draw(rt, "persons")
	worlds := make([]world, len(persons))
	for i, touches := range persons {
		slices.SortStableFunc(touches, func(x, y Touch) int { return cmp.Compare(x.At, y.At) })
		worlds[i] = shared
		worlds[i].Touches = touches
	}
	return worlds
}

// drawMasks draws the masks that touches of a world have: those of single steps, of steps of which
// some are equal, or any.
func drawMasks(rt *rapid.T, steps int) []uint32 {
	var masks []uint32
	switch rapid.SampledFrom([]string{"distinct", "repeated", "any"}).Draw(rt, "masks") {
	case "distinct":
		for k := range steps {
			masks = append(masks, 1<<k)
		}
	case "repeated":
		targets := make([]uint32, 2)
		for k := range steps {
			targets[rapid.IntRange(0, 1).Draw(rt, "target")] |= 1 << k
		}
		masks = targets
	default:
		for m := range uint32(1) << steps {
			masks = append(masks, m)
		}
	}
	return masks
}

func TestEvaluateEqualsOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		worlds := drawWorlds(rt)
		evaluator := NewEvaluator(worlds[0].question())
		for _, w := range worlds {
			got := evaluator.Evaluate(w.Touches)
			if diff := diffAttempts(oracle(w), got); diff != "" {
				rt.Fatalf("%v (-want +got):\n%s", w, diff)
			}
		}
	})
}

// TestEvaluateOrderWithinMillisecond: where no touch may fill two steps, the order of equal times
// does not matter, which is what Program.Overlaps promises.
func TestEvaluateOrderWithinMillisecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorlds(rt)[0]
		for i := range w.Touches {
			w.Touches[i].Steps &= -w.Touches[i].Steps
		}
		want := oracle(w)
		shuffled := rapid.Permutation(w.Touches).Draw(rt, "shuffled")
		slices.SortStableFunc(shuffled, func(x, y Touch) int { return cmp.Compare(x.At, y.At) })
		got := NewEvaluator(w.question()).Evaluate(shuffled)
		if diff := diffAttempts(want, got); diff != "" {
			rt.Fatalf("%v (-want +got):\n%s", w, diff)
		}
	})
}

// TestEvaluateManyEqualTimes holds larger groups of one millisecond, where a matching keeps only
// some of the touches, to the oracle's words by a greedy check of every entry.
func TestEvaluateManyEqualTimes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		w := world{
			From: 0, To: 3, AsOf: 9, Window: 2 + rng.Int64N(2), Steps: 2 + rng.IntN(5),
			First: rng.IntN(2) == 0,
		}
		palette := make([]uint32, 1+rng.IntN(4))
		for i := range palette {
			palette[i] = rng.Uint32N(1 << w.Steps)
		}
		for at := range int64(6) {
			for range rng.IntN(12) {
				w.Touches = append(w.Touches, Touch{At: at, Steps: palette[rng.IntN(len(palette))]})
			}
		}
		got := NewEvaluator(w.question()).Evaluate(w.Touches)
		if diff := diffAttempts(flowOracle(w), got); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", w, diff)
		}
	}
}

func TestEvaluateHugePersons(t *testing.T) {
	t.Parallel()
	const n = 200_000
	const day = 24 * 3600 * 1000
	masks := map[string]func(i int) uint32{
		"first step":     func(int) uint32 { return a },
		"repeated steps": func(int) uint32 { return a | b | c | d },
		"alternating":    func(i int) uint32 { return 1 << (i % 4) },
		"never the last": func(i int) uint32 { return []uint32{a | b, b | c, a, c}[i%4] },
		"all but last":   func(int) uint32 { return a | b | c },
	}
	times := map[string]func(i int) int64{
		"same instant": func(int) int64 { return 0 },
		"one day":      func(i int) int64 { return int64(i) * day / n },
		"pairs":        func(i int) int64 { return int64(i / 2) },
	}
	for maskName, mask := range masks {
		for timeName, at := range times {
			t.Run(maskName+", "+timeName, func(t *testing.T) {
				t.Parallel()
				touches := make([]Touch, n)
				for i := range touches {
					touches[i] = Touch{At: at(i), Steps: mask(i)}
				}
				for _, first := range []bool{false, true} {
					w := world{To: day, AsOf: 2 * day, Window: day, Steps: 5, First: first}
					got := NewEvaluator(w.question()).Evaluate(touches)
					if want := hugeDepths[maskName]; got.Depth != want {
						t.Errorf("first %t: depth %d, want %d", first, got.Depth, want)
					}
				}
			})
		}
	}
}

// hugeDepths are the depths of 200,000 touches whatever their times.
var hugeDepths = map[string]int{
	"first step": 1, "repeated steps": 4, "alternating": 4, "never the last": 3,
	"all but last": 3,
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	persons := benchPersons(200, 3)
	w := world{To: 1 << 40, AsOf: 1 << 41, Window: 14 * 24 * 3600 * 1000, Steps: 4}
	evaluator := NewEvaluator(w.question())
	for _, p := range persons {
		evaluator.Evaluate(p)
	}
	allocs := testing.AllocsPerRun(10, func() {
		for _, p := range persons {
			evaluator.Evaluate(p)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for %d persons, want 0", allocs, len(persons))
	}
}

func FuzzEvaluate(f *testing.F) {
	f.Add([]byte{0, 8, 9, 5, 3, 0}, []byte{0, 1, 1, 2, 2, 4})
	f.Add([]byte{1, 4, 3, 2, 2, 3}, []byte{0, 3, 0, 3, 1, 1, 1, 2})
	f.Fuzz(func(t *testing.T, bounds, touches []byte) {
		if len(bounds) < 6 || len(touches) > 18 {
			return
		}
		w := world{
			From: int64(bounds[0] % 8), AsOf: int64(bounds[2] % 24), Window: int64(bounds[3] % 12),
			Steps: 2 + int(bounds[4]%3), All: bounds[5]&1 != 0, First: bounds[5]&2 != 0,
		}
		w.To = w.From + int64(bounds[1]%16)
		var at int64
		for i := 0; i+1 < len(touches); i += 2 {
			at += int64(touches[i] % 4)
			w.Touches = append(w.Touches, Touch{At: at, Steps: uint32(touches[i+1])})
		}
		got := NewEvaluator(w.question()).Evaluate(w.Touches)
		if diff := diffAttempts(oracle(w), got); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", w, diff)
		}
	})
}
