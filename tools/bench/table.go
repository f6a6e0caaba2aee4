package main

import "math/bits"

// table maps numbers other than 0 to numbers by open addressing. A number's home is given by its
// highest bits after the first skip, so that numbers met in ascending order are looked up in
// ascending order of memory.
type table struct {
	cells []cell
	skip  uint
	shift uint
	used  int
}

type cell struct{ key, value uint64 }

// newTable makes a table for at most size numbers whose first skip bits say nothing.
func newTable(size int, skip uint) *table {
	t := &table{skip: skip}
	t.reset(size)
	return t
}

// reset empties the table, for at most size numbers.
func (t *table) reset(size int) {
	n := bits.Len(uint(max(size, 8)*2 - 1))
	if cap(t.cells) < 1<<n {
		t.cells = make([]cell, 1<<n)
	} else {
		t.cells = t.cells[:1<<n]
		clear(t.cells)
	}
	t.shift, t.used = uint(64-n), 0
}

// at is the cell of a number, or the empty one where it would stand.
func (t *table) at(key uint64) *cell {
	last := len(t.cells) - 1
	i := int(key << t.skip >> t.shift)
	for {
		c := &t.cells[i&last]
		if c.key == key || c.key == 0 {
			return c
		}
		i++
	}
}

func (t *table) set(key, value uint64) {
	c := t.at(key)
	if c.key == 0 {
		t.used++
	}
	*c = cell{key, value}
}
