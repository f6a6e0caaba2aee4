package answer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/services/internal/store"
)

// outlook is which parts the tables that answers rest on had when a question was asked, or after.
// What was read when a table had the same parts need not be read again: a row comes, changes or
// goes only with a part. nil where that is not known.
type outlook struct {
	// began is before the parts were listed.
	began time.Time
	parts []store.Part
	// states stand for the parts of each table.
	states map[string]string
}

// lookAt looks at the tables of a store: nil where they have parts that its server does not list.
func lookAt(ctx context.Context, st *store.Store) (*outlook, error) {
	began := time.Now()
	var parts []store.Part
	var stand store.Standing
	var own bool
	beside := st.LastUnsaid()
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		parts, stand, err = st.AnswerParts(both)
		return err //nolint:wrapcheck // below
	})
	if beside {
		group.Go(func() (err error) {
			own, err = st.OwnTables(both)
			return err //nolint:wrapcheck // below
		})
	}
	err := group.Wait()
	if err == nil && stand == store.Unsaid && !beside {
		own, err = st.OwnTables(ctx)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking at the parts of tables: %w", err)
	case stand == store.Elsewhere || stand == store.Unsaid && !own:
		return nil, nil
	}
	return newOutlook(began, parts), nil
}

func newOutlook(began time.Time, parts []store.Part) *outlook {
	texts := make(map[string][]string)
	for _, p := range parts {
		texts[p.Table] = append(texts[p.Table], p.Place+" "+p.Name+" "+p.Hash)
	}
	o := &outlook{began: began, parts: parts, states: make(map[string]string, len(texts))}
	for table, of := range texts {
		slices.Sort(of)
		o.states[table] = strings.Join(of, "\n")
	}
	return o
}

// state stands for the parts of a table, all of which are known.
func (o *outlook) state(table string) (state string, known bool) {
	if o == nil {
		return "", false
	}
	// Without parts a table has no text; with them the text is not empty.
	return o.states[table], true
}

// look is the outlook of a question: that of its call, if it looked.
func (a *Answerer) look(ctx context.Context) (*outlook, error) {
	if g := glanceOf(ctx); g != nil && g.found != nil {
		return g.found.outlook, nil
	}
	return lookAt(ctx, a.store)
}

// memory remembers what was read of tables, by what it is and of whom. It is safe for concurrent
// use.
type memory struct {
	mutex sync.Mutex
	known map[memoryKey]reminder
}

type memoryKey struct{ table, of string }

type reminder struct {
	state string
	value any
}

// maxReminders bounds it: it begins anew then.
const maxReminders = 10_000

// remember gives what read gave when the table was as it is in the outlook, reading it if need be.
// What is read now may be newer than the outlook: then it is read again next time.
func remember[V any](
	m *memory, o *outlook, table, of string, read func() (V, error),
) (V, error) {
	state, known := o.state(table)
	if !known {
		return read()
	}
	key := memoryKey{table, of}
	m.mutex.Lock()
	found, ok := m.known[key]
	m.mutex.Unlock()
	if ok && found.state == state {
		return found.value.(V), nil //nolint:forcetypeassert // one type by key
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.known == nil || len(m.known) >= maxReminders {
		m.known = make(map[memoryKey]reminder)
	}
	m.known[key] = reminder{state, value}
	return value, nil
}
