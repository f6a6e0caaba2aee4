package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/world"
)

// span is a range of entries.
type span struct {
	name     string
	from, to time.Time
}

// spans are the last 30 days, 30 days over the edge of a year, the last year, and all.
func spans() []span {
	var all []span
	for _, q := range questions()[:4] {
		all = append(all, span{q.name, q.from, q.to})
	}
	return all
}

// form is what is asked of a span, and by whom.
type form struct {
	key, title string
	// change makes the question of it from the plain one; nil for that.
	change func(*funnelv1.FunnelQuestion)
	// dropOff asks for drop-offs, departures for departures, too.
	dropOff, departures bool
	// plain is the usual way of asking the same, nil where there is none.
	plain func(span) string
	// spans are the places of those it is asked of; nil for all.
	spans []int
}

// everything is the place of the span over all.
const everything = 3

func forms() []form {
	some := []int{0, 2, everything}
	return []form{
		{key: "funnel", title: "7 steps, 14 days", plain: plainFunnel(nil)},
		{
			key: "persona", title: "… by persona", change: byPersona, spans: some,
			plain: plainByPersona,
		},
		{
			key: "conditions", title: "… a property condition on two steps", change: withConditions,
			spans: some, plain: plainFunnel(conditionedSteps),
		},
		{
			key: "thirty", title: "30 steps", change: thirtySteps, spans: some,
			plain: plainThirty,
		},
		{key: "dropoff", title: "drop-off, numbers alone", dropOff: true, spans: some},
		{
			key: "departures", title: "drop-off with departures", dropOff: true, departures: true,
			spans: some,
		},
		{key: "time", title: "time to convert", change: timeToConvert, spans: some},
		{key: "strict", title: "STRICT", change: strict, spans: some},
		{key: "exclusion", title: "an exclusion", change: excluding, spans: some},
		{key: "within", title: "within 3 days between steps", change: within, spans: some},
		{key: "anyorder", title: "in any order", change: anyOrder, spans: some},
		{key: "trend", title: "a trend by month", change: byMonth, spans: some},
	}
}

// questionOf is the plain question of a span.
func questionOf(s span) *funnelv1.FunnelQuestion {
	q := &funnelv1.FunnelQuestion{
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(s.from)},
			To:   &funnelv1.TimeRange_ToTime{ToTime: timestamppb.New(s.to)},
		},
		AsOf: timestamppb.New(s.to.Add(window)),
	}
	for _, stage := range world.Stages()[:stepCount] {
		q.Steps = append(q.Steps, &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: string(stage)}})
	}
	return q
}

func byPersona(q *funnelv1.FunnelQuestion) {
	q.Breakdowns = []*funnelv1.Breakdown{{By: &funnelv1.Breakdown_Persona{Persona: true}}}
}

func withConditions(q *funnelv1.FunnelQuestion) {
	for _, s := range conditionedSteps {
		q.Steps[s].Conditions = []*funnelv1.Condition{{
			Name: "device", Operator: funnelv1.Operator_OPERATOR_EQ,
			Values: []*structpb.Value{structpb.NewStringValue("phone")},
		}}
	}
}

// thirtyEvents are those of the thirty steps, in the order of the map.
func thirtyEvents() []world.Event { return world.Catalogue()[:30] }

func thirtySteps(q *funnelv1.FunnelQuestion) {
	q.Steps = nil
	for _, e := range thirtyEvents() {
		q.Steps = append(q.Steps, &funnelv1.Step{Target: &funnelv1.Step_Event{Event: e.Name}})
	}
}

func timeToConvert(q *funnelv1.FunnelQuestion) {
	q.TimeToConvert = &funnelv1.TimeToConvert{FromStep: 1, ToStep: stepCount}
}

func strict(q *funnelv1.FunnelQuestion) { q.Order = funnelv1.Order_ORDER_STRICT }

func anyOrder(q *funnelv1.FunnelQuestion) { q.Order = funnelv1.Order_ORDER_ANY }

func byMonth(q *funnelv1.FunnelQuestion) {
	q.Trend = &funnelv1.Trend{Interval: funnelv1.Interval_INTERVAL_MONTH}
}

func excluding(q *funnelv1.FunnelQuestion) {
	stages := world.Stages()
	q.Exclusions = []*funnelv1.Exclusion{{
		Touchpoint: &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: string(stages[len(stages)-1])}},
		FromStep:   1, ToStep: 3,
	}}
}

func within(q *funnelv1.FunnelQuestion) {
	days := (72 * time.Hour).Seconds()
	for _, s := range q.Steps[1:] {
		s.WithinSeconds = &days
	}
}

// answered are the units that filled each step: all together, and by group.
type answered struct {
	counts []int
	groups map[string][]int
	way    string
}

