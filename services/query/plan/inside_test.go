package plan_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// simple is a question that is counted inside.
func simple() funnel.Question {
	q := question(step(funnel.Stage, "aware"), step(funnel.Stage, "want"), step(funnel.Stage, "buy"))
	q.Limit = 25
	return q
}

func texts(s funnel.Subject, name string, o funnel.Operator, of ...string) funnel.Condition {
	c := funnel.Condition{Subject: s, Name: name, Operator: o}
	for _, t := range of {
		c.Values = append(c.Values, journey.TextValue(t))
	}
	return c
}

func TestInsideClaims(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	on := func(c ...funnel.Condition) func(*funnel.Question) {
		return func(q *funnel.Question) { q.Steps[1].Conditions = c }
	}
	for _, c := range []struct {
		name   string
		change func(*funnel.Question)
		claims bool
	}{
		{"plain", func(*funnel.Question) {}, true},
		{"all", func(q *funnel.Question) { q.Mode = funnel.All }, true},
		{"first", func(q *funnel.Question) { q.Reentry = funnel.First }, true},
		{"time to convert", func(q *funnel.Question) {
			q.TimeToConvert = &funnel.TimeToConvert{From: 0, To: 2}
		}, true},
		{"persona", func(q *funnel.Question) {
			q.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
		}, true},
		{"channel", on(texts(funnel.OfChannel, "", funnel.Equal, "ads")), true},
		{"campaign", on(texts(funnel.OfCampaign, "source", funnel.NotIn, "a", "b")), true},
		{"traffic missing", on(texts(funnel.OfTraffic, "", funnel.IsNotSet)), true},
		{"word", on(texts(funnel.Property, "device", funnel.Equal, "tablet pc")), true},
		{"filter", func(q *funnel.Question) {
			q.Filter = funnel.AllOf{funnel.Not{Of: texts(funnel.OfOS, "", funnel.Equal, "iOS")}}
		}, true},

		{"trait as breakdown", func(q *funnel.Question) {
			q.Breakdowns = []funnel.Breakdown{
				{By: funnel.Trait, Name: "plan", Attribution: funnel.OfPerson},
			}
		}, false},
		{"channel as breakdown", func(q *funnel.Question) {
			q.Breakdowns = []funnel.Breakdown{{By: funnel.OfChannel}}
		}, false},
		{"same step twice", func(q *funnel.Question) { q.Steps[2] = q.Steps[0] }, false},
		{"two kinds", func(q *funnel.Question) { q.Steps[2] = step(funnel.Event, "C") }, false},
		{"any event", func(q *funnel.Question) { q.Steps[2] = step(funnel.AnyEvent, "") }, false},
		{"strict", func(q *funnel.Question) { q.Order = funnel.Strict }, false},
		{"any order", func(q *funnel.Question) { q.Order = funnel.Any }, false},
		{"attempts", func(q *funnel.Question) { q.Count = funnel.PerAttempt }, false},
		{"sessions", func(q *funnel.Question) { q.Count = funnel.PerSession }, false},
		{"simultaneity", func(q *funnel.Question) { q.Simultaneity = time.Second }, false},
		{"hold", func(q *funnel.Question) { q.Hold = []string{"cart"} }, false},
		{"optional", func(q *funnel.Question) { q.Steps[1].Optional = true }, false},
		{"within", func(q *funnel.Question) { q.Steps[1].Within = &minute }, false},
		{"first time", func(q *funnel.Question) { q.Steps[0].FirstTime = funnel.FirstMatching }, false},
		{"exclusion", func(q *funnel.Question) {
			q.Exclusions = []funnel.Exclusion{{
				Target: funnel.Target{Kind: funnel.Event, Name: "X"}, To: 1,
			}}
		}, false},
		{"unit", func(q *funnel.Question) {
			q.Unit = funnel.Unit{Kind: funnel.TraitUnit, Name: "company"}
		}, false},
		{"departures", func(q *funnel.Question) { q.Departures = true }, false},
		{"reasons", func(q *funnel.Question) { q.Reasons = &funnel.Reasons{} }, false},
		{"trend", func(q *funnel.Question) { q.Buckets = []time.Time{q.From} }, false},
		{"number", on(funnel.Condition{
			Name: "n", Operator: funnel.Equal, Values: []journey.Value{journey.NumberValue(1)},
		}), false},
		{"text of a number", on(texts(funnel.Property, "n", funnel.Equal, "1")), false},
		{"text of a boolean", on(texts(funnel.Property, "n", funnel.Equal, "true")), false},
		{"quotation marks", on(texts(funnel.Property, "n", funnel.Equal, `a"b`)), false},
		{"property is set", on(texts(funnel.Property, "n", funnel.IsSet)), false},
		{"contains", on(texts(funnel.OfChannel, "", funnel.Contains, "a")), false},
		{"trait", on(texts(funnel.Trait, "plan", funnel.Equal, "pro")), false},
		{"filter by persona", func(q *funnel.Question) {
			q.Filter = funnel.AnyOf{texts(funnel.Persona, "", funnel.Equal, "rich")}
		}, false},
	} {
		q := simple()
		c.change(&q)
		program, err := funnel.Compile(q)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := plan.InsideClaims(program); (err == nil) != c.claims {
			t.Errorf("%s: %v, want claimed %v", c.name, err, c.claims)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	no := plan.NotInside("a trend is asked")
	for _, c := range []struct {
		setting plan.Way
		spread  bool
		claim   error
		want    plan.Way
		why     string
	}{
		{
			plan.Auto, false, nil, plan.Streamed,
			"on one node it is faster than counting inside ClickHouse",
		},
		{plan.Auto, true, nil, plan.Inside, "touchpoints are spread over shards"},
		{
			plan.Auto, true, no, plan.Streamed,
			"it cannot be counted inside ClickHouse: a trend is asked",
		},
		{plan.Inside, false, nil, plan.Inside, "as is set"},
		{
			plan.Inside, false, no, plan.Streamed,
			"it cannot be counted inside ClickHouse: a trend is asked",
		},
		{plan.Streamed, true, nil, plan.Streamed, "as is set"},
	} {
		if way, why := plan.Choose(c.setting, c.spread, c.claim); way != c.want || why != c.why {
			t.Errorf("%v, spread %v, %v: %v, %q", c.setting, c.spread, c.claim, way, why)
		}
	}
	for _, name := range []string{"auto", "streamed", "inside"} {
		if _, ok := plan.WayOf(name); !ok {
			t.Errorf("%q is no way", name)
		}
	}
	if _, ok := plan.WayOf("Inside"); ok {
		t.Error("names are compared letter by letter")
	}
}

func TestCounting(t *testing.T) {
	t.Parallel()
	first := simple()
	first.Reentry, first.Mode, first.AsOf = funnel.First, funnel.All, first.From.Add(time.Hour)
	conditional := simple()
	conditional.Steps[1].Conditions = []funnel.Condition{
		texts(funnel.OfChannel, "", funnel.NotEqual, "ads"),
		texts(funnel.Property, "device", funnel.In, "phone", "tablet"),
	}
	conditional.Filter = funnel.AnyOf{texts(funnel.OfTraffic, "", funnel.IsNotSet)}
	spread := plan.Spread{
		Over: "cluster", Name: "shop", Journeys: "`w`.`journeys_local`",
		Touchpoints: "`w`.`touchpoints_local`", Profiles: "`w`.profiles",
	}
	steps := map[journey.LabelCode]int{77: 2, 5: 0, 300: 1, 6: 0}
	personas := &plan.Personas{Nobody: "guest", Version: 7}
	for _, c := range []struct {
		name  string
		query plan.Query
	}{
		{"inside", plan.CountJourneys("shop", simple(), plan.Spread{}, nil, steps)},
		{"inside_first", plan.CountJourneys("shop", first, plan.Spread{}, personas, steps)},
		{"inside_conditions", plan.CountTouchpoints("shop", conditional, plan.Spread{}, nil)},
		{"inside_shards", plan.CountJourneys("shop", simple(), spread, personas, steps)},
	} {
		got := text(c.query, plan.Layout{})
		path := filepath.Join("testdata", c.name+".sql")
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
			t.Errorf("%s (-golden +got):\n%s", c.name, diff)
		}
	}
	if n := len(plan.CountJourneys("shop", simple(), plan.Spread{}, nil, steps).SQL); n > 6000 {
		t.Errorf("the query has %d bytes", n)
	}
}
