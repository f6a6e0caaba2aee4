package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/world"
)

const (
	stepCount = 7
	window    = 14 * 24 * time.Hour
)

// question is a funnel over the first stages, by time of entry.
type question struct {
	name     string
	from, to time.Time
	// conditional asks two of the steps for a property.
	conditional bool
}

// counts are the persons who reached each step.
type counts [stepCount]uint64

// conditioned are the steps that a conditional question asks for device = phone.
var conditioned = [...]int{1, 3}

func questions() []question {
	end := world.BenchmarkEnd
	edge := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	plain := []question{
		{name: "30 days", from: end.Add(-30 * day), to: end},
		{name: "30 days, edge", from: edge.Add(-15 * day), to: edge.Add(15 * day)},
		{name: "1 year", from: end.AddDate(-1, 0, 0), to: end},
		{name: "3 years", from: world.BenchmarkStart, to: end},
	}
	all := plain
	for _, q := range plain {
		q.name += ", property"
		q.conditional = true
		all = append(all, q)
	}
	return all
}

// until is the end of what can matter.
func (q question) until() time.Time { return q.to.Add(window) }

func stamp(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d,'UTC')", t.UnixMilli())
}

// funnel is the question as the evaluator takes it.
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

// stages is the list of the steps' stages.
func stages() string {
	names := make([]string, 0, stepCount)
	for _, s := range world.Stages()[:stepCount] {
		names = append(names, "'"+string(s)+"'")
	}
	return strings.Join(names, ", ")
}

func conditionedStages() string {
	names := make([]string, 0, len(conditioned))
	for _, i := range conditioned {
		names = append(names, "'"+string(world.Stages()[i])+"'")
	}
	return strings.Join(names, ", ")
}
