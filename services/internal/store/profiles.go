package store

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// Profile is what is derived of one identity: its person, and the person's traits, groups, persona
// and repeats.
type Profile struct {
	Identity journey.IdentityID
	Person   journey.PersonID
	Persona  journey.PersonaID
	// Version is the map version whose rules about persons were used.
	Version journey.MapVersion
	// Traits is a canonical JSON object, and so is Groups: ids of the groups joined last, by type.
	Traits, Groups journey.Object
	// Repeats says where the person's touchpoints begin to be repeats, in file order of the rules.
	Repeats []journey.Boundary
	// LastWriteAt is the person's newest fact that this rests on, in milliseconds since 1970, 0 if
	// there is none: a trait write, a group, or a touchpoint that the map's rules about persons need.
	LastWriteAt int64
}

// Now is the server's clock: what is read from the facts after it holds whatever was stored
// before it.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.conn.QueryRow(ctx, "SELECT now64(9, 'UTC')").Scan(&now)
	return now.UTC(), s.broken(err, "asking for the time")
}

// InsertProfiles stores what was derived from facts read at derivedAt of the server's clock.
func (s *Store) InsertProfiles(
	ctx context.Context, site journey.SiteID, profiles []Profile, derivedAt time.Time,
) error {
	return s.insertProfiles(ctx, "profiles", site, profiles, derivedAt)
}

// NextProfiles is the generation of profiles that a rebuild fills, beside the present one.
type NextProfiles struct{ store *Store }

// NextProfiles makes an empty generation. An unfinished one of before is dropped.
func (s *Store) NextProfiles(ctx context.Context) (NextProfiles, error) {
	for _, statement := range []string{
		"DROP TABLE IF EXISTS profiles_next SYNC",
		"CREATE TABLE profiles_next AS profiles",
	} {
		if err := s.conn.Exec(ctx, statement); err != nil {
			return NextProfiles{}, s.broken(err, "making the next profiles")
		}
	}
	return NextProfiles{s}, nil
}

// InsertProfiles stores into this generation.
func (n NextProfiles) InsertProfiles(
	ctx context.Context, site journey.SiteID, profiles []Profile, derivedAt time.Time,
) error {
	return n.store.insertProfiles(ctx, "profiles_next", site, profiles, derivedAt)
}

// Install puts this generation in place of the present one, at once. That one can be read by
// DerivedSince until it is dropped.
func (n NextProfiles) Install(ctx context.Context) error {
	err := n.store.conn.Exec(ctx, "EXCHANGE TABLES profiles AND profiles_next")
	return n.store.broken(err, "installing the next profiles")
}

// Drop drops the generation that is not the present one.
func (n NextProfiles) Drop(ctx context.Context) error {
	err := n.store.conn.Exec(ctx, "DROP TABLE IF EXISTS profiles_next SYNC")
	return n.store.broken(err, "dropping profiles")
}

// Generation is one of the two that there are while profiles are rebuilt.
type Generation string

// The generations: the one that questions read, and the other one, which is not installed yet or
// not any more.
const (
	PresentProfiles Generation = "profiles"
	OtherProfiles   Generation = "profiles_next"
)

// DerivedSince lists the identities of a site whose profiles were derived at or after an instant
// of the server's clock, ascending.
func (s *Store) DerivedSince(
	ctx context.Context, in Generation, site journey.SiteID, since time.Time,
) ([]journey.IdentityID, error) {
	rows, err := s.conn.Query(withParams(ctx, map[string]string{
		"site": string(site), "since": instant(since),
	}), `SELECT DISTINCT identity AS id FROM `+string(in)+` WHERE site = {site:String}
		AND derived_at >= parseDateTime64BestEffort({since:String}, 9, 'UTC') ORDER BY id`)
	return s.identities(rows, err, "listing profiles")
}

func (s *Store) insertProfiles(
	ctx context.Context, table string, site journey.SiteID, profiles []Profile,
	derivedAt time.Time,
) error {
	into := table + ` (site, identity, person, persona, map_version, traits, groups, repeats,
		last_write_at, derived_at)`
	return s.insert(ctx, into, func(add func(...any)) {
		for _, p := range profiles {
			add(string(site), uint64(p.Identity), uint64(p.Person), string(p.Persona),
				uint32(p.Version), string(p.Traits), string(p.Groups), repeatsOf(p.Repeats),
				p.LastWriteAt, derivedAt)
		}
	})
}

