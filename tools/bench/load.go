package main

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/waystage/waystage/services/world"
)

// loadRows is how many touchpoints travel in one insert.
const loadRows = 1 << 20

// staging holds the world in time order, numbered from 0, so that every layout is filled from it.
const staging = `CREATE TABLE staged (
	n UInt64, at Int64, identity UInt64, number UInt64, dense UInt32, event UInt8,
	device LowCardinality(String), category LowCardinality(String), amount UInt16
) ENGINE = MergeTree ORDER BY n`

const linkTable = `CREATE TABLE links (identity UInt64, person UInt64, dense UInt32, first UInt32)
ENGINE = MergeTree ORDER BY identity`

// load fills the staging table and the links; it gives the number of touchpoints and the table of
// linked identities.
func load(ctx context.Context, c *client, b *world.Benchmark) (int, *table, error) {
	for _, sql := range []string{staging, linkTable} {
		if _, err := c.exec(ctx, sql); err != nil {
			return 0, nil, err
		}
	}
	persons, dense, err := loadLinks(ctx, c, b)
	if err != nil {
		return 0, nil, err
	}
	var s stagedRows
	for t := range b.Touchpoints() {
		s.add(t, dense)
		if s.at.Rows() == loadRows {
			if err := c.insert(ctx, "staged", s.input()); err != nil {
				return 0, nil, err
			}
			s.reset()
		}
	}
	if s.at.Rows() > 0 {
		if err := c.insert(ctx, "staged", s.input()); err != nil {
			return 0, nil, err
		}
	}
	return s.n, persons, nil
}

// loadLinks numbers the identities densely, person by person, and tells ClickHouse and the kernel
// which of them are one person.
func loadLinks(
	ctx context.Context, c *client, b *world.Benchmark,
) (persons *table, firstOf []uint32, err error) {
	persons = newTable(b.Persons(), 0)
	var identity, person proto.ColUInt64
	var dense, first proto.ColUInt32
	for p := range b.Persons() {
		all := b.Identities(p)
		firstOf = append(firstOf, uint32(identity.Rows()))
		smallest := all[0]
		for _, id := range all {
			smallest = min(smallest, id)
		}
		for i, id := range all {
			identity, person = append(identity, uint64(id)), append(person, uint64(smallest))
			dense, first = append(dense, firstOf[p]+uint32(i)), append(first, firstOf[p])
			if len(all) > 1 {
				persons.set(uint64(id), uint64(smallest))
			}
		}
	}
	return persons, firstOf, c.insert(ctx, "links", proto.Input{
		{Name: "identity", Data: &identity},
		{Name: "person", Data: &person},
		{Name: "dense", Data: &dense},
		{Name: "first", Data: &first},
	})
}

// stagedRows are the columns of an insert into the staging table.
type stagedRows struct {
	n                int
	at               proto.ColInt64
	ns, ids, numbers proto.ColUInt64
	dense            proto.ColUInt32
	event            proto.ColUInt8
	device, category proto.ColStr
	amount           proto.ColUInt16
}

func (s *stagedRows) add(t world.Touchpoint, firstOf []uint32) {
	s.ns.Append(uint64(s.n))
	s.at.Append(t.At)
	s.ids.Append(uint64(t.Identity))
	s.numbers.Append(t.Number)
	s.dense.Append(firstOf[t.Person] + uint32(t.Place))
	s.event.Append(t.Event)
	s.device.Append(t.Device())
	s.category.Append(t.Category())
	s.amount.Append(uint16(t.Amount()))
	s.n++
}

func (s *stagedRows) input() proto.Input {
	return proto.Input{
		{Name: "n", Data: &s.ns},
		{Name: "at", Data: &s.at},
		{Name: "identity", Data: &s.ids},
		{Name: "number", Data: &s.numbers},
		{Name: "dense", Data: &s.dense},
		{Name: "event", Data: &s.event},
		{Name: "device", Data: &s.device},
		{Name: "category", Data: &s.category},
		{Name: "amount", Data: &s.amount},
	}
}

func (s *stagedRows) reset() { s.input().Reset() }

// wideRow is the SELECT list that turns a staged row into a stored one, as the processor would.
func wideRow() string {
	var names, touchpoints, stages, channels string
	for i, e := range world.Catalogue() {
		if i > 0 {
			names, touchpoints, stages, channels = names+",", touchpoints+",", stages+",", channels+","
		}
		names += fmt.Sprintf("'%s'", e.Name)
		touchpoints += fmt.Sprintf("'%s'", e.Attribution.Touchpoint)
		stages += fmt.Sprintf("'%s'", e.Attribution.Stage)
		channels += fmt.Sprintf("'%s'", e.Attribution.Channel)
	}
	pick := func(list string) string { return "arrayElement([" + list + "], event + 1)" }
	return `'bench' AS site, identity, fromUnixTimestamp64Milli(at, 'UTC') AS at_,
		sipHash128(number) AS message_key, lower(hex(sipHash128(number + 1))) AS message_id,
		dense, if(modulo(dense, 2) = 0, concat('user-', toString(dense)), '') AS user_id,
		if(modulo(dense, 2) = 0, '', concat('visitor-', toString(dense))) AS visitor_id,
		` + pick(names) + ` AS event_, ` + pick(touchpoints) + ` AS touchpoint,
		` + pick(stages) + ` AS stage, ` + pick(channels) + ` AS channel, 1 AS map_version,
		concat('{"amount":', toString(amount), ',"category":"', category, '","device":"', device,
			'"}') AS properties,
		concat('{"locale":"en-GB","page":{"path":"/shop/', category, '"}}') AS context,
		at_ AS original_at, at_ + 1 AS received_at, 0 AS batch_index`
}
