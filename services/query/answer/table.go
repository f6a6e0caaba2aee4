package answer

import "math/bits"

// table maps numbers other than 0 to numbers by open addressing. Keys are hashes.
type table struct {
	cells []cell
	// A key's home are its highest bits after the first skip.
	skip, shift uint
	used        int
}

type cell struct{ key, value uint64 }

// newTable makes a table of keys whose first bits, so many to skip, say nothing. Keys met in
// ascending order are looked up in ascending order of memory. Who sets many of them in ascending
// order reserves room before: else they crowd at the table's beginning until it has grown.
func newTable(skip uint) *table {
	t := &table{skip: skip}
	t.reset(0)
	return t
}

// reserve makes room for so many more keys.
func (t *table) reserve(more int) {
	if 4*(t.used+more) > 3*len(t.cells) {
		t.resize(t.used + more)
	}
}

// reset empties the table and makes room for size keys.
func (t *table) reset(size int) {
	n := bits.Len(uint(max(size, 8) * 4 / 3))
	if cap(t.cells) < 1<<n {
		t.cells = make([]cell, 1<<n)
	} else {
		t.cells = t.cells[:1<<n]
		clear(t.cells)
	}
	t.shift, t.used = uint(64-n), 0
}

// at is the cell of a key, or the empty one where it would stand.
func (t *table) at(key uint64) *cell {
	last := len(t.cells) - 1
	for i := int(key << t.skip >> t.shift); ; i++ {
		if c := &t.cells[i&last]; c.key == key || c.key == 0 {
			return c
		}
	}
}

// get is the number of a key.
func (t *table) get(key uint64) (uint64, bool) {
	c := t.at(key)
	return c.value, c.key != 0
}

// put fills the empty cell of a new key, which at gave, growing where three quarters of the cells
// are taken.
func (t *table) put(c *cell, filled cell) {
	*c = filled
	if t.used++; 4*t.used > 3*len(t.cells) {
		t.grow()
	}
}

// set gives a key its number, growing where three quarters of the cells are taken.
func (t *table) set(key, value uint64) {
	c := t.at(key)
	if c.key != 0 {
		c.value = value
		return
	}
	t.put(c, cell{key, value})
}

func (t *table) grow() { t.resize(len(t.cells)) }

// resize makes a table for so many keys of the same cells.
func (t *table) resize(size int) {
	cells := t.cells
	t.cells = nil
	t.reset(size)
	for _, c := range cells {
		if c.key != 0 {
			*t.at(c.key) = c
			t.used++
		}
	}
}
