SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(bitOr(bitOr(transform(stage, [{n1:String}, {n2:String}], [toUInt32(2), toUInt32(8)], toUInt32(0)), transform(touchpoint, [{n3:String}], [toUInt32(4)], toUInt32(0))), transform(event, [{n4:String}], [toUInt32(1)], toUInt32(0))) AS UInt32) AS names,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (stage IN ({n1:String}, {n2:String}) OR touchpoint IN ({n3:String}) OR event IN ({n4:String}))

first = "1772323200000"
last = "1772413199999"
n1 = "buy"
n2 = "aware"
n3 = "visit"
n4 = "A"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 occurred_ns Int64
4 original_ns Int64
5 received_ns Int64
6 batch_index UInt32
7 message_id String

{Exclusions:-1 Base:-1 Values:3 Order:3 Message:7}
