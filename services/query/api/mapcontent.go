package api

import (
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	"github.com/waystage/waystage/services/journey"
)

// MapContent is what a map says, with its text: the message of a map that is in no site yet,
// without name, version and instant.
func MapContent(drawn *journey.Map, source string) *journeyv1.JourneyMap {
	return &journeyv1.JourneyMap{
		Source: source, Title: drawn.Title, LostAfterSeconds: drawn.LostAfter.Seconds(),
		Stages:      each(drawn.Stages, stageMessage),
		Touchpoints: each(drawn.Touchpoints, touchpointMessage),
		Channels:    each(drawn.Channels, channelMessage),
		Personas:    each(drawn.Personas, personaMessage),
		Kpis:        each(drawn.KPIs, kpiMessage),
		Money:       moneyMessage(drawn.Money),
		Referral:    referralMessage(drawn.Referral),
	}
}

// each makes a message of every value. nil of none.
func each[V, M any](values []V, message func(*V) *M) []*M {
	var all []*M
	for i := range values {
		all = append(all, message(&values[i]))
	}
	return all
}

// idsOf are ids as texts. nil of none.
func idsOf[ID ~string](ids []ID) []string {
	var all []string
	for _, id := range ids {
		all = append(all, string(id))
	}
	return all
}

func stageMessage(s *journey.Stage) *journeyv1.Stage {
	return &journeyv1.Stage{
		Id: string(s.ID), Title: s.Title,
		Task: s.Task, Goal: s.Goal, CustomerGoal: s.CustomerGoal,
		Activities: each(s.Activities, func(a *journey.Activity) *journeyv1.Activity {
			return &journeyv1.Activity{Title: a.Title, Touchpoints: idsOf(a.Touchpoints)}
		}),
		BehindTheScenes: s.BehindTheScenes,
		Expectations:    expectationsMessage(s.Expectations),
		Barriers:        each(s.Barriers, barrierMessage),
		Ideas:           s.Ideas,
		Stimuli: each(s.Stimuli, func(t *journey.Stimulus) *journeyv1.Stimulus {
			return &journeyv1.Stimulus{Title: t.Title, To: string(t.To), Contact: t.Contact}
		}),
		Contact: s.Contact, Owner: ownerMessage(s.Owner), Targets: targetsMessage(&s.Targets),
		Temperature: temperatures[s.Temperature], Score: scoreMessage(s.Score), Kpis: idsOf(s.KPIs),
	}
}

var temperatures = map[journey.Temperature]journeyv1.Temperature{
	journey.Cold: journeyv1.Temperature_TEMPERATURE_COLD,
	journey.Warm: journeyv1.Temperature_TEMPERATURE_WARM,
	journey.Hot:  journeyv1.Temperature_TEMPERATURE_HOT,
}

// expectationsMessage is nil where nothing is expected.
func expectationsMessage(e journey.Expectations) *journeyv1.Expectations {
	if e == (journey.Expectations{}) {
		return nil
	}
	return &journeyv1.Expectations{
		Usual: e.Usual, Best: e.Best, Worst: e.Worst, Surprise: e.Surprise,
	}
}

func barrierMessage(b *journey.Barrier) *journeyv1.Barrier {
	return &journeyv1.Barrier{Title: b.Title, Touchpoint: string(b.Touchpoint), Remedy: b.Remedy}
}

// ownerMessage is nil of nobody.
func ownerMessage(o journey.Owner) *journeyv1.Owner {
	if o == (journey.Owner{}) {
		return nil
	}
	return &journeyv1.Owner{Department: o.Department, Person: o.Person}
}

// targetsMessage is nil where there are none.
func targetsMessage(t *journey.Targets) *journeyv1.Targets {
	if t.Conversion == nil && t.MedianTime == nil && t.Experience == nil && len(t.KPIs) == 0 {
		return nil
	}
	m := &journeyv1.Targets{Conversion: t.Conversion, Experience: t.Experience}
	if t.MedianTime != nil {
		m.MedianSeconds = new(t.MedianTime.Seconds())
	}
	for id, value := range t.KPIs {
		if m.Kpis == nil {
			m.Kpis = map[string]float64{}
		}
		m.Kpis[string(id)] = value
	}
	return m
}

// scoreMessage is nil where the score is not known.
func scoreMessage(score int) *uint32 {
	if score == 0 {
		return nil
	}
	return new(uint32(score)) //nolint:gosec // 1 to 5
}

func touchpointMessage(t *journey.Touchpoint) *journeyv1.Touchpoint {
	m := &journeyv1.Touchpoint{
		Id: string(t.ID), Title: t.Title, Stage: string(t.Stage), Channel: string(t.Channel),
		Events: t.Events, Condition: t.When,
		Importance: uint32(t.Importance), //nolint:gosec // 0 to 5
		Owner:      ownerMessage(t.Owner), Status: statuses[t.Status],
		Standard: t.Standard, Task: t.Task, Due: t.Due, Score: scoreMessage(t.Score),
		Barrier: t.Barrier, Contact: t.Contact,
	}
	if r := t.Repeat; r != nil {
		m.Repeat = &journeyv1.Repeat{Of: string(r.Of), From: uint32(r.From)} //nolint:gosec // 2 to 100
	}
	if f := t.Feedback; f != nil {
		m.Feedback = &journeyv1.Feedback{Kind: feedbackKinds[f.Kind], Property: f.Property}
	}
	return m
}

