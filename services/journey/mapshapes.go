package journey

// The shapes of a map's YAML. docs/journey-map.md says the same at length.

var mapShape = shape{
	name: "map", about: "A customer journey map.",
	fields: []field{
		{"title", true, aTitle, "Name of the map."},
		{"lost_after", false, form{kind: spanForm}.or("90d"), "How long a person may be without a " +
			"touchpoint before being lost to the journey: 1h to 3650d, as in 60d or 36h."},
		{
			"stages", true, listOf(MaxStages, of(&stageShape)).atLeast(MinStages),
			"The stages, in the order of the journey.",
		},
		{
			"channels", false, listOf(MaxChannels, of(&channelShape)),
			"Where touchpoints come from, in the order in which their rules are tried.",
		},
		{
			"personas", false, listOf(MaxPersonas, of(&personaShape)),
			"Kinds of persons, in the order in which their rules are tried.",
		},
		{
			"touchpoints", true, listOf(MaxTouchpoints, of(&touchpointShape)),
			"The situations in which customers meet the company, in the order in which their rules " +
				"are tried.",
		},
		{"money", false, of(&moneyShape), "Which property is money, and what gives it back."},
		{"referral", false, of(&referralShape), "How a referral is recognised."},
		{"kpis", false, listOf(MaxKPIs, of(&kpiShape)), "Numbers that stages are judged by."},
	},
}

var stageShape = shape{
	name: "stage", about: "A named position of the journey.",
	fields: []field{
		{"id", true, anID, "What questions and rules call it."},
		{"title", false, aTitle, titles},
		{"task", false, aText, "Task of the business at this stage."},
		{"goal", false, aText, "Goal of the business at this stage."},
		{"customer_goal", false, aText, "What the customer wants to get done."},
		{
			"activities", false, listOf(maxListLength, of(&activityShape)),
			"What the customer does, in order: the columns of the stage.",
		},
		{"behind_the_scenes", false, texts, "What the organisation does behind the scenes."},
		{"expectations", false, of(&expectationsShape), "What the customer expects."},
		{
			"barriers", false, listOf(maxListLength, of(&barrierShape)),
			"What stands in the customer's way.",
		},
		{"ideas", false, texts, "Ideas for the stage."},
		{
			"stimuli", false, listOf(maxListLength, of(&stimulusShape)),
			"What moves people on to the next stage.",
		},
		{"contact", false, aFlag, contacts},
		{"owner", false, of(&ownerShape), "Who answers for it."},
		{"targets", false, of(&targetsShape), "What it should reach."},
		{
			"temperature", false, oneOf(string(Cold), string(Warm), string(Hot)),
			"Temperature of the traffic.",
		},
		{"score", false, aScore, scores},
		{"kpis", false, listOf(MaxKPIs, anID), "Ids of the KPIs that it is judged by."},
	},
}

var activityShape = shape{
	name: "activity", about: "What the customer does. A text alone is its title.", short: "title",
	fields: []field{
		{"title", true, aTitle, "What people call it."},
		{"touchpoints", false, listOf(maxReferences, anID), "Ids of its touchpoints."},
	},
}

var expectationsShape = shape{
	name: "expectations", about: "What the customer expects at a stage.",
	fields: []field{
		{"usual", false, aText, "What is usual."},
		{"best", false, aText, "The best that the customer expects."},
		{"worst", false, aText, "The worst."},
		{"surprise", false, aText, "How to surprise."},
	},
}

var barrierShape = shape{
	name: "barrier", about: "An obstacle. A text alone is its title.", short: "title",
	fields: []field{
		{"title", true, aTitle, "What people call it."},
		{"touchpoint", false, anID, "Id of the touchpoint that marks it in the stream."},
		{"remedy", false, aText, "What is done about it."},
	},
}

var stimulusShape = shape{
	name: "stimulus", about: "A tool that moves people on. A text alone is its title.",
	short: "title",
	fields: []field{
		{"title", true, aTitle, "What people call it."},
		{"to", false, anID, "Id of the stage it moves people to. Default: the next one."},
		{"contact", false, aFlag, "Whether it gets the contact."},
	},
}

var ownerShape = shape{
	name: "owner", about: "Who answers for something. A text alone is the department.",
	short: "department", some: []string{"department", "person"},
	fields: []field{
		{"department", false, aTitle, "The department."},
		{"person", false, aTitle, "The person."},
	},
}

