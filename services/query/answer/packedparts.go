package answer

import (
	"context"
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// packedKey is the key of the source of packed journeys.
const packedKey = ""

// packedParts reads the packed journeys of a site: its touchpoints have the numbers of the codes of
// labels.
type packedParts struct {
	resident *resident
	site     journey.SiteID
	turns    chan struct{}
	// codes belong to the turn; known are those by number that others may see, guarded by the mutex.
	codes *codes
	known []uint32
}

func (r *resident) packedParts(site journey.SiteID) *packedParts {
	return r.sourceOf(site, packedKey, func() source {
		return &packedParts{resident: r, site: site, turns: make(chan struct{}, 1), codes: newCodes()}
	}).(*packedParts) //nolint:forcetypeassert // one type by key
}

func (p *packedParts) turn() chan struct{} { return p.turns }

// rowBytes is about what a row takes, before it is known.
func (p *packedParts) rowBytes() int { return 60 }

func (p *packedParts) publish() { p.known = p.codes.list }

// numbers are the codes by their numbers. More may come, these stay.
func (p *packedParts) numbers() []uint32 {
	p.resident.mutex.Lock()
	defer p.resident.mutex.Unlock()
	return p.known
}

// Places of the columns in which parts are read.
const (
	partNumber = iota
	partIdentity
	partTouches
)

func (p *packedParts) read(
	ctx context.Context, month string, parts []store.Part, places []int, shelves []*shelf,
) error {
	base, ok := monthOf(month)
	if !ok {
		return errNotResident
	}
	stacks, touches := make([][]stack, len(places)), make([]int, len(places))
	err := p.resident.store.Stream(ctx, store.Query{
		SQL: `SELECT indexOf(splitByChar(',', {parts:String}), _part) AS part, identity,
				CAST(touches AS Array(UInt64)) AS packed
			FROM journeys WHERE site = {site:String} AND _part IN splitByChar(',', {parts:String})`,
		Params:   map[string]string{"site": string(p.site), "parts": namesOf(parts, places)},
		Settings: p.resident.settings,
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
		return fmt.Errorf("reading %d parts of journeys: %w", len(places), err)
	}
	for i, place := range places {
		shelves[place] = newShelf(base, stacks[i], touches[i], p.codes)
	}
	return nil
}

// namesOf are the names of parts at places, with commas between.
func namesOf(parts []store.Part, places []int) string {
	names := make([]string, len(places))
	for i, place := range places {
		names[i] = parts[place].Name
	}
	return strings.Join(names, ",")
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
