package funnel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// benchPersons draws persons whose number of touches is lognormal with median 6 and 99th
// percentile 300, over three years; kinds is the number of different steps that a touch may fill.
func benchPersons(persons, kinds int) [][]Touch {
	rng := rand.New(rand.NewPCG(7, 11))
	sigma := math.Log(300.0/6) / 2.3263
	const span = 3 * 365 * 24 * 3600 * 1000
	all := make([][]Touch, persons)
	for i := range all {
		n := max(1, int(6*math.Exp(sigma*rng.NormFloat64())))
		touches := make([]Touch, min(n, 200_000))
		begin := rng.Int64N(span)
		for j := range touches {
			begin += rng.Int64N(4 * 3600 * 1000)
			touches[j] = Touch{At: begin, Steps: 1 << rng.IntN(kinds)}
			if j > 0 && rng.IntN(20) == 0 {
				touches[j].At = touches[j-1].At
				begin = touches[j].At
			}
		}
		all[i] = touches
	}
	return all
}

// BenchmarkEvaluate: 7 steps, 14 days, over three years; steps are distinct or overlap.
func BenchmarkEvaluate(b *testing.B) {
	const day = 24 * 3600 * 1000
	persons := benchPersons(100_000, 9)
	repeated := make([][]Touch, len(persons))
	total := 0
	for i, p := range persons {
		total += len(p)
		repeated[i] = slices.Clone(p)
		for j := range repeated[i] {
			repeated[i][j].Steps |= repeated[i][j].Steps << 2
		}
	}
	for _, first := range []bool{false, true} {
		for name, of := range map[string][][]Touch{"distinct": persons, "overlapping": repeated} {
			b.Run(fmt.Sprintf("%s/first=%t", name, first), func(b *testing.B) {
				w := world{
					To: 4 * 365 * day, AsOf: 5 * 365 * day, Window: 14 * day, Steps: 7, First: first,
				}
				evaluator := NewEvaluator(w.question())
				b.ReportAllocs()
				for b.Loop() {
					for _, p := range of {
						evaluator.Evaluate(p)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*total), "ns/touch")
				b.ReportMetric(
					float64(b.Elapsed().Nanoseconds())/float64(b.N*len(of)), "ns/person")
			})
		}
	}
}

// BenchmarkTally: 1 M persons who convert in 7 steps, four personas.
func BenchmarkTally(b *testing.B) {
	const persons = 1_000_000
	q := world{Steps: 7}.question()
	q.Breakdowns, q.Limit = byPersona, DefaultLimit
	var groups [4][]Grouped
	for i, persona := range []string{"a", "b", "c", "d"} {
		groups[i] = []Grouped{{Key: KeyOf(GroupValue{Value: persona})}}
	}
	rng := rand.New(rand.NewPCG(3, 5))
	times := make([]int64, 7*1000)
	for i := range times {
		times[i] = rng.Int64N(14 * 24 * 3600 * 1000)
	}
	for i := 0; i < len(times); i += 7 {
		slices.Sort(times[i : i+7])
	}
	var tally *Tally
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tally = NewTally(q)
			for i := range persons {
				k := i % 1000 * 7
				a := Attempt{Depth: 7, Times: times[k : k+7], Converted: true}
				standing := Standing{Attempts: []Attempt{a}}
				groups[i%4][0].Standing = standing
				tally.Add(&Counted{Standing: standing, Groups: groups[i%4]})
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*persons), "ns/person")
	})
	b.Run("answer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tally.Answer()
		}
	})
}

// BenchmarkCount: 4 steps, 14 days, over three years, by every attribution of one breakdown.
func BenchmarkCount(b *testing.B) {
	courses := splitPersons(100_000, 6)
	none := splitQuestion(OfPerson)
	none.Breakdowns = nil
	for _, of := range []struct {
		name string
		q    Question
	}{
		{"none", none},
		{"person", splitQuestion(OfPerson)},
		{"first", splitQuestion(FirstTouch)},
		{"last", splitQuestion(LastTouch)},
		{"every", splitQuestion(EveryTouch)},
		{"step", splitQuestion(StepTouch)},
	} {
		b.Run(of.name, func(b *testing.B) {
			counter := programOf(of.q).Counter(nil)
			b.ReportAllocs()
			for b.Loop() {
				for i := range courses {
					if _, err := counter.Count(&courses[i]); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(
				float64(b.Elapsed().Nanoseconds())/float64(b.N*len(courses)), "ns/person")
		})
	}
}
