SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(event, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(bitOr(transform(touchpoint, [{n3:String}], [toUInt32(2)], toUInt32(0)), transform(event, [{n4:String}], [toUInt32(1)], toUInt32(0))) AS UInt32) AS excluded,
	CAST(transform(touchpoint, [{b6:String}], [toUInt32(1)], toUInt32(0)) AS UInt32) AS base,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (event IN ({n1:String}, {n2:String}) OR touchpoint IN ({n3:String}) OR event IN ({n4:String}) OR touchpoint IN ({b5:String}))

b5 = "order"
b6 = "order"
first = "1772323200000"
last = "1772413199999"
n1 = "A"
n2 = "B"
n3 = "again"
n4 = "C"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 excluded UInt32
4 base UInt32
5 occurred_ns Int64
6 original_ns Int64
7 received_ns Int64
8 batch_index UInt32

{Exclusions:3 Base:4 Values:5 Order:5 Message:-1}
