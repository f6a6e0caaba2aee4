SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(event, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(channel AS String) AS channel_text,
	CAST(event AS String) AS event_text,
	CAST(stage AS String) AS stage_text,
	CAST(touchpoint AS String) AS touchpoint_text,
	JSONExtractRaw(properties, {p3:String}) AS property_0,
	toUnixTimestamp64Nano(occurred_at) AS occurred_ns,
	toUnixTimestamp64Nano(original_at) AS original_ns,
	toUnixTimestamp64Nano(received_at) AS received_ns,
	batch_index,
	message_id
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (event IN ({n1:String}, {n2:String}))

first = "1772323200000"
last = "1772413199999"
n1 = "A"
n2 = "B"
p3 = "price"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 channel_text String
4 event_text String
5 stage_text String
6 touchpoint_text String
7 property_0 String
8 occurred_ns Int64
9 original_ns Int64
10 received_ns Int64
11 batch_index UInt32
12 message_id String

{Channel:3 Event:4 Stage:5 Touchpoint:6 Device:-1 Browser:-1 OS:-1 Traffic:-1 Properties:7 ShownOrder:8}