var targetsShape = shape{
	name: "targets", about: "What a stage should reach.",
	fields: []field{
		{"conversion", false, numberIn(0, 1), "Share of those of the previous stage, 0 to 1."},
		{
			"median_time", false,
			form{kind: spanForm},
			"Median time in the stage, as in 2d, 36h, 15m or 40s.",
		},
		{"experience", false, numberIn(-1, 1), "Experience score, -1 to 1."},
		{
			"kpis", false,
			form{kind: numbersForm, most: MaxKPIs},
			"Values of KPIs by their ids, each in the KPI's unit.",
		},
	},
}

var touchpointShape = shape{
	name: "touchpoint",
	about: "A named situation in which the customer meets the company, and the rule that " +
		"recognises it.",
	fields: []field{
		{"id", true, anID, "What questions call it."},
		{"title", false, aTitle, titles},
		{"stage", true, anID, "Id of its stage."},
		{"channel", false, anID, "Id of the channel it always comes through. Default: the rules of " +
			"the channels decide."},
		{
			"importance", false,
			form{kind: wholeForm, low: 1, high: MaxImportance},
			"1 (low) to 5 (high).",
		},
		{"events", false, listOf(MaxEventsOfRule, textOfMost(0)).atLeast(1), "Names of track " +
			"messages, as sent; page and screen stand for pages and screens."},
		{"when", false, aCEL, "CEL condition over event, type, properties, context and traits. " +
			"Default: always holds."},
		{"repeat", false, of(&repeatShape), "That it is the second or a later one of another " +
			"touchpoint; it has no events and no condition of its own."},
		{"owner", false, of(&ownerShape), "Who answers for it."},
		{
			"status", false, oneOf(string(Live), string(Planned), string(Absent)).or(string(Live)),
			"Whether it is there. Only live touchpoints recognise messages.",
		},
		{"standard", false, aText, "Service standard that it must meet."},
		{"task", false, aText, "What is to be done about it."},
		{"due", false, form{kind: dayForm}, "Until when, as YYYY-MM-DD."},
		{"score", false, aScore, scores},
		{"feedback", false, of(&feedbackShape), "That it carries a score that customers give."},
		{"barrier", false, aFlag, "Whether it marks an obstacle."},
		{"contact", false, aFlag, contacts},
	},
}

var repeatShape = shape{
	name:  "repeat",
	about: "That a person's n-th and every later touchpoint of another kind is this one.",
	fields: []field{
		{"of", true, anID, "Id of the touchpoint that is repeated; not itself a repeat."},
		{
			"from", false, form{kind: wholeForm, low: minRepeat, high: maxRepeat}.or(minRepeat),
			"The n.",
		},
	},
}

var feedbackShape = shape{
	name: "feedback", about: "Which score a touchpoint carries.",
	fields: []field{
		{
			"kind", true,
			oneOf(string(NPS), string(CSAT), string(CES), string(Review), string(Sentiment)),
			"nps: 0 to 10, csat: 1 to 5, ces: 1 to 7, review: 1 to 5, sentiment: -2 to 2.",
		},
		{"property", false, aTitle.or(defaultScoreProperty), "Property that holds the score."},
	},
}

var channelShape = shape{
	name: "channel", about: "Where touchpoints come from.",
	fields: []field{
		{"id", true, anID, "What touchpoints and questions call it."},
		{"title", false, aTitle, titles},
		{"when", false, aCEL, "CEL condition over event, type, properties, context and traits. " +
			"Default: never holds; touchpoints may state the channel."},
		{"owner", false, of(&ownerShape), "Who answers for it."},
	},
}

var personaShape = shape{
	name: "persona", about: "A typical representative of a group of persons.",
	fields: []field{
		{"id", true, anID, "What questions call it; not unassigned."},
		{"title", false, aTitle, titles},
		{"when", true, aCEL, "CEL condition over traits, groups and facts of the person's " +
			"touchpoints."},
		{"needs", false, texts, "What the persona needs."},
		{"factors", false, texts, "What decides."},
		{"value", false, aText, "Value to the company."},
		{"offer", false, aText, "The offer for it."},
		{"entry_channel", false, anID, "Id of the usual channel of entry."},
		{
			"order", false, listOf(MaxStages, anID).atLeast(1),
			"Its own order of stages, by id; those not named are not on its map.",
		},
		{"stages", false, listOf(MaxStages, of(&overrideShape)), "What differs at a stage."},
	},
}

