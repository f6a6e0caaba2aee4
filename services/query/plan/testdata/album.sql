SELECT indexOf(splitByChar(',', {parts:String}), _part) AS part,
	identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(event AS LowCardinality(String)) AS value_0,
	CAST(touchpoint AS LowCardinality(String)) AS value_1,
	CAST(stage AS LowCardinality(String)) AS value_2,
	CAST(channel AS LowCardinality(String)) AS value_3,
	toLowCardinality(JSONExtractRaw(properties, {p0:String})) AS value_4,
	toLowCardinality(if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p1:String}), '')) AS value_5,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String} AND toYYYYMM(at) = {month:UInt32}
	AND _part IN splitByChar(',', {parts:String})

p0 = "it's"
p1 = "variant"

0 part UInt64
1 identity UInt64
2 at_ms Int64
3 value_0 
4 value_1 
5 value_2 
6 value_3 
7 value_4 
8 value_5 
9 occurred_ns Int64
10 original_ns Int64
11 received_ns Int64
12 batch_index UInt32

{Exclusions:-1 Base:-1 Values:3 Order:9 Message:-1}
