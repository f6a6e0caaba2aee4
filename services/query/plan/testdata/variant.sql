SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(stage, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(event AS String) AS value_0,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p3:String}), '') AS value_1,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p4:String}), '') AS value_2,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p5:String}), '') AS value_3,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p6:String}), '') AS value_4,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p7:String}), '') AS value_5,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p8:String}), '') AS value_6,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p9:String}), '') AS value_7,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p10:String}), '') AS value_8,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p11:String}), '') AS value_9,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p12:String}), '') AS value_10,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p13:String}), '') AS value_11,
	if(event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started'), JSONExtractRaw(properties, {p14:String}), '') AS value_12,
	JSONExtractRaw(properties, {p15:String}) AS value_13,
	JSONExtractRaw(properties, {p16:String}) AS value_14,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (stage IN ({n1:String}, {n2:String}))

first = "1772323200000"
last = "1772413199999"
n1 = "aware"
n2 = "buy"
p10 = "variation_id"
p11 = "variationName"
p12 = "variationId"
p13 = "Variant name"
p14 = "$feature_flag_response"
p15 = "$feature/button"
p16 = "$feature/price"
p3 = "experiment_name"
p4 = "experiment_id"
p5 = "experimentName"
p6 = "experimentId"
p7 = "Experiment name"
p8 = "$feature_flag"
p9 = "variation_name"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 value_0 String
4 value_1 String
5 value_2 String
6 value_3 String
7 value_4 String
8 value_5 String
9 value_6 String
10 value_7 String
11 value_8 String
12 value_9 String
13 value_10 String
14 value_11 String
15 value_12 String
16 value_13 String
17 value_14 String
18 occurred_ns Int64
19 original_ns Int64
20 received_ns Int64
21 batch_index UInt32

{Exclusions:-1 Base:-1 Values:3 Order:18 Message:-1}
