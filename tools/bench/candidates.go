package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/waystage/waystage/services/world"
)

// candidate is a layout with a way of asking it.
type candidate struct {
	name  string
	table string
	// sql is the query over a table.
	sql func(q question, table string) string
	// ask runs it and gives the counts.
	ask func(ctx context.Context, b *bench, q question, sql string) (counts, error)
}

func candidates() []candidate {
	narrow := func(name, table string) []candidate {
		return []candidate{
			{name + " windowFunnel", table, plainSQL(personByDictionary), askLevels},
			{name + " streamed", table, streamSQL, askRows},
			{name + " grouped", table, groupSQL, askArrays(false)},
		}
	}
	all := []candidate{
		{"A plain windowFunnel, dictionary", "plain", plainSQL(personByDictionary), askLevels},
		{"A plain windowFunnel, flat dictionary", "plain", plainSQL(personByFlat), askLevels},
		{"A plain windowFunnel, join", "plain", joinSQL, askLevels},
		{"A0 plain windowFunnel, identities not merged", "plain", plainSQL("identity"), askLevels},
	}
	all = append(all, narrow("B narrow by month,", "narrow_month")...)
	all = append(all, narrow("B2 narrow by quarter,", "narrow_quarter")...)
	return append(all,
		candidate{"C packed by month, streamed", "packed_month", packedSQL("month"), askArrays(true)},
		candidate{"C2 packed by quarter, streamed", "packed_quarter", packedSQL("quarter"), askArrays(true)},
		candidate{"D packed by life, streamed", "packed_life", packedSQL(""), askArrays(true)},
	)
}

const (
	personByDictionary = "dictGetOrDefault('person_of', 'person', identity, identity)"
	personByFlat       = "dictGet('first_of', 'first', toUInt64(dense))"
)

// levels is the windowFunnel of a question.
func levels(q question) string {
	steps := make([]string, 0, stepCount)
	for i, s := range world.Stages()[:stepCount] {
		step := fmt.Sprintf("stage = '%s'", s)
		if i == 0 {
			step += " AND at < " + stamp(q.to)
		}
		if q.conditional && (i == conditioned[0] || i == conditioned[1]) {
			step += " AND JSONExtractString(properties, 'device') = 'phone'"
		}
		steps = append(steps, step)
	}
	return fmt.Sprintf("windowFunnel(%d)(toUInt64(toUnixTimestamp64Milli(at)), %s)",
		window.Milliseconds(), strings.Join(steps, ", "))
}

func plainSQL(person string) func(question, string) string {
	return func(q question, table string) string {
		return fmt.Sprintf(`SELECT level, count() FROM (
			SELECT %s AS person, %s AS level FROM %s WHERE %s AND stage IN (%s) GROUP BY person
		) GROUP BY level`, person, levels(q), table, q.where(), stages())
	}
}

func joinSQL(q question, table string) string {
	return fmt.Sprintf(`SELECT level, count() FROM (
		SELECT if(l.person = 0, t.identity, l.person) AS p, %s AS level
		FROM %s AS t LEFT ANY JOIN links AS l ON t.identity = l.identity
		WHERE %s AND stage IN (%s) GROUP BY p
	) GROUP BY level`, levels(q), table, q.where(), stages())
}

// mask is a bit per step.
func mask(q question) string {
	values := make([]string, 0, stepCount)
	for i := range stepCount {
		values = append(values, fmt.Sprint(1<<i))
	}
	bit := fmt.Sprintf("toUInt64(transform(stage, [%s], [%s], 0))", stages(),
		strings.Join(values, ", "))
	if !q.conditional {
		return bit
	}
	return fmt.Sprintf(`if(stage IN (%s), if(JSONExtractRaw(properties, 'device') = '"phone"', %s, 0), %s)`,
		conditionedStages(), bit, bit)
}

func entry(q question) string {
	return fmt.Sprintf("bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), %d), %s)",
		maskBits, mask(q))
}

func streamSQL(q question, table string) string {
	return fmt.Sprintf("SELECT identity, %s AS e FROM %s WHERE %s AND stage IN (%s)",
		entry(q), table, q.where(), stages())
}

