package api_test

// goldenQuestion is a question about a world: what it states beside the world's usual range, as_of
// and steps.
type goldenQuestion struct {
	name, world, title, fields string
}

// goldenUsual are what a question about a world states unless it states otherwise.
var goldenUsual = map[string]string{
	"shop": `{"range":{"fromDate":"2026-03-09","toDate":"2026-04-06"},
		"asOf":"2026-04-06T00:00:00Z","windowSeconds":604800,
		"steps":[{"event":"View"},{"event":"Add"},{"event":"Pay"}]}`,
	"edges": `{"range":{"fromTime":"2026-03-02T12:00:00Z","toTime":"2026-03-02T14:00:00Z"},
		"asOf":"2026-03-03T00:00:00Z","windowSeconds":3600,
		"steps":[{"event":"View"},{"event":"Add"},{"event":"Pay"}]}`,
	"drawn": `{"range":{"fromTime":"2026-03-02T00:00:00Z","toTime":"2026-03-04T00:00:00Z"},
		"asOf":"2026-03-09T00:00:00Z","windowSeconds":3600}`,
	"visits": `{"range":{"fromTime":"2026-03-02T00:00:00Z","toTime":"2026-03-05T00:00:00Z"},
		"asOf":"2026-03-03T23:00:00Z","windowSeconds":86400,"count":"COUNT_SESSION",
		"steps":[{"event":"View"},{"event":"Add"},{"event":"Pay"}]}`,
}

const (
	refusedDrop   = `"exclusions":[{"touchpoint":{"event":"Refuse"},"fromStep":1,"toStep":3}]`
	refusedRemove = `"exclusions":[{"touchpoint":{"event":"Refuse"},"fromStep":1,"toStep":3,
		"effect":"EXCLUSION_EFFECT_REMOVE"}]`
	withCoupon = `"steps":[{"event":"View"},{"event":"Coupon","optional":true},{"event":"Add"},
		{"event":"Pay"}]`
)

