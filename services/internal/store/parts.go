package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// Part is an active part of a table: rows that came in together, or were put together from such. A
// part never changes; what is written, merged or removed makes other parts.
type Part struct {
	// Table is its name, and Place tells it from another one that had or gets that name.
	Table, Place string
	Name         string
	// Partition, and the numbers of the first and the last insert whose rows it holds.
	Partition   string
	First, Last int64
	// Mutation counts what was removed from or rewritten in it, 0 for nothing.
	Mutation int64
	// Hash is that of its content.
	Hash string
	Rows uint64
}

// AnswerTables are the tables that answers, and the reading of questions, rest on, every one with a
// column for the site.
var AnswerTables = []string{
	"touchpoints", "journeys", "labels", "links", "trait_writes", "profiles", "maps",
	"personas_current", "freshness", "sites",
}

// Standing says whether the parts of AnswerTables here are all there is to them.
type Standing int

const (
	// Unsaid is where some tables have no parts here: OwnTables says it of them.
	Unsaid Standing = iota
	// Here is where each of them stands on this server alone, as parts of its own.
	Here
	// Elsewhere is where at least one does not, or nothing is stored at all.
	Elsewhere
)

// AnswerParts lists the active parts of AnswerTables, in no order.
//
// Every question asks for it, so it asks for little: what a part's name tells it takes from there.
func (s *Store) AnswerParts(ctx context.Context) (parts []Part, stand Standing, err error) {
	engines := make(map[string]string)
	err = s.Stream(ctx, Query{
		SQL: `SELECT table, engine, path, name, hash_of_all_files, rows FROM system.parts
			WHERE active AND database = currentDatabase()
				AND table IN (` + textList(AnswerTables) + `)`,
		Columns: []Column{
			{Name: "table", Type: String},
			{Name: "engine", Type: String},
			{Name: "path", Type: String},
			{Name: "name", Type: String},
			{Name: "hash", Type: String},
			{Name: "rows", Type: UInt64},
		},
	}, func(b *Block) error {
		for i := range b.Rows {
			p := Part{
				Table: string(b.Bytes(0, i)), Name: string(b.Bytes(3, i)),
				Hash: string(b.Bytes(4, i)), Rows: b.UInt64(5)[i],
			}
			p.Place = strings.TrimSuffix(strings.TrimSuffix(string(b.Bytes(2, i)), "/"), p.Name)
			if err := p.readName(); err != nil {
				return err
			}
			engines[p.Table] = string(b.Bytes(1, i))
			parts = append(parts, p)
		}
		return nil
	})
	if err != nil {
		return nil, Unsaid, fmt.Errorf("listing parts of tables: %w", err)
	}
	stand = standing(engines)
	s.unsaid.Store(stand == Unsaid)
	return parts, stand, nil
}

// LastUnsaid tells that AnswerParts left it unsaid when it was asked last.
func (s *Store) LastUnsaid() bool { return s.unsaid.Load() }

// standing is what the engines of the tables with parts say.
func standing(engines map[string]string) Standing {
	for _, engine := range engines {
		if !slices.Contains(ownEngines, engine) {
			return Elsewhere
		}
	}
	switch len(engines) {
	case 0:
		return Elsewhere
	case len(AnswerTables):
		return Here
	}
	return Unsaid
}

// readName takes what the name of a part tells: the partition, the numbers of the first and the
// last insert, how often it was merged, and the number of the last mutation, if there was one, with
// underscores between (https://clickhouse.com/docs/operations/system-tables/parts).
func (p *Part) readName() error {
	words := strings.Split(p.Name, "_")
	if len(words) < 4 || len(words) > 5 {
		return p.misnamed()
	}
	numbers := make([]int64, len(words)-1)
	for i, word := range words[1:] {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return p.misnamed()
		}
		numbers[i] = n
	}
	p.Partition, p.First, p.Last = words[0], numbers[0], numbers[1]
	if len(numbers) > 3 {
		p.Mutation = numbers[3]
	}
	return nil
}

func (p *Part) misnamed() error {
	return fault.New(fault.Internal, "the store has a part of %s by the name %q, which is not "+
		"partition_first_last_level or partition_first_last_level_mutation", p.Table, p.Name)
}

// ownEngines are those of tables whose parts are their own.
var ownEngines = []string{"MergeTree", "ReplacingMergeTree", "AggregatingMergeTree"}

// OwnTables tells whether all of AnswerTables have parts of their own, if any.
func (s *Store) OwnTables(ctx context.Context) (bool, error) {
	var own uint64
	err := s.conn.QueryRow(ctx, `SELECT count() FROM system.tables
		WHERE database = currentDatabase() AND name IN (`+textList(AnswerTables)+`)
			AND engine IN (`+textList(ownEngines)+`)`).Scan(&own)
	return int(own) == len(AnswerTables), s.broken(err, "asking where tables stand")
}

// PartSites finds the sites of which there are rows in parts of AnswerTables. A part that is gone
// meanwhile, or holds no rows, is not in the result.
func (s *Store) PartSites(
	ctx context.Context, parts []Part,
) (map[string][]journey.SiteID, error) {
	byTable := make(map[string][]string)
	for _, p := range parts {
		byTable[p.Table] = append(byTable[p.Table], p.Name)
	}
	var selects []string
	for table, names := range byTable {
		selects = append(selects, fmt.Sprintf(`SELECT DISTINCT '%s' AS of, toString(_part) AS part,
			toString(site) AS site FROM %s WHERE _part IN (%s)`, table, table, textList(names)))
	}
	sites := make(map[string][]journey.SiteID)
	if len(selects) == 0 {
		return sites, nil
	}
	rows, err := s.conn.Query(bigQuery(ctx, nil), strings.Join(selects, " UNION ALL "))
	if err != nil {
		return nil, s.broken(err, "asking whose rows parts hold")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	for rows.Next() {
		var table, part, site string
		if err := rows.Scan(&table, &part, &site); err != nil {
			return nil, s.broken(err, "reading whose rows parts hold")
		}
		key := table + "/" + part
		sites[key] = append(sites[key], journey.SiteID(site))
	}
	return sites, s.broken(rows.Err(), "reading whose rows parts hold")
}
