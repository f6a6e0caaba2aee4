package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// MaxLabels is the most labels that a site may have for its packed journeys to answer questions.
// Where it has more, no further ones are stored: the labels that are there say so.
const MaxLabels = 100_000

// Bounds of what a Store remembers of labels: of those that it has stored, about 40 bytes each, and
// of the sites of which it knows how many they have. countLabels is how many new labels of a site
// it stores before it asks how many there are.
const (
	maxKnownLabels = 100_000
	maxKnownSites  = 10_000
	countLabels    = 1_000
)

// labelMemory are the labels that a Store has stored.
type labelMemory struct {
	sync.Mutex

	known map[labelKey]bool
	// fresh counts the labels of a site since they were counted last; -1 tells that it has more
	// than MaxLabels.
	fresh map[journey.SiteID]int
}

// forget begins anew.
func (m *labelMemory) forget() {
	m.known, m.fresh = make(map[labelKey]bool), make(map[journey.SiteID]int)
}

// labelKey stands for a label of a site, with next to nothing of what senders wrote.
type labelKey [16]byte

type siteLabel struct {
	site  journey.SiteID
	label journey.Label
}

func (l siteLabel) key() labelKey {
	sum := sha256.Sum256([]byte(string(l.site) + "\x00" + l.label.Event + "\x00" +
		string(l.label.Touchpoint) + "\x00" + string(l.label.Stage)))
	return labelKey(sum[:16])
}

// freshOf are the labels of rows that this Store does not know to be stored, once each.
func (m *labelMemory) freshOf(rows []Row) map[siteLabel]labelKey {
	m.Lock()
	defer m.Unlock()
	seen := make(map[siteLabel]bool)
	fresh := make(map[siteLabel]labelKey)
	for _, r := range rows {
		l := siteLabel{r.Fact.Site, journey.LabelOf(r.Fact, r.Attribution)}
		if !r.Fact.Kind.IsTouchpoint() || seen[l] || m.fresh[l.site] < 0 {
			continue
		}
		seen[l] = true
		if key := l.key(); !m.known[key] {
			fresh[l] = key
		}
	}
	return fresh
}

// stored remembers labels, and gives the sites whose labels are to be counted.
func (m *labelMemory) stored(labels map[siteLabel]labelKey) []journey.SiteID {
	m.Lock()
	defer m.Unlock()
	if len(m.known)+len(labels) > maxKnownLabels || len(m.fresh) > maxKnownSites {
		m.forget()
	}
	var count []journey.SiteID
	for l, key := range labels {
		m.known[key] = true
		if m.fresh[l.site]++; m.fresh[l.site] == countLabels {
			count = append(count, l.site)
		}
	}
	return count
}

// counted remembers how many labels a site has.
func (m *labelMemory) counted(site journey.SiteID, labels uint64) {
	m.Lock()
	defer m.Unlock()
	m.fresh[site] = 0
	if labels > MaxLabels {
		m.fresh[site] = -1
	}
}

// insertLabels stores the labels of rows that this Store has not stored yet, unless their site has
// more than MaxLabels.
func (s *Store) insertLabels(ctx context.Context, rows []Row) error {
	fresh := s.labels.freshOf(rows)
	err := s.insert(ctx, "labels (site, code, event, touchpoint, stage)", func(add func(...any)) {
		for l := range fresh {
			add(string(l.site), uint32(l.label.Code(l.site)), l.label.Event,
				string(l.label.Touchpoint), string(l.label.Stage))
		}
	})
	if err != nil {
		return err
	}
	for _, site := range s.labels.stored(fresh) {
		labels, err := s.countLabels(ctx, site)
		if err != nil {
			return err
		}
		s.labels.counted(site, labels)
	}
	return nil
}

// countLabels counts the labels of a site, up to one more than MaxLabels.
func (s *Store) countLabels(ctx context.Context, site journey.SiteID) (labels uint64, err error) {
	err = s.conn.QueryRow(withParams(ctx, map[string]string{
		"site": string(site), "limit": strconv.Itoa(MaxLabels + 1),
	}), `SELECT count() FROM (SELECT DISTINCT code, event, touchpoint, stage FROM labels
		WHERE site = {site:String} LIMIT {limit:UInt32})`).Scan(&labels)
	return labels, s.broken(err, "counting labels")
}

// packedKey is where a touchpoint stands in the packed journeys.
type packedKey struct {
	site     journey.SiteID
	month    uint32
	identity journey.IdentityID
}

func packedKeyOf(site journey.SiteID, id journey.IdentityID, at time.Time) packedKey {
	at = at.UTC()
	return packedKey{site, uint32(at.Year()*100 + int(at.Month())), id}
}

const journeyColumns = "journeys (site, month, identity, touches)"

// insertJourneys packs touchpoints.
func (s *Store) insertJourneys(ctx context.Context, rows []Row) error {
	packed := make(map[packedKey][]uint64)
	for _, r := range rows {
		if !r.Fact.Kind.IsTouchpoint() {
			continue
		}
		f := r.Fact
		key := packedKeyOf(f.Site, f.Identity(), f.OccurredAt)
		code := journey.LabelOf(f, r.Attribution).Code(f.Site)
		packed[key] = append(packed[key], uint64(journey.Pack(f.At(), code)))
	}
	return s.insertPacked(ctx, packed)
}

func (s *Store) insertPacked(ctx context.Context, packed map[packedKey][]uint64) error {
	return s.insert(ctx, journeyColumns, func(add func(...any)) {
		for key, touches := range packed {
			add(string(key.site), key.month, uint64(key.identity), touches)
		}
	})
}

// Label is a label with its code.
type Label struct {
	journey.Label

	Code journey.LabelCode
}

