package plan

import (
	"fmt"
	"math"

	"github.com/waystage/waystage/services/funnel"
)

// The attempt that counts, in SQL. It is the rule of funnel.Evaluator for touchpoints that each
// fill one step: elements in order are then in an order in which all steps that one millisecond can
// fill are filled one after the other. Step by step, every element that is left carries the latest
// entry that has reached the step (an entry later than another can do whatever that can); those of
// the steps before, and those beyond the window of that entry, leave. So the arrays shrink with the
// funnel, and the SQL is as long for 30 steps as for two.

// count adds up persons, who have whole, marks, amount, persona and old.
func (c *counting) count(persons string) string {
	attempts := c.best(c.entries(persons))
	if c.question.Reentry == funnel.First {
		attempts = c.first(c.entries(persons))
	}
	steps := len(c.question.Steps)
	return fmt.Sprintf(`SELECT u.persona AS persona, u.depth AS depth, u.waiting AS waiting,
	count() AS units, groupArrayArray(arrayMap(
		t -> toUInt64(t - u.times[1]), arraySlice(u.times, 2, u.depth - 1))) AS spans,
	toUInt64(max(u.marks)) AS marks, toUInt64(max(u.old AND u.depth > 0)) AS stale,
	toUInt64(sum(u.amount)) AS amount
FROM (SELECT persona, old, marks, amount, times,
	toUInt64(if(has(times, 0), indexOf(times, 0) - 1, length(times))) AS depth,
	toUInt64(depth > 0 AND depth < %d AND %s) AS waiting
FROM (%s
)) AS u GROUP BY u.persona, u.depth, u.waiting`, steps, c.waiting(), attempts)
}

// waiting holds where the window of the newest entry is open.
func (c *counting) waiting() string {
	q := c.question
	if q.Mode == funnel.All && q.To.UnixMilli() <= q.AsOf.UnixMilli() {
		return "false"
	}
	return fmt.Sprintf("toInt64(newest) - 1 > %d", q.AsOf.UnixMilli()-q.Window.Milliseconds())
}

// entries adds to every element the latest entry until then, 0 where there is none.
func (c *counting) entries(persons string) string {
	end := min(c.question.To.UnixMilli(), math.MaxInt64>>(stepBits+1))
	return fmt.Sprintf(`SELECT *, arrayFill(v -> v != 0, arrayMap(
	x -> if(bitAnd(x, %d) = 0 AND x < %d, bitShiftRight(x, %d), 0), whole)) AS entered
FROM (%s
)`, stepMask, max(element(end), 0), stepBits, persons)
}

// run is how many steps behind the first one are there at all, one after the other, plus one.
func run(elements string) string {
	return fmt.Sprintf(`bitCount(bitXor(bitShiftRight(arrayReduce('groupBitOr', arrayMap(
	x -> bitShiftLeft(toUInt64(1), bitAnd(x, %[2]d)), %[1]s)), 1) AS behind, behind + 1))`,
		elements, stepMask)
}

// best finds the times of the best attempt: the deepest, of these the one whose deepest step came
// first, of these the one that entered last. newest is the latest entry.
func (c *counting) best(entries string) string {
	const (
		// latest are the entries that have reached step k, element by element.
		latest = `arrayFill(v -> v != 0, arrayMap(
		(x, v) -> if(bitAnd(x, 31) = k, v, toUInt64(0)), acc.1, acc.2))`
		reached = "arrayFirstIndex(v -> v != 0, " + latest + ")"
	)
	left := func(step string) string {
		return fmt.Sprintf("bitAnd(x, %d) > %s AND v != 0 AND bitShiftRight(x, %d) - v <= %d",
			stepMask, step, stepBits, c.question.Window.Milliseconds())
	}
	begun := fmt.Sprintf(`SELECT persona, old, marks, amount, whole, entered[-1] AS newest,
	arrayFirst(v -> v != 0, entered) AS opened,
	arrayFilter((x, v) -> %[1]s, whole, entered) AS elements,
	arrayFilter((v, x) -> %[1]s, entered, whole) AS reached,
	%[2]s AS run
FROM (%[3]s
)`, left("0"), run("elements"), entries)
	// The deepest step so far, when it was reached first, and the latest entry that had reached it.
	summits := fmt.Sprintf(`SELECT persona, old, marks, amount, whole, newest, arrayFold((acc, k) -> (
	arrayFilter((x, v) -> %[1]s, acc.1, %[2]s),
	arrayFilter((v, x) -> %[1]s, %[2]s, acc.1),
	if(%[3]s > 0, k + 1, acc.3),
	if(%[3]s > 0, bitShiftRight(acc.1[%[3]s], %[4]d), acc.4),
	if(%[3]s > 0, %[2]s[%[3]s], acc.5)
), range(toUInt64(1), toUInt64(run)), (elements, reached, toUInt64(newest != 0), opened, opened)
) AS summit
FROM (%[5]s
)`, left("k"), latest, reached, stepBits, begun)
	return follow(fmt.Sprintf(`SELECT persona, old, marks, amount, newest, summit.5 AS entry,
	summit.3 AS run, if(run < 2, [], arrayFilter(
		x -> bitShiftRight(x, %d) BETWEEN entry AND summit.4, whole)) AS seen
FROM (%s
)`, stepBits, summits))
}

// first finds the times of the first attempt, whose entry is newest.
func (c *counting) first(entries string) string {
	return follow(fmt.Sprintf(`SELECT persona, old, marks, amount,
	arrayFirst(v -> v != 0, entered) AS entry, entry AS newest,
	if(entry = 0, [], arrayFilter(
		x -> bitShiftRight(x, %[1]d) BETWEEN entry AND entry + %[2]d, whole)) AS seen, %[3]s AS run
FROM (%[4]s
)`, stepBits, c.question.Window.Milliseconds(), run("seen"), entries))
}

// follow fills the steps after an entry, each as early as can be: times are those of the first
// steps, run of them at most, and 0 from the first on that is not filled.
func follow(attempts string) string {
	return fmt.Sprintf(`SELECT persona, old, marks, amount, newest,
	tupleElement(arrayFold((acc, k) -> (
	acc.1,
	arrayPushBack(acc.2, if(acc.2[-1] = 0, toUInt64(0), bitShiftRight(arrayFirst(
		x -> bitAnd(x, %d) = k AND bitShiftRight(x, %d) >= acc.2[-1], acc.1), %[2]d)))
), range(toUInt64(1), toUInt64(run)), (seen, [entry])), 2) AS times
FROM (%[3]s
)`, stepMask, stepBits, attempts)
}
