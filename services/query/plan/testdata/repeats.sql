SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(stage, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(transform(touchpoint, [{b4:String}, {b5:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS base,
	CAST(traffic AS String) AS value_0
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (stage IN ({n1:String}, {n2:String}) OR touchpoint IN ({b3:String}))

b3 = "order"
b4 = "order"
b5 = "visit"
first = "1772323200000"
last = "1772413199999"
n1 = "buy"
n2 = "loyal"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 base UInt32
4 value_0 String

{Exclusions:-1 Base:3 Values:4 Order:-1 Message:-1}
