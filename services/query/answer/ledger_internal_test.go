package answer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/store"
)

// part is one of the inserts first to last.
func part(name string, first, last int64) store.Part {
	return store.Part{
		Table: "touchpoints", Place: "here/", Name: name, Partition: "all", First: first, Last: last,
		Hash: name,
	}
}

func seen(parts ...store.Part) map[partID]store.Part {
	m := make(map[partID]store.Part)
	for _, p := range parts {
		m[idOf(p)] = p
	}
	return m
}

// TestChanges: merges of what was seen change nothing, new inserts what they hold, all else
// everything.
func TestChanges(t *testing.T) {
	t.Parallel()
	one, two, three := part("1", 1, 1), part("2", 2, 2), part("3", 3, 3)
	elsewhere, rewritten, other, refilled := one, one, one, one
	elsewhere.Place = "there/"
	rewritten.Name, rewritten.Mutation = "1m", 9
	other.Partition, other.Name = "202601", "other 1"
	refilled.Hash = "different"
	merged, mutated := part("1-2", 1, 2), part("1-3", 1, 3)
	mutated.Mutation = 9
	for name, c := range map[string]struct {
		seen  map[partID]store.Part
		now   []store.Part
		all   bool
		fresh []string
	}{
		"the first look":        {now: []store.Part{one}, all: true},
		"nothing ever":          {seen: seen()},
		"nothing new":           {seen: seen(one, two), now: []store.Part{two, one}},
		"an insert":             {seen: seen(one), now: []store.Part{one, two}, fresh: []string{"2"}},
		"into another month":    {seen: seen(one), now: []store.Part{one, other}, fresh: []string{"other 1"}},
		"a merge":               {seen: seen(one, two), now: []store.Part{merged}},
		"a merge and an insert": {seen: seen(one, two), now: []store.Part{merged, three}, fresh: []string{"3"}},
		"merged before seen":    {seen: seen(one), now: []store.Part{merged}, fresh: []string{"1-2"}},
		"both unseen":           {seen: seen(), now: []store.Part{merged}, fresh: []string{"1-2"}},
		"a hole in the middle": {
			seen: seen(one, three), now: []store.Part{part("1-3", 1, 3)}, fresh: []string{"1-3"},
		},
		"a part went":          {seen: seen(one, two), now: []store.Part{one}, all: true},
		"all went":             {seen: seen(one), all: true},
		"rows were removed":    {seen: seen(one), now: []store.Part{rewritten}, fresh: []string{"1m"}, all: true},
		"removed and merged":   {seen: seen(one, two, three), now: []store.Part{mutated}, fresh: []string{"1-3"}, all: true},
		"another table":        {seen: seen(one), now: []store.Part{elsewhere}, fresh: []string{"1"}, all: true},
		"another content":      {seen: seen(one), now: []store.Part{refilled}, fresh: []string{"1"}, all: true},
		"merges of two months": {seen: seen(one, other), now: []store.Part{merged}, fresh: []string{"1-2"}, all: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := changesOf(c.seen, c.now)
			var fresh []string
			for _, p := range got.fresh {
				fresh = append(fresh, p.Name)
			}
			if diff := cmp.Diff(c.fresh, fresh); diff != "" || got.all != c.all {
				t.Errorf("all %v, want %v; fresh (-want +got):\n%s", got.all, c.all, diff)
			}
		})
	}
}
