package plan_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// question asks about a day, as of the day after, with a window of an hour.
func question(steps ...funnel.Step) funnel.Question {
	return funnel.Question{
		From: day, To: day.AddDate(0, 0, 1), AsOf: day.AddDate(0, 0, 2), Window: time.Hour,
		Steps: steps,
	}
}

func step(kind funnel.TargetKind, name string) funnel.Step {
	return funnel.Step{Target: funnel.Target{Kind: kind, Name: name}}
}

func property(name string) plan.Value { return plan.Value{Source: plan.Property, Name: name} }

var channel = plan.Value{Source: plan.Channel}

// text is what a golden file holds: the query, its parameters, its columns and their places.
func text(q plan.Query, l plan.Layout) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", q.SQL)
	for _, name := range slices.Sorted(maps.Keys(q.Params)) {
		fmt.Fprintf(&b, "%s = %q\n", name, q.Params[name])
	}
	b.WriteString("\n")
	types := map[plan.Type]string{
		plan.UInt64: "UInt64", plan.Int64: "Int64", plan.UInt32: "UInt32", plan.String: "String",
	}
	for i, c := range q.Columns {
		fmt.Fprintf(&b, "%d %s %s\n", i, c.Name, types[c.Type])
	}
	fmt.Fprintf(&b, "\n%+v\n", l)
	return b.String()
}

func TestTouchpoints(t *testing.T) {
	t.Parallel()
	all := question(step(funnel.Event, "A"), step(funnel.Event, "B"))
	all.Mode = funnel.All
	departing := question(step(funnel.Stage, "aware"), step(funnel.Stage, "buy"))
	departing.Departures = true
	for _, c := range []struct {
		name  string
		q     funnel.Question
		needs plan.Needs
	}{
		{
			name: "stages",
			q:    question(step(funnel.Stage, "aware"), step(funnel.Stage, "buy")),
		},
		{
			name: "repeated_event",
			q: question(step(funnel.Event, "A"), step(funnel.Event, "B"),
				step(funnel.Event, "A")),
			needs: plan.Needs{Order: plan.Shown},
		},
		{
			name: "mixed_targets",
			q: question(step(funnel.Event, "A"), step(funnel.Stage, "buy"),
				step(funnel.Touchpoint, "visit"), step(funnel.Stage, "aware")),
			needs: plan.Needs{Order: plan.Shown},
		},
		{
			name:  "any_event",
			q:     question(step(funnel.Event, "A"), step(funnel.AnyEvent, "")),
			needs: plan.Needs{Order: plan.Shown},
		},
		{
			name:  "only_any_event",
			q:     question(step(funnel.AnyEvent, ""), step(funnel.AnyEvent, "")),
			needs: plan.Needs{Order: plan.Shown},
		},
		{
			name:  "conditions",
			q:     question(step(funnel.Event, "A"), step(funnel.Event, "B")),
			needs: plan.Needs{Values: []plan.Value{property("price"), property("plan"), channel}},
		},
		{
			name: "filter",
			q:    question(step(funnel.Event, "A"), step(funnel.Event, "B")),
			needs: plan.Needs{
				Values: []plan.Value{
					property("price"), channel,
					{Source: plan.Event},
					{Source: plan.Stage},
					{Source: plan.Touchpoint},
				},
				Order: plan.Shown,
			},
		},
		{
			name:  "customers_only",
			q:     question(step(funnel.Event, "A"), step(funnel.Event, "B")),
			needs: plan.Needs{Values: []plan.Value{{Source: plan.Traffic}}},
		},
		{
			name: "client",
			q:    question(step(funnel.Event, "A"), step(funnel.Event, "B")),
			needs: plan.Needs{Values: []plan.Value{
				{Source: plan.Device}, {Source: plan.Browser}, {Source: plan.OS}, property("plan"),
			}},
		},
		{
			name: "campaign",
			q:    question(step(funnel.Stage, "aware"), step(funnel.Stage, "buy")),
			needs: plan.Needs{
				Values: []plan.Value{
					{Source: plan.CampaignName},
					{Source: plan.CampaignSource},
					{Source: plan.CampaignMedium},
				},
				Order: plan.Near,
			},
		},
		{
			name: "groups",
			q:    question(step(funnel.Stage, "aware"), step(funnel.Stage, "buy")),
			needs: plan.Needs{
				Values: []plan.Value{
					{Source: plan.PropertyGroups}, {Source: plan.ContextGroups}, {Source: plan.GroupID},
				},
				Order: plan.Near,
			},
		},
		{
			name: "repeats",
			q:    question(step(funnel.Stage, "buy"), step(funnel.Stage, "loyal")),
			needs: plan.Needs{
				Values: []plan.Value{{Source: plan.Traffic}},
				Bases: []plan.Base{
					{Touchpoint: "order", Counted: true}, {Touchpoint: "visit"},
				},
			},
		},
		{
			name: "variant",
			q:    question(step(funnel.Stage, "aware"), step(funnel.Stage, "buy")),
			needs: plan.Needs{
				Values: plan.ValuesOf(funnel.Needs{Variants: []string{"button", "price"}}),
				Order:  plan.Near,
			},
		},
		{
			name: "departures",
			q:    departing,
			needs: plan.Needs{
				Values: []plan.Value{
					channel, {Source: plan.Event}, {Source: plan.Stage}, {Source: plan.Touchpoint},
				},
				Order: plan.Near, Bases: []plan.Base{{Touchpoint: "order", Counted: true}},
			},
		},
		{name: "all_in_range", q: all},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.needs.Scope = scopeOf(t, c.q)
			got := text(plan.Touchpoints("shop", c.q, c.needs))
			golden(t, c.name, got)
		})
	}
}

