SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(event, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names
FROM touchpoints
WHERE site = {site:String}
	AND (false)
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (event IN ({n1:String}, {n2:String}))

first = "1772323200000"
last = "1772413199999"
n1 = "A"
n2 = "B"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32

{Exclusions:-1 Base:-1 Values:3 Order:-1 Message:-1}
