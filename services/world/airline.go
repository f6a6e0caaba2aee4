package world

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// airline sells few and dear things far ahead: between booking and flight lie days in which much
// can go wrong, and each kind of passenger fears something else.
func airline() *company {
	return &company{
		home: "https://wings.example/", app: "Wings/9.1", perDay: 62,
		acts: append(common(), airlineActs...), sources: airlineSources,
		kinds: airlineKinds(), scenes: airlineScenes,
		signUp: "sign_up", sale: "flight_booked", refund: "fare_refunded", money: "fare_total",
		repeats: []repetition{{2, "repeat_booking", "loyalty"}},
		trial: trial{name: "price_promise", variations: []variation{
			{"control", 1, 1}, {"promise", 0.8, 1.2},
		}},
		personas: []recognition{
			tells("reduced_mobility", func(p *portrait) bool { return p.did["assistance_request"] > 0 }),
			tells("business", func(p *portrait) bool {
				return p.groupType == "company" || p.did["flight_booked"] >= 3
			}),
			tells("families", nil),
			tells("couples", nil),
		},
	}
}

// Properties that several acts of the airline have.
var (
	flight = []property{
		{"route", one("DUB-LIS", "DUB-ATH", "DUB-FRA", "DUB-KEF", "DUB-RAK", "DUB-VIE")},
	}
	fare = append([]property{
		{"fare_total", amount(60, 900)}, {"currency", is("EUR")}, {"passengers", whole(1, 5)},
	}, flight...)
)

// scored has a score of a scale.
func scored(from, to int) []property { return []property{{"score", score(from, to)}} }

var airlineActs = []act{
	{
		id: "destination_film", at: "inspiration", track: "Video Playback Started",
		channel: "video", has: flight,
	},
	{id: "destination", at: "inspiration", page: "Destination", has: flight},
	{id: "route_map", at: "inspiration", page: "Route Map"},
	{id: "fare_alert", at: "inspiration", track: "Fare Alert Subscribed", has: flight},

	{
		id: "flight_search", at: "search", track: "Flights Searched",
		has: append([]property{{"results", whole(1, 12)}}, flight...),
	},
	{
		id: "no_flights", at: "search", track: "Flights Searched", barrier: true,
		has: append([]property{{"results", is(0)}}, flight...),
	},
	{id: "assistance_page", at: "search", page: "Special Assistance"},
	{id: "sign_up", at: "search", track: "Signed Up"},

	{id: "fares", at: "comparison", track: "Fares Compared", has: flight},
	{id: "seat_map", at: "comparison", track: "Seat Map Viewed", has: flight},
	{id: "baggage_rules", at: "comparison", page: "Baggage"},
	{
		id: "price_jump", at: "comparison", track: "Price Changed", barrier: true,
		has: []property{{"price_change", amount(8, 120)}},
	},
	{
		id: "call", at: "comparison", track: "Call Answered", channel: "phone", offline: true,
		has: []property{{"wait_seconds", whole(3, 120)}},
	},
	{
		id: "long_wait", at: "comparison", track: "Call Answered", channel: "phone", offline: true,
		barrier: true, has: []property{{"wait_seconds", whole(301, 2400)}},
	},

	{id: "passengers", at: "booking", track: "Passengers Entered", has: fare},
	{id: "seats", at: "booking", track: "Seats Selected"},
	{id: "seats_apart", at: "booking", track: "Seats Together Unavailable", barrier: true},
	{id: "payment_declined", at: "booking", track: "Payment Declined", has: fare, barrier: true},
	{id: "flight_booked", at: "booking", track: "Flight Booked", has: fare},

	{id: "assistance_request", at: "preparation", track: "Assistance Requested"},
	{
		id: "schedule_change", at: "preparation", track: "Schedule Changed", channel: "email",
		offline: true, barrier: true, has: []property{{"minutes_moved", whole(90, 600)}},
	},
	{id: "upgrade", at: "preparation", track: "Upgrade Bought"},
	{
		id: "fare_refunded", at: "preparation", track: "Fare Refunded", channel: "phone",
		offline: true,
		has:     []property{{"fare_total", amount(60, 500)}, {"currency", is("EUR")}},
	},
	{id: "check_in", at: "preparation", track: "Checked In", has: flight},

	{id: "bag_drop", at: "airport", track: "Bag Dropped", channel: "airport", offline: true},
	{id: "lounge", at: "airport", track: "Lounge Visited", channel: "airport", offline: true},
	{
		id: "assistance_late", at: "airport", track: "Assistance Late", channel: "airport",
		offline: true, barrier: true, has: []property{{"minutes_late", whole(10, 50)}},
	},
	{
		id: "delay", at: "airport", track: "Flight Delayed", channel: "airport", offline: true,
		barrier: true, has: []property{{"minutes_late", whole(31, 300)}},
	},
	{id: "boarding", at: "airport", track: "Boarded", channel: "airport", offline: true, has: flight},

	{id: "landing", at: "flight", track: "Landed", channel: "aircraft", offline: true, has: flight},
	{
		id: "bag_missing", at: "flight", track: "Bag Missing", channel: "airport", offline: true,
		barrier: true,
	},
	{id: "claim", at: "flight", track: "Claim Opened"},
	{id: "claim_effort", at: "flight", track: "Claim Rated", has: scored(1, 7)},
	{id: "flight_rating", at: "flight", track: "Flight Rated", has: scored(1, 5)},

	{id: "miles", at: "loyalty", track: "Miles Viewed"},
	{id: "club", at: "loyalty", track: "Club Joined"},
	{id: "recommendation", at: "loyalty", track: "NPS Answered", has: scored(0, 10)},
	{id: "letter", at: "loyalty", track: "Feedback Written", has: scored(-2, 2)},

	{id: "trip_shared", at: "advocacy", track: "Trip Shared"},
	{id: "companion_invited", at: "advocacy", track: "Companion Invited"},
}