// repeatsOf are boundaries as the driver takes tuples.
func repeatsOf(boundaries []journey.Boundary) [][]any {
	tuples := make([][]any, len(boundaries))
	for i, b := range boundaries {
		tuples[i] = []any{string(b.Touchpoint), b.At, uint32(b.Before)}
	}
	return tuples
}

// FirstLinks finds the first links of visitors, each with another user, at most n per visitor.
// Links appear in no order.
func (s *Store) FirstLinks(
	ctx context.Context, site journey.SiteID, visitors []journey.IdentityID, n int,
) ([]identity.Link, error) {
	return s.links(ctx, site, visitors, "forward AND NOT alias", n)
}

// OtherLinks finds the first link of each visitor with each of the given users, and the first
// alias of each of the given identities with each other, whichever end it is. Links appear in no
// order.
func (s *Store) OtherLinks(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID,
) ([]identity.Link, error) {
	return s.links(ctx, site, of, "(alias OR NOT forward)", math.MaxUint32)
}

func (s *Store) links(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID, which string, n int,
) ([]identity.Link, error) {
	if len(of) == 0 {
		return nil, nil
	}
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{
		"site": string(site), "n": strconv.Itoa(n),
	}), `SELECT node, other, forward, alias,
			min((toUnixTimestamp64Nano(occurred_at), message_id)) AS first
		FROM links WHERE site = {site:String} AND node IN (`+idList(of)+`) AND `+which+`
		GROUP BY node, other, forward, alias ORDER BY node, first LIMIT {n:UInt32} BY node`)
	if err != nil {
		return nil, s.broken(err, "looking links up")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var links []identity.Link
	for rows.Next() {
		l, err := scanLink(rows)
		if err != nil {
			return nil, s.broken(err, "reading a link")
		}
		links = append(links, l)
	}
	return links, s.broken(rows.Err(), "reading links")
}

func scanLink(rows driver.Rows) (identity.Link, error) {
	var (
		l       identity.Link
		forward bool
		first   []any
	)
	if err := rows.Scan((*uint64)(&l.A), (*uint64)(&l.B), &forward, &l.Alias, &first); err != nil {
		return l, err //nolint:wrapcheck // the caller says what it was reading
	}
	l.OccurredAt, _ = first[0].(int64)
	message, _ := first[1].(string)
	l.Message = journey.MessageID(message)
	if !forward {
		l.A, l.B = l.B, l.A
	}
	return l, nil
}

// LastWrites finds per identity and trait the value last written, in no order.
func (s *Store) LastWrites(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID,
) ([]identity.Write, error) {
	if len(of) == 0 {
		return nil, nil
	}
	return s.writes(ctx, site, among(of), math.MaxInt64)
}

// WritesAsOf finds per identity and trait the value last written at or before an instant in
// milliseconds since 1970, of the given identities, or of all if there are none given, in no
// order.
func (s *Store) WritesAsOf(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID, asOf int64,
) ([]identity.Write, error) {
	return s.writes(ctx, site, among(of), asOf)
}

func (s *Store) writes(
	ctx context.Context, site journey.SiteID, which string, asOf int64,
) ([]identity.Write, error) {
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{
		"site": string(site), "as_of": strconv.FormatInt(asOf, 10),
	}), `SELECT identity, name, max((toUnixTimestamp64Nano(occurred_at), message_id, value)) AS last
		FROM trait_writes WHERE site = {site:String} AND `+which+`
		AND toUnixTimestamp64Milli(toDateTime64(occurred_at, 3, 'UTC')) <= {as_of:Int64}
		GROUP BY identity, name`)
	if err != nil {
		return nil, s.broken(err, "looking traits up")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var writes []identity.Write
	for rows.Next() {
		var w identity.Write
		var last []any
		if err := rows.Scan((*uint64)(&w.Identity), &w.Name, &last); err != nil {
			return nil, s.broken(err, "reading a trait")
		}
		w.OccurredAt, _ = last[0].(int64)
		message, _ := last[1].(string)
		w.Message = journey.MessageID(message)
		w.Value, _ = last[2].(string)
		writes = append(writes, w)
	}
	return writes, s.broken(rows.Err(), "reading traits")
}

