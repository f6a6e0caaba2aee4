package answer

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// directory is the table of profiles in memory: who is whom, and which persona. It is brought up
// to date before each question, by reading only the parts of the table that it has not read yet,
// so that an answer never rests on an older state than the store's.
//
// Why it cannot be stale: a row comes into the table with a new part, and a part never changes.
// So when every active part has been read, every row has. A part that was merged away while it
// was read is read again as the part that it became.
type directory struct {
	store  *store.Store
	reload sync.Mutex
	// listed is when the parts that have been read were listed; reload guards it.
	listed time.Time

	mutex sync.RWMutex
	// generation counts the changes of what follows.
	generation uint64
	table      string
	parts      map[string]bool
	// epoch counts how often everything was read anew: places hold from one time to the next.
	epoch uint64
	// numbers has the place in entries of each identity. What many persons are asked for lies beside
	// them by itself.
	numbers *table
	entries []entry
	whoseAt []whose
	// ordinals number the identities of a site in each bucket, by place, from 1 on; census has how
	// many there are, by the number of the site.
	ordinals []uint32
	census   map[uint32]*[bucketCount]uint32
	// links has the person of each identity whose person has, or once had, several. strangers are
	// those of its identities that have no entry.
	links     *table
	strangers map[uint64]bool
	// linkedAt are the places that links has, in the order in which it got to have them.
	linkedAt []uint32
	// siblings are the identities that are, or were, of a person named by another; lastSibling has
	// one more than the place of the last one of each person.
	siblings    []sibling
	lastSibling *table
	personas    words
	sites       words
	// derivations sum the entries of each site up, by its number.
	derivations map[uint32]*derivations
	// repeats are where the touchpoints of persons begin to be repeats; repeatsAt has one more than
	// the number of those of each place, 0 where there are none.
	repeats   [][]journey.Boundary
	repeatsAt []uint32
	// current is the map version of a site that settles found to be the one by which all of its
	// profiles were derived.
	current map[journey.SiteID]journey.MapVersion
}

// whose is what many persons are asked for, of the identity at a place.
type whose struct {
	// person is that of the identity where links has it, 0 where not.
	person uint64
	// named is the spot of the identity that names that person.
	named spot
	// persona is the number of the identity's own.
	persona uint32
}

// derivations sum the entries of a site up.
type derivations struct {
	// versions count them by map version.
	versions map[journey.MapVersion]int
	// lastWriteAt is not before the newest of theirs.
	lastWriteAt int64
}

// entry is what is derived of an identity.
type entry struct {
	identity journey.IdentityID
	person   journey.PersonID
	// lastWriteAt is the person's newest fact that the persona rests on, in milliseconds since 1970.
	lastWriteAt int64
	// derivedAt in nanoseconds of the server's clock: the newest entry counts.
	derivedAt int64
	site      uint32
	version   journey.MapVersion
}

func newDirectory(st *store.Store) *directory {
	return &directory{
		store: st, numbers: newTable(0), links: newTable(0), lastSibling: newTable(0),
		strangers:   make(map[uint64]bool),
		current:     make(map[journey.SiteID]journey.MapVersion),
		derivations: make(map[uint32]*derivations),
		census:      make(map[uint32]*[bucketCount]uint32),
	}
}