var airlineSources = []source{
	{channel: "seo", referrer: "https://www.google.com/"},
	{
		channel: "paid_search", referrer: "https://www.google.com/",
		campaign: "city_breaks", from: "google", medium: "cpc",
	},
	{
		channel: "paid_social", referrer: "https://www.instagram.com/",
		campaign: "two_seats_one_sunset", from: "instagram", medium: "paid_social",
	},
	{
		channel: "partner", referrer: "https://fares.example/",
		campaign: "fare_engine", from: "fares", medium: "affiliate", byAddress: true,
	},
	{channel: "email", campaign: "fare_alert", from: "fares_letter", medium: "email"},
	{channel: "direct"},
	{channel: "corporate", referrer: "https://portal.corptravel.example/"},
	{
		channel: "video", referrer: "https://www.youtube.com/watch",
		campaign: "cabin_tour", from: "youtube", medium: "video",
	},
	{channel: "referral", referrer: "https://barrierfree.example/forum"},
	{
		channel: "friends", campaign: "bring_somebody", from: "friend", medium: "referral",
		invites: true,
	},
}

func airlineKinds() []kind {
	all := []journey.StageID{
		"inspiration", "search", "comparison", "booking", "preparation", "airport", "flight",
		"loyalty", "advocacy",
	}
	returns := []float64{1, 1, 0.3, 0.5, 3, 6, 0, 0.2, 0.2, 0}
	return []kind{
		{
			name: "business", tells: journey.Unassigned, weight: 0.26,
			traits:    []property{{"role", one("engineer", "sales", "manager")}, {"age", whole(28, 58)}},
			groupType: "company", groupShare: 0.9, groups: 150,
			route: []journey.StageID{
				"search", "booking", "preparation", "airport", "flight", "loyalty", "advocacy",
			},
			onward: 1.15, risk: 0.8, pace: 0.35, known: 0.7, again: 0.7, happy: 0.2,
			sources: []float64{2, 2, 0.2, 0.5, 2, 5, 7, 0.1, 0, 0.5},
			returns: []float64{1, 1, 0, 0.5, 2, 5, 6, 0, 0, 0}, mobile: 0.45, tablet: 0.05,
			favours: map[string]float64{"miles": 4},
		},
		{
			name: "family", tells: "families", weight: 0.24, route: all,
			traits: []property{
				{"children", whole(1, 3)}, {"age", whole(29, 48)}, {"travellers", whole(3, 5)},
			},
			onward: 0.98, risk: 1.2, pace: 1.2, known: 0.35, again: 0.15, happy: 0.35,
			sources: []float64{5, 3, 1, 4, 2, 2, 0, 1, 0, 1}, returns: returns, mobile: 0.45, tablet: 0.25,
			favours: map[string]float64{"seat_map": 3, "baggage_rules": 4, "price_jump": 1.5},
		},
		{
			name: "couple", tells: "couples", weight: 0.26, route: all,
			traits: []property{
				{"occasion", one("honeymoon", "anniversary")},
				{"travellers", is(2)},
				{"age", whole(23, 66)},
			},
			onward: 1.05, risk: 0.9, pace: 1, known: 0.4, again: 0.25, happy: 0.65,
			sources: []float64{2, 1, 7, 2, 1, 1, 0, 4, 0, 2}, returns: returns, mobile: 0.75, tablet: 0.1,
			favours: map[string]float64{"destination_film": 3, "trip_shared": 3, "seat_map": 0.5},
		},
		{
			name: "reduced mobility", tells: "reduced_mobility", weight: 0.12, route: all[1:],
			traits: []property{
				{"assistance", one("wheelchair", "blind", "deaf")}, {"age", whole(30, 80)},
			},
			onward: 0.95, risk: 1.6, pace: 1, known: 0.5, again: 0.4, happy: 0.15,
			sources: []float64{4, 1, 0.3, 0.5, 1, 3, 0, 0.5, 6, 2}, returns: returns,
			mobile: 0.4, tablet: 0.2,
			favours: map[string]float64{
				"assistance_page": 8, "call": 6, "long_wait": 8, "claim": 2, "letter": 4,
			},
		},
		{
			name: "other", tells: journey.Unassigned, weight: 0.12, route: all,
			onward: 0.85, risk: 1, pace: 1, known: 0.2, again: 0.1, happy: 0.3,
			sources: []float64{4, 2, 1, 4, 1, 2, 0, 1, 0, 0}, returns: returns, mobile: 0.5, tablet: 0.1,
		},
	}
}

