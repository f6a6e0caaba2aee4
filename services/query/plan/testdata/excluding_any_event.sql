SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(event, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(toUInt32(1) AS UInt32) AS excluded,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')

first = "1772323200000"
last = "1772413199999"
n1 = "A"
n2 = "B"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 excluded UInt32
4 occurred_ns Int64
5 original_ns Int64
6 received_ns Int64
7 batch_index UInt32

{Exclusions:3 Base:-1 Values:4 Order:4 Message:-1}
