SELECT u.persona AS persona, u.depth AS depth, u.waiting AS waiting,
	count() AS units, groupArrayArray(arrayMap(
		t -> toUInt64(t - u.times[1]), arraySlice(u.times, 2, u.depth - 1))) AS spans,
	toUInt64(max(u.marks)) AS marks, toUInt64(max(u.old AND u.depth > 0)) AS stale,
	toUInt64(sum(u.amount)) AS amount
FROM (SELECT persona, old, marks, amount, times,
	toUInt64(if(has(times, 0), indexOf(times, 0) - 1, length(times))) AS depth,
	toUInt64(depth > 0 AND depth < 3 AND toInt64(newest) - 1 > 1772492400000) AS waiting
FROM (SELECT persona, old, marks, amount, newest,
	tupleElement(arrayFold((acc, k) -> (
	acc.1,
	arrayPushBack(acc.2, if(acc.2[-1] = 0, toUInt64(0), bitShiftRight(arrayFirst(
		x -> bitAnd(x, 31) = k AND bitShiftRight(x, 5) >= acc.2[-1], acc.1), 5)))
), range(toUInt64(1), toUInt64(run)), (seen, [entry])), 2) AS times
FROM (SELECT persona, old, marks, amount, newest, summit.5 AS entry,
	summit.3 AS run, if(run < 2, [], arrayFilter(
		x -> bitShiftRight(x, 5) BETWEEN entry AND summit.4, whole)) AS seen
FROM (SELECT persona, old, marks, amount, whole, newest, arrayFold((acc, k) -> (
	arrayFilter((x, v) -> bitAnd(x, 31) > k AND v != 0 AND bitShiftRight(x, 5) - v <= 3600000, acc.1, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2))),
	arrayFilter((v, x) -> bitAnd(x, 31) > k AND v != 0 AND bitShiftRight(x, 5) - v <= 3600000, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2)), acc.1),
	if(arrayFirstIndex(v -> v != 0, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2))) > 0, k + 1, acc.3),
	if(arrayFirstIndex(v -> v != 0, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2))) > 0, bitShiftRight(acc.1[arrayFirstIndex(v -> v != 0, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2)))], 5), acc.4),
	if(arrayFirstIndex(v -> v != 0, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2))) > 0, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2))[arrayFirstIndex(v -> v != 0, arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2)))], acc.5)
), range(toUInt64(1), toUInt64(run)), (elements, reached, toUInt64(newest != 0), opened, opened)
) AS summit
FROM (SELECT persona, old, marks, amount, whole, entered[-1] AS newest,
	arrayFirst(v -> v != 0, entered) AS opened,
	arrayFilter((x, v) -> bitAnd(x, 31) > 0 AND v != 0 AND bitShiftRight(x, 5) - v <= 3600000, whole, entered) AS elements,
	arrayFilter((v, x) -> bitAnd(x, 31) > 0 AND v != 0 AND bitShiftRight(x, 5) - v <= 3600000, entered, whole) AS reached,
	bitCount(bitXor(bitShiftRight(arrayReduce('groupBitOr', arrayMap(
	x -> bitShiftLeft(toUInt64(1), bitAnd(x, 31)), elements)), 1) AS behind, behind + 1)) AS run
FROM (SELECT *, arrayFill(v -> v != 0, arrayMap(
	x -> if(bitAnd(x, 31) = 0 AND x < 56717107200032, bitShiftRight(x, 5), 0), whole)) AS entered
FROM (SELECT arraySort(a) AS whole, marks, amount, '' AS persona, 0 AS old
FROM (SELECT who, groupArrayArray(part) AS a, max(mark) AS marks, sum(size) AS amount
FROM (SELECT if(p.person = 0, j.identity, p.person) AS who, j.part AS part, j.mark AS mark,
	j.size AS size
FROM (SELECT identity, [bitOr(bitShiftLeft(
		toUInt64(toUnixTimestamp64Milli(at)) + 1, 5), step)] AS part, 0 AS mark, 1 AS size
FROM (SELECT identity, at, toUInt64(multiIf(stage = {n3:String} AND (true), 0, stage = {n4:String} AND (((CAST(channel AS String) = '') OR NOT has([{v5:String}], CAST(channel AS String))) AND (NOT (false) AND has([{v7:String}, {v8:String}], JSONExtractRaw(properties, {p6:String})))), 1, stage = {n9:String} AND (true), 2, 31)) AS step
	FROM touchpoints
	WHERE site = {site:String}
		AND at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC') AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')
		AND stage IN ({n3:String}, {n4:String}, {n9:String}) AND (((CAST(traffic AS String) = ''))) AND step != 31)
) AS j LEFT ANY JOIN (
	SELECT identity, person FROM profiles FINAL
	WHERE site = {site:String} AND person != identity
) AS p ON j.identity = p.identity
) GROUP BY who)
)
)
)
)
)
)) AS u GROUP BY u.persona, u.depth, u.waiting
SETTINGS join_use_nulls = 0

first = "1772323200000"
last = "1772413199999"
n3 = "aware"
n4 = "want"
n9 = "buy"
p6 = "device"
site = "shop"
v5 = "ads"
v7 = "\"phone\""
v8 = "\"tablet\""

0 persona String
1 depth UInt64
2 waiting UInt64
3 units UInt64
4 spans 
5 marks UInt64
6 stale UInt64
7 amount UInt64

{Exclusions:0 Base:0 Values:0 Order:0 Message:0}