// Labels gives the labels of a site with their codes, at most limit of them.
func (s *Store) Labels(ctx context.Context, site journey.SiteID, limit int) ([]Label, error) {
	rows, err := s.conn.Query(withParams(ctx, map[string]string{
		"site": string(site), "limit": strconv.Itoa(limit),
	}), `SELECT DISTINCT code, event, touchpoint, stage FROM labels WHERE site = {site:String}
		LIMIT {limit:UInt32}`)
	if err != nil {
		return nil, s.broken(err, "reading labels")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var labels []Label
	for rows.Next() {
		var l Label
		if err := rows.Scan((*uint32)(&l.Code), &l.Event, (*string)(&l.Touchpoint),
			(*string)(&l.Stage)); err != nil {
			return nil, s.broken(err, "reading a label")
		}
		labels = append(labels, l)
	}
	return labels, s.broken(rows.Err(), "reading labels")
}

// RebuildJourneys packs all touchpoints anew and puts the result in place of the present packed
// journeys, while processors go on. progress is told how many months are done of how many.
//
// What processors write meanwhile goes to the old journeys before the exchange and to the new ones
// after it; so whatever was stored since shortly before the beginning is packed once more, in good
// part before the exchange. That may pack a touchpoint twice, which readers do not mind. From the
// exchange until all of it is there, or for good if the rebuild is killed in between, a mark in
// every month sends readers to the touchpoints themselves.
func (s *Store) RebuildJourneys(ctx context.Context, progress func(done, of int)) error {
	began, err := s.Now(ctx)
	if err != nil {
		return err
	}
	err = s.execAll(ctx, "making the next journeys",
		"DROP TABLE IF EXISTS journeys_next SYNC", "CREATE TABLE journeys_next AS journeys")
	if err != nil {
		return err
	}
	if err := s.packAll(ctx, progress); err != nil {
		return err
	}
	late, err := s.Now(ctx)
	if err != nil {
		return err
	}
	if err := s.pack(ctx, "journeys_next", storedSince(began)); err != nil {
		return err
	}
	err = s.execAll(ctx, "exchanging the journeys",
		`INSERT INTO journeys_next (site, month, identity, touches)
			SELECT DISTINCT site, month, `+markIdentity+`, [toUInt64(0)]
			FROM (SELECT site, month FROM journeys UNION ALL SELECT site, month FROM journeys_next)`,
		"EXCHANGE TABLES journeys AND journeys_next")
	if err != nil {
		return err
	}
	if err := s.pack(ctx, "journeys", storedSince(late)); err != nil {
		return err
	}
	return s.execAll(ctx, "ending the rebuild of the journeys", carryMarks,
		"DELETE FROM journeys WHERE identity = "+markIdentity, "DROP TABLE journeys_next SYNC")
}

// markIdentity is whose journey the marks of a rebuild are. That a real identity has this number
// is as likely as that two share one.
const markIdentity = "1"

// carryMarks takes the marks over that processors left in the old journeys for touchpoints that
// were packed before they were removed.
const carryMarks = `INSERT INTO journeys (site, month, identity, touches)
	SELECT site, month, identity, arrayFilter(x -> has(packed, bitShiftRight(x, 22)), marks)
	FROM (SELECT site, month, identity,
			arrayDistinct(arrayFilter(x -> bitAnd(x, 4194303) = 0, arrayFlatten(groupArray(touches))))
				AS marks
		FROM journeys_next GROUP BY site, month, identity HAVING notEmpty(marks)) AS old
	INNER JOIN (SELECT site, month, identity,
			arrayMap(x -> bitShiftRight(x, 22), arrayFlatten(groupArray(touches))) AS packed
		FROM journeys WHERE identity != ` + markIdentity + ` GROUP BY site, month, identity) AS new
	USING (site, month, identity)
	WHERE hasAny(packed, arrayMap(x -> bitShiftRight(x, 22), marks))`

// packAll packs the touchpoints of every month into the next journeys.
func (s *Store) packAll(ctx context.Context, progress func(done, of int)) error {
	var months []uint32
	err := s.conn.QueryRow(ctx, "SELECT arraySort(groupUniqArray(toYYYYMM(at))) FROM touchpoints").
		Scan(&months)
	if err != nil {
		return s.broken(err, "listing months")
	}
	for i, month := range months {
		where := fmt.Sprintf("toYYYYMM(at) = %d", month)
		if err := s.pack(ctx, "journeys_next", where); err != nil {
			return err
		}
		progress(i+1, len(months))
	}
	return nil
}

func (s *Store) execAll(ctx context.Context, doing string, statements ...string) error {
	for _, statement := range statements {
		if err := s.conn.Exec(insertContext(ctx), statement); err != nil {
			return s.broken(err, doing)
		}
	}
	return nil
}

// storedSince is the condition that a touchpoint was stored since an instant, or shortly before.
func storedSince(at time.Time) string {
	return fmt.Sprintf("stored_at >= parseDateTime64BestEffort('%s', 3, 'UTC')",
		instant(at.Add(-time.Minute)))
}

// pack packs the touchpoints for which a condition holds.
func (s *Store) pack(ctx context.Context, into, where string) error {
	err := s.conn.Exec(insertContext(ctx), `INSERT INTO `+into+` (site, month, identity, touches)
		SELECT t.site, toYYYYMM(t.at) AS month, t.identity,
			groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(t.at)), 22), l.code))
		FROM (SELECT site, at, identity, event, touchpoint, stage FROM touchpoints
			WHERE `+where+`) AS t
		LEFT ANY JOIN labels AS l ON t.site = l.site AND t.event = l.event
			AND t.touchpoint = l.touchpoint AND t.stage = l.stage
		GROUP BY t.site, month, t.identity`)
	return s.broken(err, "packing touchpoints")
}
