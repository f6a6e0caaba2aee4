SELECT indexOf(splitByChar(',', {parts:String}), _part) AS part,
	identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(event AS String) AS value_0,
	CAST(touchpoint AS String) AS value_1,
	CAST(stage AS String) AS value_2,
	CAST(channel AS String) AS value_3,
	JSONExtractRaw(properties, {p0:String}) AS value_4,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p1:String}), '') AS value_5
FROM touchpoints
WHERE site = {site:String} AND toYYYYMM(at) = {month:UInt32}
	AND has(splitByChar(',', {parts:String}), _part)

p0 = "it's"
p1 = "variant"

0 part UInt64
1 identity UInt64
2 at_ms Int64
3 value_0 String
4 value_1 String
5 value_2 String
6 value_3 String
7 value_4 String
8 value_5 String

{Exclusions:-1 Base:-1 Values:3 Order:-1 Message:-1}
