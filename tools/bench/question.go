package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/world"
)

const (
	stepCount = 7
	window    = 14 * 24 * time.Hour
)

// counts are the persons who reached each step.
type counts [stepCount]uint64

// question is a funnel over the first seven stages, by time of entry. The stages differ, so
// windowFunnel's way with equal steps and equal times makes no difference.
type question struct {
	name     string
	from, to time.Time
	// conditional asks two of the steps for the property device = phone.
	conditional bool
}

var (
	allSteps         = []int{0, 1, 2, 3, 4, 5, 6}
	conditionedSteps = []int{1, 3}
)

// questions are asked of every candidate: the last 30 days and 30 days over the edge of a year,
// of a quarter and a month; the last year; all. First without, then with a condition.
func questions() []question {
	const day = 24 * time.Hour
	end := world.BenchmarkEnd
	edge := time.Date(end.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
	bare := []question{
		{name: "30 days", from: end.Add(-30 * day), to: end},
		{name: "30 days, edge", from: edge.Add(-15 * day), to: edge.Add(15 * day)},
		{name: "1 year", from: end.AddDate(-1, 0, 0), to: end},
		{name: "3 years", from: world.BenchmarkStart, to: end},
	}
	all := slices.Clone(bare)
	for _, q := range bare {
		q.conditional = true
		all = append(all, q)
	}
	return all
}

// conditions tells whether a step has a condition.
func (q question) conditions(step int) bool {
	return q.conditional && slices.Contains(conditionedSteps, step)
}

// until is the end of what can matter.
func (q question) until() time.Time { return q.to.Add(window) }

// funnel is the question as the evaluator takes it; conditions were tested before.
func (q question) funnel() funnel.Question {
	f := funnel.Question{From: q.from, To: q.to, AsOf: q.until(), Window: window}
	for _, s := range world.Stages()[:stepCount] {
		f.Steps = append(f.Steps, funnel.Step{
			Target: funnel.Target{Kind: funnel.Stage, Name: string(s)},
		})
	}
	return f
}

// where is the condition on site and time.
func (q question) where() string {
	return fmt.Sprintf("site = 'bench' AND at >= %s AND at < %s", stamp(q.from), stamp(q.until()))
}

func stamp(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", t.UnixMilli())
}

// stageList are the stages of some steps, quoted.
func stageList(steps []int) string {
	names := make([]string, 0, len(steps))
	for _, s := range steps {
		names = append(names, "'"+string(world.Stages()[s])+"'")
	}
	return strings.Join(names, ", ")
}

// codesOf are the codes of the events of some steps.
func codesOf(steps []int) string {
	var codes []string
	for _, e := range world.Catalogue() {
		for _, s := range steps {
			if e.Attribution.Stage == world.Stages()[s] {
				codes = append(codes, fmt.Sprint(codeOf(e)))
			}
		}
	}
	return strings.Join(codes, ", ")
}

// stepsByCode has, for each code of a packed touchpoint, a bit per step that it may fill.
var stepsByCode = sync.OnceValue(func() []uint32 {
	masks := make([]uint32, 1<<entryBits)
	for _, e := range world.Catalogue() {
		for s, stage := range world.Stages()[:stepCount] {
			if e.Attribution.Stage == stage {
				masks[codeOf(e)] |= 1 << s
			}
		}
	}
	return masks
})