var airlineScenes = []scene{
	{
		stage: "inspiration", onward: 0.72, more: 0.4,
		linger: []pick{
			{"destination_film", 2}, {"destination", 4}, {"route_map", 2}, {"fare_alert", 1},
		},
	},
	{
		stage: "search", sameVisit: 0.5, after: 2 * day, onward: 0.8, more: 0.6, giveUp: 0.5,
		offersKnown: true,
		linger:      []pick{{"flight_search", 8}, {"no_flights", 0.7}, {"assistance_page", 0.5}},
	},
	{
		stage: "comparison", sameVisit: 0.6, after: 36 * time.Hour, onward: 0.66, more: 0.6,
		giveUp: 0.4, shows: true,
		linger: []pick{
			{"fares", 5},
			{"seat_map", 2},
			{"baggage_rules", 1},
			{"price_jump", 0.7},
			{"call", 0.5},
			{"long_wait", 0.2},
		},
	},
	{
		stage: "booking", sameVisit: 0.7, after: day, onward: 0.97, must: true,
		script: []line{
			{do: "passengers", quit: 0.12},
			{obstacle: "seats_apart", risk: 0.1, leave: 0.45, do: "seats"},
			{obstacle: "payment_declined", risk: 0.12, leave: 0.5, do: "flight_booked"},
		},
	},
	{
		stage: "preparation", sameVisit: 1, onward: 0.99,
		script: []line{
			{share: 0.02, do: "assistance_request"},
			{share: 0.12, after: day, do: "schedule_change"},
			{share: 0.015, troubled: 0.12, after: 12 * time.Hour, do: "fare_refunded", quit: 0.9},
			{share: 0.14, after: day, do: "upgrade"},
			{after: 3 * day, do: "check_in"},
		},
	},
	{
		stage: "airport", sameVisit: 0, after: 20 * time.Hour, onward: 1,
		script: []line{
			{share: 0.6, do: "bag_drop"},
			{share: 0.15, do: "lounge"},
			{share: 0.06, do: "assistance_late"},
			{after: 40 * time.Minute, obstacle: "delay", risk: 0.2, leave: 0.06, do: "boarding"},
		},
	},
	{
		stage: "flight", sameVisit: 0, after: 3 * time.Hour, onward: 0.6,
		script: []line{
			{do: "landing"},
			{share: 0.05, after: 30 * time.Minute, do: "bag_missing"},
			{share: 0.03, troubled: 0.3, after: 10 * time.Hour, do: "claim"},
			{share: 0.01, troubled: 0.2, after: day, do: "claim_effort"},
			{share: 0.4, troubled: 0.5, after: 6 * time.Hour, do: "flight_rating"},
		},
	},
	{
		stage: "loyalty", sameVisit: 0, after: 2 * day, onward: 0.5, more: 0.4,
		linger:      []pick{{"miles", 3}, {"club", 2}, {"recommendation", 3}, {"letter", 1}},
		repeats:     []journey.StageID{"booking", "preparation", "airport", "flight"},
		repeatAfter: 6 * day,
	},
	{
		stage: "advocacy", sameVisit: 0.3, after: day, more: 0.4,
		linger: []pick{{"trip_shared", 4}, {"companion_invited", 2}},
	},
}