// Known lists every identity of a site that has a link, a trait write, or a touchpoint that rules
// about persons need, stored at or after an instant of the server's clock, ascending.
func (s *Store) Known(
	ctx context.Context, site journey.SiteID, needs journey.PersonNeeds, since time.Time,
) ([]journey.IdentityID, error) {
	const stored = ` WHERE site = {site:String}
		AND stored_at >= parseDateTime64BestEffort({since:String}, 3, 'UTC')`
	sql := "SELECT node AS id FROM links" + stored +
		" UNION ALL SELECT identity FROM trait_writes" + stored
	if needs.Any() {
		sql += " UNION ALL SELECT DISTINCT identity FROM touchpoints" + stored + " AND " + wanted(needs)
	}
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{
		"site": string(site), "since": instant(since),
	}), "SELECT DISTINCT id FROM ("+sql+") ORDER BY id")
	return s.identities(rows, err, "listing identities with facts")
}

// identities reads a column of identities.
func (s *Store) identities(
	rows driver.Rows, err error, doing string,
) ([]journey.IdentityID, error) {
	if err != nil {
		return nil, s.broken(err, doing)
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var ids []journey.IdentityID
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return nil, s.broken(err, doing)
		}
		ids = append(ids, journey.IdentityID(id))
	}
	return ids, s.broken(rows.Err(), doing)
}

// FactSites lists the sites that have facts, ascending.
func (s *Store) FactSites(ctx context.Context) ([]journey.SiteID, error) {
	var sites []string
	err := s.conn.QueryRow(ctx, `SELECT arraySort(groupUniqArray(site)) FROM (
		SELECT DISTINCT toString(site) AS site FROM links
		UNION ALL SELECT DISTINCT toString(site) FROM trait_writes
		UNION ALL SELECT site FROM freshness)`).Scan(&sites)
	if err != nil {
		return nil, s.broken(err, "listing sites")
	}
	ids := make([]journey.SiteID, len(sites))
	for i, site := range sites {
		ids[i] = journey.SiteID(site)
	}
	return ids, nil
}

// ProfileParts names the table of profiles, which a rebuild replaces, and its active parts. A row
// comes with a new part, and a part never changes: rewritten, it gets another name.
func (s *Store) ProfileParts(ctx context.Context) (table string, parts []string, err error) {
	err = s.conn.QueryRow(ctx, `SELECT
		(SELECT toString(uuid) FROM system.tables
			WHERE database = currentDatabase() AND name = 'profiles'),
		(SELECT groupArray(name) FROM system.parts
			WHERE database = currentDatabase() AND table = 'profiles' AND active)`,
	).Scan(&table, &parts)
	return table, parts, s.broken(err, "listing parts of the profiles")
}

// Name is an identity by the id that the site gave it; the other one is empty.
type Name struct {
	User    journey.UserID
	Visitor journey.VisitorID
}

// Names finds the ids of identities, among touchpoints and links. Identities that only wrote
// traits are not found.
func (s *Store) Names(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID,
) (map[journey.IdentityID]Name, error) {
	names := make(map[journey.IdentityID]Name, len(of))
	if len(of) == 0 {
		return names, nil
	}
	list := idList(of)
	rows, err := s.conn.Query(bigQuery(ctx, map[string]string{"site": string(site)}), `
		SELECT identity, any(user_id), if(any(user_id) = '', any(anonymous_id), '')
		FROM touchpoints WHERE site = {site:String} AND identity IN (`+list+`)
		GROUP BY identity
		UNION ALL SELECT node, any(node_user), any(node_visitor) FROM links
		WHERE site = {site:String} AND node IN (`+list+`) GROUP BY node`)
	if err != nil {
		return nil, s.broken(err, "looking up the ids of persons")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	for rows.Next() {
		var id uint64
		var n Name
		if err := rows.Scan(&id, (*string)(&n.User), (*string)(&n.Visitor)); err != nil {
			return nil, s.broken(err, "reading the id of a person")
		}
		names[journey.IdentityID(id)] = n
	}
	return names, s.broken(rows.Err(), "reading the ids of persons")
}
