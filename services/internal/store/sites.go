package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// CreateSite keeps a new site. Errors: Exists, Unavailable.
func (s *Store) CreateSite(ctx context.Context, site journey.Site) error {
	_, err := s.Site(ctx, site.ID)
	if err == nil {
		return fault.New(fault.Exists, "site %q exists; choose another id", site.ID)
	}
	if fault.Of(err) != fault.NotFound {
		return fmt.Errorf("looking whether site %s exists: %w", site.ID, err)
	}
	return s.insertSite(ctx, site)
}

// UpdateSite keeps a site as it is given in place of the one of its id. Of two updates at the
// same time the one that comes last is kept, whole. Errors: NotFound, Unavailable.
func (s *Store) UpdateSite(ctx context.Context, site journey.Site) error {
	if _, err := s.Site(ctx, site.ID); err != nil {
		return fmt.Errorf("looking whether site %s exists: %w", site.ID, err)
	}
	return s.insertSite(ctx, site)
}

func (s *Store) insertSite(ctx context.Context, site journey.Site) error {
	privacy, err := encodePrivacy(site.Privacy)
	if err != nil {
		return fmt.Errorf("writing the privacy settings of site %s: %w", site.ID, err)
	}
	return s.insert(ctx, "sites (site, display_name, time_zone, created_at, privacy)",
		func(add func(...any)) {
			add(string(site.ID), site.DisplayName, site.TimeZone, site.CreatedAt.UTC(), privacy)
		})
}

// Site gives one site. Errors: NotFound, Unavailable.
func (s *Store) Site(ctx context.Context, id journey.SiteID) (journey.Site, error) {
	sites, err := s.sites(ctx, "WHERE site = {site:String}", map[string]string{"site": string(id)})
	if err != nil {
		return journey.Site{}, err
	}
	if len(sites) == 0 {
		return journey.Site{}, fault.New(fault.NotFound, "there is no site %q; create it first", id)
	}
	return sites[0], nil
}

// Sites gives all sites, by id, ascending. Errors: Unavailable.
func (s *Store) Sites(ctx context.Context) ([]journey.Site, error) {
	return s.sites(ctx, "", nil)
}