var statuses = map[journey.Status]journeyv1.TouchpointStatus{
	journey.Live:    journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_LIVE,
	journey.Planned: journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_PLANNED,
	journey.Absent:  journeyv1.TouchpointStatus_TOUCHPOINT_STATUS_MISSING,
}

var feedbackKinds = map[journey.FeedbackKind]journeyv1.FeedbackKind{
	journey.NPS:       journeyv1.FeedbackKind_FEEDBACK_KIND_NPS,
	journey.CSAT:      journeyv1.FeedbackKind_FEEDBACK_KIND_CSAT,
	journey.CES:       journeyv1.FeedbackKind_FEEDBACK_KIND_CES,
	journey.Review:    journeyv1.FeedbackKind_FEEDBACK_KIND_REVIEW,
	journey.Sentiment: journeyv1.FeedbackKind_FEEDBACK_KIND_SENTIMENT,
}

func channelMessage(c *journey.Channel) *journeyv1.Channel {
	return &journeyv1.Channel{
		Id: string(c.ID), Title: c.Title, Condition: c.When, Owner: ownerMessage(c.Owner),
	}
}

func personaMessage(p *journey.Persona) *journeyv1.Persona {
	return &journeyv1.Persona{
		Id: string(p.ID), Title: p.Title, Condition: p.When,
		Needs: p.Needs, Factors: p.Factors, Value: p.Value, Offer: p.Offer,
		EntryChannel: string(p.EntryChannel), Order: idsOf(p.Order),
		Stages: each(p.Stages, func(o *journey.StageOverride) *journeyv1.StageOverride {
			return &journeyv1.StageOverride{
				Stage: string(o.Stage), Expectations: expectationsMessage(o.Expectations),
				Barriers: each(o.Barriers, barrierMessage), Targets: targetsMessage(&o.Targets),
			}
		}),
	}
}

func moneyMessage(m *journey.Money) *journeyv1.Money {
	if m == nil {
		return nil
	}
	return &journeyv1.Money{
		Property: m.Property, Currency: m.Currency, CurrencyProperty: m.CurrencyProperty,
		Touchpoints: idsOf(m.Touchpoints), Refunds: idsOf(m.Refunds),
	}
}

func referralMessage(r *journey.Referral) *journeyv1.Referral {
	if r == nil {
		return nil
	}
	return &journeyv1.Referral{Condition: r.When, By: r.By}
}

func kpiMessage(k *journey.KPI) *journeyv1.Kpi {
	m := &journeyv1.Kpi{Id: string(k.ID), Title: k.Title, Unit: k.Unit}
	if k.Formula != nil {
		m.Is = &journeyv1.Kpi_Formula{Formula: formulaMessage(k.Formula)}
	}
	if k.Series != nil {
		m.Is = &journeyv1.Kpi_Series{Series: &journeyv1.KpiSeries{
			Source: k.Series.Source,
			Points: each(k.Series.Points, func(p *journey.Point) *journeyv1.KpiPoint {
				return &journeyv1.KpiPoint{Date: p.Date, Value: p.Value}
			}),
		}}
	}
	return m
}

func formulaMessage(f *journey.Formula) *journeyv1.KpiFormula {
	return &journeyv1.KpiFormula{
		Function: kpiFunctions[f.Function], Of: subjectMessage(&f.Of), Among: subjectMessage(f.Among),
		Property: f.Property, To: subjectMessage(f.To), Percentile: f.Percentile, Persons: f.Persons,
	}
}

var kpiFunctions = map[journey.KPIFunction]journeyv1.KpiFunction{
	journey.Count:      journeyv1.KpiFunction_KPI_FUNCTION_COUNT,
	journey.Share:      journeyv1.KpiFunction_KPI_FUNCTION_SHARE,
	journey.Sum:        journeyv1.KpiFunction_KPI_FUNCTION_SUM,
	journey.Mean:       journeyv1.KpiFunction_KPI_FUNCTION_MEAN,
	journey.Percentile: journeyv1.KpiFunction_KPI_FUNCTION_PERCENTILE,
}

// subjectMessage is nil where there is none.
func subjectMessage(s *journey.KPISubject) *journeyv1.KpiSubject {
	if s == nil {
		return nil
	}
	m := &journeyv1.KpiSubject{Condition: s.When}
	switch {
	case s.Touchpoint != "":
		m.Is = &journeyv1.KpiSubject_Touchpoint{Touchpoint: string(s.Touchpoint)}
	case s.Stage != "":
		m.Is = &journeyv1.KpiSubject_Stage{Stage: string(s.Stage)}
	default:
		m.Is = &journeyv1.KpiSubject_Event{Event: s.Event}
	}
	return m
}
