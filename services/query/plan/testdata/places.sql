SELECT indexOf(splitByChar(',', {parts:String}), _part) AS part,
	identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(event AS LowCardinality(String)) AS value_0,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String} AND (identity, at) IN (
		SELECT p.1, fromUnixTimestamp64Milli(p.2, 'UTC')
		FROM (SELECT arrayJoin(CAST('[(7,1000),(9223372036854775808,0)]' AS Array(Tuple(UInt64, Int64)))) AS p))
	AND _part IN splitByChar(',', {parts:String})

parts = "202603_1_1_0,202604_2_9_1"
site = "shop"

0 part UInt64
1 identity UInt64
2 at_ms Int64
3 value_0 
4 occurred_ns Int64
5 original_ns Int64
6 received_ns Int64
7 batch_index UInt32
8 message_id String

{Exclusions:-1 Base:-1 Values:3 Order:4 Message:8}
