package journey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
)

// lintBase is a map of which Lint has nothing to say.
const lintBase = `title: T
kpis: [{id: aov, unit: money, mean: {of: {touchpoint: order}, property: total}}]
stages:
  - {id: search}
  - {id: purchase, kpis: [aov]}
channels: [{id: seo, when: context.a == 1}]
personas: [{id: pro, when: traits.a == 1}]
touchpoints:
  - {id: home, stage: search, events: [page], feedback: {kind: nps}}
  - {id: order, stage: purchase, events: [Order], feedback: {kind: csat}}
`

func lint(t *testing.T, source string, by journey.LintOptions) []string {
	t.Helper()
	findings, err := journey.Lint(source, by)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, source)
	}
	lines := make([]string, len(findings))
	for i, f := range findings {
		lines[i] = f.String()
	}
	return lines
}

// lintCase replaces old texts by new ones in lintBase, by pairs, and says what Lint must find; a
// finding may be told by its beginning.
type lintCase struct {
	name    string
	replace []string
	want    []string
}

func touchpointsAfter(lines string) []string {
	return []string{"  - {id: order,", lines + "  - {id: order,"}
}

var lintCases = []lintCase{
	{name: "nothing"},
	{
		name:    "hidden by one without a condition",
		replace: touchpointsAfter("  - {id: late, stage: search, events: [page], when: properties.a == 1}\n"),
		want: []string{`line 10, column 5: error: touchpoints[1]: "late" is never recognised: "home" ` +
			`stands before it without a condition; put this one first, or narrow the other`},
	},
	{
		name: "same condition, spelled another way",
		replace: touchpointsAfter("  - {id: x, stage: search, events: [a], when: 'properties.a==1'}\n" +
			"  - {id: y, stage: search, events: [a], when: properties.a == 1}\n"),
		want: []string{`line 11, column 5: error: touchpoints[2]: "y" is never recognised: "x" stands ` +
			`before it and holds wherever this does`},
	},
	{
		name: "a special case after the general one",
		replace: touchpointsAfter("  - {id: x, stage: search, events: [a], when: properties.n > 1}\n" +
			"  - {id: y, stage: search, events: [a], when: properties.n >= 2 && properties.b}\n"),
		want: []string{`line 11, column 5: error: touchpoints[2]: "y" is never recognised: "x"`},
	},
	{
		name: "covered by two together",
		replace: touchpointsAfter("  - {id: x, stage: search, events: [a], when: properties.n == 'p'}\n" +
			"  - {id: y, stage: search, events: [a], when: 'properties.n == \"q\"'}\n" +
			"  - {id: z, stage: search, events: [a], when: \"properties.n == 'q' || properties.n == 'p'\"}\n"),
		want: []string{`line 12, column 5: error: touchpoints[3]: "z" is never recognised: "y"`},
	},
	{
		name:    "one event of two",
		replace: touchpointsAfter("  - {id: x, stage: search, events: [page, b]}\n"),
		want: []string{`line 10, column 28: warning: touchpoints[1].events: "page" never reach "x": ` +
			`"home" stands before it without a condition; put this one first, or take them out`},
	},
	{
		name: "conditions that may both hold",
		replace: touchpointsAfter("  - {id: x, stage: search, events: [a], when: properties.n > 1}\n" +
			"  - {id: y, stage: search, events: [a], when: properties.n < 5}\n"),
		want: []string{`line 11, column 41: note: touchpoints[2].when: where this holds, "x" before it ` +
			`may hold too and is taken; check the order`},
	},
	{
		name: "conditions that exclude each other, or go from special to general",
		replace: touchpointsAfter("  - {id: w, stage: search, events: [a], when: properties.n > 5}\n" +
			"  - {id: x, stage: search, events: [a], when: properties.n > 1}\n" +
			"  - {id: y, stage: search, events: [a], when: properties.n <= 1}\n" +
			"  - {id: z, stage: search, events: [a], when: '!has(properties.n)'}\n" +
			"  - {id: v, stage: search, events: [a]}\n"),
	},
	{
		name: "never holds",
		replace: touchpointsAfter("  - {id: x, stage: search, events: [a], when: " +
			"'properties.n == 1 && properties.n == 2'}\n"),
		want: []string{`line 10, column 41: error: touchpoints[1].when: the condition never holds`},
	},
	{
		name:    "channel after one that always holds",
		replace: []string{"[{id: seo,", "[{id: all, when: 'true || context.x'}, {id: seo,"},
		want: []string{`line 6, column 60: error: channels[1].when: "seo" never has its turn: "all" ` +
			`stands before it and holds wherever this does`},
	},
	{
		name:    "channel nobody states",
		replace: []string{"[{id: seo,", "[{id: fax}, {id: seo,"},
		want:    []string{`line 6, column 12: warning: channels[0]: nothing ever comes through "fax"`},
	},
	{
		name:    "persona with the same condition",
		replace: []string{"[{id: pro,", "[{id: max, when: traits.a == 1}, {id: pro,"},
		want: []string{`line 7, column 54: error: personas[1].when: "pro" never has its turn: "max" ` +
			`stands before it with the same condition`},
	},
	{
		name: "six personas",
		replace: []string{"[{id: pro,", "[{id: a, when: traits.b == 1}, {id: b, when: traits.b == 2}, " +
			"{id: c, when: traits.b == 3}, {id: d, when: traits.b == 4}, {id: e, when: traits.b == 5}, " +
			"{id: pro,"},
		want: []string{"line 7, column 162: warning: personas[5]: the map has 6 personas; practice works"},
	},
	{
		name:    "stage without touchpoints",
		replace: []string{"  - {id: purchase", "  - {id: desire}\n  - {id: purchase"},
		want: []string{
			`line 5, column 5: warning: stages[1]: no touchpoint stands at "desire"`,
			`line 5, column 5: note: stages[1]: no live touchpoint of "desire" carries feedback`,
		},
	},
	{
		name: "stage that only a plan leads to",
		replace: []string{
			"  - {id: purchase", "  - {id: desire, targets: {experience: 0.1}}\n  - {id: purchase",
			"  - {id: order,", "  - {id: plan, stage: desire, status: planned, due: 2026-11-22, " +
				"feedback: {kind: nps}}\n  - {id: order,",
		},
		want: []string{
			`line 5, column 5: warning: stages[1]: no live touchpoint leads to "desire"`,
			`line 5, column 28: warning: stages[1].targets.experience: no live touchpoint of "desire"`,
		},
	},
	{
		name: "plans past due, and without a day",
		replace: touchpointsAfter("  - {id: x, stage: search, status: planned, due: 2026-11-21}\n" +
			"  - {id: y, stage: search, status: missing}\n"),
		want: []string{
			`line 10, column 45: warning: touchpoints[1].due: "x" was due on 2026-11-21; do it, or set`,
			`line 11, column 5: note: touchpoints[2]: "y" is missing, and no day is set`,
		},
	},
	{
		name: "barriers",
		replace: []string{
			"{id: search}", "{id: search, barriers: [Price, {title: T, touchpoint: home, " +
				"remedy: R}, {title: U, touchpoint: oos, remedy: R}]}", "  - {id: order,",
			"  - {id: oos, stage: search, events: [a], barrier: true}\n" +
				"  - {id: oos2, stage: search, events: [b], barrier: true}\n  - {id: order,",
		},
		want: []string{
			`line 4, column 29: warning: stages[0].barriers[0]: the barrier "Price" has no remedy`,
			`line 4, column 29: note: stages[0].barriers[0]: no touchpoint marks the barrier "Price"`,
			`line 4, column 47: warning: stages[0].barriers[1].touchpoint: the touchpoint "home" is not`,
			`line 11, column 44: note: touchpoints[2].barrier: no stage has a barrier with the`,
		},
	},
	{
		name: "targets",
		replace: []string{
			"{id: search}", "{id: search, targets: {conversion: 0.5, kpis: {aov: 3}}}",
			"kpis: [aov]}", "kpis: [aov, share], targets: {conversion: 0.2, median_time: 1d, " +
				"kpis: {share: 40}}}",
			"kpis: [{", "kpis: [{id: share, share: {of: {event: a}, among: {event: b}}}, {",
			"traits.a == 1}", "traits.a == 1, order: [search], stages: [{stage: purchase, targets: " +
				"{conversion: 0.2, median_time: 24h, kpis: {share: 40}}}]}",
		},
		want: []string{
			`line 4, column 28: warning: stages[0].targets.conversion: "search" is the first stage`,
			`line 4, column 52: warning: stages[0].targets.kpis.aov: "search" is not judged by the KPI`,
			`line 5, column 91: warning: stages[1].targets.kpis.share: the target 40 is out of the range`,
			`line 7, column 69: warning: personas[0].stages[0]: "purchase" is not in the order of`,
			`line 7, column 97: warning: personas[0].stages[0].targets.conversion: the target equals the`,
			`line 7, column 114: warning: personas[0].stages[0].targets.median_time: the target equals the`,
			`line 7, column 139: warning: personas[0].stages[0].targets.kpis.share: the target equals the`,
			`line 7, column 139: warning: personas[0].stages[0].targets.kpis.share: the target 40 is out`,
		},
	},
	{
		name: "repeats",
		replace: touchpointsAfter("  - {id: x, stage: search, repeat: {of: order}}\n" +
			"  - {id: y, stage: search, repeat: {of: order, from: 2}}\n" +
			"  - {id: p, stage: search, status: planned, due: 2027-01-01}\n" +
			"  - {id: z, stage: search, repeat: {of: p}}\n"),
		want: []string{
			`line 11, column 28: error: touchpoints[2].repeat: "x" repeats the same from the same on`,
			`line 13, column 28: warning: touchpoints[4].repeat: "p" is not recognised in the stream`,
		},
	},
	{
		name: "money, KPIs, stimuli",
		replace: []string{
			"stages:", "money: {property: total, touchpoints: [order], refunds: [order]}\n" +
				"stages:", "kpis: [{", "kpis: [{id: lone, count: {of: {event: a}}}, {",
			"kpis: [aov]}", "kpis: [aov], stimuli: [{title: Back, to: search}, Last]}",
		},
		want: []string{
			`line 2, column 8: note: kpis[0]: no stage is judged by "lone"`,
			`line 3, column 1: note: money: no currency is named`,
			`line 3, column 58: warning: money.refunds[0]: "order" is income too`,
			`line 6, column 43: warning: stages[1].stimuli[0]: "Back" moves people to "search", which`,
		},
	},
}

