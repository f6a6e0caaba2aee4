package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/funnel"
)

// TestKernelFindsAllPersons gives the kernel the same touchpoints in different shapes and orders
// and compares it with the evaluator on each person's touchpoints.
func TestKernelFindsAllPersons(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		want := w.counts()
		for _, shape := range []struct {
			name string
			give func(k *kernel)
		}{
			{"rows", w.giveRows},
			{"arrays", w.giveArrays},
		} {
			k := &kernel{persons: w.persons}
			k.open(w.question, nil)
			shape.give(k)
			if diff := gocmp.Diff(want, k.answer()); diff != "" {
				t.Fatalf("%s: the kernel differs (-want +got):\n%s", shape.name, diff)
			}
			k.open(w.question, nil)
			shape.give(k)
			if diff := gocmp.Diff(want, k.answer()); diff != "" {
				t.Fatalf("%s: the kernel differs at its second question:\n%s", shape.name, diff)
			}
		}
	})
}

// smallWorld has touchpoints of some identities, sorted by identity and time in each of its parts.
type smallWorld struct {
	question question
	persons  *table
	parts    [][]smallTouch
}

type smallTouch struct {
	identity uint64
	at       int64
	step     int
}

func drawWorld(t *rapid.T) smallWorld {
	from := time.UnixMilli(rapid.Int64Range(1_000, 1_200).Draw(t, "from"))
	w := smallWorld{
		question: question{from: from, to: from.Add(time.Second)},
		persons:  newTable(64, 0),
	}
	dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	identities := make([]uint64, rapid.IntRange(1, 40).Draw(t, "identities"))
	for i := range identities {
		identities[i] = dice.Uint64() | 1
	}
	for i := 1; i < len(identities); i += 3 {
		smallest := min(identities[i-1], identities[i])
		w.persons.set(identities[i-1], smallest)
		w.persons.set(identities[i], smallest)
	}
	// Windows are of days: three instants far apart, and some close to them.
	for range rapid.IntRange(1, 4).Draw(t, "parts") {
		var part []smallTouch
		for range dice.IntN(60) {
			at := from.UnixMilli() - 100 + dice.Int64N(20)*100 +
				dice.Int64N(2)*(window.Milliseconds()-500)
			part = append(part, smallTouch{
				identities[dice.IntN(len(identities))], at, dice.IntN(stepCount),
			})
		}
		slices.SortFunc(part, func(a, b smallTouch) int {
			return cmp.Or(cmp.Compare(a.identity, b.identity), cmp.Compare(a.at, b.at))
		})
		w.parts = append(w.parts, part)
	}
	return w
}

func (w smallWorld) personOf(identity uint64) uint64 {
	if c := w.persons.at(identity); c.key != 0 {
		return c.value
	}
	return identity
}

// counts evaluates each person's touchpoints by themselves.
func (w smallWorld) counts() counts {
	persons := make(map[uint64][]funnel.Touch)
	for _, part := range w.parts {
		for _, t := range part {
			p := w.personOf(t.identity)
			persons[p] = append(persons[p], funnel.Touch{At: t.at, Steps: 1 << t.step})
		}
	}
	var c counts
	evaluator := funnel.NewEvaluator(w.question.funnel())
	for _, touches := range persons {
		slices.SortStableFunc(touches, func(a, b funnel.Touch) int {
			return cmp.Compare(a.At, b.At)
		})
		for s := range evaluator.Evaluate(touches).Depth {
			c[s]++
		}
	}
	return c
}

func (t smallTouch) entry() uint64 { return uint64(t.at)<<entryBits | 1<<t.step }

func (w smallWorld) giveRows(k *kernel) {
	for _, part := range w.parts {
		var b block
		for _, t := range part {
			b.identities = append(b.identities, t.identity)
			b.entries = append(b.entries, t.entry())
		}
		k.add(b)
	}
}

// giveArrays packs the runs of identities, the parts in the opposite order.
func (w smallWorld) giveArrays(k *kernel) {
	for _, part := range slices.Backward(w.parts) {
		var b block
		for i, t := range part {
			if i == 0 || part[i-1].identity != t.identity {
				b.identities, b.ends = append(b.identities, t.identity), append(b.ends, 0)
			}
			b.entries = append(b.entries, t.entry())
			b.ends[len(b.ends)-1] = uint64(len(b.entries))
		}
		if b.ends != nil {
			k.add(b)
		}
	}
}

func TestKernelLooksUpCodes(t *testing.T) {
	t.Parallel()
	q := questions()[0]
	steps := make([]uint32, 1<<entryBits)
	steps[77], steps[78] = 1, 2
	at := uint64(q.from.UnixMilli())
	k := &kernel{persons: newTable(1, 0)}
	k.open(q, steps)
	k.add(block{
		identities: proto.ColUInt64{5, 9},
		entries:    proto.ColUInt64{at<<entryBits | 77, (at+1)<<entryBits | 78, at<<entryBits | 78},
		ends:       []uint64{2, 3},
	})
	if diff := gocmp.Diff(counts{1, 1}, k.answer()); diff != "" {
		t.Errorf("codes are not steps (-want +got):\n%s", diff)
	}
}

func TestTableKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(
			rapid.Uint64Range(1, 1<<62), 0, 200, rapid.ID).Draw(t, "keys")
		tb := newTable(len(keys), 0)
		for i, k := range keys {
			tb.set(k, uint64(i))
		}
		for i, k := range keys {
			if c := tb.at(k); c.key != k || c.value != uint64(i) {
				t.Fatalf("key %d holds %+v, want %d", k, *c, i)
			}
		}
		if c := tb.at(1 << 63); c.key != 0 {
			t.Fatalf("a key that was not set holds %+v", *c)
		}
	})
}