func scopeOf(t *testing.T, q funnel.Question) funnel.Scope {
	t.Helper()
	q.Limit = funnel.DefaultLimit
	program, err := funnel.Compile(q)
	if err != nil {
		t.Fatal(err)
	}
	return program.Scope()
}

// golden holds a text to the file of that name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".sql")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("query (-want +got); if it is right, run with -update:\n%s", diff)
	}
}

// TestExposures plans the reading of exposures to experiments.
func TestExposures(t *testing.T) {
	t.Parallel()
	query, layout := plan.Exposures("shop", day.UnixMilli(), []string{"experiment", "variant"})
	golden(t, "exposures", text(query, layout))
}

// TestAlbum plans the reading of parts with values.
func TestAlbum(t *testing.T) {
	t.Parallel()
	values := append(plan.LabelValues(), channel, plan.Value{Name: "it's"},
		plan.Value{Source: plan.ExposureProperty, Name: "variant"})
	query, layout := plan.Album(values)
	golden(t, "album", text(query, layout))
	if layout.Values != plan.AlbumValues {
		t.Errorf("values begin at %d", layout.Values)
	}
	parts := []string{"202603_1_1_0", "202604_2_9_1"}
	query, layout = plan.Places("shop", parts, []plan.Spot{{Identity: 7, At: 1000}, {Identity: 1 << 63, At: 0}},
		values[:1])
	golden(t, "places", text(query, layout))
	other := []plan.Value{{Name: "a\"\n0 \"b"}}
	if plan.Key(other) == plan.Key([]plan.Value{{Name: "a"}, {Name: "b"}}) {
		t.Error("two lists of values have one key")
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	const last2262 = 9214646400000 // 2262-01-01
	for _, c := range []struct {
		name           string
		from, to, asOf int64
		mode           funnel.RangeMode
		window         time.Duration
		first, last    int64
	}{
		{
			name: "ENTRY sees a window more than the range", from: 1000, to: 2000, asOf: 9000,
			window: time.Second, first: 1000, last: 2999,
		},
		{
			name: "ALL sees the range", from: 1000, to: 2000, asOf: 9000, mode: funnel.All,
			window: time.Second, first: 1000, last: 1999,
		},
		{
			name: "as_of is seen", from: 1000, to: 2000, asOf: 1500, window: time.Second,
			first: 1000, last: 1500,
		},
		{
			name: "as_of inside the last window", from: 1000, to: 2000, asOf: 2998,
			window: time.Second, first: 1000, last: 2998,
		},
		{
			name: "nothing where as_of is before the range", from: 1000, to: 2000, asOf: 999,
			window: time.Second, first: 1000, last: 999,
		},
		{
			name: "from before 1970", from: -5000, to: 2000, asOf: 9000, window: time.Second,
			first: 0, last: 2999,
		},
		{
			name: "a far future", from: 1000, to: 1 << 50, asOf: 1 << 50, window: time.Second,
			first: 1000, last: last2262,
		},
		{
			name: "from in a far future", from: 1 << 49, to: 1 << 50, asOf: 1 << 50,
			first: last2262, last: last2262,
		},
		{
			name: "the longest window", from: 0, to: 1 << 42, asOf: 1 << 62,
			window: 1<<63 - 1, first: 0, last: last2262,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			first, last := plan.Bounds(funnel.Question{
				From: at(c.from), To: at(c.to), AsOf: at(c.asOf), Mode: c.mode, Window: c.window,
			})
			if first != c.first || last != c.last {
				t.Errorf("bounds %d to %d, want %d to %d", first, last, c.first, c.last)
			}
		})
	}
}

// TestBoundsBefore1970: a range that ends before the first instant a touchpoint may have sees
// nothing.
func TestBoundsBefore1970(t *testing.T) {
	t.Parallel()
	first, last := plan.Bounds(funnel.Question{
		From: time.UnixMilli(-5000), To: time.UnixMilli(-1000), AsOf: day, Mode: funnel.All,
	})
	if last >= first {
		t.Errorf("bounds %d to %d, want none", first, last)
	}
}

