package world

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// tiles is a shop for tiles: half of what matters happens in a showroom, on the telephone and on
// building sites, and is told by the shop's own systems. Dealers and builders are companies.
func tiles() *company {
	return &company{
		home: "https://tiles.example/", perDay: 74,
		acts: append(common(), tilesActs...), sources: tilesSources,
		kinds: tilesKinds(), scenes: tilesScenes,
		signUp: "sign_up", sale: "order", refund: "refund", money: "order_total",
		repeats: []repetition{{2, "repeat_order", "loyalty"}, {3, "third_order", "loyalty"}},
		trial: trial{name: "free_sample_box", variations: []variation{
			{"control", 1, 0.9}, {"free_box", 0.85, 1.2},
		}},
		personas: []recognition{
			{"dealers", func(p *portrait) bool { return p.groupType == "dealership" }},
			{"wholesale", func(p *portrait) bool {
				return p.groupType == "company" || p.spent >= 20_000
			}},
			tells("designers", func(p *portrait) bool { return p.did["sample"] >= 4 }),
			tells("retail", func(p *portrait) bool {
				return (p.first == "social" || p.first == "showroom") && p.done >= 2
			}),
		},
	}
}

// stated is the channel that a message says itself.
func stated(channel string) property { return property{"channel", is(channel)} }

// Properties that several acts of the shop for tiles have.
var (
	collection = []property{
		{"collection", one("Atlas", "Cotto", "Fjord", "Luna", "Metro", "Zellige")},
		{"size", one("10x10", "20x20", "30x60", "60x60", "60x120")},
	}
	tileOrder = append([]property{
		{"order_total", amount(180, 2600)}, {"currency", is("EUR")}, {"square_metres", whole(4, 90)},
	}, collection...)
)

// by has the channel that a message states, and more.
func by(channel string, more ...property) []property {
	return append([]property{stated(channel)}, more...)
}

var tilesActs = []act{
	{id: "gallery", at: "idea", page: "Gallery", has: collection},
	{id: "mood_board", at: "idea", track: "Mood Board Saved", has: collection},
	{
		id: "fair", at: "idea", track: "Fair Stand Visited", offline: true, channel: "fair",
		has: by("fair"),
	},
	{id: "catalogue", at: "idea", track: "Catalogue Scanned", channel: "print"},

	{id: "collection", at: "search", page: "Collection", has: collection},
	{
		id: "tile_search", at: "search", track: "Tiles Searched",
		has: append([]property{{"results", whole(1, 80)}}, collection...),
	},
	{
		id: "nothing_found", at: "search", track: "Tiles Searched", barrier: true,
		has: append([]property{{"results", is(0)}}, collection...),
	},
	{
		id: "call", at: "search", track: "Call Answered", offline: true, channel: "phone",
		has: by("phone"),
	},
	{
		id: "missed_call", at: "search", track: "Call Missed", offline: true, channel: "phone",
		barrier: true, has: by("phone"),
	},
	{id: "sign_up", at: "search", track: "Account Created"},

	{id: "room_planner", at: "sampling", track: "Room Planned", has: collection},
	{id: "sample", at: "sampling", track: "Sample Requested", has: collection},
	{
		id: "sample_late", at: "sampling", track: "Sample Delayed", offline: true,
		channel: "delivery", barrier: true, has: by("delivery", property{"days_late", whole(2, 12)}),
	},
	{
		id: "showroom_visit", at: "sampling", track: "Showroom Visited", offline: true,
		channel: "showroom", has: by("showroom", property{"minutes", whole(10, 140)}),
	},
	{
		id: "showroom_closed", at: "sampling", track: "Showroom Found Closed", barrier: true,
	},

	{id: "price_list", at: "offer", track: "Price List Downloaded"},
	{id: "quote_request", at: "offer", track: "Quote Requested", has: collection},
	{
		id: "measuring", at: "offer", track: "Site Measured", offline: true, channel: "visit",
		has: by("visit"),
	},
	{
		id: "quote", at: "offer", track: "Quote Sent", offline: true, channel: "email",
		has: by("email", property{"hours", whole(1, 48)}),
	},
	{
		id: "quote_late", at: "offer", track: "Quote Sent", offline: true, channel: "email",
		barrier: true, has: by("email", property{"hours", whole(49, 240)}),
	},
	{id: "batch_missing", at: "offer", track: "Batch Unavailable", barrier: true, has: collection},

	{id: "order", at: "order", track: "Order Placed", has: tileOrder},
	{
		id: "desk_order", is: "order", at: "order", track: "Order Placed", offline: true,
		channel: "showroom", has: by("showroom", tileOrder...),
	},
	{
		id: "phone_order", is: "order", at: "order", track: "Order Placed", offline: true,
		channel: "phone", has: by("phone", tileOrder...),
	},
	{
		id: "credit_refused", at: "order", track: "Credit Refused", offline: true, channel: "phone",
		barrier: true, has: by("phone"),
	},
	{id: "deposit", at: "order", track: "Deposit Paid"},

	{
		id: "delivery", at: "delivery", track: "Delivery Made", offline: true, channel: "delivery",
		has: by("delivery", property{"broken_pieces", is(0)}),
	},
	{
		id: "broken_tiles", at: "delivery", track: "Delivery Made", offline: true,
		channel: "delivery", barrier: true,
		has: by("delivery", property{"broken_pieces", whole(1, 30)}),
	},
	{
		id: "refund", at: "delivery", track: "Order Refunded", offline: true, channel: "phone",
		has: by("phone", property{"order_total", amount(20, 600)}, property{"currency", is("EUR")}),
	},
	{id: "advice", at: "delivery", page: "How To Lay"},
	{
		id: "delivery_rating", at: "delivery", track: "Delivery Rated",
		has: []property{{"stars", score(1, 5)}},
	},

	{id: "bonus", at: "loyalty", track: "Bonus Viewed"},
	{
		id: "training", at: "loyalty", track: "Training Attended", offline: true, channel: "showroom",
		has: by("showroom"),
	},
	{
		id: "recommendation", at: "loyalty", track: "NPS Answered",
		has: []property{{"score", score(0, 10)}},
	},

	{id: "project", at: "advocacy", track: "Project Published", has: collection},
	{id: "review", at: "advocacy", track: "Review Written", has: []property{{"score", score(1, 5)}}},
	{id: "client_sent", at: "advocacy", track: "Client Recommended"},
}

