package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// title is the question's name with its condition.
func (q question) title() string {
	if q.conditional {
		return q.name + ", with a property"
	}
	return q.name
}

// times gathers what is measured in one state, by question.
type times struct {
	state      state
	candidates []candidate
	questions  []question
	counts     []counts
	samples    [][][]sample // question, candidate, round
}

func newTimes(s state, candidates []candidate) *times {
	return &times{state: s, candidates: candidates}
}

func (t *times) add(q question, c counts, samples [][]sample) {
	t.questions = append(t.questions, q)
	t.counts = append(t.counts, c)
	t.samples = append(t.samples, samples)
}

// print gives, per condition, a table of seconds and one of processor seconds. Behind each number
// stands how many times less it is than the reference's, as the median over the rounds.
func (t *times) print(out io.Writer) {
	wall := func(s sample) time.Duration { return s.wall }
	cpu := func(s sample) time.Duration { return s.cpu }
	for _, conditional := range []bool{false, true} {
		what := "no condition"
		if conditional {
			what = "a property condition on two steps"
		}
		title := fmt.Sprintf("%s, %s", t.state.title, what)
		t.printTable(out, title+": seconds", conditional, wall)
		t.printTable(out, title+": processor seconds, engine and asker together", conditional, cpu)
	}
}

func (t *times) printTable(
	out io.Writer, title string, conditional bool, of func(sample) time.Duration,
) {
	heads := []string{"", "candidate"}
	var columns []int
	for i, q := range t.questions {
		if q.conditional == conditional {
			heads, columns = append(heads, q.name), append(columns, i)
		}
	}
	if len(columns) == 0 {
		return
	}
	rows := make([][]string, 0, len(t.candidates)+1)
	for c := range t.candidates {
		row := []string{t.candidates[c].key, t.candidates[c].name}
		for _, q := range columns {
			row = append(row, cellOf(t.samples[q][c], t.samples[q][0], of))
		}
		rows = append(rows, row)
	}
	entered := []string{"", "persons who reach the first and the last step"}
	for _, q := range columns {
		entered = append(entered, fmt.Sprintf("%d, %d", t.counts[q][0], t.counts[q][stepCount-1]))
	}
	printTable(out, title, heads, append(rows, entered))
}

// cellOf is the median, and the median of the ratios round by round.
func cellOf(samples, reference []sample, of func(sample) time.Duration) string {
	spans := make([]time.Duration, len(samples))
	ratios := make([]float64, len(samples))
	for i := range samples {
		spans[i] = of(samples[i])
		ratios[i] = of(reference[i]).Seconds() / max(spans[i].Seconds(), 1e-6)
	}
	return fmt.Sprintf("%s (%.1f ×)", seconds(median(spans)), median(ratios))
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.3f", d.Seconds())
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

// printTable prints a Markdown table.
func printTable(out io.Writer, title string, heads []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")) }
	fmt.Fprintf(out, "**%s**\n\n", title)
	line(heads)
	rules := make([]string, len(heads))
	for i := range rules {
		rules[i] = "---"
	}
	line(rules)
	for _, row := range rows {
		line(row)
	}
	fmt.Fprintln(out)
}
