package answer

import (
	"testing"

	"github.com/waystage/waystage/services/internal/store"
)

// TestReadings: how far a question is, is how far all of its queries are, those that ended too, and
// nothing has to be read that was not.
func TestReadings(t *testing.T) {
	t.Parallel()
	sum := readings{known: make(map[string]store.Reading)}
	for i, c := range []struct {
		now         []store.Reading
		went        bool
		read, total uint64
	}{
		{},
		{now: []store.Reading{{Query: "a", RowsRead: 5, RowsToRead: 10}}, went: true, read: 5, total: 10},
		{now: []store.Reading{{Query: "a", RowsRead: 5, RowsToRead: 10}}, read: 5, total: 10},
		{
			now:  []store.Reading{{Query: "a", RowsRead: 9, RowsToRead: 10}, {Query: "b", RowsRead: 7}},
			went: true, read: 16, total: 17,
		},
		{now: []store.Reading{{Query: "b", RowsRead: 7, RowsToRead: 9}}, went: true, read: 16, total: 19},
		{read: 16, total: 19},
	} {
		if went := sum.add(c.now); went != c.went {
			t.Errorf("%d: it went on: %v, want %v", i, went, c.went)
		}
		if read, total := sum.sum(); read != c.read || total != c.total {
			t.Errorf("%d: %d of %d rows, want %d of %d", i, read, total, c.read, c.total)
		}
	}
}
