package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"
)

// sample is what one run of a question took.
type sample struct {
	wall time.Duration
	// cpu is the processor time of this process: engine, kernel and all.
	cpu time.Duration
}

// measureState asks all questions of all candidates and prints the tables of a state.
func (b *bench) measureState(ctx context.Context, s state, out io.Writer) error {
	list := b.wanted()
	if s.suffix != "" {
		for _, c := range list {
			// Merges go on when an engine starts anew.
			if err := b.exec(ctx, "SYSTEM STOP MERGES "+c.table+s.suffix); err != nil {
				return err
			}
		}
	}
	t := newTimes(s, list)
	for _, q := range questions() {
		if err := b.measureQuestion(ctx, q, s, t); err != nil {
			t.print(out) // what is known already
			return err
		}
		b.say("%s: %s asked", s.title, q.title())
	}
	t.print(out)
	return b.printReading(ctx, s, list, out)
}

// measureQuestion runs a question by all candidates in turn, so that what else the machine does
// meets all of them alike. The first round is not counted, but its answers are compared.
func (b *bench) measureQuestion(ctx context.Context, q question, s state, t *times) error {
	samples := make([][]sample, len(t.candidates))
	var want counts
	for round := range b.rounds + 1 {
		for i, c := range t.candidates {
			got, took, err := b.measure(ctx, c, q, s)
			if err != nil {
				return fmt.Errorf("asking %s, %s: %w", c.key, q.title(), err)
			}
			if c.key == reference {
				want = got
			}
			if got != want && !c.unmerged {
				return fmt.Errorf("%s counts %v at %s, but %s %v", c.key, got, q.title(),
					reference, want)
			}
			if round > 0 {
				samples[i] = append(samples[i], took)
			}
		}
	}
	t.add(q, want, samples)
	return nil
}

func (b *bench) measure(
	ctx context.Context, c candidate, q question, s state,
) (counts, sample, error) {
	sql := c.sql(q, c.table+s.suffix)
	began, used := time.Now(), cpuTime()
	got, err := c.ask(ctx, b, q, sql)
	return got, sample{time.Since(began), cpuTime() - used}, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// median is the lower of the middle two.
func median[T time.Duration | float64](values []T) T {
	values = slices.Sorted(slices.Values(values))
	return values[(len(values)-1)/2]
}
