SELECT s.persona AS persona, s.depth AS depth, s.waiting AS waiting, sum(s.units) AS units,
	groupArrayArray(s.spans) AS spans, max(s.marks) AS marks, max(s.stale) AS stale,
	sum(s.amount) AS amount
FROM (
SELECT * FROM cluster({c5:String}, view(
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
FROM (SELECT arraySort(w.a) AS whole, w.marks AS marks, w.amount AS amount,
	if(d.identity = 0, {nobody:String}, CAST(d.persona AS String)) AS persona,
	d.identity != 0 AND (d.map_version != 7 OR toUnixTimestamp64Milli(d.last_write_at) > 1772496000000) AS old
FROM (SELECT who, groupArrayArray(part) AS a, max(mark) AS marks, sum(size) AS amount
FROM (SELECT if(p.person = 0, j.identity, p.person) AS who, j.part AS part, j.mark AS mark,
	j.size AS size
FROM (SELECT identity,
	arrayFilter(e -> bitAnd(e, 31) < 31 AND e BETWEEN 56714342400032 AND 56717222400031, arrayMap(x -> bitOr(
		bitShiftLeft(bitShiftRight(x, 22) + 1, 5), transform(bitAnd(x, 4194303), [toUInt64(5), toUInt64(6), toUInt64(77), toUInt64(300)], [toUInt64(0), toUInt64(0), toUInt64(2), toUInt64(1)], toUInt64(31))), touches)) AS part,
	arrayCount(x -> bitAnd(x, 4194303) = 0, touches) AS mark, length(touches) AS size
FROM `w`.`journeys_local`
WHERE site = {site:String} AND month BETWEEN {first:UInt32} AND {last:UInt32}
) AS j LEFT ANY JOIN (
	SELECT arrayJoin(all) AS identity, person,
		length(arrayDistinct(arrayMap(i -> i % greatest(shardCount(), 1), all))) > 1 AS apart
	FROM (SELECT person, groupArray(identity) AS all FROM `w`.profiles FINAL
		WHERE site = {site:String} GROUP BY person HAVING length(all) > 1)
) AS p ON j.identity = p.identity
WHERE NOT p.apart
) GROUP BY who
) AS w LEFT ANY JOIN (
	SELECT identity, persona, map_version, last_write_at FROM `w`.profiles FINAL WHERE site = {site:String}
) AS d ON w.who = d.identity
)
)
)
)
)
)) AS u GROUP BY u.persona, u.depth, u.waiting
))
UNION ALL
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
FROM (SELECT arraySort(w.a) AS whole, w.marks AS marks, w.amount AS amount,
	if(d.identity = 0, {nobody:String}, CAST(d.persona AS String)) AS persona,
	d.identity != 0 AND (d.map_version != 7 OR toUnixTimestamp64Milli(d.last_write_at) > 1772496000000) AS old
FROM (SELECT s.who AS who, groupArrayArray(s.a) AS a, max(s.marks) AS marks,
	sum(s.amount) AS amount
FROM cluster({c4:String}, view(
SELECT who, groupArrayArray(part) AS a, max(mark) AS marks, sum(size) AS amount
FROM (SELECT if(p.person = 0, j.identity, p.person) AS who, j.part AS part, j.mark AS mark,
	j.size AS size
FROM (SELECT identity,
	arrayFilter(e -> bitAnd(e, 31) < 31 AND e BETWEEN 56714342400032 AND 56717222400031, arrayMap(x -> bitOr(
		bitShiftLeft(bitShiftRight(x, 22) + 1, 5), transform(bitAnd(x, 4194303), [toUInt64(5), toUInt64(6), toUInt64(77), toUInt64(300)], [toUInt64(0), toUInt64(0), toUInt64(2), toUInt64(1)], toUInt64(31))), touches)) AS part,
	arrayCount(x -> bitAnd(x, 4194303) = 0, touches) AS mark, length(touches) AS size
FROM `w`.`journeys_local`
WHERE site = {site:String} AND month BETWEEN {first:UInt32} AND {last:UInt32}
) AS j LEFT ANY JOIN (
	SELECT arrayJoin(all) AS identity, person,
		length(arrayDistinct(arrayMap(i -> i % greatest(shardCount(), 1), all))) > 1 AS apart
	FROM (SELECT person, groupArray(identity) AS all FROM `w`.profiles FINAL
		WHERE site = {site:String} GROUP BY person HAVING length(all) > 1)
) AS p ON j.identity = p.identity
WHERE p.apart
) GROUP BY who
)) AS s
GROUP BY s.who
) AS w LEFT ANY JOIN (
	SELECT identity, persona, map_version, last_write_at FROM `w`.profiles FINAL WHERE site = {site:String}
) AS d ON w.who = d.identity
)
)
)
)
)
)) AS u GROUP BY u.persona, u.depth, u.waiting
) AS s GROUP BY s.persona, s.depth, s.waiting
SETTINGS join_use_nulls = 0

c4 = "shop"
c5 = "shop"
first = "202603"
last = "202603"
nobody = "guest"
site = "shop"

0 persona String
1 depth UInt64
2 waiting UInt64
3 units UInt64
4 spans 
5 marks UInt64
6 stale UInt64
7 amount UInt64

{Exclusions:0 Base:0 Values:0 Order:0 Message:0}
