SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(bitOr(transform(event, [{n1:String}], [toUInt32(1)], toUInt32(0)), toUInt32(2)) AS UInt32) AS names,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
UNION ALL
SELECT identity, min(at_ms), names, min(occurred_ns), min(original_ns), min(received_ns), min(batch_index) FROM (
SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(bitOr(transform(event, [{n1:String}], [toUInt32(1)], toUInt32(0)), toUInt32(2)) AS UInt32) AS names,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index
FROM touchpoints
WHERE site = {site:String}
	AND at < fromUnixTimestamp64Milli({first:Int64}, 'UTC')
) GROUP BY identity, names

first = "1772323199000"
last = "1772413199999"
n1 = "A"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 occurred_ns Int64
4 original_ns Int64
5 received_ns Int64
6 batch_index UInt32

{Exclusions:-1 Base:-1 Values:3 Order:3 Message:-1}
