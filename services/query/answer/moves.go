package answer

import (
	"context"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
)

// moves tells whether an answer as of an instant is also one as of a later one, over the same data.
//
// With the data at rest, the clock changes an answer at three kinds of instants only: those at
// which a fact occurred, which is seen from then on; those at which an attempt can no longer go on;
// and those that a map's rules about persons name, such as a month of silence. The second lie so
// long after a touchpoint as a span of the question says, or at the end of the range. So where no
// fact lies in between, nor a touchpoint such a span before, nor the end of the range, and the map
// has no such rules, nothing differs.
type moves struct {
	store *store.Store
	maps  Maps
}

// may tells whether the answer to what is asked is the same as of that earlier instant. Where that
// cannot be found out, it may differ.
func (m moves) may(ctx context.Context, a asking, earlier time.Time) bool {
	q := &a.question
	after := store.Span{First: earlier.UnixMilli() + 1, Last: q.AsOf.UnixMilli()}
	if after.Last < after.First {
		return after.Last == after.First-1
	}
	if after.First < 0 || q.AsOf.Year() >= 2262 {
		return false // beyond what the store can name
	}
	if to := q.To.UnixMilli(); after.First <= to && to <= after.Last {
		return false
	}
	newest, err := m.maps.Latest(ctx, a.site)
	if err != nil || newest.PersonNeeds().AsOf {
		return false
	}
	happened, err := m.store.Happened(ctx, a.site, after, spansOf(q))
	return err == nil && !happened
}

// spansOf are the times after a touchpoint at which an attempt may end, in milliseconds.
func spansOf(q *funnel.Question) []int64 {
	spans := []int64{q.Window.Milliseconds(), funnel.SessionGap.Milliseconds()}
	for i := range q.Steps {
		if within := q.Steps[i].Within; within != nil {
			spans = append(spans, within.Milliseconds())
		}
	}
	return spans
}
