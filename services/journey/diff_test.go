package journey_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
)

var diffCases = []struct {
	name string
	// replace are pairs of texts of the whole map.
	replace []string
	want    []journey.Change
}{
	{name: "nothing"},
	{name: "spelling of the file", replace: []string{
		"owner: {department: Sales}", "owner: Sales", "    status: live\n", "",
		"lost_after: 60d", "lost_after: 1440h", "from: 3", "from:   3",
	}},
	{
		name: "rules of touchpoints", replace: []string{
			"events: [Order Completed]", "events: [Order Completed, Booked]\n    when: properties.paid",
			"stage: purchase, events: [Order Refunded]", "stage: loyalty, events: [Order Refunded]",
			"channel: shop,", "channel: hotel,",
		},
		want: []journey.Change{
			{
				Effect: journey.ForMessages, Path: "touchpoints[booking].events",
				Old: "[Order Completed]", New: "[Order Completed, Booked]",
			},
			{Effect: journey.ForMessages, Path: "touchpoints[booking].when", New: "properties.paid"},
			{
				Effect: journey.ForMessages, Path: "touchpoints[refund].stage",
				Old: "purchase", New: "loyalty",
			},
			{
				Effect: journey.ForMessages, Path: "touchpoints[handover].channel",
				Old: "shop", New: "hotel",
			},
		},
	},
	{
		name: "conditions spelled another way", replace: []string{
			`when: properties.name == "Stations"`, `when: properties.name=='Stations'`,
			"when: traits.children > 0", "when: (traits.children) > 0",
			`context.campaign.source == "hotel"`, `(context.campaign.source=="hotel")`,
		},
		want: []journey.Change{
			{
				Effect: journey.OnPaper, Path: "touchpoints[stations].when",
				Old: `properties.name == "Stations"`, New: "properties.name=='Stations'",
			},
			{
				Effect: journey.OnPaper, Path: "channels[hotel].when",
				Old: `context.campaign.source == "hotel"`, New: `(context.campaign.source=="hotel")`,
			},
			{
				Effect: journey.OnPaper, Path: "personas[families].when",
				Old: "traits.children > 0", New: "(traits.children) > 0",
			},
		},
	},
	{
		name: "what holds at once for all persons", replace: []string{
			"lost_after: 60d", "lost_after: 36h", "traits.children > 0", "traits.children > 1",
			"from: 3", "from: 2", ", barrier: true", "",
		},
		want: []journey.Change{
			{Effect: journey.ForPersons, Path: "lost_after", Old: "60d", New: "36h"},
			{Effect: journey.ForPersons, Path: "touchpoints[no_station].barrier", Old: "true"},
			{Effect: journey.ForPersons, Path: "touchpoints[second_booking].repeat.from", Old: "3", New: "2"},
			{
				Effect: journey.ForPersons, Path: "personas[families].when",
				Old: "traits.children > 0", New: "traits.children > 1",
			},
		},
	},
	{
		name: "plans", replace: []string{
			"due: 2027-03-01", "due: 2027-04-01",
			"  - {id: club, title: Club evening, stage: loyalty, status: missing}\n",
			"  - {id: party, stage: loyalty, status: planned}\n",
			"status: planned\n    task", "status: live\n    events: [Desk]\n    task",
		},
		want: []journey.Change{
			{
				Effect: journey.OnPaper, Path: "touchpoints[club]",
				Old: "{id: club, title: Club evening, stage: loyalty, status: missing}",
			},
			{Effect: journey.ForMessages, Path: "touchpoints[hotel_desk].events", New: "[Desk]"},
			{
				Effect: journey.ForMessages, Path: "touchpoints[hotel_desk].status",
				Old: "planned", New: "live",
			},
			{
				Effect: journey.OnPaper, Path: "touchpoints[hotel_desk].due",
				Old: "2027-03-01", New: "2027-04-01",
			},
			{
				Effect: journey.OnPaper, Path: "touchpoints[party]",
				New: "{id: party, title: party, stage: loyalty, status: planned}",
			},
		},
	},
	{
		name: "what is written on the wall", replace: []string{
			"conversion: 0.4", "conversion: 0", "kpis: {reach: 0.05}", "kpis: {wait: 60}",
			"      - Prices unclear\n", "      - Helmets missing\n", "score: unknown", "score: 2",
			"mean: {of: {touchpoint: booking}, property: total}", "sum: {of: {touchpoint: booking}, property: total}",
			`"2026-01-01": 0.041`, `"2026-01-01": 0.5`, "currency: EUR", "currency: CHF",
			"entry_channel: hotel", "entry_channel: seo", "Bicycle rental", "Rental",
			"referral: {when: has(properties.referral_code), by: referral_code}\n", "",
		},
		want: []journey.Change{
			{Effect: journey.OnPaper, Path: "title", Old: "Bicycle rental", New: "Rental"},
			{
				Effect: journey.OnPaper, Path: `stages[search].barriers["Prices unclear"]`,
				Old: "{title: Prices unclear}",
			},
			{
				Effect: journey.OnPaper, Path: `stages[search].barriers["Helmets missing"]`,
				New: "{title: Helmets missing}",
			},
			{Effect: journey.OnPaper, Path: "stages[search].targets.conversion", Old: "0.4", New: "0"},
			{Effect: journey.OnPaper, Path: "stages[search].targets.kpis.reach", Old: "0.05"},
			{Effect: journey.OnPaper, Path: "stages[search].targets.kpis.wait", New: "60"},
			{Effect: journey.OnPaper, Path: "stages[purchase].score", New: "2"},
			{
				Effect: journey.OnPaper, Path: "personas[families].entry_channel", Old: "hotel", New: "seo",
			},
			{Effect: journey.OnPaper, Path: "kpis[order_value].sum.function", Old: "mean", New: "sum"},
			{
				Effect: journey.OnPaper, Path: "kpis[reach].series.points[2026-01-01].value",
				Old: "0.041", New: "0.5",
			},
			{Effect: journey.OnPaper, Path: "money.currency", Old: "EUR", New: "CHF"},
			{
				Effect: journey.OnPaper, Path: "referral",
				Old: "{when: has(properties.referral_code), by: referral_code}",
			},
		},
	},
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, c := range diffCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			old := whole(t)
			changed := strings.NewReplacer(c.replace...).Replace(old)
			got := journey.Diff(parse(t, old), parse(t, changed).WithVersion(7))
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestDiffOfOrder: what is tried first counts among rules that can meet.
func TestDiffOfOrder(t *testing.T) {
	t.Parallel()
	const frame = "title: x\nstages: [{id: a}, {id: b}]\n"
	touchpoints := func(lines ...string) string {
		return frame + "touchpoints:\n  - " + strings.Join(lines, "\n  - ") + "\n"
	}
	const (
		x = "{id: x, stage: a, events: [e, f], when: properties.x}"
		y = "{id: y, stage: b, events: [e]}"
		z = "{id: z, stage: b, events: [g]}"
	)
	channels := func(list string) string { return touchpoints(x) + "channels: [" + list + "]\n" }
	personas := func(list string) string { return touchpoints(x) + "personas: [" + list + "]\n" }
	const (
		c1, c2, c3 = "{id: c, when: context.a}", "{id: d, when: context.b}", "{id: e}"
		p1, p2     = "{id: p, when: traits.a}", "{id: q, when: traits.b}"
	)
	for _, c := range []struct {
		name, old, changed string
		want               []journey.Change
	}{
		{
			name: "same event", old: touchpoints(x, y), changed: touchpoints(y, x),
			want: []journey.Change{{
				Effect: journey.ForMessages, Path: "touchpoints", Old: "x, y", New: "y, x",
			}},
		},
		{
			name: "other event", old: touchpoints(x, z), changed: touchpoints(z, x),
			want: []journey.Change{{
				Effect: journey.OnPaper, Path: "touchpoints", Old: "x, z", New: "z, x",
			}},
		},
		{
			name: "one more between", old: touchpoints(x, y), changed: touchpoints(x, z, y),
			want: []journey.Change{{
				Effect: journey.ForMessages, Path: "touchpoints[z]",
				New: "{id: z, title: z, stage: b, events: [g], status: live}",
			}},
		},
		{
			name: "channels with conditions", old: channels(c1 + ", " + c2), changed: channels(c2 + ", " + c1),
			want: []journey.Change{{
				Effect: journey.ForMessages, Path: "channels", Old: "c, d", New: "d, c",
			}},
		},
		{
			name: "channel that is only stated", old: channels(c1 + ", " + c3),
			changed: channels(c3 + ", " + c1), want: []journey.Change{{
				Effect: journey.OnPaper, Path: "channels", Old: "c, e", New: "e, c",
			}},
		},
		{
			name: "personas", old: personas(p1 + ", " + p2), changed: personas(p2 + ", " + p1),
			want: []journey.Change{{
				Effect: journey.ForPersons, Path: "personas", Old: "p, q", New: "q, p",
			}},
		},
		{
			name: "stages", old: touchpoints(x),
			changed: strings.Replace(touchpoints(x), "{id: a}, {id: b}", "{id: b}, {id: a}", 1),
			want: []journey.Change{{
				Effect: journey.ForPersons, Path: "stages", Old: "a, b", New: "b, a",
			}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := journey.Diff(parse(t, c.old), parse(t, c.changed))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