var overrideShape = shape{
	name:  "override",
	about: "What differs at a stage for a persona: it takes the place of the stage's own.",
	fields: []field{
		{"stage", true, anID, "Id of the stage."},
		{"expectations", false, of(&expectationsShape), "What the persona expects."},
		{"barriers", false, listOf(maxListLength, of(&barrierShape)), "What stands in its way."},
		{"targets", false, of(&targetsShape), "What the stage should reach with it."},
	},
}

var moneyShape = shape{
	name: "money", about: "Which property is money, in which currency, and what gives it back.",
	fields: []field{
		{"property", true, aTitle, "Property of the amount."},
		{
			"currency", false,
			form{kind: currencyForm},
			"Currency of amounts that state none: ISO 4217, as in EUR.",
		},
		{
			"currency_property", false, aTitle.or(defaultCurrencyProperty),
			"Property of the currency.",
		},
		{
			"touchpoints", false, listOf(maxReferences, anID),
			"Ids of the touchpoints whose amounts are income.",
		},
		{
			"refunds", false, listOf(maxReferences, anID),
			"Ids of the touchpoints whose amounts are given back.",
		},
	},
}

var referralShape = shape{
	name: "referral", about: "How a referral is recognised.",
	fields: []field{
		{"when", true, aCEL, "CEL condition over event, type, properties, context and traits."},
		{"by", false, aTitle, "Property or trait that names who referred."},
	},
}

var kpiShape = shape{
	name: "kpi", about: "A number that stages are judged by: a formula, or an imported series.",
	one: []string{"count", "share", "sum", "mean", "percentile", "series"},
	fields: []field{
		{"id", true, anID, "What stages and targets call it."},
		{"title", false, aTitle, titles},
		{"unit", false, aTitle, "Unit in which people read it: share, seconds, money, count, or " +
			"your own."},
		{"count", false, of(&countShape), "How many."},
		{"share", false, of(&shareShape), "How many of how many."},
		{"sum", false, of(&sumShape), "Sum of a property."},
		{"mean", false, of(&meanShape), "Mean of a property or of times."},
		{"percentile", false, of(&percentileShape), "Percentile of a property or of times."},
		{"series", false, of(&seriesShape), "An imported series."},
	},
}

var (
	anOf = field{"of", true, of(&subjectShape), "Of which touchpoints."}
	aTo  = field{
		"to", false, of(&subjectShape),
		"The later end of a span that begins at of: the values are the times between, in seconds.",
	}
	aProperty = field{"property", false, aTitle, "Property whose values are taken."}
	ofPersons = field{
		"persons", false, aFlag,
		"Whether persons are counted rather than touchpoints.",
	}
)

var countShape = shape{
	name: "count", about: "How many.", fields: []field{anOf, ofPersons},
}

var shareShape = shape{
	name: "share", about: "How many of how many.",
	fields: []field{
		anOf, {"among", true, of(&subjectShape), "As a share of which touchpoints."}, ofPersons,
	},
}

var sumShape = shape{
	name: "sum", about: "Sum of a property.",
	fields: []field{
		anOf, {"property", true, aTitle, "Property whose values are summed."},
	},
}

var meanShape = shape{
	name: "mean", about: "Mean of a property or of times.", one: []string{"property", "to"},
	fields: []field{anOf, aProperty, aTo},
}

var percentileShape = shape{
	name: "percentile", about: "Percentile of a property or of times.",
	one: []string{"property", "to"},
	fields: []field{
		{
			"p", true,
			form{kind: numberForm, low: 0, high: 100, inside: true},
			"Which one: above 0 and below 100.",
		},
		anOf, aProperty, aTo,
	},
}

var subjectShape = shape{
	name: "subject", about: "Touchpoints, named by one of touchpoint, stage and event.",
	one: []string{"touchpoint", "stage", "event"},
	fields: []field{
		{"touchpoint", false, anID, "Id of a touchpoint."},
		{"stage", false, anID, "Id of a stage."},
		{"event", false, textOfMost(0), "Name of an event; page and screen are pages and screens."},
		{"when", false, aCEL, "CEL condition over event, type, properties, context and traits."},
	},
}

var seriesShape = shape{
	name: "series", about: "An imported series.",
	fields: []field{
		{"source", false, aTitle, "Where it comes from."},
		{
			"points", true,
			form{kind: pointsForm, least: 1, most: MaxPoints},
			"Values by the first day that they hold for, as YYYY-MM-DD.",
		},
	},
}