func (s *Store) sites(
	ctx context.Context, where string, params map[string]string,
) ([]journey.Site, error) {
	rows, err := s.conn.Query(withParams(ctx, params),
		`SELECT site, display_name, time_zone, created_at, privacy FROM sites FINAL `+where+
			` ORDER BY site`)
	if err != nil {
		return nil, s.broken(err, "reading sites")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var sites []journey.Site
	for rows.Next() {
		var site journey.Site
		var privacy string
		err := rows.Scan((*string)(&site.ID), &site.DisplayName, &site.TimeZone, &site.CreatedAt,
			&privacy)
		if err != nil {
			return nil, s.broken(err, "reading a site")
		}
		if site.Privacy, err = decodePrivacy(privacy); err != nil {
			return nil, fmt.Errorf("reading site %s: %w", site.ID, err)
		}
		site.CreatedAt = site.CreatedAt.UTC()
		sites = append(sites, site)
	}
	return sites, s.broken(rows.Err(), "reading sites")
}

const keyColumns = "keys (site, id, kind, hash, label, created_at, revoked_at, origins, rate)"

// never is the instant that stands for no revocation.
var never = time.Unix(0, 0).UTC()

// CreateKey keeps a new key of a site that is there. Errors: Unavailable.
func (s *Store) CreateKey(ctx context.Context, key journey.Key, hash journey.KeyHash) error {
	return s.insertKey(ctx, key, hash)
}

func (s *Store) insertKey(ctx context.Context, key journey.Key, hash journey.KeyHash) error {
	revoked := key.RevokedAt
	if revoked.IsZero() {
		revoked = never
	}
	return s.insert(ctx, keyColumns, func(add func(...any)) {
		add(string(key.Site), string(key.ID), key.Kind.String(), string(hash[:]), key.Label,
			key.CreatedAt.UTC(), revoked.UTC(), append([]string{}, key.Origins...), key.Rate)
	})
}

// Keys gives the keys of a site, revoked ones too, by created_at and id. Errors: Unavailable.
func (s *Store) Keys(ctx context.Context, site journey.SiteID) ([]journey.Key, error) {
	kept, err := s.keys(ctx, "WHERE site = {site:String}", map[string]string{"site": string(site)})
	if err != nil {
		return nil, err
	}
	keys := make([]journey.Key, len(kept))
	for i, k := range kept {
		keys[i] = k.Key
	}
	return keys, nil
}

// UpdateKey sets label, origins and rate of a key and gives it; the rest stays as it is, so that a
// revoked key stays revoked. Of two updates at the same time the one that comes last is kept,
// whole; a revocation is kept beside any of them. Errors: NotFound, Unavailable.
func (s *Store) UpdateKey(ctx context.Context, key journey.Key) (journey.Key, error) {
	kept, err := s.key(ctx, key.Site, key.ID)
	if err != nil {
		return journey.Key{}, err
	}
	kept.Label, kept.Origins, kept.Rate = key.Label, key.Origins, key.Rate
	return kept.Key, s.insertKey(ctx, kept.Key, kept.hash)
}

// RevokeKey ends a key at an instant, or leaves it as it is where it has ended already, and gives
// it. Errors: NotFound, Unavailable.
func (s *Store) RevokeKey(
	ctx context.Context, site journey.SiteID, id journey.KeyID, at time.Time,
) (journey.Key, error) {
	key, err := s.key(ctx, site, id)
	if err != nil {
		return journey.Key{}, err
	}
	if key.Revoked() {
		return key.Key, nil
	}
	key.RevokedAt = at.UTC().Truncate(time.Millisecond)
	return key.Key, s.insertKey(ctx, key.Key, key.hash)
}

// key gives one key. Errors: NotFound, Unavailable.
func (s *Store) key(
	ctx context.Context, site journey.SiteID, id journey.KeyID,
) (keptKey, error) {
	kept, err := s.keys(ctx, "WHERE site = {site:String} AND id = {id:String}",
		map[string]string{"site": string(site), "id": string(id)})
	if err != nil {
		return keptKey{}, err
	}
	if len(kept) == 0 {
		return keptKey{}, fault.New(fault.NotFound, "site %q has no key %q", site, id)
	}
	return kept[0], nil
}

// KeyByHash gives the key with a hash, a revoked one too. Errors: NotFound, Unavailable.
func (s *Store) KeyByHash(ctx context.Context, hash journey.KeyHash) (journey.Key, error) {
	kept, err := s.keyByHash(ctx, hash)
	return kept.Key, err
}

// DoorByHash gives the key with a hash, a revoked one too, and the privacy settings of its site.
// Errors: NotFound, Unavailable; Internal where the settings cannot be read.
func (s *Store) DoorByHash(ctx context.Context, hash journey.KeyHash) (journey.Door, error) {
	kept, err := s.keyByHash(ctx, hash)
	if err != nil {
		return journey.Door{}, err
	}
	privacy, err := decodePrivacy(kept.privacy)
	if err != nil {
		return journey.Door{}, fmt.Errorf("reading site %s: %w", kept.Site, err)
	}
	return journey.Door{Key: kept.Key, Privacy: privacy}, nil
}

func (s *Store) keyByHash(ctx context.Context, hash journey.KeyHash) (keptKey, error) {
	kept, err := s.keys(ctx, "WHERE hash = unhex({hash:String})",
		map[string]string{"hash": fmt.Sprintf("%x", hash[:])})
	if err != nil {
		return keptKey{}, err
	}
	if len(kept) == 0 {
		return keptKey{}, fault.New(fault.NotFound, "the key is not known; check its spelling")
	}
	return kept[0], nil
}

type keptKey struct {
	journey.Key

	hash journey.KeyHash
	// privacy is that of its site, as kept.
	privacy string
}

func (s *Store) keys(
	ctx context.Context, where string, params map[string]string,
) ([]keptKey, error) {
	rows, err := s.conn.Query(withParams(ctx, params), `SELECT k.site, k.id, k.kind, k.hash,
		k.label, k.created_at, k.revoked_at, k.origins, k.rate, s.privacy
		FROM (SELECT * FROM keys FINAL `+where+`) AS k
		LEFT JOIN (SELECT site, privacy FROM sites FINAL) AS s ON s.site = k.site
		ORDER BY k.created_at, k.id`)
	if err != nil {
		return nil, s.broken(err, "reading keys")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var keys []keptKey
	for rows.Next() {
		k, err := scanKey(rows)
		if err != nil {
			return nil, s.broken(err, "reading a key")
		}
		keys = append(keys, k)
	}
	return keys, s.broken(rows.Err(), "reading keys")
}

func scanKey(rows driver.Rows) (keptKey, error) {
	var k keptKey
	var kind, hash string
	err := rows.Scan((*string)(&k.Site), (*string)(&k.ID), &kind, &hash, &k.Label,
		&k.CreatedAt, &k.RevokedAt, &k.Origins, &k.Rate, &k.privacy)
	if err != nil {
		return keptKey{}, err
	}
	k.Kind = journey.ParseKeyKind(kind)
	k.CreatedAt, k.RevokedAt = k.CreatedAt.UTC(), k.RevokedAt.UTC()
	if k.RevokedAt.Equal(never) {
		k.RevokedAt = time.Time{}
	}
	if len(k.Origins) == 0 {
		k.Origins = nil
	}
	copy(k.hash[:], hash)
	return k, nil
}

// FreshUntil is received_at of the newest stored touchpoint of a site, zero if none is stored.
func (s *Store) FreshUntil(ctx context.Context, site journey.SiteID) (time.Time, error) {
	var at time.Time
	err := s.conn.QueryRow(withParams(ctx, map[string]string{"site": string(site)}),
		"SELECT max(received_at) FROM freshness WHERE site = {site:String} HAVING count() > 0",
	).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at.UTC(), s.broken(err, "reading how fresh a site is")
}
