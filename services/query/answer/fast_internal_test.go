package answer

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// manyTouches is more than a record holds.
const manyTouches = maxRecord + 100

var month = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// packedPart is what a part of the packed journeys has, by identity.
type packedPart map[uint64][]journey.Packed

// stepCodes are the codes of the steps.
var stepCodes = []int{3, 1, 4, 2}

// drawParts draws touchpoints of identities of few buckets: mostly few, now and then many.
func drawParts(t *rapid.T, identities []uint64) []packedPart {
	parts := make([]packedPart, rapid.IntRange(1, 4).Draw(t, "parts"))
	for i := range parts {
		parts[i] = make(packedPart)
		for _, id := range identities {
			n := rapid.IntRange(0, 6).Draw(t, "touches")
			if rapid.IntRange(0, 40).Draw(t, "many") == 0 {
				n = manyTouches
			}
			for range n {
				parts[i][id] = append(parts[i][id], journey.Pack(
					month+rapid.Int64Range(0, 100).Draw(t, "at"),
					journey.LabelCode(rapid.IntRange(1, 5).Draw(t, "code"))))
			}
		}
	}
	return parts
}

// shelfOf is the shelf of a part, whose codes are their own numbers.
func shelfOf(part packedPart) *shelf {
	s := &shelf{base: month}
	for _, id := range slices.Sorted(maps.Keys(part)) {
		slices.Sort(part[id])
		s.identities = append(s.identities, id)
		for _, p := range part[id] {
			s.at, s.codes = append(s.at, uint32(p.At()-month)), append(s.codes, uint16(p.Code()))
		}
		s.ends = append(s.ends, uint32(len(s.at)))
	}
	s.index()
	return s
}

// TestFastWays: what the fast ways find of packed journeys, kept or streamed, is what the evaluator
// finds of the same touchpoints, whoever is whom.
func TestFastWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := funnel.Question{
			From:   time.UnixMilli(month + rapid.Int64Range(-5, 50).Draw(t, "from")),
			AsOf:   time.UnixMilli(month + rapid.Int64Range(0, 120).Draw(t, "as of")),
			Window: time.Second, Limit: 1,
			Mode:    rapid.SampledFrom([]funnel.RangeMode{funnel.Entry, funnel.All}).Draw(t, "mode"),
			Reentry: rapid.SampledFrom([]funnel.Reentry{funnel.Best, funnel.First}).Draw(t, "reentry"),
		}
		q.To = q.From.Add(time.Duration(rapid.Int64Range(1, 60).Draw(t, "range")) * time.Millisecond)
		// By code, so that the order of codes is not that of the steps.
		names := []string{"", "a", "b", "c", "d", "off the map"}
		var labels []store.Label
		for code, name := range names[1:] {
			labels = append(labels, store.Label{
				Label: journey.Label{Event: name}, Code: journey.LabelCode(code + 1),
			})
		}
		for _, code := range stepCodes {
			name := names[code]
			q.Steps = append(q.Steps, funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}})
		}
		program, err := funnel.Compile(q)
		if err != nil {
			t.Fatal(err)
		}
		// The first bits of identities say their bucket.
		identities := []uint64{1<<60 | 1, 1<<60 | 2, 1<<60 | 3, 3<<60 | 1, 3<<60 | 2, 3<<60 | 3}
		d := newDirectory(nil)
		personOf := make(map[uint64]uint64)
		for _, id := range identities {
			person := min(id, rapid.SampledFrom(identities).Draw(t, "person"))
			if known, ok := personOf[person]; ok {
				person = known
			}
			personOf[id] = person
			if rapid.Bool().Draw(t, "has a profile") || person != id {
				d.put(entry{identity: journey.IdentityID(id), person: journey.PersonID(person)}, 0, nil)
			}
		}
		parts := drawParts(t, identities)
		want := evaluated(q, parts, personOf)
		m, err := masksOf(labels, program, nil)
		if err != nil {
			t.Fatal(err)
		}
		book, err := codebookOf(m, labels)
		if err != nil {
			t.Fatal(err)
		}
		for name, g := range map[string]*gathered{
			"kept": keptOf(program, book, parts), "streamed": streamedOf(program, book, parts),
		} {
			if diff := gocmp.Diff(want, gleaned(t, g, d)); diff != "" {
				t.Fatalf("%s (-evaluator +fast):\n%s", name, diff)
			}
		}
	})
}

func keptOf(p *funnel.Program, book *codebook, parts []packedPart) *gathered {
	first, last := plan.Bounds(p.Question())
	k := &stock{first: first, last: last}
	k.steps, k.bases, k.mixed = book.byNumber([]uint32{0, 1, 2, 3, 4, 5})
	for _, part := range parts {
		k.shelves = append(k.shelves, shelfOf(part))
	}
	return &gathered{program: p, stock: k}
}

func streamedOf(p *funnel.Program, book *codebook, parts []packedPart) *gathered {
	h := newHarvest(p, 2)
	for i, part := range parts {
		for id, touches := range part {
			var row []uint64
			for _, touch := range touches {
				row = append(row, uint64(touch))
			}
			h.reapers[i%2].reapRow(id, row, book, h)
		}
	}
	return &gathered{program: p, harvest: h}
}

// gleaned are the attempts by person.
func gleaned(t *rapid.T, g *gathered, d *directory) map[uint64]funnel.Attempt {
	var mutex sync.Mutex
	found := make(map[uint64]funnel.Attempt)
	k := &kernel{gathered: g, directory: d, yield: func(_ int, r result) error {
		mutex.Lock()
		defer mutex.Unlock()
		a := r.counted.Attempts[0]
		a.Times = slices.Clone(a.Times)
		found[uint64(r.person)] = a
		return nil
	}}
	if left, err := k.glean(t.Context(), 2); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
	return found
}

// evaluated are the attempts by person, by the evaluator.
func evaluated(
	q funnel.Question, parts []packedPart, personOf map[uint64]uint64,
) map[uint64]funnel.Attempt {
	touches := make(map[uint64][]funnel.Touch)
	for _, part := range parts {
		for id, packed := range part {
			for _, p := range packed {
				if step := slices.Index(stepCodes, int(p.Code())); step >= 0 {
					touches[personOf[id]] = append(touches[personOf[id]],
						funnel.Touch{At: p.At(), Steps: 1 << step})
				}
			}
		}
	}
	found := make(map[uint64]funnel.Attempt)
	e := funnel.NewEvaluator(q)
	for person, of := range touches {
		slices.SortStableFunc(of, func(a, b funnel.Touch) int { return cmp.Compare(a.At, b.At) })
		if a := e.Evaluate(of); a.Depth > 0 {
			a.Times = slices.Clone(a.Times)
			found[person] = a
		}
	}
	return found
}
