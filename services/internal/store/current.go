package store

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// PersonasCurrent is the map version by which all profiles of a site were derived, so that
// identities without a profile have none of the touchpoints that its rules about persons need.
// 0 while that is so of no version. Errors: Unavailable.
func (s *Store) PersonasCurrent(
	ctx context.Context, site journey.SiteID,
) (journey.MapVersion, error) {
	var version uint32
	err := s.conn.QueryRow(withParams(ctx, map[string]string{"site": string(site)}),
		"SELECT max(map_version) FROM personas_current WHERE site = {site:String}").Scan(&version)
	return journey.MapVersion(version), s.broken(err, "asking whether profiles are current")
}

// SetPersonasCurrent says that all profiles of a site were derived by a map version or a later one.
func (s *Store) SetPersonasCurrent(
	ctx context.Context, site journey.SiteID, version journey.MapVersion,
) error {
	return s.insert(ctx, "personas_current (site, map_version)", func(add func(...any)) {
		add(string(site), uint32(version))
	})
}

// Identities lists the identities of a site that have a link, a trait write, a touchpoint that
// rules about persons need, or a profile: ascending, from one on, at most n. It reads no more of
// the tables than it must: of touchpoints, no identities beyond the last of n others.
func (s *Store) Identities(
	ctx context.Context, site journey.SiteID, needs journey.PersonNeeds, from journey.IdentityID,
	n int,
) ([]journey.IdentityID, error) {
	p := idRange{site: site, from: from, to: math.MaxUint64, n: n}
	ids, err := s.idsWithin(ctx, p, firstIDs("node", "links", "true")+
		" UNION ALL "+firstIDs("identity", "trait_writes", "true")+
		" UNION ALL "+firstIDs("identity", "profiles", "true"))
	if err != nil || !needs.Any() {
		return ids, err
	}
	if len(ids) == n {
		p.to = ids[n-1]
	}
	more, err := s.idsWithin(ctx, p, firstIDs("identity", "touchpoints", wanted(needs)))
	ids = append(ids, more...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(n, len(ids))], err
}

// idRange are the first n identities of a site between two, both included.
type idRange struct {
	site     journey.SiteID
	from, to journey.IdentityID
	n        int
}

func firstIDs(column, table, which string) string {
	return `SELECT * FROM (SELECT DISTINCT ` + column + ` AS id FROM ` + table + `
		WHERE site = {site:String} AND ` + column + ` BETWEEN {from:UInt64} AND {to:UInt64}
			AND ` + which + ` ORDER BY site, ` + column + ` LIMIT {n:UInt32})`
}

func (s *Store) idsWithin(
	ctx context.Context, p idRange, sql string,
) ([]journey.IdentityID, error) {
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{
		"site": string(p.site), "n": strconv.Itoa(p.n),
		"from": strconv.FormatUint(uint64(p.from), 10), "to": strconv.FormatUint(uint64(p.to), 10),
	}), "SELECT DISTINCT id FROM ("+sql+") ORDER BY id LIMIT {n:UInt32}")
	return s.identities(rows, err, "listing identities")
}

// DerivedBy lists those identities between two, both included, whose profile was derived by a map
// version or a later one, from facts read at or after an instant of the server's clock. In no
// order.
func (s *Store) DerivedBy(
	ctx context.Context, site journey.SiteID, from, to journey.IdentityID,
	version journey.MapVersion, since time.Time,
) ([]journey.IdentityID, error) {
	rows, err := s.conn.Query(withParams(ctx, map[string]string{
		"site": string(site), "since": instant(since),
		"from": strconv.FormatUint(uint64(from), 10), "to": strconv.FormatUint(uint64(to), 10),
		"version": strconv.FormatUint(uint64(version), 10),
	}), `SELECT identity FROM profiles WHERE site = {site:String}
			AND identity BETWEEN {from:UInt64} AND {to:UInt64}
		GROUP BY identity HAVING argMax(map_version, derived_at) >= {version:UInt32}
			AND max(derived_at) >= parseDateTime64BestEffort({since:String}, 9, 'UTC')`)
	return s.identities(rows, err, "listing profiles that are current")
}
