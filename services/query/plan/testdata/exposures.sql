SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(event AS String) AS value_0,
	JSONExtractRaw(properties, {p2:String}) AS value_1,
	JSONExtractRaw(properties, {p3:String}) AS value_2,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String}
	AND at <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND event IN ('Experiment Viewed', '$feature_flag_called', '$experiment_started')

last = "1772323200000"
p2 = "experiment"
p3 = "variant"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 value_0 String
3 value_1 String
4 value_2 String
5 occurred_ns Int64
6 original_ns Int64
7 received_ns Int64
8 batch_index UInt32
9 message_id String

{Exclusions:-1 Base:-1 Values:2 Order:5 Message:9}
