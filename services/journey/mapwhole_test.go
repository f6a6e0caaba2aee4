package journey_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
)

// whole is a map that says everything a map can say.
func whole(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseMapReadsEveryField(t *testing.T) {
	t.Parallel()
	want := &journey.Map{
		Title: "Bicycle rental", LostAfter: 60 * 24 * time.Hour,
		Stages: wholeStages(), Touchpoints: wholeTouchpoints(), KPIs: wholeKPIs(),
		Channels: []journey.Channel{
			{
				ID: "hotel", Title: "Hotel desks", When: `context.campaign.source == "hotel"`,
				Owner: journey.Owner{Department: "Partners"},
			},
			{ID: "shop", Title: "Our shop"},
		},
		Personas: []journey.Persona{
			{
				ID: "families", Title: "Families with children", When: "traits.children > 0",
				Needs: []string{"Child seats", "Flat routes"}, Factors: []string{"Safety", "Price"},
				Value: "High, whole weekends", Offer: "Child seat for free", EntryChannel: "hotel",
				Order: []journey.StageID{"search", "purchase", "loyalty"},
				Stages: []journey.StageOverride{{
					Stage:        "search",
					Expectations: journey.Expectations{Best: "Bicycles for all sizes in one place"},
					Barriers: []journey.Barrier{
						{Title: "No child seats", Remedy: "Reserve them on the telephone"},
					},
					Targets: journey.Targets{
						Conversion: new(0.5), MedianTime: new(72 * time.Hour),
					},
				}},
			},
			{ID: "commuters", Title: "commuters", When: "traits.commutes", EntryChannel: "seo"},
		},
		Money: &journey.Money{
			Property: "total", Currency: "EUR", CurrencyProperty: "currency_code",
			Touchpoints: []journey.TouchpointID{"booking", "second_booking"},
			Refunds:     []journey.TouchpointID{"refund"},
		},
		Referral: &journey.Referral{When: "has(properties.referral_code)", By: "referral_code"},
	}
	got := parse(t, whole(t))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(journey.Map{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func wholeStages() []journey.Stage {
	return []journey.Stage{
		{
			ID: "search", Title: "Search", Task: "Answer, show expertise, get the contact",
			Goal:         "30 % of visitors leave a contact",
			CustomerGoal: "Find a bicycle near the hotel for the weekend",
			Activities: []journey.Activity{
				{
					Title:       "Checks the map of stations",
					Touchpoints: []journey.TouchpointID{"stations"},
				},
				{Title: "Looks at prices"},
			},
			BehindTheScenes: []string{"Prices are set every night"},
			Expectations: journey.Expectations{
				Usual: "A station in walking distance", Best: "A bicycle in front of the hotel",
				Worst:    "No bicycle in the whole town",
				Surprise: "The weather for the weekend beside the price",
			},
			Barriers: []journey.Barrier{
				{
					Title: "No station near", Touchpoint: "no_station",
					Remedy: "Show the bus to the next one",
				},
				{Title: "Prices unclear"},
			},
			Ideas: []string{"Ask hotels to show our map"},
			Stimuli: []journey.Stimulus{
				{Title: "First hour free for an address", To: "purchase", Contact: true},
				{Title: "Reminder by e-mail", To: "purchase"},
			},
			Contact: true, Owner: journey.Owner{Department: "Marketing", Person: "R. Hood"},
			Targets: journey.Targets{
				Conversion: new(0.4), MedianTime: new(48 * time.Hour), Experience: new(0.3),
				KPIs: map[journey.KPIID]float64{"reach": 0.05},
			},
			Temperature: journey.Warm, Score: 4, KPIs: []journey.KPIID{"reach", "wait"},
		},
		{
			ID: "purchase", Title: "Booking", Task: "Sell",
			Stimuli: []journey.Stimulus{{Title: "Voucher for the next ride", To: "satisfaction"}},
			Owner:   journey.Owner{Department: "Sales"},
			Targets: journey.Targets{KPIs: map[journey.KPIID]float64{"order_value": 60}},
			KPIs:    []journey.KPIID{"bookings", "revenue", "order_value"}, Temperature: journey.Hot,
		},
		{
			ID: "satisfaction", Title: "Ride", Task: "Make happy, calm the unhappy",
			KPIs: []journey.KPIID{"on_time"},
		},
		{ID: "loyalty", Title: "Loyalty", KPIs: []journey.KPIID{"repurchase"}},
	}
}

func wholeTouchpoints() []journey.Touchpoint {
	return []journey.Touchpoint{
		{
			ID: "stations", Title: "Map of stations", Stage: "search", Events: []string{"page"},
			When: `properties.name == "Stations"`, Status: journey.Live,
		},
		{
			ID: "no_station", Title: "No station near", Stage: "search", Barrier: true,
			Events: []string{"Station Missing"}, Importance: 4, Status: journey.Live,
		},
		{
			ID: "hotel_desk", Title: "Hotel desk", Stage: "search", Channel: "hotel",
			Status: journey.Planned, Task: "Train twenty desks", Due: "2027-03-01", Contact: true,
		},
		{
			ID: "booking", Title: "Booking", Stage: "purchase", Importance: 5,
			Events: []string{"Order Completed"}, Owner: journey.Owner{Department: "Sales"},
			Status: journey.Live, Standard: "Confirmed within a minute", Task: "Fewer fields",
			Due: "2026-12-01", Score: 4,
		},
		{
			ID: "refund", Title: "Refund", Stage: "purchase", Events: []string{"Order Refunded"},
			Status: journey.Live,
		},
		{
			ID: "handover", Title: "Handover", Stage: "satisfaction", Channel: "shop",
			Events: []string{"Bicycle Handed Over"}, Status: journey.Live,
		},
		{
			ID: "rating", Title: "Rating of the ride", Stage: "satisfaction",
			Events: []string{"Ride Rated"}, Status: journey.Live,
			Feedback: &journey.Feedback{Kind: journey.CSAT, Property: "stars"},
		},
		{
			ID: "second_booking", Title: "Third and later booking", Stage: "loyalty",
			Status: journey.Live, Repeat: &journey.Repeat{Of: "booking", From: 3},
		},
		{ID: "club", Title: "Club evening", Stage: "loyalty", Status: journey.Absent},
	}
}

func wholeKPIs() []journey.KPI {
	booking := journey.KPISubject{Touchpoint: "booking"}
	return []journey.KPI{
		{
			ID: "bookings", Title: "Bookings", Unit: "count",
			Formula: &journey.Formula{Function: journey.Count, Of: booking, Persons: true},
		},
		{
			ID: "on_time", Title: "Ready on time", Unit: "share", Formula: &journey.Formula{
				Function: journey.Share,
				Of: journey.KPISubject{
					Touchpoint: "handover", When: "properties.minutes_late <= 0",
				},
				Among: &journey.KPISubject{Touchpoint: "handover"},
			},
		},
		{
			ID: "revenue", Title: "Revenue", Unit: "money", Formula: &journey.Formula{
				Function: journey.Sum, Of: journey.KPISubject{Stage: "purchase"}, Property: "total",
			},
		},
		{
			ID: "order_value", Title: "Average order value", Unit: "money",
			Formula: &journey.Formula{Function: journey.Mean, Of: booking, Property: "total"},
		},
		{
			ID: "wait", Title: "Wait for an answer", Unit: "seconds", Formula: &journey.Formula{
				Function: journey.Percentile, Percentile: 90,
				Of: journey.KPISubject{Event: "Call Started"},
				To: &journey.KPISubject{Event: "Call Answered"},
			},
		},
		{
			ID: "repurchase", Title: "repurchase", Unit: "share", Formula: &journey.Formula{
				Function: journey.Share, Of: journey.KPISubject{Stage: "loyalty"},
				Among: &journey.KPISubject{Stage: "purchase"}, Persons: true,
			},
		},
		{
			ID: "answer", Title: "answer", Unit: "seconds", Formula: &journey.Formula{
				Function: journey.Mean, Of: journey.KPISubject{Event: "Call Started"}, To: &booking,
			},
		},
		{
			ID: "late", Title: "late", Unit: "minutes", Formula: &journey.Formula{
				Function: journey.Percentile, Percentile: 99.5,
				Of: journey.KPISubject{Touchpoint: "handover"}, Property: "minutes_late",
			},
		},
		{
			ID: "reach", Title: "Share of target group reached", Unit: "share",
			Series: &journey.Series{
				Source: "City panel",
				Points: []journey.Point{
					{Date: "2026-01-01", Value: 0.041}, {Date: "2026-04-01", Value: 0.043},
				},
			},
		},
	}
}

// TestWholeSaysEverything: no exported field of a map is empty everywhere in it.
func TestWholeSaysEverything(t *testing.T) {
	t.Parallel()
	filled := map[string]bool{}
	fieldsOf(reflect.ValueOf(*parse(t, whole(t))), filled)
	for name, is := range filled {
		if !is && name != "Map.Version" {
			t.Errorf("%s is empty everywhere", name)
		}
	}
}

// fieldsOf notes of every exported field below a value whether it is ever filled.
func fieldsOf(v reflect.Value, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fieldsOf(v.Elem(), filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fieldsOf(v.Index(i), filled)
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() {
				name := v.Type().Name() + "." + field.Name
				filled[name] = filled[name] || !value.IsZero()
				fieldsOf(value, filled)
			}
		}
	}
}

// TestEntryChannelsAreTheDocumented: a persona may come in by every usual channel that the table in
// docs/semantics.md has.
func TestEntryChannelsAreTheDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Channels\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 2 || !strings.HasPrefix(line, "| ") {
			continue
		}
		for i, channel := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				rows++
				parse(t, strings.Replace(small, `"pro"}`, `"pro", entry_channel: `+channel+"}", 1))
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d channels in the table, want more", rows)
	}
}
