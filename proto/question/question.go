package question

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// DefaultFrom is the beginning of a range that nobody stated.
const DefaultFrom = "-30d"

var (
	rangeModes = map[string]funnelv1.RangeMode{
		"entry": funnelv1.RangeMode_RANGE_MODE_ENTRY, "all": funnelv1.RangeMode_RANGE_MODE_ALL,
	}
	reentries = map[string]funnelv1.Reentry{
		"best": funnelv1.Reentry_REENTRY_BEST, "first": funnelv1.Reentry_REENTRY_FIRST,
	}
	orders = map[string]funnelv1.Order{
		"ordered": funnelv1.Order_ORDER_ORDERED, "strict": funnelv1.Order_ORDER_STRICT,
		"any": funnelv1.Order_ORDER_ANY,
	}
	counts = map[string]funnelv1.Count{
		"once": funnelv1.Count_COUNT_ONCE, "attempt": funnelv1.Count_COUNT_ATTEMPT,
		"session": funnelv1.Count_COUNT_SESSION,
	}
	trends = map[string]*funnelv1.Trend{
		"hour": {Interval: funnelv1.Interval_INTERVAL_HOUR},
		"day":  {Interval: funnelv1.Interval_INTERVAL_DAY},
		"week": {Interval: funnelv1.Interval_INTERVAL_WEEK},
		"week:monday": {
			Interval:  funnelv1.Interval_INTERVAL_WEEK,
			WeekStart: funnelv1.WeekStart_WEEK_START_MONDAY,
		},
		"week:sunday": {
			Interval:  funnelv1.Interval_INTERVAL_WEEK,
			WeekStart: funnelv1.WeekStart_WEEK_START_SUNDAY,
		},
		"month": {Interval: funnelv1.Interval_INTERVAL_MONTH},
	}
	compats = map[string]funnelv1.Compat{
		"posthog":   funnelv1.Compat_COMPAT_POSTHOG,
		"mixpanel":  funnelv1.Compat_COMPAT_MIXPANEL,
		"amplitude": funnelv1.Compat_COMPAT_AMPLITUDE,
	}
)

// Apply writes words into a question, over what it holds already: a word that is stated takes the
// place of what is there. Where neither says it, the range is the last 30 days and the steps are
// all stages. stages are those of the newest map in their order, nil where none is published; they
// are looked at only where NeedsStages. Errors: Mistakes; the question is then of no use.
func Apply(
	words *funnelv1.QuestionWords, q *funnelv1.FunnelQuestion, now time.Time, stages []string,
) error {
	w := &writer{words: words, q: q, now: now}
	if NeedsStages(words, q) {
		w.stages(stages)
	}
	return w.apply()
}

// NeedsStages tells whether the steps of a question with words over it are stages of the map.
func NeedsStages(words *funnelv1.QuestionWords, q *funnelv1.FunnelQuestion) bool {
	return words.GetStages() != "" || len(words.GetStep()) == 0 && len(q.GetSteps()) == 0
}

// Check tells what is wrong with words whatever the map is. Errors: Mistakes.
func Check(words *funnelv1.QuestionWords, now time.Time) error {
	return (&writer{words: words, q: &funnelv1.FunnelQuestion{}, now: now}).apply()
}

// Over gives words with others over them: each of these that is stated takes the place of its like,
// and steps that of stages, and the other way round.
func Over(words, over *funnelv1.QuestionWords) *funnelv1.QuestionWords {
	both := &funnelv1.QuestionWords{}
	if words != nil {
		both = proto.CloneOf(words)
	}
	if len(over.GetStep()) > 0 || over.GetStages() != "" {
		both.Step, both.Stages = nil, ""
	}
	fields := over.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); over.ProtoReflect().Has(f) {
			both.ProtoReflect().Clear(f)
		}
	}
	proto.Merge(both, over)
	return both
}

// writer writes words into a question and collects what is wrong with them.
type writer struct {
	words    *funnelv1.QuestionWords
	q        *funnelv1.FunnelQuestion
	now      time.Time
	mistakes Mistakes
}

// wrong tells a mistake of a word. place is -1 where there is but one.
func (w *writer) wrong(word string, place int, err error) {
	w.mistakes = append(w.mistakes, Mistake{Word: word, Place: place, Problem: err.Error()})
}

func (w *writer) apply() error {
	for _, part := range []func(){
		w.steps, w.timeRange, w.asOf, w.window, w.choices, w.breakdowns, w.unit, w.filter, w.compare,
		w.simultaneity, w.hold, w.exclude, w.trend, w.timeToConvert,
	} {
		part()
	}
	if len(w.mistakes) > 0 {
		return w.mistakes
	}
	return nil
}

// stages makes steps of the stages of the newest map.
func (w *writer) stages(ids []string) {
	text := w.words.GetStages()
	if text == "" {
		text = AllStages
	}
	steps, err := Stages(text, ids)
	if err != nil {
		w.wrong("stages", -1, err)
	}
	w.q.Steps = steps
}

func (w *writer) steps() {
	list := w.words.GetStep()
	if len(list) == 0 {
		return
	}
	if w.words.GetStages() != "" {
		w.wrong("stages", -1, fmt.Errorf("%q: give the steps by step or by stages, not by both",
			w.words.GetStages()))
	}
	w.q.Steps = nil
	for i, text := range list {
		step, err := ParseStep(text)
		if err != nil {
			w.wrong("step", i, err)
		}
		w.q.Steps = append(w.q.Steps, step)
	}
}

