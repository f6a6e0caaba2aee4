package answer

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/waystage/waystage/services/internal/store"
)

// refresh reads what has come since the last time. What it read is taken over at once, when all of
// it is there: a question never sees a part of it. All that was stored when it began is there then,
// or when the tables were looked at for an outlook, which may be nil; what came while it read waits
// for the next question.
func (d *directory) refresh(ctx context.Context, o *outlook) error {
	d.reload.Lock()
	defer d.reload.Unlock()
	u := update{table: d.table, parts: d.parts}
	table, active, err := d.list(ctx, o)
	if err != nil {
		return fmt.Errorf("listing parts of the profiles: %w", err)
	}
	for done := false; !done; {
		if u.table != table {
			u = update{table: table, whole: true}
		}
		fresh := u.unread(active)
		if len(fresh) == 0 {
			break
		}
		if err := u.read(ctx, d.store, fresh); err != nil {
			return fmt.Errorf("reading %d parts of the profiles: %w", len(fresh), err)
		}
		if table, active, err = d.list(ctx, nil); err != nil {
			return fmt.Errorf("listing parts of the profiles again: %w", err)
		}
		done = table == u.table && u.markRead(fresh, active)
	}
	d.take(&u)
	return nil
}

// list names the table and its active parts: as an outlook has them if it is newer than all that
// was listed before, and of the same table. What is not has them listed now.
func (d *directory) list(
	ctx context.Context, o *outlook,
) (table string, active []string, err error) {
	if o != nil && o.began.After(d.listed) {
		if active, same := o.profiles(d.table); same {
			d.listed = o.began
			return d.table, active, nil
		}
	}
	table, active, err = d.store.ProfileParts(ctx)
	d.listed = time.Now()
	return table, active, err //nolint:wrapcheck // wrapped where it is asked for
}

// profiles are the parts of the profiles, if they are those of a table.
func (o *outlook) profiles(table string) (parts []string, same bool) {
	for _, p := range o.parts {
		if p.Table != "profiles" {
			continue
		}
		if path.Base(p.Place) != table { // which is where its parts lie, on whichever disk
			return nil, false
		}
		parts = append(parts, p.Name)
	}
	return parts, len(parts) > 0
}

// update is what has come.
type update struct {
	table string
	parts map[string]bool
	// whole tells that it takes the place of all that was read before.
	whole bool
	// blocks of rows of the profiles belong to the update.
	blocks []*store.Block
}

// unread lists the parts that have not been read.
func (u *update) unread(active []string) []string {
	return slices.DeleteFunc(active, func(part string) bool { return u.parts[part] })
}

// markRead remembers those of the parts that were active before and after they were read, and tells
// whether all of them were.
func (u *update) markRead(read, still []string) (all bool) {
	parts := make(map[string]bool, len(still))
	there := 0
	for _, part := range still {
		fresh := slices.Contains(read, part)
		if fresh {
			there++
		}
		if fresh || u.parts[part] {
			parts[part] = true
		}
	}
	u.parts = parts
	return there == len(read)
}

func (u *update) read(ctx context.Context, st *store.Store, parts []string) error {
	query := store.Query{
		SQL: `SELECT identity, person, toUnixTimestamp64Milli(last_write_at),
			toUnixTimestamp64Nano(derived_at), toUInt32(map_version), CAST(persona AS String),
			CAST(site AS String), arrayStringConcat(arrayMap(r -> concat(r.1, ' ', toString(r.2), ' ',
				toString(r.3)), repeats), ',')
			FROM profiles WHERE _part IN splitByChar(',', {parts:String})`,
		Params: map[string]string{"parts": strings.Join(parts, ",")},
		Columns: []store.Column{
			{Name: "identity", Type: store.UInt64},
			{Name: "person", Type: store.UInt64},
			{Name: "last_write", Type: store.Int64},
			{Name: "derived", Type: store.Int64},
			{Name: "version", Type: store.UInt32},
			{Name: "persona", Type: store.String},
			{Name: "site", Type: store.String},
			{Name: "repeats", Type: store.String},
		},
	}
	err := st.Stream(ctx, query, func(b *store.Block) error {
		u.blocks = append(u.blocks, b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("streaming profiles: %w", err)
	}
	return nil
}
