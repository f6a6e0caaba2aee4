package world

import (
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Properties that several acts of the grocery store have.
var (
	basket = []property{
		{"order_total", amount(18, 170)}, {"currency", is("EUR")}, {"items", whole(3, 32)},
	}
	product = []property{
		{"sku", code("sku-", 400)},
		{"price", amount(1, 15)},
		{"in_stock", is(true)},
		{"category", one("bakery", "dairy", "fruit", "meat", "fish", "drinks", "sweets", "home")},
	}
	promotion = []property{{"promotion_id", code("promo-", 9)}}
)

// grocery is an online grocery store: many small orders, repeated, and a van that may be late.
func grocery() *company {
	return &company{
		home: "https://grocer.example/", app: "Grocer/5.2", perDay: 56,
		acts: append(common(), groceryActs...), sources: grocerySources,
		kinds: groceryKinds(), scenes: groceryScenes,
		signUp: "sign_up", sale: "order", refund: "refund", money: "order_total",
		repeats: []repetition{{2, "repeat_order", "loyalty"}},
		trial: trial{name: "one_page_checkout", variations: []variation{
			{"control", 1, 1}, {"one_page", 0.45, 1},
		}},
		personas: []recognition{
			tells("students", nil),
			tells("families", func(p *portrait) bool { return p.groupType == "household" }),
			tells("seniors", nil),
			tells("professionals", func(p *portrait) bool { return p.did["order"] >= 3 }),
		},
	}
}

var groceryActs = []act{
	{id: "advert", at: "awareness", track: "Advert Clicked", channel: "display", has: promotion},
	{id: "video", at: "awareness", track: "Video Playback Started", channel: "video"},
	{id: "leaflet", at: "awareness", track: "Leaflet Scanned", channel: "outdoor", has: promotion},
	{id: "landing_page", at: "awareness", page: "Landing"},

	{id: "home", at: "interest", page: "Home"},
	{id: "recipe", at: "interest", page: "Recipes"},
	{id: "promotion", at: "interest", track: "Promotion Clicked", has: promotion},
	{
		id: "newsletter", at: "interest", track: "Email Link Clicked", channel: "email",
		has: promotion,
	},

	{id: "how_it_works", at: "desire", page: "How It Works"},
	{
		id: "postcode", at: "desire", track: "Postcode Checked",
		has: []property{{"served", is(true)}},
	},
	{
		id: "not_served", at: "desire", track: "Postcode Checked", barrier: true,
		has: []property{{"served", is(false)}},
	},
	{id: "wish_list", at: "desire", track: "Recipe Saved"},

	{id: "sign_up", at: "search", track: "Signed Up"},
	{
		id: "product_search", at: "search", track: "Products Searched",
		has: []property{{"query", one("milk", "bread", "pasta", "tea")}, {"results", whole(1, 60)}},
	},
	{
		id: "nothing_found", at: "search", track: "Products Searched", barrier: true,
		has: []property{{"query", one("quinces", "salsify")}, {"results", is(0)}},
	},
	{id: "category", at: "search", track: "Product List Viewed"},
	{
		id: "chat", at: "search", track: "Live Chat Conversation Started", channel: "messenger",
	},

	{id: "product", at: "comparison", track: "Product Viewed", has: product},
	{
		id: "out_of_stock", at: "comparison", track: "Product Viewed", barrier: true,
		has: []property{{"sku", code("sku-", 400)}, {"in_stock", is(false)}},
	},
	{id: "reviews", at: "comparison", track: "Reviews Viewed", has: product[:1]},
	{
		id: "delivery_fee", at: "comparison", track: "Delivery Fee Calculated",
		has: []property{{"fee", amount(0, 7)}},
	},
	{id: "basket", at: "comparison", track: "Product Added", has: product},
	{id: "call", at: "comparison", track: "Call Answered", channel: "phone", offline: true},
	{
		id: "missed_call", at: "comparison", track: "Call Missed", channel: "phone",
		offline: true, barrier: true,
	},

	{id: "checkout", at: "purchase", track: "Checkout Started", has: basket},
	{id: "no_slot", at: "purchase", track: "Delivery Slot Unavailable", barrier: true},
	{id: "slot", at: "purchase", track: "Delivery Slot Selected"},
	{id: "coupon_denied", at: "purchase", track: "Coupon Denied", barrier: true},
	{id: "payment_failed", at: "purchase", track: "Payment Failed", has: basket, barrier: true},
	{id: "payment", at: "purchase", track: "Payment Info Entered", has: basket},
	{id: "order", at: "purchase", track: "Order Completed", has: basket},

	{
		id: "delivery", at: "satisfaction", track: "Order Delivered", channel: "delivery",
		offline: true, has: []property{{"minutes_late", whole(-20, 15)}},
	},
	{
		id: "delivery_late", at: "satisfaction", track: "Order Delivered", channel: "delivery",
		offline: true, barrier: true, has: []property{{"minutes_late", whole(16, 140)}},
	},
	{id: "support", at: "satisfaction", track: "Support Ticket Opened"},
	{
		id: "refund", at: "satisfaction", track: "Order Refunded", offline: true, channel: "phone",
		has: []property{{"order_total", amount(4, 40)}, {"currency", is("EUR")}},
	},
	{
		id: "delivery_rating", at: "satisfaction", track: "Delivery Rated",
		has: []property{{"score", score(1, 5)}},
	},
	{
		id: "product_review", at: "satisfaction", track: "Product Reviewed",
		has: []property{{"score", score(1, 5)}},
	},

	{id: "repeat_basket", at: "loyalty", track: "Basket Repeated", has: basket},
	{id: "subscription", at: "loyalty", track: "Subscription Started", has: basket},
	{id: "club", at: "loyalty", track: "Loyalty Card Linked"},
	{
		id: "recommendation_score", at: "loyalty", track: "NPS Answered",
		has: []property{{"score", score(0, 10)}},
	},

	{id: "share", at: "advocacy", track: "Recipe Shared"},
	{id: "invitation", at: "advocacy", track: "Invite Sent"},
}

var grocerySources = []source{
	{channel: "seo", referrer: "https://www.google.com/"},
	{
		channel: "paid_search", referrer: "https://www.google.com/",
		campaign: "first_basket", from: "google", medium: "cpc",
	},
	{
		channel: "social", referrer: "https://www.instagram.com/",
		campaign: "recipe_week", from: "instagram", medium: "social", byAddress: true,
	},
	{
		channel: "display", referrer: "https://news.example/food",
		campaign: "fresh_banner", from: "news", medium: "display",
	},
	{channel: "email", campaign: "weekly_letter", from: "weekly", medium: "email"},
	{
		channel: "video", referrer: "https://www.youtube.com/watch",
		campaign: "cook_along", from: "youtube", medium: "video",
	},
	{
		channel: "referral", campaign: "bring_a_friend", from: "friend", medium: "referral",
		invites: true,
	},
	{channel: "direct"},
	{
		channel: "partner", referrer: "https://recipes.example/",
		campaign: "recipe_blog", from: "recipes", medium: "affiliate",
	},
}

// wholeGrocery is the usual way.
var wholeGrocery = []journey.StageID{
	"awareness", "interest", "desire", "search", "comparison", "purchase", "satisfaction",
	"loyalty", "advocacy",
}

func groceryKinds() []kind {
	returns := []float64{2, 1, 1, 0.3, 3, 0.3, 0, 5, 0.3}
	return []kind{
		{
			name: "student", tells: "students", weight: 0.2, route: wholeGrocery,
			traits: []property{{"occupation", is("student")}, {"age", whole(18, 27)}},
			onward: 0.94, risk: 1.1, pace: 0.8, known: 0.3, again: 0.3, happy: 0.2,
			sources: []float64{2, 1, 6, 1, 0, 4, 2, 1, 1}, returns: returns, mobile: 0.85, tablet: 0.03,
			favours: map[string]float64{"promotion": 3, "video": 3, "delivery_fee": 3},
		},
		{
			name: "family", tells: "families", weight: 0.3, route: wholeGrocery,
			traits: []property{
				{"occupation", is("employed")}, {"age", whole(28, 47)}, {"children", whole(1, 3)},
			},
			groupType: "household", groupShare: 0.6, groups: 300,
			onward: 1.1, risk: 1, pace: 1, known: 0.35, again: 0.65, happy: 0.55,
			sources: []float64{4, 3, 1, 1, 2, 1, 2, 2, 3}, returns: returns, mobile: 0.55, tablet: 0.2,
			favours: map[string]float64{"recipe": 2, "subscription": 3, "basket": 2},
		},
		{
			name: "senior", tells: "seniors", weight: 0.15,
			route: []journey.StageID{
				"awareness", "interest", "search", "desire", "comparison", "purchase", "satisfaction",
				"loyalty", "advocacy",
			},
			traits: []property{{"occupation", is("retired")}, {"age", whole(62, 84)}},
			onward: 1, risk: 1.3, pace: 1.4, known: 0.25, again: 0.5, happy: 0.4,
			sources: []float64{3, 1, 0.3, 2, 3, 0.3, 2, 3, 0.3}, returns: returns,
			mobile: 0.2, tablet: 0.35,
			favours: map[string]float64{"leaflet": 6, "call": 4, "missed_call": 4, "how_it_works": 2},
		},
		{
			name: "professional", tells: "professionals", weight: 0.25,
			route: wholeGrocery[3:],
			traits: []property{
				{"occupation", one("employed", "self-employed")},
				{"age", whole(25, 44)},
				{"children", is(0)},
			},
			onward: 1.15, risk: 0.8, pace: 0.6, known: 0.45, again: 0.6, happy: 0.35,
			sources: []float64{5, 5, 1, 0.5, 1, 0.5, 1, 5, 0.5}, returns: returns,
			mobile: 0.6, tablet: 0.05,
			favours: map[string]float64{"product_search": 2, "reviews": 0.3, "subscription": 2},
		},
		{
			name: "other", tells: journey.Unassigned, weight: 0.1, route: wholeGrocery,
			onward: 0.92, risk: 1, pace: 1, known: 0.2, again: 0.3, happy: 0.3,
			sources: []float64{4, 2, 1, 2, 1, 1, 1, 2, 1}, returns: returns, mobile: 0.5, tablet: 0.1,
		},
	}
}

// trips is the time between visits to the store.
const trips = 30 * time.Hour

var groceryScenes = []scene{
	{
		stage: "awareness", onward: 0.80, more: 0.25,
		linger: []pick{{"advert", 3}, {"video", 2}, {"leaflet", 1}, {"landing_page", 4}},
	},
	{
		stage: "interest", sameVisit: 0.65, after: trips, onward: 0.82, more: 0.45, offersKnown: true,
		linger: []pick{{"home", 5}, {"recipe", 3}, {"promotion", 2}, {"newsletter", 1}},
	},
	{
		stage: "desire", sameVisit: 0.65, after: trips, onward: 0.82, more: 0.35, giveUp: 0.7,
		linger: []pick{{"how_it_works", 3}, {"postcode", 5}, {"not_served", 0.5}, {"wish_list", 1}},
	},
	{
		stage: "search", sameVisit: 0.65, after: trips, onward: 0.80, more: 0.6, giveUp: 0.25,
		offersKnown: true,
		linger: []pick{
			{"product_search", 5}, {"nothing_found", 0.3}, {"category", 5}, {"chat", 1},
		},
	},
	{
		stage: "comparison", sameVisit: 0.75, after: trips, onward: 0.78, more: 0.65, giveUp: 0.2,
		linger: []pick{
			{"product", 6},
			{"out_of_stock", 0.6},
			{"reviews", 2},
			{"delivery_fee", 1},
			{"basket", 5},
			{"call", 0.3},
			{"missed_call", 0.1},
		},
	},
	{
		stage: "purchase", sameVisit: 0.7, after: trips, onward: 1, must: true, shows: true,
		script: []line{
			{do: "checkout", quit: 0.12},
			{obstacle: "no_slot", risk: 0.14, leave: 0.5, do: "slot"},
			{obstacle: "coupon_denied", risk: 0.08, leave: 0.2, do: "payment", quit: 0.06},
			{obstacle: "payment_failed", risk: 0.1, leave: 0.45, do: "order"},
		},
	},
	{
		stage: "satisfaction", sameVisit: 1, onward: 0.68,
		script: []line{
			{
				after: 22 * time.Hour, obstacle: "delivery_late", risk: 0.18, leave: 0.2, instead: true,
				do: "delivery",
			},
			{share: 0.06, troubled: 0.3, after: time.Hour, do: "support"},
			{share: 0.02, troubled: 0.18, after: 20 * time.Hour, do: "refund"},
			{share: 0.35, troubled: 0.5, after: 3 * time.Hour, do: "delivery_rating"},
			{share: 0.1, after: 5 * time.Hour, do: "product_review"},
		},
	},
	{
		stage: "loyalty", sameVisit: 0, after: 3 * 24 * time.Hour, onward: 0.5, more: 0.4,
		linger: []pick{
			{"repeat_basket", 4}, {"subscription", 2}, {"club", 2}, {"recommendation_score", 3},
		},
		repeats:     []journey.StageID{"purchase", "satisfaction"},
		repeatAfter: 5 * 24 * time.Hour,
	},
	{
		stage: "advocacy", sameVisit: 0.2, after: 2 * 24 * time.Hour, more: 0.4,
		linger: []pick{{"share", 4}, {"invitation", 3}},
	},
}
