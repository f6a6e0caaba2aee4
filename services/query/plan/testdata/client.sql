SELECT identity,
	toUnixTimestamp64Milli(at) AS at_ms,
	CAST(transform(event, [{n1:String}, {n2:String}], [toUInt32(1), toUInt32(2)], toUInt32(0)) AS UInt32) AS names,
	CAST(device AS String) AS device_text,
	CAST(browser AS String) AS browser_text,
	CAST(os AS String) AS os_text,
	JSONExtractRaw(properties, {p3:String}) AS property_0
FROM touchpoints
WHERE site = {site:String}
	AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')
		AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
	AND (event IN ({n1:String}, {n2:String}))

first = "1772323200000"
last = "1772413199999"
n1 = "A"
n2 = "B"
p3 = "plan"
site = "shop"

0 identity UInt64
1 at_ms Int64
2 names UInt32
3 device_text String
4 browser_text String
5 os_text String
6 property_0 String

{Channel:-1 Event:-1 Stage:-1 Touchpoint:-1 Device:3 Browser:4 OS:5 Traffic:-1 Properties:6 ShownOrder:-1}