// askProduct asks the query service over gRPC.
func (b *queryBench) askProduct(ctx context.Context, f form, s span) (answered, error) {
	q := questionOf(s)
	if f.change != nil {
		f.change(q)
	}
	parent := "sites/" + string(world.BenchmarkSite)
	if f.dropOff {
		answer, err := b.services.client.Funnels.AskDropOff(ctx, &funnelv1.AskDropOffRequest{
			Parent: parent, Question: q, SummaryOnly: !f.departures,
		})
		return answered{way: answer.GetFacts().GetWay()}, err //nolint:wrapcheck // the caller says what
	}
	answer, err := b.services.client.Funnels.AskFunnel(ctx, &funnelv1.AskFunnelRequest{
		Parent: parent, Question: q,
	})
	if err != nil {
		return answered{}, err //nolint:wrapcheck // the caller says what was asked
	}
	a := answered{
		counts: countsOf(answer.GetSteps()), groups: make(map[string][]int),
		way: answer.GetFacts().GetWay(),
	}
	for _, g := range answer.GetGroups() {
		a.groups[g.GetValues()[0].GetValue()] = countsOf(g.GetSteps())
	}
	return a, nil
}

func countsOf(steps []*funnelv1.StepResult) []int {
	counts := make([]int, len(steps))
	for i, s := range steps {
		counts[i] = int(s.GetCount())
	}
	return counts
}

// plainStep is the condition of a step in SQL.
type plainStep struct{ column, name, more string }

func (p plainStep) sql(first bool, to time.Time) string {
	text := fmt.Sprintf("%s = '%s'%s", p.column, p.name, p.more)
	if first {
		text += " AND at < " + stamp(to)
	}
	return text
}

// plainLevels asks for the level of each person, by another expression if there is one.
func plainLevels(s span, steps []plainStep, by, table string) string {
	var conditions, names []string
	for i, step := range steps {
		conditions = append(conditions, step.sql(i == 0, s.to))
		names = append(names, "'"+step.name+"'")
	}
	return fmt.Sprintf(`SELECT level, %s AS part, count() FROM (
		SELECT %s AS who,
			windowFunnel(%d)(toUInt64(toUnixTimestamp64Milli(at)), %s) AS level
		FROM %s WHERE site = '%s' AND at >= %s AND at <= %s AND %s IN (%s) GROUP BY who
	) GROUP BY level, part`, by, personByHash, window.Milliseconds(), strings.Join(conditions, ", "),
		table, world.BenchmarkSite, stamp(s.from), stamp(s.to.Add(window)), steps[0].column,
		strings.Join(names, ", "))
}

func stageSteps(conditioned []int) []plainStep {
	var steps []plainStep
	for i, stage := range world.Stages()[:stepCount] {
		step := plainStep{column: "stage", name: string(stage)}
		if slices.Contains(conditioned, i) {
			step.more = " AND JSONExtractString(properties, 'device') = 'phone'"
		}
		steps = append(steps, step)
	}
	return steps
}

func plainFunnel(conditioned []int) func(span) string {
	return func(s span) string { return plainLevels(s, stageSteps(conditioned), "''", "plain") }
}

func plainByPersona(s span) string {
	return plainLevels(s, stageSteps(nil),
		"dictGetOrDefault('persona_of', 'persona', who, 'unassigned')", "plain")
}

func plainThirty(s span) string {
	var steps []plainStep
	for _, e := range thirtyEvents() {
		steps = append(steps, plainStep{column: "event", name: e.Name})
	}
	return plainLevels(s, steps, "''", "plain")
}

// askPlain asks the plain table.
func (b *queryBench) askPlain(ctx context.Context, sql string, steps int) (answered, error) {
	text, err := b.client.exec(ctx, sql+" FORMAT CSV")
	if err != nil {
		return answered{}, err
	}
	a := answered{counts: make([]int, steps), groups: make(map[string][]int)}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) != 3 {
			return answered{}, fmt.Errorf("reading the answer of windowFunnel: %q", line)
		}
		var level, n int
		if _, err := fmt.Sscan(fields[0]+" "+fields[2], &level, &n); err != nil {
			return answered{}, fmt.Errorf("reading the answer of windowFunnel: %w", err)
		}
		group := strings.Trim(fields[1], `"`)
		if a.groups[group] == nil {
			a.groups[group] = make([]int, steps)
		}
		for s := range level {
			a.counts[s] += n
			a.groups[group][s] += n
		}
	}
	return a, nil
}

// limitSQL reads the columns of packed journeys that the question reads, and does nothing else.
func limitSQL(s span) string {
	return fmt.Sprintf(`SELECT count() FROM waystage.journeys WHERE site = '%s'
		AND month BETWEEN toYYYYMM(%s) AND toYYYYMM(%s) AND NOT ignore(identity, touches)`,
		world.BenchmarkSite, stamp(s.from), stamp(s.to.Add(window)))
}