var goldenQuestions = []goldenQuestion{
	// The edges of each option.
	{"plain", "edges", "Ordered: equal times, window edges, the best of several attempts", ``},
	{"missing", "edges", "By a value that most lack", `"breakdowns":[{"property":"item"}]`},
	{"first", "edges", "FIRST: only the first attempt", `"reentry":"REENTRY_FIRST"`},
	{"all", "edges", "ALL: nothing outside the range is seen", `"rangeMode":"RANGE_MODE_ALL",
		"range":{"fromTime":"2026-03-02T12:00:00Z","toTime":"2026-03-02T12:00:20Z"}`},
	{
		"entry", "edges", "ENTRY: later steps may fall after the range",
		`"range":{"fromTime":"2026-03-02T12:00:00Z","toTime":"2026-03-02T12:00:20Z"}`,
	},
	{"as-of", "edges", "Nothing after as_of is seen", `"asOf":"2026-03-02T12:00:15Z"`},
	{"as-of-window", "edges", "A deadline at as_of is over", `"asOf":"2026-03-02T13:00:00Z"`},
	{
		"as-of-all", "edges", "Under ALL the end of the range is a deadline",
		`"asOf":"2026-03-02T12:00:19Z","rangeMode":"RANGE_MODE_ALL",
		"range":{"fromTime":"2026-03-02T12:00:00Z","toTime":"2026-03-02T12:00:20Z"}`,
	},
	{
		"repeated", "edges", "One touchpoint fills one step of two that are equal",
		`"steps":[{"event":"View"},{"event":"View"},{"event":"Pay"}]`,
	},
	{
		"any-event", "edges", "Any touchpoint fills a step",
		`"steps":[{"event":"View"},{"anyEvent":true},{"event":"Pay"}]`,
	},
	{
		"within", "edges", "Steps with a time of their own: no greedy choice",
		`"steps":[{"event":"View"},{"event":"Add"},{"event":"Pay","withinSeconds":60}]`,
	},
	{
		"within-first", "edges", "within of the second step, as a deadline",
		`"asOf":"2026-03-02T12:30:00Z","steps":[{"event":"View"},{"event":"Add","withinSeconds":10},
		{"event":"Pay"}]`,
	},
	{
		"simultaneous", "edges", "Times that differ by no more than 3 s are in either order",
		`"simultaneitySeconds":3`,
	},
	{"optional", "edges", "An optional step", withCoupon},
	{
		"optional-within", "edges", "An optional step with a time of its own",
		`"steps":[{"event":"View"},{"event":"Coupon","optional":true,"withinSeconds":5},
		{"event":"Add"},{"event":"Pay"}]`,
	},
	{"strict", "edges", "STRICT: nothing between", `"order":"ORDER_STRICT"`},
	{"strict-first", "edges", "STRICT and FIRST", `"order":"ORDER_STRICT","reentry":"REENTRY_FIRST"`},
	{"strict-optional", "edges", "STRICT with an optional step", `"order":"ORDER_STRICT",` + withCoupon},
	{"strict-filtered", "edges", "STRICT: what the filter hides is not between", `"order":"ORDER_STRICT",
		"filter":{"condition":{"subject":"SUBJECT_EVENT","operator":"OPERATOR_NOT_IN",
		"values":["Other","Refuse","Coupon"]}}`},
	{"any", "edges", "ANY: step k is the k-th in time", `"order":"ORDER_ANY"`},
	{"any-drop", "edges", "ANY: an exclusion covers the whole attempt", `"order":"ORDER_ANY",` + refusedDrop},
	{"any-remove", "edges", "ANY: the deepest clean attempt", `"order":"ORDER_ANY",` + refusedRemove},
	{"drop", "edges", "An exclusion cuts the attempt", refusedDrop},
	{"remove", "edges", "An exclusion removes the unit", refusedRemove},
	{"remove-first", "edges", "REMOVE under FIRST", `"reentry":"REENTRY_FIRST",` + refusedRemove},
	{"drop-optional", "edges", "An exclusion after an optional step", withCoupon + `,
		"exclusions":[{"touchpoint":{"event":"Refuse"},"fromStep":2,"toStep":4}]`},
	{"remove-optional", "edges", "The same with REMOVE, and one up to an optional step", withCoupon + `,
		"exclusions":[{"touchpoint":{"event":"Refuse"},"fromStep":2,"toStep":4,
		"effect":"EXCLUSION_EFFECT_REMOVE"},{"touchpoint":{"event":"Other"},"fromStep":1,"toStep":2,
		"effect":"EXCLUSION_EFFECT_REMOVE"}]`},
	{
		"two-exclusions", "edges", "Two exclusions, the earliest hits",
		`"exclusions":[{"touchpoint":{"event":"Refuse"},"fromStep":2,"toStep":3},
		{"touchpoint":{"event":"Other"},"fromStep":1,"toStep":2,"effect":"EXCLUSION_EFFECT_REMOVE"}]`,
	},
	{"hold", "edges", "One value of a property held", `"hold":["item"]`},
	{"hold-strict", "edges", "Neighbours among those of one value", `"hold":["item"],"order":"ORDER_STRICT"`},
	{
		"first-time", "edges", "The first ever of an event, which must then pass",
		`"steps":[{"event":"View"},{"event":"Add","firstTime":"FIRST_TIME_EVENT","conditions":
		[{"name":"item","operator":"OPERATOR_NEQ","values":["b"]}]},{"event":"Pay"}]`,
	},
	{
		"first-matching", "edges", "The first that passes",
		`"steps":[{"event":"View"},{"event":"Add","firstTime":"FIRST_TIME_MATCHING","conditions":
		[{"name":"item","operator":"OPERATOR_NEQ","values":["b"]}]},{"event":"Pay"}]`,
	},
	{"attempts", "edges", "Every attempt", `"count":"COUNT_ATTEMPT"`},
	{"attempts-strict", "edges", "Every attempt, STRICT", `"count":"COUNT_ATTEMPT","order":"ORDER_STRICT"`},
	{"attempts-any", "edges", "Every attempt, ANY", `"count":"COUNT_ATTEMPT","order":"ORDER_ANY"`},
	{"attempts-drop", "edges", "Every attempt, exclusions cut", `"count":"COUNT_ATTEMPT",` + refusedDrop},
	{"attempts-remove", "edges", "Every attempt, void ones go", `"count":"COUNT_ATTEMPT",` + refusedRemove},
	{"attempts-trend", "edges", "Every attempt in its hour", `"count":"COUNT_ATTEMPT",
		"trend":{"interval":"INTERVAL_HOUR"}`},
	{"posthog", "edges", "compat POSTHOG", `"compat":"COMPAT_POSTHOG",` + refusedRemove},
	{"mixpanel", "edges", "compat MIXPANEL", `"compat":"COMPAT_MIXPANEL"`},
	{"amplitude", "edges", "compat AMPLITUDE", `"compat":"COMPAT_AMPLITUDE"`},
	{"everything", "edges", "Several options at once", `"simultaneitySeconds":2,"hold":["item"],
		"count":"COUNT_ATTEMPT","steps":[{"event":"View"},{"event":"Coupon","optional":true},
		{"event":"Add","withinSeconds":30},{"event":"Pay"}],
		"exclusions":[{"touchpoint":{"event":"Refuse"},"fromStep":3,"toStep":4}]`},

	// Sessions.
	{"sessions", "visits", "Every session", ``},
	{
		"sessions-filtered", "visits", "Sessions are cut before the filter",
		`"filter":{"condition":{"subject":"SUBJECT_EVENT","operator":"OPERATOR_NEQ","values":["Robot"]}}`,
	},
	{"sessions-remove", "visits", "A void session removes only itself", refusedRemove},
	{"sessions-any", "visits", "Sessions in any order", `"order":"ORDER_ANY"`},
	{"sessions-strict", "visits", "Sessions, STRICT", `"order":"ORDER_STRICT"`},
	{"sessions-trend", "visits", "Each session in its day", `"trend":{"interval":"INTERVAL_DAY"}`},

	// A month of a shop.
	{"shop", "shop", "A month", ``},
	{"shop-strict", "shop", "A month, STRICT", `"order":"ORDER_STRICT"`},
	{"shop-any", "shop", "A month, ANY", `"order":"ORDER_ANY"`},
	{
		"shop-stages", "shop", "By stages and touchpoints of the map",
		`"steps":[{"stage":"look"},{"touchpoint":"added"},{"stage":"pay"}]`,
	},
	{"shop-days", "shop", "By day, over a change of clocks", `"trend":{"interval":"INTERVAL_DAY"},
		"range":{"fromDate":"2026-03-26","toDate":"2026-04-02"}`},
	{"shop-weeks", "shop", "By week from Monday", `"trend":{"interval":"INTERVAL_WEEK"}`},
	{
		"shop-sundays", "shop", "By week from Sunday, first attempts",
		`"reentry":"REENTRY_FIRST","trend":{"interval":"INTERVAL_WEEK","weekStart":"WEEK_START_SUNDAY"}`,
	},
	{"shop-months", "shop", "By month, exclusions remove", `"trend":{"interval":"INTERVAL_MONTH"},` + refusedRemove},
	{"shop-convert", "shop", "Time between two steps", `"timeToConvert":{"fromStep":1,"toStep":2}`},
	{
		"shop-bins", "shop", "Time between two steps in 4 bins, every attempt",
		`"count":"COUNT_ATTEMPT","timeToConvert":{"fromStep":1,"toStep":3,"bins":4}`,
	},
	{"shop-persona", "shop", "By persona", `"breakdowns":[{"persona":true}]`},
	{"shop-first-touch", "shop", "By the first value", `"breakdowns":[{"property":"from"}]`},
	{
		"shop-last-touch", "shop", "By the last value",
		`"breakdowns":[{"property":"from","attribution":"ATTRIBUTION_LAST_TOUCH"}]`,
	},
	{
		"shop-every-value", "shop", "Once per value, seeing only what carries it",
		`"breakdowns":[{"property":"item","attribution":"ATTRIBUTION_ALL"}]`,
	},
	{
		"shop-every-value-remove", "shop", "The same where exclusions remove",
		`"breakdowns":[{"property":"item","attribution":"ATTRIBUTION_ALL"}],` + refusedRemove,
	},
	{
		"shop-step-value", "shop", "Once per value of the second step",
		`"breakdowns":[{"property":"item","attribution":"ATTRIBUTION_STEP","step":2}]`,
	},
	{
		"shop-two", "shop", "Two breakdowns, and a limit",
		`"breakdowns":[{"property":"from","limit":3},{"trait":"plan"}]`,
	},
	{
		"shop-pairs", "shop", "Two values of touchpoints, read as a pair",
		`"breakdowns":[{"property":"from"},{"property":"price"}]`,
	},
	{
		"shop-persona-weeks", "shop", "Weeks and times of each persona",
		`"breakdowns":[{"persona":true}],"trend":{"interval":"INTERVAL_WEEK"},
		"timeToConvert":{"fromStep":1,"toStep":3}`,
	},
	{"shop-teams", "shop", "Teams in place of persons", `"unit":{"trait":"team"}`},
	{
		"shop-items", "shop", "Items in place of persons, every attempt",
		`"unit":{"property":"item"},"count":"COUNT_ATTEMPT"`,
	},
	{
		"shop-hold-trend", "shop", "One item held, by week, exclusions cut",
		`"hold":["item"],"trend":{"interval":"INTERVAL_WEEK"},` + refusedDrop,
	},
	{"shop-filter", "shop", "A tree of conditions", `"filter":{"any":{"filters":[
		{"condition":{"name":"price","operator":"OPERATOR_BETWEEN","values":[10,20]}},
		{"all":{"filters":[{"condition":{"subject":"SUBJECT_TRAIT","name":"plan","operator":"OPERATOR_EQ",
		"values":["pro"]}},{"not":{"condition":{"name":"from","operator":"OPERATOR_IS_SET"}}}]}}]}}`},
	{"shop-first-ever", "shop", "The first view ever", `"steps":[{"event":"View",
		"firstTime":"FIRST_TIME_EVENT"},{"event":"Add"},{"event":"Pay"}],
		"range":{"fromDate":"2026-03-16","toDate":"2026-04-06"}`},

	// Beside another answer.
	{
		"compare-previous", "shop", "Beside the days before, over the change of clocks",
		`"range":{"fromDate":"2026-03-26","toDate":"2026-04-06"},"compare":{"previousPeriod":true}`,
	},
	{
		"compare-range", "shop", "Beside other days, by persona, by week",
		`"range":{"fromDate":"2026-03-23","toDate":"2026-04-06"},"breakdowns":[{"persona":true}],
		"compare":{"range":{"fromDate":"2026-03-09","toDate":"2026-03-23"}},
		"trend":{"interval":"INTERVAL_WEEK"}`,
	},
	{
		"compare-filter", "shop", "Beside another filter, the time between two steps",
		`"compare":{"filter":{"condition":{"name":"item","operator":"OPERATOR_EQ","values":["a"]}}},
		"timeToConvert":{"fromStep":1,"toStep":3}`,
	},
}

