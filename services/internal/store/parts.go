package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

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

// AnswerParts lists the active parts of AnswerTables, in no order. Whole tells that these are all
// there is to the tables: each of them stands on this server alone, as parts of its own. Where
// nothing is stored at all that is not told.
func (s *Store) AnswerParts(ctx context.Context) (parts []Part, whole bool, err error) {
	rows, err := s.conn.Query(ctx, `SELECT table, engine, path, name, partition_id,
			min_block_number, max_block_number, data_version, hash_of_all_files, rows
		FROM system.parts
		WHERE active AND database = currentDatabase() AND table IN (`+textList(AnswerTables)+`)`)
	if err != nil {
		return nil, false, s.broken(err, "listing parts of tables")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	engines := make(map[string]string)
	for rows.Next() {
		var p Part
		var engine, path string
		if err := rows.Scan(&p.Table, &engine, &path, &p.Name, &p.Partition, &p.First, &p.Last,
			(*version)(&p.Mutation), &p.Hash, &p.Rows); err != nil {
			return nil, false, s.broken(err, "reading a part of a table")
		}
		engines[p.Table] = engine
		if p.Mutation <= p.Last {
			p.Mutation = 0 // without one it is the number of the first insert
		}
		p.Place = strings.TrimSuffix(strings.TrimSuffix(path, "/"), p.Name)
		parts = append(parts, p)
	}
	if err := rows.Err(); err != nil {
		return nil, false, s.broken(err, "reading parts of tables")
	}
	whole, err = s.standHere(ctx, engines)
	return parts, whole, err
}

// ownEngines are those of tables whose parts are their own.
var ownEngines = []string{"MergeTree", "ReplacingMergeTree", "AggregatingMergeTree"}

// standHere tells whether AnswerTables stand on this server alone. engines are those of the tables
// with parts here; where some have none, the server is asked about all.
func (s *Store) standHere(ctx context.Context, engines map[string]string) (bool, error) {
	for _, engine := range engines {
		if !slices.Contains(ownEngines, engine) {
			return false, nil
		}
	}
	if len(engines) == len(AnswerTables) || len(engines) == 0 {
		return len(engines) > 0, nil
	}
	var own uint64
	err := s.conn.QueryRow(ctx, `SELECT count() FROM system.tables
		WHERE database = currentDatabase() AND name IN (`+textList(AnswerTables)+`)
			AND engine IN (`+textList(ownEngines)+`)`).Scan(&own)
	return int(own) == len(AnswerTables), s.broken(err, "asking where tables stand")
}

// version scans an unsigned number as a signed one.
type version int64

// Scan takes what the driver read.
func (v *version) Scan(from any) error {
	n, is := from.(uint64)
	if !is {
		return fmt.Errorf("a version of a part is %T, not a number", from)
	}
	*v = version(n) //nolint:gosec // block numbers are signed
	return nil
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
