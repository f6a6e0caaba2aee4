SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(bitOr(transform(stage, [{n1:String}], [toUInt32(2)], toUInt32(0)), transform(event, [{n2:String}, {n3:String}], [toUInt32(1), toUInt32(4)], toUInt32(0))) AS UInt32) AS names,
	CAST(event AS String) AS value_0,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (stage IN ({n1:String}) OR event IN ({n2:String}, {n3:String}))
UNION ALL
SELECT identity, min(at_ms), names, value_0, min(occurred_ns), min(original_ns), min(received_ns), min(batch_index), min(message_id) FROM (
SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(bitOr(transform(stage, [{n1:String}], [toUInt32(2)], toUInt32(0)), transform(event, [{n2:String}, {n3:String}], [toUInt32(1), toUInt32(4)], toUInt32(0))) AS UInt32) AS names,
	CAST(event AS String) AS value_0,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String}
	AND at < fromUnixTimestamp64Milli({first:Int64}, 'UTC')
	AND (stage IN ({n4:String}) OR event IN ({n5:String}))
) GROUP BY identity, names, value_0

first = "1772323200000"
last = "1772413199999"
n1 = "buy"
n2 = "A"
n3 = "B"
n4 = "buy"
n5 = "B"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 value_0 String
4 occurred_ns Int64
5 original_ns Int64
6 received_ns Int64
7 batch_index UInt32
8 message_id String

{Exclusions:-1 Base:-1 Values:3 Order:4 Message:8}