var tilesSources = []source{
	{channel: "seo", referrer: "https://www.google.com/"},
	{
		channel: "paid_search", referrer: "https://www.google.com/",
		campaign: "new_bathroom", from: "google", medium: "cpc",
	},
	{
		channel: "social", referrer: "https://www.pinterest.com/",
		campaign: "mood_boards", from: "pinterest", medium: "social", byAddress: true,
	},
	{channel: "email", campaign: "trade_letter", from: "trade", medium: "email"},
	{channel: "direct"},
	{
		channel: "partner", referrer: "https://archidex.example/",
		campaign: "archidex", from: "archidex", medium: "partner",
	},
	{
		channel: "display", referrer: "https://homes.example/",
		campaign: "tiles_again", from: "homes", medium: "retargeting",
	},
	{channel: "messenger", campaign: "sample_box", from: "whatsapp", medium: "messenger"},
	{channel: "referral", campaign: "layers_tip", from: "client", medium: "referral", invites: true},
}

func tilesKinds() []kind {
	all := []journey.StageID{
		"idea", "search", "sampling", "offer", "order", "delivery", "loyalty", "advocacy",
	}
	trade := []float64{1, 0.5, 0.1, 4, 6, 1, 0.1, 0.5, 0.2}
	return []kind{
		{
			name: "dealer", tells: journey.Unassigned, weight: 0.16,
			route:     []journey.StageID{"search", "offer", "order", "delivery", "loyalty", "advocacy"},
			traits:    []property{{"trade", is("dealer")}, {"city", one("Cork", "Galway", "Limerick")}},
			groupType: "dealership", groupShare: 0.95, groups: 100,
			onward: 1.2, risk: 0.9, pace: 0.4, known: 0.8, again: 0.8, happy: 0.3, purse: 4,
			sources: trade, returns: trade, mobile: 0.3, tablet: 0.1,
			favours: map[string]float64{
				"price_list": 6, "call": 5, "missed_call": 5, "measuring": 0, "bonus": 4, "training": 2,
			},
		},
		{
			name: "builder", tells: journey.Unassigned, weight: 0.14, route: all[1:],
			traits:    []property{{"trade", one("builder", "hotel", "developer")}},
			groupType: "company", groupShare: 0.9, groups: 150,
			onward: 0.95, risk: 1.2, pace: 1, known: 0.6, again: 0.4, happy: 0.1, purse: 9,
			sources: []float64{4, 3, 0.2, 3, 3, 2, 0.5, 1, 1}, returns: trade, mobile: 0.35, tablet: 0.1,
			favours: map[string]float64{"measuring": 5, "quote_request": 3, "quote_late": 2},
		},
		{
			name: "designer", tells: "designers", weight: 0.18,
			route: []journey.StageID{
				"idea", "sampling", "search", "offer", "order", "delivery", "loyalty", "advocacy",
			},
			traits: []property{{"profession", one("interior designer", "architect")}},
			onward: 1.08, risk: 1, pace: 0.8, known: 0.5, again: 0.5, happy: 0.5, purse: 1.5,
			sources: []float64{2, 0.5, 5, 3, 2, 6, 1, 1, 1},
			returns: []float64{1, 0.3, 2, 3, 4, 3, 1, 1, 0}, mobile: 0.35, tablet: 0.3,
			favours: map[string]float64{"sample": 5, "mood_board": 4, "project": 5, "fair": 3},
		},
		{
			name: "home owner", tells: "retail", weight: 0.4, route: all,
			traits: []property{{"private", is(true)}, {"room", one("bathroom", "kitchen", "terrace")}},
			onward: 0.95, risk: 1.1, pace: 1.2, known: 0.3, again: 0.12, happy: 0.35,
			sources: []float64{5, 5, 5, 0.5, 2, 0.3, 3, 2, 2},
			returns: []float64{2, 1, 1, 1, 4, 0.2, 3, 1, 0}, mobile: 0.7, tablet: 0.12,
			favours: map[string]float64{"room_planner": 3, "showroom_visit": 2, "showroom_closed": 2},
		},
		{
			name: "other", tells: journey.Unassigned, weight: 0.12, route: all,
			onward: 0.85, risk: 1, pace: 1, known: 0.15, again: 0.05, happy: 0.2,
			sources: []float64{5, 2, 1, 0, 2, 0.2, 2, 0.5, 0.5},
			returns: []float64{2, 1, 0, 0.5, 3, 0.2, 2, 0.5, 0}, mobile: 0.5, tablet: 0.1,
		},
	}
}

