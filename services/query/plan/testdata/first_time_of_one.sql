SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(bitOr(transform(stage, [{n1:String}], [toUInt32(2)], toUInt32(0)), transform(event, [{n2:String}, {n3:String}], [toUInt32(1), toUInt32(4)], toUInt32(0))) AS UInt32) AS names,
	CAST(transform(touchpoint, [{b7:String}], [toUInt32(1)], toUInt32(0)) AS UInt32) AS base,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND (identity IN (7, 9223372036854775808))
	AND at <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (at >= fromUnixTimestamp64Milli({first:Int64}, 'UTC')
	AND (stage IN ({n1:String}) OR event IN ({n2:String}, {n3:String}) OR touchpoint IN ({b4:String}))
	OR (stage IN ({n5:String}) OR event IN ({n6:String}) OR touchpoint IN ({b4:String})))

b4 = "order"
b7 = "order"
first = "1772323200000"
last = "1772413199999"
n1 = "buy"
n2 = "A"
n3 = "B"
n5 = "buy"
n6 = "B"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 base UInt32
4 occurred_ns Int64
5 original_ns Int64
6 received_ns Int64
7 batch_index UInt32

{Exclusions:-1 Base:3 Values:4 Order:4 Message:-1}
