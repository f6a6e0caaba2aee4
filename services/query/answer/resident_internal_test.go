package answer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/waystage/waystage/services/internal/store"
)

// library is a source that counts what it reads.
type library struct {
	turns     chan struct{}
	seen      map[string]int
	touches   int
	err       error
	beforeEnd func()
}

func newLibrary(touches int) *library {
	return &library{turns: make(chan struct{}, 1), seen: make(map[string]int), touches: touches}
}

func (l *library) turn() chan struct{} { return l.turns }
func (l *library) rowBytes() int       { return 1 }
func (l *library) publish()            {}

func (l *library) read(
	_ context.Context, month string, parts []store.Part, places []int, to []*shelf,
) error {
	base, _ := monthOf(month)
	for _, i := range places {
		l.seen[parts[i].Name]++
		to[i] = &shelf{base: base, identities: []uint64{1}, at: make([]uint32, l.touches)}
	}
	if l.beforeEnd != nil {
		l.beforeEnd()
	}
	return l.err
}

func journeyPart(name string) store.Part {
	return store.Part{Table: "journeys", Name: name, Partition: "202603", Hash: name, Rows: 1}
}

// TestResident: what was read is not read again while its part is there; of what is too much, that
// goes which was not used for longest.
func TestResident(t *testing.T) {
	t.Parallel()
	r := newResident(nil, nil, 3*(shelfBytes+shelfRowBytes+shelfTouchBytes*100))
	books := newLibrary(100)
	from := r.sourceOf("shop", "books", func() source { return books })
	bring := func(names ...string) []*shelf {
		t.Helper()
		var parts []store.Part
		for _, name := range names {
			parts = append(parts, journeyPart(name))
		}
		shelves, err := r.bring(t.Context(), "shop", "books", from, parts)
		if err != nil || len(shelves) != len(names) {
			t.Fatalf("%d shelves, %v", len(shelves), err)
		}
		return shelves
	}
	first := bring("1", "2")
	if again := bring("1", "2"); again[0] != first[0] || books.seen["1"] != 1 {
		t.Errorf("read again: %v", books.seen)
	}
	bring("1", "3") // 2 is gone
	bring("1", "2", "3")
	if books.seen["2"] != 2 || books.seen["1"] != 1 {
		t.Errorf("a part that was gone: %v", books.seen)
	}
	other := r.sourceOf("shop", "others", func() source { return newLibrary(100) })
	if _, err := r.bring(t.Context(), "shop", "others", other, []store.Part{journeyPart("4")}); err != nil {
		t.Fatal(err)
	}
	if r.bytes > r.most {
		t.Errorf("%d bytes are kept, of %d", r.bytes, r.most)
	}
	bring("1", "2", "3")
	if sum := books.seen["1"] + books.seen["2"] + books.seen["3"]; sum != 5 {
		t.Errorf("one had to go and be read again: %v", books.seen)
	}
}

// TestTooManySources: when all begin anew, one under way neither finds what others read under its key
// nor leaves them what it reads: its numbers are others.
func TestTooManySources(t *testing.T) {
	t.Parallel()
	r := newResident(nil, nil, 1<<30)
	parts := []store.Part{journeyPart("1")}
	packed := newLibrary(1)
	r.sourceOf("shop", packedKey, func() source { return packed })
	if _, err := r.bring(t.Context(), "shop", packedKey, packed, parts); err != nil {
		t.Fatal(err)
	}
	old := newLibrary(1)
	r.sourceOf("shop", "one", func() source { return old })
	fresh := newLibrary(2)
	old.beforeEnd = func() {
		for n := range maxSources {
			r.sourceOf("shop", fmt.Sprint("more ", n), func() source { return newLibrary(1) })
		}
		r.sourceOf("shop", "one", func() source { return fresh })
	}
	if _, err := r.bring(t.Context(), "shop", "one", old, parts); err != nil {
		t.Fatal(err)
	}
	shelves, err := r.bring(t.Context(), "shop", "one", fresh, parts)
	if err != nil || len(shelves[0].at) != 2 {
		t.Fatalf("a source found the shelf of another: %v", err)
	}
	if shelves, err = r.bring(t.Context(), "shop", "one", old, parts); err != nil || len(shelves[0].at) != 1 {
		t.Fatalf("a source that was forgotten found the shelf of another: %v", err)
	}
	if _, err := r.bring(t.Context(), "shop", packedKey, packed, parts); err != nil || packed.seen["1"] != 1 {
		t.Errorf("packed journeys were read %d times, %v", packed.seen["1"], err)
	}
}

// TestFullSource: what cannot be kept leaves nothing behind.
func TestFullSource(t *testing.T) {
	t.Parallel()
	r := newResident(nil, nil, 1<<30)
	l := newLibrary(1)
	r.sourceOf("shop", "one", func() source { return l })
	if _, err := r.bring(t.Context(), "shop", "one", l, []store.Part{journeyPart("1")}); err != nil {
		t.Fatal(err)
	}
	l.err = errNotResident
	_, err := r.bring(t.Context(), "shop", "one", l,
		[]store.Part{journeyPart("1"), journeyPart("2")})
	if !errors.Is(err, errNotResident) || r.bytes != 0 || len(r.sites["shop"].shelves) != 0 {
		t.Errorf("%d bytes are kept, %v", r.bytes, err)
	}
}

// TestKeepPlaces: places count among what is kept while their shelf does.
func TestKeepPlaces(t *testing.T) {
	t.Parallel()
	r := newResident(nil, nil, 1<<30)
	l := newLibrary(2)
	r.sourceOf("shop", "one", func() source { return l })
	parts := []store.Part{journeyPart("1")}
	shelves, err := r.bring(t.Context(), "shop", "one", l, parts)
	if err != nil {
		t.Fatal(err)
	}
	before := r.bytes
	for range 2 {
		r.keepPlaces(map[*shelf]map[uint32]shownPlace{shelves[0]: {1: {message: "m"}}})
		if r.bytes != before+shelfPlaceBytes || shelves[0].placed()[1].message != "m" {
			t.Errorf("%d bytes more, places %v", r.bytes-before, shelves[0].placed())
		}
	}
	r.forgetAll("shop", "one")
	r.keepPlaces(map[*shelf]map[uint32]shownPlace{shelves[0]: {0: {}, 1: {}}})
	if r.bytes != 0 {
		t.Errorf("%d bytes are kept of a shelf that is not", r.bytes)
	}
	if _, err := r.bring(t.Context(), "shop", "one", l, parts); err != nil {
		t.Fatal(err)
	}
	r.most = shelfBytes
	again, err := r.bring(t.Context(), "shop", "one", l, parts)
	if err != nil {
		t.Fatal(err)
	}
	r.keepPlaces(map[*shelf]map[uint32]shownPlace{again[0]: {0: {}, 1: {}}})
	if r.bytes != 0 {
		t.Errorf("%d bytes are kept, at most %d may be", r.bytes, r.most)
	}
}

// TestManyPlaces: a server takes the query for as many places as are read at once.
func TestManyPlaces(t *testing.T) {
	t.Parallel()
	r := newResident(newStore(t), nil, 1<<30)
	of := &shelf{part: "202601_1_1_0"}
	strands := make([]strand, mostUnplaced)
	for i := range strands {
		strands[i] = strand{
			identity: math.MaxUint64 - uint64(i), at: 1_800_000_000_000 + int64(i), shelf: of, to: 1,
		}
	}
	if err := r.place(t.Context(), "shop", strands); !errors.Is(err, errPartGone) {
		t.Errorf("%v, want that of a part that is not there", err)
	}
}
