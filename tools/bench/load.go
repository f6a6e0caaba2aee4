package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/waystage/waystage/services/world"
)

// loadRows is how many touchpoints travel in one insert.
const loadRows = 1 << 20

// saidInserts is of how many inserts one is told of.
const saidInserts = 8

// sources hold the world in time order, numbered from 0, so that every layout is filled from
// the same rows; and which identities are one person, as ClickHouse sees it: by the hash of the
// identity, and by a dense number, which Waystage does not have.
var sources = []string{
	`CREATE TABLE staged (
		n UInt64, at_ms Int64, identity UInt64, number_in_world UInt64, number UInt32, event UInt8,
		is_user Bool, device LowCardinality(String), category LowCardinality(String), amount UInt16
	) ENGINE = MergeTree ORDER BY n`,
	`CREATE TABLE links (identity UInt64, person UInt64)
		ENGINE = MergeTree ORDER BY identity`,
	`CREATE TABLE numbers (number UInt64, person UInt32) ENGINE = MergeTree ORDER BY number`,
	`CREATE DICTIONARY person_of (identity UInt64, person UInt64) PRIMARY KEY identity
		SOURCE(CLICKHOUSE(TABLE 'links')) LAYOUT(HASHED()) LIFETIME(0)`,
	`CREATE DICTIONARY person_of_number (number UInt64, person UInt32) PRIMARY KEY number
		SOURCE(CLICKHOUSE(TABLE 'numbers'))
		LAYOUT(FLAT(INITIAL_ARRAY_SIZE 65536 MAX_ARRAY_SIZE 100000000)) LIFETIME(0)`,
}

// load fills the sources, unless they are there, and tells the kernel who is one person.
func (b *bench) load(ctx context.Context, w *world.Benchmark) error {
	b.kernel.persons = personsOf(w)
	if found, err := b.client.exec(ctx, "EXISTS TABLE staged"); err != nil || found == "1\n" {
		if err == nil {
			b.rows, err = b.count(ctx)
		}
		return err
	}
	for _, sql := range sources {
		if err := b.exec(ctx, sql); err != nil {
			return err
		}
	}
	firsts, err := b.loadPersons(ctx, w)
	if err != nil {
		return err
	}
	var s staged
	for t := range w.Touchpoints() {
		s.add(t, firsts)
		if s.at.Rows() == loadRows {
			if err := b.insertStaged(ctx, &s); err != nil {
				return err
			}
			if s.n%(saidInserts*loadRows) == 0 {
				b.say("%d touchpoints staged", s.n)
			}
		}
	}
	b.rows = s.n
	return b.insertStaged(ctx, &s)
}

func (b *bench) count(ctx context.Context) (int, error) {
	text, err := b.client.exec(ctx, "SELECT count() FROM staged")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("reading the number of staged touchpoints: %w", err)
	}
	return n, nil
}

// personsOf maps the identities of persons who have several to the smallest of them.
func personsOf(w *world.Benchmark) *table {
	persons := newTable(w.Persons(), 0)
	for p := range w.Persons() {
		if all := w.Identities(p); len(all) > 1 {
			for _, id := range all {
				persons.set(uint64(id), uint64(slices.Min(all)))
			}
		}
	}
	return persons
}

// loadPersons numbers the identities, person by person, and gives each person's first number.
func (b *bench) loadPersons(ctx context.Context, w *world.Benchmark) ([]uint32, error) {
	var identity, person, number proto.ColUInt64
	var first proto.ColUInt32
	var firsts []uint32
	for p := range w.Persons() {
		all := w.Identities(p)
		firsts = append(firsts, uint32(number.Rows()))
		for _, id := range all {
			number, first = append(number, uint64(number.Rows())), append(first, firsts[p])
			if len(all) > 1 {
				identity = append(identity, uint64(id))
				person = append(person, uint64(slices.Min(all)))
			}
		}
	}
	err := b.client.insert(ctx, "links", proto.Input{
		{Name: "identity", Data: &identity}, {Name: "person", Data: &person},
	})
	if err != nil {
		return nil, err
	}
	return firsts, b.client.insert(ctx, "numbers", proto.Input{
		{Name: "number", Data: &number}, {Name: "person", Data: &first},
	})
}

// staged are the columns of an insert into the staging table.
type staged struct {
	n                int // touchpoints so far
	at               proto.ColInt64
	ns, ids, inWorld proto.ColUInt64
	number           proto.ColUInt32
	event            proto.ColUInt8
	isUser           proto.ColBool
	device, category proto.ColStr
	amount           proto.ColUInt16
}

func (s *staged) add(t world.Touchpoint, firsts []uint32) {
	number := firsts[t.Person] + uint32(t.Place)
	s.ns.Append(uint64(s.n))
	s.at.Append(t.At)
	s.ids.Append(uint64(t.Identity))
	s.inWorld.Append(t.Number)
	s.number.Append(number)
	s.event.Append(t.Event)
	s.isUser.Append(t.Place == 0)
	s.device.Append(t.Device())
	s.category.Append(t.Category())
	s.amount.Append(uint16(t.Amount()))
	s.n++
}

// insertStaged sends what was added and empties the columns.
func (b *bench) insertStaged(ctx context.Context, s *staged) error {
	input := proto.Input{
		{Name: "n", Data: &s.ns},
		{Name: "at_ms", Data: &s.at},
		{Name: "identity", Data: &s.ids},
		{Name: "number_in_world", Data: &s.inWorld},
		{Name: "number", Data: &s.number},
		{Name: "event", Data: &s.event},
		{Name: "is_user", Data: &s.isUser},
		{Name: "device", Data: &s.device},
		{Name: "category", Data: &s.category},
		{Name: "amount", Data: &s.amount},
	}
	defer input.Reset()
	if s.at.Rows() == 0 {
		return nil
	}
	return b.client.insert(ctx, "staged", input)
}