var tilesScenes = []scene{
	{
		stage: "idea", onward: 0.74, more: 0.45,
		linger: []pick{{"gallery", 6}, {"mood_board", 2}, {"fair", 0.7}, {"catalogue", 1}},
	},
	{
		stage: "search", sameVisit: 0.55, after: 2 * day, onward: 0.8, more: 0.55, giveUp: 0.45,
		offersKnown: true,
		linger: []pick{
			{"collection", 5},
			{"tile_search", 4},
			{"nothing_found", 0.4},
			{"call", 1},
			{"missed_call", 0.25},
		},
	},
	{
		stage: "sampling", sameVisit: 0.35, after: 3 * day, onward: 0.76, more: 0.5, giveUp: 0.45,
		offersKnown: true,
		linger: []pick{
			{"room_planner", 2},
			{"sample", 3},
			{"sample_late", 0.35},
			{"showroom_visit", 3},
			{"showroom_closed", 0.3},
		},
	},
	{
		stage: "offer", sameVisit: 0.3, after: 2 * day, onward: 0.74, more: 0.45, giveUp: 0.35,
		must: true, shows: true,
		linger: []pick{
			{"price_list", 2},
			{"quote_request", 3},
			{"measuring", 1},
			{"quote", 3},
			{"quote_late", 0.6},
			{"batch_missing", 0.5},
		},
	},
	{
		stage: "order", sameVisit: 0.3, after: 2 * day, onward: 1,
		script: []line{
			{obstacle: "credit_refused", risk: 0.08, leave: 0.6, do: "deposit", quit: 0.08},
		},
		// Most order where somebody speaks to them.
		linger: []pick{{"desk_order", 3}, {"phone_order", 1}, {"order", 2}},
	},
	{
		stage: "delivery", sameVisit: 0, after: 5 * day, onward: 0.62,
		script: []line{
			{
				obstacle: "broken_tiles", risk: 0.14, leave: 0.2, instead: true, do: "delivery",
			},
			{share: 0.02, troubled: 0.25, after: day, do: "refund"},
			{share: 0.3, after: day, do: "advice"},
			{share: 0.35, troubled: 0.55, after: 12 * time.Hour, do: "delivery_rating"},
		},
	},
	{
		stage: "loyalty", sameVisit: 0, after: 4 * day, onward: 0.5, more: 0.4,
		linger:  []pick{{"bonus", 3}, {"training", 0.6}, {"recommendation", 3}},
		repeats: []journey.StageID{"order", "delivery"}, repeatAfter: 5 * day,
	},
	{
		stage: "advocacy", sameVisit: 0.2, after: 2 * day, more: 0.3,
		linger: []pick{{"project", 1}, {"review", 2}, {"client_sent", 2}},
	},
}
