package answer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// resident keeps packed journeys in memory, part by part, so that a question reads only the parts
// that have come since another one asked. It is safe for concurrent use.
//
// Why what it gives is never old: a row comes into the table, changes or goes only with a part, and
// a part never changes. Before each question the active parts are listed, and what it is answered
// from is exactly what those parts hold: each of them was read whole, under the name, the place and
// the hash by which it is listed. One that was merged away while it was read is missed, and the
// parts are listed again.
type resident struct {
	store *store.Store
	// most is how many bytes may be kept.
	most int

	mutex sync.Mutex
	bytes int
	uses  uint64
	sites map[journey.SiteID]*residentSite
}

// residentSite is what is kept of a site.
type residentSite struct {
	// turn lets one question read parts at a time: the others find them then. codes belong to it.
	turn  chan struct{}
	codes *codes
	// known are the codes by their numbers, shelves what is kept. The mutex of all guards them.
	known   []uint32
	shelves map[residentPart]*shelf
}

// residentPart is what tells a part from all others that there ever were.
type residentPart struct{ place, name, hash string }

func partOf(p store.Part) residentPart { return residentPart{p.Place, p.Name, p.Hash} }

func newResident(st *store.Store, most int) *resident {
	return &resident{store: st, most: most, sites: make(map[journey.SiteID]*residentSite)}
}

// errNotResident says that the journeys cannot be kept: they have to be streamed.
var errNotResident = errors.New("the journeys are too many to be kept")

// errPartGone says that a part was merged away.
var errPartGone = errors.New("a part was merged away")

// rowBytes is about what a row of the packed journeys takes, before it is known.
const rowBytes = 60

// bring gives the shelves of parts of the packed journeys, and the codes by their numbers. What is
// there waits for nobody. Errors: errNotResident, errPartGone, those of Store.Stream.
func (r *resident) bring(
	ctx context.Context, site journey.SiteID, parts []store.Part,
) (shelves []*shelf, codes []uint32, err error) {
	rows := uint64(0)
	for _, p := range parts {
		rows += p.Rows
	}
	if rows > uint64(r.most)/rowBytes {
		return nil, nil, errNotResident
	}
	s := r.site(site)
	shelves = make([]*shelf, len(parts))
	if missing := r.find(s, parts, shelves); len(missing) == 0 {
		return shelves, r.codes(s), nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("waiting for journeys: %w", ctx.Err())
	}
	for month, places := range r.find(s, parts, shelves) {
		if err := r.read(ctx, site, s, month, parts, places, shelves); err != nil {
			return nil, nil, err
		}
		r.keep(s, parts, places, shelves)
	}
	r.forgetGone(s, parts, shelves)
	return shelves, r.codes(s), nil
}

// find finds the shelves of parts, and gives the places of those that are missing, by month.
func (r *resident) find(
	s *residentSite, parts []store.Part, shelves []*shelf,
) (missing map[string][]int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.uses++
	missing = make(map[string][]int)
	for i, p := range parts {
		if shelves[i] = s.shelves[partOf(p)]; shelves[i] == nil {
			missing[p.Partition] = append(missing[p.Partition], i)
			continue
		}
		shelves[i].used = r.uses
	}
	return missing
}

// codes are those of a site by their numbers. More may come, these stay.
func (r *resident) codes(s *residentSite) []uint32 {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return s.known
}

func (r *resident) site(site journey.SiteID) *residentSite {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	s := r.sites[site]
	if s == nil {
		s = &residentSite{
			turn: make(chan struct{}, 1), codes: newCodes(), shelves: make(map[residentPart]*shelf),
		}
		r.sites[site] = s
	}
	return s
}

// Places of the columns in which parts are read.
const (
	partNumber = iota
	partIdentity
	partTouches
)

// read reads parts of a month.
func (r *resident) read(
	ctx context.Context, site journey.SiteID, s *residentSite, month string, parts []store.Part,
	places []int, shelves []*shelf,
) error {
	base, ok := monthOf(month)
	if !ok {
		return errNotResident
	}
	names := make([]string, len(places))
	for i, place := range places {
		names[i] = parts[place].Name
	}
	stacks, touches := make([][]stack, len(places)), make([]int, len(places))
	err := r.store.Stream(ctx, store.Query{
		SQL: `SELECT indexOf(splitByChar(',', {parts:String}), _part) AS part, identity,
				CAST(touches AS Array(UInt64)) AS packed
			FROM journeys WHERE site = {site:String} AND month = {month:UInt32}
				AND has(splitByChar(',', {parts:String}), _part)`,
		Params: map[string]string{
			"site": string(site), "month": month, "parts": strings.Join(names, ","),
		},
		Columns: []store.Column{
			{Name: "part", Type: store.UInt64},
			{Name: "identity", Type: store.UInt64},
			{Name: "packed", Type: store.UInt64s},
		},
	}, func(b *store.Block) error {
		split(b, stacks, touches)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading %d parts of journeys: %w", len(names), err)
	}
	for i, place := range places {
		if len(stacks[i]) == 0 {
			// Either it has no rows of the site, or it went before it could be read.
			if err := r.stillThere(ctx, parts[place]); err != nil {
				return err
			}
		}
		shelves[place] = newShelf(base, stacks[i], touches[i], s.codes)
	}
	return nil
}

// split cuts a block into stacks by part.
func split(b *store.Block, stacks [][]stack, touches []int) {
	numbers := b.UInt64(partNumber)
	for from := 0; from < len(numbers); {
		to := from + 1
		identities := b.UInt64(partIdentity)
		for to < len(numbers) && numbers[to] == numbers[from] && identities[to] > identities[to-1] {
			to++
		}
		s := stack{b, from, to}
		begin, end := s.span()
		n := numbers[from] - 1
		stacks[n] = append(stacks[n], s)
		touches[n] += int(end - begin)
		from = to
	}
}

// stillThere tells whether a part is active. Errors: errPartGone.
func (r *resident) stillThere(ctx context.Context, p store.Part) error {
	parts, _, err := r.store.AnswerParts(ctx)
	if err != nil {
		return fmt.Errorf("listing parts of journeys again: %w", err)
	}
	for _, q := range parts {
		if partOf(q) == partOf(p) {
			return nil
		}
	}
	return errPartGone
}

// keep remembers shelves that were read, and forgets those not used for longest where there are too
// many.
func (r *resident) keep(s *residentSite, parts []store.Part, places []int, shelves []*shelf) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, i := range places {
		shelves[i].used = r.uses
		s.shelves[partOf(parts[i])] = shelves[i]
		r.bytes += shelves[i].bytes()
	}
	s.known = s.codes.list
	for r.bytes > r.most && r.forget() {
	}
}