// TestNoTextOfUsers: what users wrote, names of steps and properties, is bound as parameters. The
// query is the same whatever it is, so that nothing can break out of it.
func TestNoTextOfUsers(t *testing.T) {
	t.Parallel()
	ask := func(names [8]string) plan.Query {
		q := question(step(funnel.Event, names[0]), step(funnel.Stage, names[1]),
			step(funnel.Touchpoint, names[2]))
		q.Unit = funnel.Unit{Kind: funnel.PropertyUnit, Name: names[5]}
		q.Exclusions = []funnel.Exclusion{{Target: step(funnel.Event, names[7]).Target}}
		query, _ := plan.Touchpoints("shop", q, plan.Needs{
			Values: []plan.Value{property(names[3])},
			Bases:  []plan.Base{{Touchpoint: journey.TouchpointID(names[4]), Counted: true}},
			Only:   &plan.Only{Unit: names[6]},
		})
		return query
	}
	plain := ask([8]string{"a", "b", "c", "d", "e", "f", "g", "h"})
	nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		`'`, `\`, `\'`, "`", `"`, "{n0:String}", "--", "/*", "😀", "\x00", "'); DROP TABLE sites",
	}))
	rapid.Check(t, func(t *rapid.T) {
		var names [8]string
		for i := range names {
			names[i] = nasty.Draw(t, "name")
		}
		got := ask(names)
		if diff := cmp.Diff(plain.SQL, got.SQL); diff != "" {
			t.Fatalf("the query depends on names (-plain +nasty):\n%s", diff)
		}
		values := slices.Collect(maps.Values(got.Params))
		for _, name := range names {
			if !slices.Contains(values, name) {
				t.Fatalf("%q is not among the parameters %q", name, values)
			}
		}
	})
}

var placeholder = regexp.MustCompile(`\{(\w+):\w+\}`)

// TestParams: every parameter is used, and every one that is used is there.
func TestParams(t *testing.T) {
	t.Parallel()
	q := question(step(funnel.Event, "A"), step(funnel.Event, "A"), step(funnel.Stage, "A"))
	query, _ := plan.Touchpoints("shop", q, plan.Needs{
		Values: []plan.Value{property("A"), property("B"), {Source: plan.ExposureProperty, Name: "C"}},
		Bases:  []plan.Base{{Touchpoint: "A", Counted: true}, {Touchpoint: "B"}},
	})
	used := map[string]bool{}
	for _, m := range placeholder.FindAllStringSubmatch(query.SQL, -1) {
		used[m[1]] = true
	}
	diff := cmp.Diff(slices.Sorted(maps.Keys(query.Params)), slices.Sorted(maps.Keys(used)))
	if diff != "" {
		t.Errorf("parameters (-bound +used):\n%s", diff)
	}
}

// TestMasks: each of 30 steps has its own bit, and steps of one name share a value.
func TestMasks(t *testing.T) {
	t.Parallel()
	var steps []funnel.Step
	for i := range funnel.MaxSteps {
		steps = append(steps, step(funnel.Event, fmt.Sprint("event-", i%29)))
	}
	query, _ := plan.Touchpoints("shop", question(steps...), plan.Needs{Order: plan.Shown})
	for i := range 29 {
		mask := uint32(1) << i
		if i == 0 {
			mask |= 1 << 29
		}
		if want := fmt.Sprintf("toUInt32(%d)", mask); !strings.Contains(query.SQL, want) {
			t.Errorf("the query has no %s, the mask of event-%d", want, i)
		}
	}
}

// TestJourneys plans the reading of packed journeys: every month that the question sees.
func TestJourneys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		from, to    time.Time
		window      time.Duration
		first, last string
	}{
		{"inside a month", day, day.AddDate(0, 0, 1), time.Hour, "202603", "202603"},
		{
			"the window reaches into the next", day.AddDate(0, 0, 30), day.AddDate(0, 1, 0),
			time.Millisecond, "202603", "202604",
		},
		{
			"the range ends with the month", day.AddDate(0, 0, 30), day.AddDate(0, 1, 0), 0,
			"202603", "202603",
		},
		{"over a year", day.AddDate(-1, 0, 0), day, time.Hour, "202503", "202603"},
		{"from before 1970", time.Unix(-1, 0), day, 0, "197001", "202602"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := question(step(funnel.Stage, "aware"), step(funnel.Stage, "buy"))
			q.From, q.To, q.Window, q.AsOf = c.from, c.to, c.window, day.AddDate(1, 0, 0)
			got := plan.Journeys("shop", q)
			want := map[string]string{"site": "shop", "first": c.first, "last": c.last}
			if diff := cmp.Diff(want, got.Params); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if got.Columns[plan.Identity].Type != plan.UInt64 ||
				got.Columns[plan.Touches].Type != plan.UInt64s {
				t.Errorf("columns %+v", got.Columns)
			}
		})
	}
}