// take takes an update over.
func (d *directory) take(u *update) {
	if u.table == d.table && len(u.blocks) == 0 {
		d.parts = u.parts
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if u.whole {
		d.forget()
	}
	d.generation++
	d.table, d.parts = u.table, u.parts
	d.reserve(u.blocks)
	for _, b := range u.blocks {
		d.add(b)
	}
}

// forget begins anew.
func (d *directory) forget() {
	d.epoch++
	d.numbers, d.links = newTable(0), newTable(0)
	d.entries, d.whoseAt, d.ordinals = nil, nil, nil
	clear(d.census)
	d.repeats, d.repeatsAt, d.linkedAt = nil, nil, nil
	d.siblings, d.lastSibling = nil, newTable(0)
	clear(d.strangers)
	clear(d.derivations)
}

// reserve makes room for the rows of blocks.
func (d *directory) reserve(blocks []*store.Block) {
	rows, linked := 0, 0
	for _, b := range blocks {
		rows += b.Rows
		for i, person := range b.UInt64(1) {
			if person != b.UInt64(0)[i] {
				linked += 2
			}
		}
	}
	d.numbers.reserve(rows)
	d.links.reserve(linked)
	d.lastSibling.reserve(linked / 2)
	d.entries, d.whoseAt = slices.Grow(d.entries, rows), slices.Grow(d.whoseAt, rows)
	d.repeatsAt, d.ordinals = slices.Grow(d.repeatsAt, rows), slices.Grow(d.ordinals, rows)
}

// add takes the rows of a block, where nothing newer is known of their identities.
func (d *directory) add(b *store.Block) {
	for i := range b.Rows {
		id := journey.IdentityID(b.UInt64(0)[i])
		derivedAt := b.Int64(3)[i]
		if known, ok := d.entryOf(id); ok && known.derivedAt > derivedAt {
			continue
		}
		d.put(entry{
			identity: id, person: journey.PersonID(b.UInt64(1)[i]),
			lastWriteAt: b.Int64(2)[i], derivedAt: derivedAt,
			version: journey.MapVersion(b.UInt32(4)[i]), site: d.sites.number(b.Bytes(6, i)),
		}, d.personas.number(b.Bytes(5, i)), boundariesOf(b.Bytes(7, i)))
	}
}

// boundariesOf reads boundaries as update.read asks for them: touchpoint, instant and how many come
// before, with blanks between.
func boundariesOf(text []byte) []journey.Boundary {
	if len(text) == 0 {
		return nil
	}
	var boundaries []journey.Boundary
	for part := range strings.SplitSeq(string(text), ",") {
		words := strings.Fields(part)
		if len(words) != 3 {
			continue
		}
		at, _ := strconv.ParseInt(words[1], 10, 64)
		before, _ := strconv.Atoi(words[2])
		boundaries = append(boundaries, journey.Boundary{
			Touchpoint: journey.TouchpointID(words[0]), At: at, Before: before,
		})
	}
	return boundaries
}

// words are the few texts of a column, by number.
type words struct {
	list    []string
	numbers map[string]uint32
}

func (w *words) number(text []byte) uint32 {
	n, ok := w.numbers[string(text)]
	if ok {
		return n
	}
	if w.numbers == nil {
		w.numbers = make(map[string]uint32)
	}
	n = uint32(len(w.list))
	w.list = append(w.list, string(text))
	w.numbers[string(text)] = n
	return n
}

func (d *directory) put(e entry, persona uint32, repeats []journey.Boundary) {
	n, ok := d.place(uint64(e.identity))
	joins := uint64(e.person) != uint64(e.identity) && (!ok || d.entries[n].person != e.person)
	if ok {
		d.derivationsOf(d.entries[n].site).versions[d.entries[n].version]--
		d.entries[n], d.whoseAt[n].persona = e, persona
	} else {
		n = d.append(e, persona)
	}
	d.link(uint64(e.identity), uint64(e.person))
	if joins {
		d.join(e.person, n)
	}
	of := d.derivationsOf(e.site)
	of.versions[e.version]++
	of.lastWriteAt = max(of.lastWriteAt, e.lastWriteAt)
	if e.person != journey.PersonID(e.identity) {
		repeats = nil // those of a person are with the identity that names it
	}
	switch number := d.repeatsAt[n]; {
	case number > 0:
		d.repeats[number-1] = repeats
	case len(repeats) > 0:
		d.repeats = append(d.repeats, repeats)
		d.repeatsAt[n] = uint32(len(d.repeats))
	}
}

func (d *directory) derivationsOf(site uint32) *derivations {
	of := d.derivations[site]
	if of == nil {
		of = &derivations{versions: make(map[journey.MapVersion]int)}
		d.derivations[site] = of
	}
	return of
}

// alike tells that one map version gave all entries of a site, and that none knows of facts after
// an instant. It may be false where it holds.
func (d *directory) alike(site journey.SiteID, version journey.MapVersion, asOf int64) bool {
	number, known := d.sites.numbers[string(site)]
	of := d.derivations[number]
	if !known || of == nil {
		return true
	}
	for v, n := range of.versions {
		if n > 0 && v != version {
			return false
		}
	}
	return of.lastWriteAt <= asOf
}

// ofSite are the entries of a site, in no order.
func (d *directory) ofSite(site journey.SiteID) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		number, known := d.sites.numbers[string(site)]
		if !known {
			return
		}
		for i := range d.entries {
			if d.entries[i].site == number && !yield(&d.entries[i]) {
				return
			}
		}
	}
}

// entryOf is what is derived of an identity, if anything is.
func (d *directory) entryOf(id journey.IdentityID) (entry, bool) {
	n, ok := d.place(uint64(id))
	if !ok {
		return entry{}, false
	}
	return d.entries[n], true
}

// personOf is the person of an identity that has an entry.
func (d *directory) personOf(identity uint64) (person uint64, ok bool) {
	n, ok := d.place(identity)
	if !ok {
		return 0, false
	}
	return uint64(d.entries[n].person), true
}
