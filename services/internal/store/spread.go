package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Spread says how touchpoints and packed journeys are spread over the shards of a cluster, by
// tables of the engine Distributed that stand under their names. The zero Spread is one node.
type Spread struct {
	// Cluster is its name; empty on one node.
	Cluster string
	// Journeys, Touchpoints and Profiles are the tables of a shard, with their database, quoted.
	Journeys, Touchpoints, Profiles string
	// Unfit says why the shards cannot count for themselves; empty where they can.
	Unfit string
}

// distributed reads how a table of the engine Distributed was made.
var distributed = regexp.MustCompile(
	`^Distributed\('([^']+)', '([^']+)', '([^']+)'(?:, (.*?))?(?:, '[^']*')?\)(?: SETTINGS .*)?$`)

// Spread tells how the tables are spread. Errors: Unavailable.
func (s *Store) Spread(ctx context.Context) (Spread, error) {
	journeys, database, err := s.engineOf(ctx, "journeys")
	if err != nil || !strings.HasPrefix(journeys, "Distributed(") {
		return Spread{}, err
	}
	touchpoints, _, err := s.engineOf(ctx, "touchpoints")
	if err != nil {
		return Spread{}, err
	}
	profiles, _, err := s.engineOf(ctx, "profiles")
	if err != nil {
		return Spread{}, err
	}
	spread := spreadOf(journeys, touchpoints, profiles)
	spread.Profiles = quoteName(database) + ".profiles"
	if spread.Unfit != "" {
		return spread, nil
	}
	var weight uint64
	err = s.conn.QueryRow(withParams(ctx, map[string]string{"cluster": spread.Cluster}),
		"SELECT toUInt64(max(shard_weight)) FROM system.clusters WHERE cluster = {cluster:String}").
		Scan(&weight)
	if weight != 1 && err == nil {
		spread.Unfit = "the largest weight of a shard is " + strconv.FormatUint(weight, 10)
	}
	return spread, s.broken(err, "reading the weights of shards")
}

// engineOf is how a table was made, empty where it is not there, and the database of the store.
func (s *Store) engineOf(ctx context.Context, table string) (engine, database string, err error) {
	err = s.conn.QueryRow(withParams(ctx, map[string]string{"table": table}),
		`SELECT anyLast(engine_full), currentDatabase() FROM system.tables
		WHERE database = currentDatabase() AND name = {table:String}`).Scan(&engine, &database)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return engine, database, s.broken(err, "reading how table "+table+" was made")
}

// spreadOf reads the engines of the three tables.
func spreadOf(journeys, touchpoints, profiles string) Spread {
	j, t := distributed.FindStringSubmatch(journeys), distributed.FindStringSubmatch(touchpoints)
	const want = "identity"
	switch {
	case j == nil:
		return Spread{Unfit: "the engine of journeys cannot be read"}
	case t == nil || t[1] != j[1]:
		return Spread{Cluster: j[1], Unfit: "touchpoints are not spread over the cluster of journeys"}
	case j[4] != want || t[4] != want:
		return Spread{Cluster: j[1], Unfit: fmt.Sprintf(
			"journeys are spread by %q and touchpoints by %q, where both must be by identity",
			j[4], t[4])}
	case strings.HasPrefix(profiles, "Distributed("):
		return Spread{Cluster: j[1], Unfit: "profiles are spread, where each shard must have all"}
	default:
		return Spread{
			Cluster: j[1], Journeys: tableName(j), Touchpoints: tableName(t),
		}
	}
}

func tableName(engine []string) string { return quoteName(engine[2]) + "." + quoteName(engine[3]) }
