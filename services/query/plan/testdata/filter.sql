SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(event, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	JSONExtractRaw(properties, {p3:String}) AS value_0,
	CAST(channel AS String) AS value_1,
	CAST(event AS String) AS value_2,
	CAST(stage AS String) AS value_3,
	CAST(touchpoint AS String) AS value_4,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (event IN ({n1:String}, {n2:String}))

first = "1772323200000"
last = "1772413199999"
n1 = "A"
n2 = "B"
p3 = "price"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 value_0 String
4 value_1 String
5 value_2 String
6 value_3 String
7 value_4 String
8 occurred_ns Int64
9 original_ns Int64
10 received_ns Int64
11 batch_index UInt32
12 message_id String

{Exclusions:-1 Base:-1 Values:3 Order:8 Message:12}