func groupSQL(q question, table string) string {
	return fmt.Sprintf(
		"SELECT identity, groupArray(%s) AS e FROM %s WHERE %s AND stage IN (%s) GROUP BY identity",
		entry(q), table, q.where(), stages())
}

func packedSQL(period string) func(question, string) string {
	return func(q question, table string) string {
		columns := "identity, CAST(a, 'Array(UInt64)') AS e"
		if q.conditional {
			columns = fmt.Sprintf(`identity, arrayMap((x, d) -> if(has([%s], bitAnd(x, 255)) AND d != 'phone',
				bitOr(x, 255), x), a, device) AS e`, conditionedEvents())
		}
		where := "site = 'bench'"
		if period != "" {
			where += fmt.Sprintf(" AND period BETWEEN toDate(dateTrunc('%s', %s)) AND %s",
				period, stamp(q.from), stamp(q.until()))
		}
		return fmt.Sprintf("SELECT %s FROM %s WHERE %s", columns, table, where)
	}
}

// conditionedEvents are the events of the steps with a condition.
func conditionedEvents() string {
	var events []string
	for i, e := range world.Catalogue() {
		for _, s := range conditioned {
			if e.Attribution.Stage == world.Stages()[s] {
				events = append(events, fmt.Sprint(i))
			}
		}
	}
	return strings.Join(events, ", ")
}

// eventMasks are the steps of each event.
func eventMasks() *[256]uint32 {
	var masks [256]uint32
	for i, e := range world.Catalogue() {
		for s, stage := range world.Stages()[:stepCount] {
			if e.Attribution.Stage == stage {
				masks[i] = 1 << s
			}
		}
	}
	return &masks
}

// askLevels adds up the levels that ClickHouse found.
func askLevels(ctx context.Context, b *bench, _ question, sql string) (counts, error) {
	var level proto.ColUInt8
	var n proto.ColUInt64
	var c counts
	err := b.client.stream(ctx, sql, func() proto.Results {
		return proto.Results{{Data: &level}, {Data: &n}}
	}, func() error {
		for i, l := range level {
			for s := range int(l) {
				c[s] += n[i]
			}
		}
		return nil
	})
	return c, err
}

// columns are the buffers of a block, used again by later questions.
type columns struct{ identities, entries proto.ColUInt64 }

var spare = sync.Pool{New: func() any { return new(columns) }}

// askRows runs the kernel over rows of an identity and an entry.
func askRows(ctx context.Context, b *bench, q question, sql string) (counts, error) {
	k := &b.kernel
	k.reset(q, nil)
	var used []*columns
	err := b.client.stream(ctx, sql, func() proto.Results {
		c := spare.Get().(*columns)
		used = append(used, c)
		return proto.Results{{Data: &c.identities}, {Data: &c.entries}}
	}, func() error {
		c := used[len(used)-1]
		k.add(block{identities: c.identities, entries: c.entries})
		return nil
	})
	found := k.answer()
	for _, c := range used {
		spare.Put(c)
	}
	return found, err
}

// askArrays runs the kernel over rows of an identity and an array of entries.
func askArrays(codes bool) func(context.Context, *bench, question, string) (counts, error) {
	return func(ctx context.Context, b *bench, q question, sql string) (counts, error) {
		k := &b.kernel
		var masks *[256]uint32
		if codes {
			masks = eventMasks()
		}
		k.reset(q, masks)
		var used []*columns
		var entries *proto.ColArr[uint64]
		err := b.client.stream(ctx, sql, func() proto.Results {
			c := spare.Get().(*columns)
			used = append(used, c)
			entries = proto.NewArray(&c.entries)
			return proto.Results{{Data: &c.identities}, {Data: entries}}
		}, func() error {
			c := used[len(used)-1]
			k.add(block{identities: c.identities, entries: c.entries, ends: entries.Offsets})
			return nil
		})
		found := k.answer()
		for _, c := range used {
			spare.Put(c)
		}
		return found, err
	}
}
