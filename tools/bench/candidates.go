package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/waystage/waystage/services/world"
)

// candidate is a layout with a way of asking it.
type candidate struct {
	key, name string
	table     string
	// sql is the query over a table.
	sql func(q question, table string) string
	// ask runs it and gives the counts.
	ask func(ctx context.Context, b *bench, q question, sql string) (counts, error)
	// unmerged tells that persons of several identities are counted several times.
	unmerged bool
}

// reference is the key of the candidate that the others are compared with.
const reference = "A"

// A person is found from an identity's hash, as Waystage would; or from dense numbers of
// identities, if somebody kept them.
const (
	personByHash   = "dictGetOrDefault('person_of', 'person', identity, identity)"
	personByNumber = "dictGet('person_of_number', 'person', toUInt64(number))"
)

func candidates() []candidate {
	all := []candidate{
		{
			reference, "plain, day-ordered, `windowFunnel`; persons by dictionary", "plain",
			windowFunnelSQL(personByHash), askLevels, false,
		},
		{
			"A-dense", "the same; dense numbers of identities, flat dictionary", "plain",
			windowFunnelSQL(personByNumber), askLevels, false,
		},
		{"A-join", "the same; persons by join", "plain", joinSQL, askLevels, false},
		{
			"A0", "the same; identities not merged (other counts)", "plain",
			windowFunnelSQL("identity"), askLevels, true,
		},
	}
	for _, period := range []struct{ prefix, name string }{{"B", "month"}, {"B2", "quarter"}} {
		of, table := "rows by identity and time, by "+period.name, "narrow_"+period.name
		all = append(all,
			candidate{
				period.prefix + "-funnel", of + ", `windowFunnel`", table,
				windowFunnelSQL(personByHash), askLevels, false,
			},
			candidate{
				period.prefix + "-group", of + ", `groupArray`, then evaluator", table,
				groupSQL, askMasks, false,
			},
			candidate{
				period.prefix, of + ", streamed to the evaluator", table,
				streamSQL, askRows, false,
			})
	}
	return append(all,
		candidate{
			"C", "packed by month, streamed", "packed_month",
			packedSQL("toYYYYMM(%s)"), askCodes, false,
		},
		candidate{
			"C2", "packed by quarter, streamed", "packed_quarter",
			packedSQL("toYYYYMM(toStartOfQuarter(%s))"), askCodes, false,
		},
		candidate{"D", "packed by life, streamed", "packed_life", packedSQL(""), askCodes, false},
	)
}

// windowFunnelSQL counts persons by the level they reach; person is an SQL expression.
func windowFunnelSQL(person string) func(question, string) string {
	return func(q question, table string) string {
		return fmt.Sprintf(`SELECT level, count() FROM (
			SELECT %s AS who, %s AS level FROM %s WHERE %s AND stage IN (%s) GROUP BY who
		) GROUP BY level`, person, q.levels(), table, q.where(), stageList(allSteps))
	}
}

func joinSQL(q question, table string) string {
	return fmt.Sprintf(`SELECT level, count() FROM (
		SELECT if(l.person = 0, t.identity, l.person) AS who, %s AS level
		FROM %s AS t LEFT ANY JOIN links AS l ON t.identity = l.identity
		WHERE %s AND stage IN (%s) GROUP BY who
	) GROUP BY level`, q.levels(), table, q.where(), stageList(allSteps))
}

// levels is windowFunnel over the steps.
func (q question) levels() string {
	steps := make([]string, 0, stepCount)
	for i, s := range world.Stages()[:stepCount] {
		step := fmt.Sprintf("stage = '%s'", s)
		if i == 0 {
			step += " AND at < " + stamp(q.to)
		}
		if q.conditions(i) {
			step += " AND JSONExtractString(properties, 'device') = 'phone'"
		}
		steps = append(steps, step)
	}
	return fmt.Sprintf("windowFunnel(%d)(toUInt64(toUnixTimestamp64Milli(at)), %s)",
		window.Milliseconds(), strings.Join(steps, ", "))
}

