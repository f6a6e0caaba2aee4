package answer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Persons of the benchmark, in so many months, each with so many touchpoints in some of them.
const (
	gleanedPersons = 500_000
	gleanedMonths  = 12
	gleanedTouches = 4
)

// gleanWorld are shelves of persons of whom a fifth has two identities, and who is whom.
func gleanWorld(from time.Time) (*stock, *directory) {
	random := rand.New(rand.NewPCG(1, 2))
	identities := make([]uint64, gleanedPersons*6/5)
	for i := range identities {
		identities[i] = random.Uint64()
	}
	d := newDirectory(nil)
	d.numbers.reserve(len(identities))
	d.links.reserve(len(identities))
	d.entries = make([]entry, 0, len(identities))
	personas := []uint32{d.personas.number([]byte("a")), d.personas.number([]byte("b"))}
	order := slices.Clone(identities)
	slices.Sort(order)
	people := make(map[uint64]uint64)
	for i := gleanedPersons; i < len(identities); i++ {
		a, b := identities[i-gleanedPersons], identities[i]
		people[a], people[b] = min(a, b), min(a, b)
	}
	for _, id := range order {
		person := id
		if p, linked := people[id]; linked {
			person = p
		}
		var repeats []journey.Boundary
		if random.IntN(3) == 0 {
			repeats = []journey.Boundary{{Touchpoint: "again", At: from.AddDate(0, 6, 0).UnixMilli()}}
		}
		d.put(entry{identity: journey.IdentityID(id), person: journey.PersonID(person)},
			personas[random.IntN(2)], repeats)
	}
	k := &stock{first: from.UnixMilli(), last: from.AddDate(1, 0, 0).UnixMilli()}
	for month := range gleanedMonths {
		s := &shelf{base: from.AddDate(0, month, 0).UnixMilli()}
		for _, id := range order {
			if random.IntN(3) > 0 {
				continue
			}
			at := make([]uint32, gleanedTouches)
			for i := range at {
				at[i] = random.Uint32N(28 * 24 * 3600 * 1000)
			}
			slices.Sort(at)
			s.identities, s.at = append(s.identities, id), append(s.at, at...)
			for range at {
				s.codes = append(s.codes, uint16(1+random.IntN(10)))
			}
			s.ends = append(s.ends, uint32(len(s.at)))
		}
		s.index()
		k.shelves = append(k.shelves, s)
	}
	k.steps = []uint8{0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0}
	return k, d
}

// BenchmarkGlean evaluates everybody of what is kept in memory and adds them up, over a month and a
// year: where the last step alone is no repeat for a third of the persons, too.
func BenchmarkGlean(b *testing.B) {
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	k, d := gleanWorld(from)
	for name, months := range map[string]int{"month": 1, "year": gleanedMonths} {
		for _, kind := range []string{"plain", "persona", "repeats"} {
			b.Run(fmt.Sprintf("%s/%s", name, kind), func(b *testing.B) {
				var breakdowns []funnel.Breakdown
				if kind == "persona" {
					breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
				}
				q := funnel.Question{
					From: from, To: from.AddDate(0, months, 0), AsOf: from.AddDate(1, 0, 0),
					Window: 14 * 24 * time.Hour, Limit: 25, Breakdowns: breakdowns,
				}
				for i := range 7 {
					q.Steps = append(q.Steps, funnel.Step{
						Target: funnel.Target{Kind: funnel.Event, Name: fmt.Sprint(i)},
					})
				}
				p, err := funnel.Compile(q)
				if err != nil {
					b.Fatal(err)
				}
				shelves := &stock{shelves: k.shelves[:min(months+1, len(k.shelves))], steps: k.steps}
				shelves.first, shelves.last = q.From.UnixMilli(), q.To.UnixMilli()
				pe := newPeople(d, nil, p, wanted{
					persona: kind == "persona", repeats: kind == "repeats",
				})
				g := &gathered{program: p, stock: shelves}
				if kind == "repeats" {
					g.repeats = repeatsOf(&journey.Map{Touchpoints: []journey.Touchpoint{{
						ID: "again", Stage: "late", Repeat: &journey.Repeat{Of: "order", From: 2},
					}}}, p)
					shelves.bases = make([]baseMask, len(k.steps))
					shelves.bases[7] = baseMask{1, 1 << 6}
				}
				touches := 0
				for _, s := range shelves.shelves {
					touches += len(s.at)
				}
				for b.Loop() {
					tally := funnel.NewTally(q)
					k := &kernel{
						gathered: g, directory: d, people: pe,
						yield: func(_ int, r result) error {
							tally.Add(r.counted)
							return nil
						},
					}
					if _, err := k.glean(b.Context(), 1); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*touches), "ns/touchpoint")
			})
		}
	}
}
