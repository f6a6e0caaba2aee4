package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// forceDelay is how long after its publication a map comes into force. By then its row has been
// visible for a while, so whoever reads the maps at or after the receipt of a message knows every
// map that was in force at that receipt; clocks of services may differ by half of it.
const forceDelay = time.Second

// Publish makes a map the site's next version and gives it once it is in force. If the source
// equals that of the newest version, it gives that one instead. Errors: Unavailable.
func (s *Store) Publish(
	ctx context.Context, site journey.SiteID, source, title string,
) (journey.Publication, error) {
	newest, err := s.Publication(ctx, site, 0)
	if err != nil && fault.Of(err) != fault.NotFound {
		return journey.Publication{}, fmt.Errorf("reading the newest map: %w", err)
	}
	if err == nil && newest.Source == source {
		return newest, nil
	}
	edition := journey.Publication{
		Version: newest.Version + 1, Source: source, Title: title,
	}
	id := uuid.New()
	published := time.Now().UTC()
	edition.InForceAt = published.Add(forceDelay)
	err = s.insert(ctx, "maps (site, version, id, title, source, published_at, in_force_at)",
		func(add func(...any)) {
			add(string(site), uint32(edition.Version), id, title, source, published,
				edition.InForceAt)
		})
	if err != nil {
		return journey.Publication{}, err
	}
	return edition, s.awaitForce(ctx, site, edition, id)
}

// awaitForce waits until a map is in force, and tells if another publication of the same version
// came first.
func (s *Store) awaitForce(
	ctx context.Context, site journey.SiteID, edition journey.Publication, id uuid.UUID,
) error {
	wait := time.NewTimer(time.Until(edition.InForceAt))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return fmt.Errorf("waiting for map %d to be in force: %w", edition.Version, ctx.Err())
	}
	var winner uuid.UUID
	err := s.conn.QueryRow(withParams(ctx, map[string]string{
		"site": string(site), "version": fmt.Sprint(edition.Version),
	}), `SELECT id FROM maps WHERE site = {site:String} AND version = {version:UInt32}
		ORDER BY published_at, id LIMIT 1`).Scan(&winner)
	if err != nil {
		return s.broken(err, "reading the published map back")
	}
	if winner != id {
		return fault.New(fault.Unavailable,
			"another map was published at the same time; publish again if yours shall follow it")
	}
	return nil
}

// Publication gives one version of a site's map, or the newest for version 0. Errors: NotFound,
// Unavailable.
func (s *Store) Publication(
	ctx context.Context, site journey.SiteID, version journey.MapVersion,
) (journey.Publication, error) {
	where, params := "site = {site:String}", map[string]string{"site": string(site)}
	if version != 0 {
		where += " AND version = {version:UInt32}"
		params["version"] = fmt.Sprint(version)
	}
	editions, err := s.editions(ctx, "source", where, params, "LIMIT 1")
	if err != nil {
		return journey.Publication{}, err
	}
	if len(editions) == 0 {
		return journey.Publication{}, fault.New(fault.NotFound,
			"site %q has no such map version; publish a map first or ask for latest", site)
	}
	return editions[0], nil
}

// Publications gives all versions of a site's map, newest first, without their sources. Errors:
// Unavailable.
func (s *Store) Publications(
	ctx context.Context, site journey.SiteID,
) ([]journey.Publication, error) {
	return s.editions(ctx, "''", "site = {site:String}",
		map[string]string{"site": string(site)}, "")
}

// SourcesSince gives the versions of a site's map after one, newest first, with their sources.
// Errors: Unavailable.
func (s *Store) SourcesSince(
	ctx context.Context, site journey.SiteID, after journey.MapVersion,
) ([]journey.Publication, error) {
	return s.editions(ctx, "source", "site = {site:String} AND version > {after:UInt32}",
		map[string]string{"site": string(site), "after": fmt.Sprint(after)}, "")
}

func (s *Store) editions(
	ctx context.Context, source, where string, params map[string]string, limit string,
) ([]journey.Publication, error) {
	rows, err := s.conn.Query(withParams(ctx, params), `SELECT version, `+source+`, title,
		in_force_at FROM maps WHERE `+where+` ORDER BY version DESC, published_at, id
		LIMIT 1 BY version `+limit)
	if err != nil {
		return nil, s.broken(err, "reading maps")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var editions []journey.Publication
	for rows.Next() {
		var e journey.Publication
		if err := rows.Scan((*uint32)(&e.Version), &e.Source, &e.Title, &e.InForceAt); err != nil {
			return nil, s.broken(err, "reading a map")
		}
		e.InForceAt = e.InForceAt.UTC()
		editions = append(editions, e)
	}
	return editions, s.broken(rows.Err(), "reading maps")
}

// MapVersions gives the newest version of every site that has a map.
func (s *Store) MapVersions(ctx context.Context) (map[journey.SiteID]journey.MapVersion, error) {
	rows, err := s.conn.Query(ctx, "SELECT site, max(version) FROM maps GROUP BY site")
	if err != nil {
		return nil, s.broken(err, "reading map versions")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	versions := make(map[journey.SiteID]journey.MapVersion)
	for rows.Next() {
		var site string
		var version uint32
		if err := rows.Scan(&site, &version); err != nil {
			return nil, s.broken(err, "reading a map version")
		}
		versions[journey.SiteID(site)] = journey.MapVersion(version)
	}
	return versions, s.broken(rows.Err(), "reading map versions")
}