func streamSQL(q question, table string) string {
	return fmt.Sprintf("SELECT identity, %s AS e FROM %s WHERE %s AND stage IN (%s)",
		q.entry(), table, q.where(), stageList(allSteps))
}

func groupSQL(q question, table string) string {
	return fmt.Sprintf(
		"SELECT identity, groupArray(%s) AS e FROM %s WHERE %s AND stage IN (%s) GROUP BY identity",
		q.entry(), table, q.where(), stageList(allSteps))
}

// entry is the instant and a bit per step; none where a condition does not hold.
func (q question) entry() string {
	bits := make([]string, 0, stepCount)
	for i := range stepCount {
		bits = append(bits, fmt.Sprint(1<<i))
	}
	mask := fmt.Sprintf("toUInt64(transform(stage, [%s], [%s], 0))", stageList(allSteps),
		strings.Join(bits, ", "))
	if q.conditional {
		mask = fmt.Sprintf(`if(stage IN (%s),
			if(JSONExtractRaw(properties, 'device') = '"phone"', %s, 0), %s)`,
			stageList(conditionedSteps), mask, mask)
	}
	return fmt.Sprintf("bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), %d), %s)",
		entryBits, mask)
}

// packedSQL reads the arrays of whole periods; period is an SQL expression over an instant.
// Code 0 takes the place of the codes of touchpoints that do not meet their condition.
func packedSQL(period string) func(question, string) string {
	return func(q question, table string) string {
		touches := "CAST(touches, 'Array(UInt64)')" // a plain array to read, at no cost
		if q.conditional {
			touches = fmt.Sprintf(`arrayMap((t, d) -> if(
				d != 'phone' AND has([%s], bitAnd(t, %d)), bitShiftLeft(bitShiftRight(t, %d), %d), t),
				touches, devices)`, codesOf(conditionedSteps), entryMask, entryBits, entryBits)
		}
		where := "site = 'bench'"
		if period != "" {
			where += fmt.Sprintf(" AND period BETWEEN "+period+" AND "+period,
				stamp(q.from), stamp(q.until()))
		}
		return fmt.Sprintf("SELECT identity, %s AS e FROM %s WHERE %s", touches, table, where)
	}
}

// askLevels adds up the levels that ClickHouse found.
func askLevels(ctx context.Context, b *bench, _ question, sql string) (counts, error) {
	var level proto.ColUInt8
	var n proto.ColUInt64
	var c counts
	err := b.client.stream(ctx, sql, func() proto.Results {
		return proto.Results{{Data: &level}, {Data: &n}}
	}, func() {
		for i, l := range level {
			for s := range int(l) {
				c[s] += n[i]
			}
		}
	})
	return c, err
}

// askRows runs the kernel over rows of an identity and an entry.
func askRows(ctx context.Context, b *bench, q question, sql string) (counts, error) {
	k := &b.kernel
	k.open(q, nil)
	var now *columns
	err := b.client.stream(ctx, sql, func() proto.Results {
		now = k.columns()
		return proto.Results{{Data: &now.identities}, {Data: &now.entries}}
	}, func() {
		k.add(block{identities: now.identities, entries: now.entries})
	})
	return k.answer(), err
}

// askMasks runs the kernel over rows of an identity and its entries.
func askMasks(ctx context.Context, b *bench, q question, sql string) (counts, error) {
	b.kernel.open(q, nil)
	return askArrays(ctx, b, sql)
}

// askCodes does the same where the entries are packed touchpoints.
func askCodes(ctx context.Context, b *bench, q question, sql string) (counts, error) {
	b.kernel.open(q, stepsByCode())
	return askArrays(ctx, b, sql)
}

func askArrays(ctx context.Context, b *bench, sql string) (counts, error) {
	k := &b.kernel
	var now *columns
	err := b.client.stream(ctx, sql, func() proto.Results {
		now = k.columns()
		return proto.Results{{Data: &now.identities}, {Data: now.arrays()}}
	}, func() {
		k.add(block{identities: now.identities, entries: now.entries, ends: now.ends.Offsets})
	})
	return k.answer(), err
}
