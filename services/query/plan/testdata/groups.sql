SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(stage, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	JSONExtractRaw(properties, '$groups') AS value_0,
	JSONExtractRaw(context, 'groups') AS value_1,
	group_id AS value_2,
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
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 value_0 String
4 value_1 String
5 value_2 String
6 occurred_ns Int64
7 original_ns Int64
8 received_ns Int64
9 batch_index UInt32

{Exclusions:-1 Base:-1 Values:3 Order:6 Message:-1}