func TestLint(t *testing.T) {
	t.Parallel()
	for _, c := range lintCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := strings.NewReplacer(c.replace...).Replace(lintBase)
			checkFindings(t, c.want, lint(t, source, journey.LintOptions{Today: "2026-11-22"}))
		})
	}
}

// checkFindings compares, wanted findings by their beginnings.
func checkFindings(t *testing.T, want, got []string) {
	t.Helper()
	for i, line := range got {
		if i < len(want) && strings.HasPrefix(line, want[i]) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLintComparesWithTheStream(t *testing.T) {
	t.Parallel()
	last := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	seen := func(event string, count uint64) journey.Seen {
		return journey.Seen{Name: journey.Name{Event: event}, Count: count, LastAt: last}
	}
	source := strings.Replace(lintBase, "  - {id: order,",
		"  - {id: fax, stage: search, events: [Fax], status: planned, due: 2027-01-01}\n  - {id: order,", 1)
	unknown := []string{
		`line 8, column 1: note: touchpoints: the event "Coupon Used" is no touchpoint of the map; it ` +
			`came 7 times, last on 2026-11-20: add one that lists it, or stop sending it`,
		`line 8, column 1: note: touchpoints: the event "Ad Seen" is no touchpoint of the map; it came 2`,
		`line 10, column 5: warning: touchpoints[1]: "fax" is planned, but "Fax" has come; make it live`,
	}
	never := `line 11, column 34: warning: touchpoints[2].events: "order" has never been seen: no ` +
		`"Order" has come`
	for _, c := range []struct {
		name   string
		stream journey.Stream
		want   []string
	}{
		{name: "nothing sent", want: []string{"line 8, column 1: note: touchpoints: the site has sent"}},
		{
			name: "some", want: append(unknown, never),
			stream: journey.Stream{Events: []journey.Seen{
				seen("Ad Seen", 2), seen("page", 9), seen("Fax", 1), seen("Coupon Used", 7),
			}},
		},
		{
			name: "full", stream: journey.Stream{Full: true, Events: []journey.Seen{seen("page", 9)}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			by := journey.LintOptions{Today: "2026-11-22", Stream: &c.stream}
			checkFindings(t, c.want, lint(t, source, by))
		})
	}
}

func TestLintTellsMistakes(t *testing.T) {
	t.Parallel()
	if got, err := journey.Lint("title: x\n", journey.LintOptions{}); err == nil || got != nil {
		t.Errorf("Lint = %v, %v; want mistakes", got, err)
	}
}

// TestLintOfShippedMaps: the maps that come with the product, and those of the documentation, have
// no rule that does nothing.
func TestLintOfShippedMaps(t *testing.T) {
	t.Parallel()
	for name, source := range everyMap(t) {
		findings, err := journey.Lint(source, journey.LintOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range findings {
			if f.Severity == journey.LintError {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

// TestLintUsualChannel: one of the usual channels may stand in the map for its title alone.
func TestLintUsualChannel(t *testing.T) {
	t.Parallel()
	source := strings.Replace(lintBase, "channels: [", "channels: [{id: referral, title: From friends}, "+
		"{id: direct, owner: Sales}, ", 1)
	if got := lint(t, source, journey.LintOptions{}); len(got) > 0 {
		t.Errorf("found %q", got)
	}
}

// TestLintManyRules: rules are compared once, however many events they share.
func TestLintManyRules(t *testing.T) {
	t.Parallel()
	var events []string
	for i := range 100 {
		events = append(events, fmt.Sprintf("E%d", i))
	}
	source := strings.Builder{}
	source.WriteString("title: T\nstages: [{id: a}, {id: b}]\ntouchpoints:\n")
	for i := range 250 {
		fmt.Fprintf(&source, "  - {id: t%d, stage: a, events: [%s], when: \"", i,
			strings.Join(events, ", "))
		for j := range 20 {
			if j > 0 {
				source.WriteString("||")
			}
			fmt.Fprintf(&source, "type=='%d_%d'", i, j)
		}
		source.WriteString("\"}\n")
	}
	began := time.Now()
	if got := lint(t, source.String(), journey.LintOptions{}); len(got) != 3 {
		t.Errorf("found %d: %.500q", len(got), got)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestLintNeededEvents: an event that a persona, a KPI or an experiment rests on is not to be
// stopped.
func TestLintNeededEvents(t *testing.T) {
	t.Parallel()
	source := strings.NewReplacer("traits.a == 1", "'count(\"Login\") > 3'",
		"{of: {touchpoint: order}, property: total}", "{of: {event: Call}, to: {event: Answer}}").
		Replace(lintBase)
	var stream journey.Stream
	for _, event := range []string{
		"page", "Order", "Login", "Call", "Answer", "Experiment Viewed", "$feature_flag_called", "Other",
	} {
		stream.Events = append(stream.Events, journey.Seen{Name: journey.Name{Event: event}, Count: 1})
	}
	got := lint(t, source, journey.LintOptions{Stream: &stream})
	if len(got) != 1 || !strings.Contains(got[0], `"Other"`) {
		t.Errorf("found %q", got)
	}
}