func (w *writer) timeRange() {
	if w.q.Range == nil {
		w.q.Range = &funnelv1.TimeRange{}
	}
	from, to := w.words.GetFrom(), w.words.GetTo()
	if from == "" && w.q.Range.From == nil {
		from = DefaultFrom
	}
	if to == "" && w.q.Range.To == nil {
		to = "now"
	}
	w.bound("from", from, Bound.setFrom)
	w.bound("to", to, Bound.setTo)
}

func (w *writer) bound(word, text string, set func(Bound, *funnelv1.TimeRange)) {
	if text == "" {
		return
	}
	bound, err := ParseBound(text, w.now)
	if err != nil {
		w.wrong(word, -1, err)
		return
	}
	set(bound, w.q.Range)
}

func (w *writer) asOf() {
	if w.words.GetAsOf() == "" {
		return
	}
	at, err := Instant(w.words.GetAsOf(), w.now)
	if err != nil {
		w.wrong("as_of", -1, err)
	}
	w.q.AsOf = timestamppb.New(at)
}

func (w *writer) window() {
	if w.words.GetWindow() == "" {
		return
	}
	span, err := Span(w.words.GetWindow())
	if err != nil {
		w.wrong("window", -1, err)
	}
	w.q.WindowSeconds = new(span.Seconds())
}

func (w *writer) choices() {
	choose(w, "range_mode", w.words.GetRangeMode(), rangeModes, &w.q.RangeMode)
	choose(w, "reentry", w.words.GetReentry(), reentries, &w.q.Reentry)
	choose(w, "compat", w.words.GetCompat(), compats, &w.q.Compat)
	choose(w, "order", w.words.GetOrder(), orders, &w.q.Order)
	choose(w, "count", w.words.GetCount(), counts, &w.q.Count)
}

// choose sets a choice by its word.
func choose[E any](w *writer, word, text string, of map[string]E, into *E) {
	if text == "" {
		return
	}
	if err := pick(text, of, into); err != nil {
		w.wrong(word, -1, err)
	}
}

// pick is one of some by its name, in whatever case.
func pick[E any](text string, of map[string]E, into *E) error {
	chosen, ok := of[strings.ToLower(strings.TrimSpace(text))]
	if !ok {
		return fmt.Errorf("%q: there are %s", text, namesOf(of))
	}
	*into = chosen
	return nil
}

func (w *writer) breakdowns() {
	if list := w.words.GetBy(); len(list) > 0 {
		w.q.Breakdowns = nil
		for i, text := range list {
			b, err := ParseBreakdown(text)
			if err != nil {
				w.wrong("by", i, err)
			}
			w.q.Breakdowns = append(w.q.Breakdowns, b)
		}
	}
	switch limit := w.words.GetLimit(); {
	case limit == 0:
	case len(w.q.GetBreakdowns()) == 0:
		w.wrong("limit", -1, errors.New("is of no use without by; say what to split by"))
	case w.q.Breakdowns[0] != nil:
		w.q.Breakdowns[0].Limit = limit
	}
}

func (w *writer) unit() {
	if w.words.GetUnit() == "" {
		return
	}
	unit, err := ParseUnit(w.words.GetUnit())
	if err != nil {
		w.wrong("unit", -1, err)
	}
	w.q.Unit = unit
}

func (w *writer) filter() {
	if list := w.words.GetFilter(); len(list) > 0 {
		filters := make([]*funnelv1.Filter, len(list))
		for i, text := range list {
			f, err := parseFilter(text)
			if err != nil {
				w.wrong("filter", i, err)
			}
			filters[i] = f
		}
		w.q.Filter = allOf(filters)
	}
	if w.words.GetCustomersOnly() {
		w.q.Filter = customersOnly(w.q.GetFilter())
	}
}

func (w *writer) compare() {
	if w.words.GetCompare() == "" {
		return
	}
	with, err := ParseCompare(w.words.GetCompare(), w.now)
	if err != nil {
		w.wrong("compare", -1, err)
	}
	w.q.Compare = with
}

func (w *writer) simultaneity() {
	if w.words.GetSimultaneity() == "" {
		return
	}
	span, err := Span(w.words.GetSimultaneity())
	if err != nil {
		w.wrong("simultaneity", -1, err)
	}
	w.q.SimultaneitySeconds = new(span.Seconds())
}

func (w *writer) hold() {
	if list := w.words.GetHold(); len(list) > 0 {
		w.q.Hold = nil
		for i, name := range list {
			if name = strings.TrimSpace(name); name == "" {
				w.wrong("hold", i, errors.New("is empty: write the name of a property"))
			}
			w.q.Hold = append(w.q.Hold, name)
		}
	}
}

func (w *writer) exclude() {
	if list := w.words.GetExclude(); len(list) > 0 {
		w.q.Exclusions = nil
		for i, text := range list {
			e, err := ParseExclusion(text)
			if err != nil {
				w.wrong("exclude", i, err)
			}
			w.q.Exclusions = append(w.q.Exclusions, e)
		}
	}
}

func (w *writer) trend() {
	var trend *funnelv1.Trend
	choose(w, "trend", w.words.GetTrend(), trends, &trend)
	if trend != nil {
		w.q.Trend = proto.CloneOf(trend)
	}
}

func (w *writer) timeToConvert() {
	if w.words.GetTimeToConvert() == "" {
		return
	}
	t, err := ParseTimeToConvert(w.words.GetTimeToConvert())
	if err != nil {
		w.wrong("time_to_convert", -1, err)
	}
	w.q.TimeToConvert = t
}
