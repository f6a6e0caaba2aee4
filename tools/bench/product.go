package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/world"
)

// fillProduct puts the staged world into the product's own tables: the facts by SQL, in the columns
// that the processor writes, and what is derived of them (who is whom, personas, packed journeys)
// by the processor's own rebuild.
func (b *queryBench) fillProduct(ctx context.Context, w *world.Benchmark) error {
	if err := b.fillLabels(ctx); err != nil {
		return err
	}
	// Persons come first: a rebuild derives those stored within its last minute once more.
	if err := b.fillPersons(ctx, w); err != nil {
		return err
	}
	for from := 0; from < b.rows; from += fillRows {
		if err := b.exec(ctx, b.productRows(from, min(from+fillRows, b.rows))); err != nil {
			return err
		}
	}
	err := b.exec(ctx, "INSERT INTO waystage.freshness SELECT site, max(received_at) "+
		"FROM waystage.touchpoints GROUP BY site")
	if err != nil {
		return err
	}
	if err := b.derive(ctx); err != nil {
		return err
	}
	// The processor marks a site whose profiles all follow its map.
	return b.exec(ctx, "INSERT INTO waystage.personas_current (site, map_version) "+
		"SELECT site, max(version) FROM waystage.maps GROUP BY site")
}

// productRows copies staged touchpoints.
func (b *queryBench) productRows(from, to int) string {
	pick := func(value func(world.Event) string) string {
		return "arrayElement(" + listOf(value) + ", event + 1)"
	}
	return fmt.Sprintf(`INSERT INTO waystage.touchpoints (site, identity, at, message_key, received_at,
			batch_index, kind, event, touchpoint, stage, channel, map_version, message_id, user_id,
			anonymous_id, occurred_at, original_at, properties, context)
		SELECT '%[1]s', identity, %[2]s, sipHash128(number_in_world), %[2]s + 1, modulo(n, 100),
			'track', %[3]s, %[4]s, %[5]s, %[6]s, 1, lower(hex(sipHash128(number_in_world + 1))),
			if(is_user, concat('user-', toString(number)), ''),
			if(is_user, '', concat('visitor-', toString(number))), %[2]s, %[2]s,
			concat('{"amount":', toString(amount), ',"category":"', category, '","device":"', device,
				'"}'),
			concat('{"locale":"en-GB","page":{"path":"/shop/', category, '"}}')
		FROM staged WHERE n >= %[7]d AND n < %[8]d`,
		world.BenchmarkSite, instant,
		pick(func(e world.Event) string { return e.Name }),
		pick(func(e world.Event) string { return string(e.Attribution.Touchpoint) }),
		pick(func(e world.Event) string { return string(e.Attribution.Stage) }),
		pick(func(e world.Event) string { return string(e.Attribution.Channel) }), from, to)
}

func (b *queryBench) fillLabels(ctx context.Context) error {
	for _, e := range world.Catalogue() {
		sql := fmt.Sprintf("INSERT INTO waystage.labels VALUES ('%s', %d, '%s', '%s', '%s')",
			world.BenchmarkSite, codeOf(e), e.Name, e.Attribution.Touchpoint, e.Attribution.Stage)
		if err := b.exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// personFacts are the columns of links and of writes of traits.
type personFacts struct {
	value, message proto.ColStr
	node, other    proto.ColUInt64
	forward        proto.ColBool
}

// fillPersons links the identities of persons, and writes each person's plan.
func (b *queryBench) fillPersons(ctx context.Context, w *world.Benchmark) error {
	var links, writes personFacts
	for p := range w.Persons() {
		ids := w.Identities(p)
		writes.write(ids[0], p)
		for _, id := range ids[1:] {
			links.link(id, ids[0], p, true)
			links.link(ids[0], id, p, false)
		}
	}
	for _, sql := range []string{
		`CREATE TABLE IF NOT EXISTS person_links (node UInt64, other UInt64, forward Bool,
			message String) ENGINE = MergeTree ORDER BY node`,
		`CREATE TABLE IF NOT EXISTS person_plans (node UInt64, value String, message String)
			ENGINE = MergeTree ORDER BY node`,
	} {
		if err := b.exec(ctx, sql); err != nil {
			return err
		}
	}
	err := b.client.insert(ctx, "person_links", proto.Input{
		{Name: "node", Data: &links.node},
		{Name: "other", Data: &links.other},
		{Name: "forward", Data: &links.forward},
		{Name: "message", Data: &links.message},
	})
	if err != nil {
		return err
	}
	err = b.client.insert(ctx, "person_plans", proto.Input{
		{Name: "node", Data: &writes.node},
		{Name: "value", Data: &writes.value},
		{Name: "message", Data: &writes.message},
	})
	if err != nil {
		return err
	}
	began := fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", world.BenchmarkStart.UnixMilli())
	for _, sql := range []string{
		`INSERT INTO waystage.links (site, node, other, forward, alias, occurred_at, message_key,
				received_at, batch_index, message_id)
			SELECT '` + string(world.BenchmarkSite) + `', node, other, forward, false, ` + began + `,
				sipHash128(message), ` + began + `, 0, message FROM person_links`,
		`INSERT INTO waystage.trait_writes (site, identity, name, value, occurred_at, message_key,
				received_at, batch_index, message_id)
			SELECT '` + string(world.BenchmarkSite) + `', node, 'plan', value, ` + began + `,
				sipHash128(message), ` + began + `, 0, message FROM person_plans`,
	} {
		if err := b.exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (f *personFacts) link(node, other journey.IdentityID, person int, forward bool) {
	f.node.Append(uint64(node))
	f.other.Append(uint64(other))
	f.forward.Append(forward)
	f.message.Append(fmt.Sprintf("link-%d-%x", person, max(node, other)^min(node, other)))
}

func (f *personFacts) write(node journey.IdentityID, person int) {
	f.node.Append(uint64(node))
	f.value.Append(`"` + planOf(person) + `"`)
	f.message.Append(fmt.Sprintf("plan-%d", person))
}

// derive runs the processor's rebuild.
func (b *queryBench) derive(ctx context.Context) error {
	var config processor.Config
	if err := b.services.configure(&config, nil); err != nil {
		return err
	}
	p, err := processor.New(config, zerolog.Nop(), nil)
	if err != nil {
		return fmt.Errorf("making the processor: %w", err)
	}
	said := time.Now()
	err = p.Rebuild(ctx, func(part string, done, of int) {
		if time.Since(said) > 10*time.Second {
			b.say("%s: %d of %d", part, done, of)
			said = time.Now()
		}
	})
	if err != nil {
		return fmt.Errorf("deriving persons and journeys: %w", err)
	}
	return nil
}