// leftQuestions are asked for drop-offs, too: where those went who did not go on.
var leftQuestions = []goldenQuestion{
	{"left", "edges", "Who left, at the edges of each option", ``},
	{"left-as-of", "edges", "Who left, and who can still go on", `"asOf":"2026-03-02T12:00:15Z"`},
	{"left-first", "edges", "Who left after the first attempt", `"reentry":"REENTRY_FIRST"`},
	{"left-strict", "edges", "Who left, STRICT", `"order":"ORDER_STRICT"`},
	{"left-dropped", "edges", "Who was cut by an exclusion", refusedDrop},
	{"left-optional", "edges", "Who left beside an optional step", withCoupon},
	{"left-attempts", "edges", "Every attempt that was left", `"count":"COUNT_ATTEMPT"`},
	{"left-shop", "shop", "Who left in a month", ``},
	{"left-persona", "shop", "Who left, by persona", `"breakdowns":[{"persona":true}]`},
	{"left-touch", "shop", "Who left, by the last value", `"breakdowns":[{"property":"from",
		"attribution":"ATTRIBUTION_LAST_TOUCH"}]`},
	{
		"left-filter", "shop", "Who left, of what a filter lets be seen",
		`"filter":{"condition":{"name":"item","operator":"OPERATOR_EQ","values":["a"]}}`,
	},
	{"left-teams", "shop", "Teams that left", `"unit":{"trait":"team"}`},
	{"left-visits", "visits", "Sessions that were left", ``},
}
