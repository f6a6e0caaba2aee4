package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// runs are what one question over one span took, round by round.
type runs struct {
	form, span string
	// ours is by the query service, plain by the usual table, limit reads the columns of packed
	// journeys and does nothing else. plain is empty where there is no such way.
	ours, plain, limit []sample
	// way is how the service answered.
	way string
	// first and last are the units that reach the first and the last step.
	first, last int
	// err is why it was not measured, nil if it was.
	err error
}

// askTime bounds one asking.
const askTime = 5 * time.Minute

// measureForms asks everything of the tables as they are; exact tells that nothing changes
// meanwhile, so that counts must agree.
func (b *queryBench) measureForms(ctx context.Context, exact bool) ([]runs, error) {
	var all []runs
	for _, f := range forms() {
		if len(b.only) > 0 && !slices.Contains(b.only, f.key) {
			continue
		}
		for i, s := range spans() {
			if f.spans != nil && !slices.Contains(f.spans, i) {
				continue
			}
			r := b.measureForm(ctx, f, s, exact)
			if ctx.Err() != nil {
				return all, ctx.Err() //nolint:wrapcheck // interrupted
			}
			if errors.Is(r.err, errCounts) {
				return all, r.err
			}
			if r.err != nil {
				b.say("%s, %s: %v", r.form, r.span, r.err)
			} else {
				b.say("%s, %s: %s, plain %s, limit %s", r.form, r.span, secondsOf(r.ours),
					secondsOf(r.plain), secondsOf(r.limit))
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// errCounts says that two ways count differently.
var errCounts = errors.New("counts differ")

// leastTime is how long one question is asked at least: writing and merging come and go within
// seconds, and a few rounds of a quick question are over before they do.
const leastTime = 10 * time.Second

// measureForm asks a question by all ways in turn, so that what else the machine does meets all of
// them alike. The first round is not counted.
func (b *queryBench) measureForm(ctx context.Context, f form, s span, exact bool) runs {
	r := runs{form: f.title, span: s.name}
	began := time.Now()
	for round := 0; round <= b.rounds || time.Since(began) < leastTime; round++ {
		if r.err = b.measureRound(ctx, f, s, exact, &r); r.err != nil {
			return r
		}
		if round == 0 {
			r.ours, r.plain, r.limit = nil, nil, nil
		}
	}
	return r
}

func (b *queryBench) measureRound(
	ctx context.Context, f form, s span, exact bool, r *runs,
) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	ours, took, err := timed(func() (answered, error) { return b.askProduct(ctx, f, s) })
	if err != nil {
		return fmt.Errorf("asking the product: %w", err)
	}
	r.ours, r.way = append(r.ours, took), ours.way
	if n := len(ours.counts); n > 0 {
		r.first, r.last = ours.counts[0], ours.counts[n-1]
	}
	if f.plain != nil {
		plain, took, err := timed(func() (answered, error) {
			return b.askPlain(ctx, f.plain(s), len(ours.counts))
		})
		if err != nil {
			return fmt.Errorf("asking the plain table: %w", err)
		}
		r.plain = append(r.plain, took)
		if exact && !same(ours, plain) {
			return fmt.Errorf("%w: %s, %s: the product %v %v, windowFunnel %v %v", errCounts, f.title,
				s.name, ours.counts, ours.groups, plain.counts, plain.groups)
		}
	}
	_, took, err = timed(func() (string, error) { return b.client.exec(ctx, limitSQL(s)) })
	if err != nil {
		return fmt.Errorf("reading the columns: %w", err)
	}
	r.limit = append(r.limit, took)
	return nil
}

// same tells whether two answers count the same, by group too where there are groups.
func same(ours, plain answered) bool {
	if !slices.Equal(ours.counts, plain.counts) {
		return false
	}
	for name, counts := range ours.groups {
		if !slices.Equal(counts, plain.groups[name]) {
			return false
		}
	}
	return true
}

func timed[T any](do func() (T, error)) (T, sample, error) {
	began, used := time.Now(), cpuTime()
	got, err := do()
	return got, sample{time.Since(began), cpuTime() - used}, err
}

func wallOf(s sample) time.Duration { return s.wall }
func cpuOf(s sample) time.Duration  { return s.cpu }

// middle is the median of samples.
func middle(samples []sample, of func(sample) time.Duration) time.Duration {
	spans := make([]time.Duration, len(samples))
	for i, s := range samples {
		spans[i] = of(s)
	}
	return median(spans)
}

// secondsOf is the median, "–" without samples.
func secondsOf(samples []sample) string {
	if len(samples) == 0 {
		return "–"
	}
	return seconds(middle(samples, wallOf))
}

// ratioOf is the median, round by round, of how many times more a takes than b; "–" without both.
func ratioOf(a, b []sample, of func(sample) time.Duration) string {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, of(a[i]).Seconds()/max(of(b[i]).Seconds(), 1e-6))
	}
	if len(ratios) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f ×", median(ratios))
}
