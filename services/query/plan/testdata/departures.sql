SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(stage, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(transform(touchpoint, [{b3:String}], [toUInt32(1)], toUInt32(0)) AS UInt32) AS base,
	CAST(channel AS String) AS value_0,
	CAST(event AS String) AS value_1,
	CAST(stage AS String) AS value_2,
	CAST(touchpoint AS String) AS value_3,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')

b3 = "order"
first = "1772323200000"
last = "1772413199999"
n1 = "aware"
n2 = "buy"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 base UInt32
4 value_0 String
5 value_1 String
6 value_2 String
7 value_3 String
8 occurred_ns Int64
9 original_ns Int64
10 received_ns Int64
11 batch_index UInt32

{Exclusions:-1 Base:3 Values:4 Order:8 Message:-1}
