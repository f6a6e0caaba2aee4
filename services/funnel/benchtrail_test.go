package funnel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// trailBench is a question of five steps over a quarter, and persons with about 25 touchpoints each
// of 60 views.
func trailBench(persons int) (trailWorld, []trailPerson) {
	const day = 24 * 3600 * 1000
	rng := rand.New(rand.NewPCG(7, 11))
	w := trailWorld{newest: trails, question: Question{
		To: time.UnixMilli(90 * day), AsOf: time.UnixMilli(92 * day), Window: DefaultWindow,
		Departures: true, Limit: DefaultLimit,
	}}
	for k := range 5 {
		w.question.Steps = append(w.question.Steps, event(fmt.Sprint("e", k)))
	}
	at := []journey.Touchpoint{
		{},
		{ID: "viewed", Stage: "look"},
		{ID: "failed", Stage: "pay"},
		{ID: "added", Stage: "want"},
	}
	for i := range 60 {
		w.views = append(w.views, TouchView{
			Event: fmt.Sprint("e", i%20), Channel: journey.ChannelID([]string{"", "web", "mail"}[i/20]),
			Touchpoint: at[i%4].ID, Stage: at[i%4].Stage,
		})
	}
	all := make([]trailPerson, persons)
	for i := range all {
		instant := rng.Int64N(60 * day)
		for range 10 + rng.IntN(31) {
			instant += rng.Int64N(day / 2)
			n := rng.IntN(len(w.views))
			all[i].add(instant, uint32(n), &w.views[n], 1<<(n%20)&31)
		}
	}
	return w, all
}

// BenchmarkTrail: what counts of a person, and adding it up: of marks without departures, of trails
// in one and in two, and of touches and views.
func BenchmarkTrail(b *testing.B) {
	w, persons := trailBench(2_000)
	program := programOf(w.question)
	stays := w.question
	stays.Departures = false
	table := NewTrailTable(w.newest, w.views)
	trail, general := program.TrailCounter(table), program.Counter(w.newest)
	marked := programOf(stays).MarkCounter(w.newest)
	marks := make([][]Mark, len(persons))
	for i := range persons {
		marks[i] = slices.Clone(trail.marksOf(persons[i].trail))
	}
	for _, of := range []struct {
		name  string
		q     Question
		count func(i int) (*Counted, error)
	}{
		{"marks", stays, func(i int) (*Counted, error) { return marked.CountMarks(marks[i], nil) }},
		{"trail", w.question, func(i int) (*Counted, error) {
			return trail.CountTrail(persons[i].trail, nil)
		}},
		{"two", w.question, func(i int) (*Counted, error) {
			counted, err := trail.CountMarks(marks[i], nil)
			if _, _, left := trail.Left(); left {
				counted, err = trail.Leave(persons[i].trail)
			}
			return counted, err
		}},
		{"touches", w.question, func(i int) (*Counted, error) { return general.Count(&persons[i].course) }},
	} {
		for _, add := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/add=%t", of.name, add), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					tally := NewTally(of.q)
					for i := range persons {
						counted, err := of.count(i)
						if err != nil {
							b.Fatal(err)
						}
						if add {
							tally.Add(counted)
						}
					}
				}
				b.ReportMetric(
					float64(b.Elapsed().Nanoseconds())/float64(b.N*len(persons)), "ns/person")
			})
		}
	}
}