// forgetGone forgets what is kept of the months of parts and is none of them: it is gone, or so new
// that another question has read it.
func (r *resident) forgetGone(s *residentSite, parts []store.Part, shelves []*shelf) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	months, now := make(map[int64]bool), make(map[residentPart]bool, len(parts))
	for i, p := range parts {
		months[shelves[i].base], now[partOf(p)] = true, true
	}
	for part, shelf := range s.shelves {
		if months[shelf.base] && !now[part] {
			delete(s.shelves, part)
			r.bytes -= shelf.bytes()
		}
	}
}

// forget forgets the shelf that was not used for longest. False if there is none.
func (r *resident) forget() bool {
	var of *residentSite
	var oldest residentPart
	least := uint64(0)
	for _, s := range r.sites {
		for key, shelf := range s.shelves {
			if used := shelf.used; of == nil || used < least {
				of, oldest, least = s, key, used
			}
		}
	}
	if of == nil {
		return false
	}
	r.bytes -= of.shelves[oldest].bytes()
	delete(of.shelves, oldest)
	return true
}

// stock is what a question is answered from: shelves, and which step each code may fill.
type stock struct {
	shelves []*shelf
	// steps are one more than the step of each code by its number, 0 for none.
	steps []uint8
	// first and last are the instants that the question sees.
	first, last int64
}

// unknownCode is the step of a code that is not understood, or of a removed touchpoint.
const unknownCode = 255

// tries is how often parts are listed again because one was merged away.
const tries = 3

// gatherResident finds the journeys of a question in memory. Errors: errNotResident, errUnsure.
func (in *inquiry) gatherResident(ctx context.Context) (*gathered, error) {
	first, last := plan.Bounds(in.program.Question())
	g := &gathered{program: in.program, stock: &stock{first: first, last: last}}
	if last < first {
		return g, nil
	}
	for try := 1; ; try++ {
		err := in.stock(ctx, g.stock)
		if errors.Is(err, errPartGone) && try < tries {
			if err := in.lookAgain(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if errors.Is(err, errPartGone) {
			return nil, errNotResident
		}
		for _, s := range g.stock.shelves {
			g.read += len(s.at)
			if s.unsure && err == nil {
				err = errUnsure
			}
		}
		return g, err
	}
}

// lookAgain looks at the parts as they are now.
func (in *inquiry) lookAgain(ctx context.Context) error {
	parts, whole, err := in.store.AnswerParts(ctx)
	if err != nil {
		return fmt.Errorf("looking at the parts of tables again: %w", err)
	}
	if whole {
		in.again = newOutlook(parts)
	}
	return nil
}

func (in *inquiry) stock(ctx context.Context, k *stock) error {
	o := in.outlook
	if in.again != nil {
		o = in.again
	}
	if o == nil {
		return errNotResident
	}
	var journeys []store.Part
	for _, p := range o.parts {
		month, ok := monthOf(p.Partition)
		if p.Table == "journeys" && ok && month <= k.last && month+maxShelfSpan >= k.first {
			journeys = append(journeys, p)
		}
	}
	group, both := errgroup.WithContext(ctx)
	var codes []uint32
	group.Go(func() (err error) {
		k.shelves, codes, err = in.resident.bring(both, in.site, journeys)
		return err
	})
	var book *codebook
	group.Go(func() (err error) {
		book, err = in.codebook(both, o)
		return err
	})
	if err := group.Wait(); err != nil {
		return err //nolint:wrapcheck // wrapped where they were made
	}
	k.steps = book.steps(codes, in.program.Conditioned())
	return nil
}

// steps are those of codes by their numbers, but for those that are read elsewhere.
func (c *codebook) steps(codes []uint32, elsewhere uint32) []uint8 {
	steps := make([]uint8, len(codes))
	for n, code := range codes {
		cell := c.cells[code*c.factor>>c.shift]
		if step := uint8(cell >> journey.LabelBits); step == 0 || elsewhere>>(step-1)&1 == 0 {
			steps[n] = step
		}
		if code == 0 || cell&codeMask != code {
			steps[n] = unknownCode
		}
	}
	return steps
}
