package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// ordered is a touchpoint of an event as the map attributed it.
func ordered(second int, event string, a journey.Attribution, who ...string) store.Row {
	f := track(second, who...)
	f.Event, f.Properties = event, `{"a":{"b":[1,2]},"n":1.50,"t":"x\u0000y"}`
	return store.Row{Fact: &f, Attribution: a}
}

// deedOf is what a row is to rules about persons that read no properties.
func deedOf(r store.Row) journey.Deed {
	f := r.Fact
	return journey.Deed{
		Identity: f.Identity(), OccurredAt: f.OccurredAt.UnixNano(),
		OriginalAt: f.OriginalAt.UnixNano(), ReceivedAt: f.ReceivedAt.UnixNano(), Index: f.Index,
		Message: f.Message, Event: f.Event, Touchpoint: r.Attribution.Touchpoint,
		Channel: r.Attribution.Channel,
	}
}

func deedsOf(rows ...store.Row) []journey.Deed {
	var deeds []journey.Deed
	for _, r := range rows {
		deeds = append(deeds, deedOf(r))
	}
	slices.SortFunc(deeds, func(a, b journey.Deed) int {
		return cmp.Or(cmp.Compare(a.Identity, b.Identity), journey.CompareDeeds(&a, &b))
	})
	return deeds
}

func TestDeeds(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	order := ordered(2, "Order", journey.Attribution{Touchpoint: "order", Channel: "seo"}, "u1", "v1")
	early := ordered(1, "Order", journey.Attribution{Touchpoint: "it's", Channel: "email"}, "v1")
	const odd = "it's \\ a {site:String} ? @x $1 %d\n\tvisit"
	visit := ordered(3, odd, journey.Attribution{}, "v1")
	other := ordered(4, "Order", journey.Attribution{}, "v2")
	elsewhere := ordered(5, "Order", journey.Attribution{}, "v1")
	elsewhere.Fact.Site = "other"
	traits := identify(6, `{"x":1}`, "v1")
	rows := []store.Row{order, early, visit, other, elsewhere, {Fact: &traits}}
	for range 2 { // equal rows are one
		if err := d.InsertFacts(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	both := ids(user("u1"), visitor("v1"))
	valued := deedOf(order)
	valued.Values = []journey.Value{
		{},
		journey.ParseValue([]byte(`{"b":[1,2]}`)), journey.NumberValue(1.5),
		journey.TextValue("x\x00y"),
	}
	second := noon.Add(2 * time.Second).UnixMilli()
	for _, c := range []struct {
		name  string
		of    []journey.IdentityID
		needs journey.PersonNeeds
		asOf  int64
		want  []journey.Deed
	}{
		{"nothing is needed", both, journey.PersonNeeds{}, math.MaxInt64, nil},
		{
			"all", both,
			journey.PersonNeeds{All: true},
			math.MaxInt64,
			deedsOf(order, early, visit),
		},
		{
			"all of the site", nil,
			journey.PersonNeeds{All: true},
			math.MaxInt64,
			deedsOf(order, early, visit, other),
		},
		{
			"events", both,
			journey.PersonNeeds{Events: []string{"Order"}},
			math.MaxInt64,
			deedsOf(order, early),
		},
		{
			"an event with odd letters", both,
			journey.PersonNeeds{Events: []string{odd, "nul\x00"}},
			math.MaxInt64,
			deedsOf(visit),
		},
		{
			"a base or an event", nil, journey.PersonNeeds{
				Events: []string{odd}, Bases: []journey.TouchpointID{"it's"},
			}, math.MaxInt64, deedsOf(early, visit),
		},
		{
			"until its millisecond", both,
			journey.PersonNeeds{All: true},
			second,
			deedsOf(early, order),
		},
		{
			"until the millisecond before", both,
			journey.PersonNeeds{All: true},
			second - 1,
			deedsOf(early),
		},
		{
			"values of the events alone", ids(user("u1")), journey.PersonNeeds{
				Events: []string{"Order"}, Properties: []string{"0", "a", "n", "t"}, All: true,
			}, math.MaxInt64, []journey.Deed{valued},
		},
		{"of nobody", ids(user("nobody")), journey.PersonNeeds{All: true}, math.MaxInt64, nil},
	} {
		got, err := d.Deeds(t.Context(), site, c.of, c.needs, c.asOf)
		same := gocmp.Comparer(func(a, b journey.Value) bool { return a == b })
		if diff := gocmp.Diff(c.want, got, same); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}

// TestEachDeed: those of all of a site come identity by identity, until an error.
func TestEachDeed(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var rows []store.Row
	for n := range 3000 {
		rows = append(rows, ordered(n, "Order", journey.Attribution{}, fmt.Sprint("u", n%50)))
	}
	if err := d.InsertFacts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	needs := journey.PersonNeeds{Events: []string{"Order"}}
	var got []journey.Deed
	err := d.EachDeed(t.Context(), site, needs, math.MaxInt64, func(d journey.Deed) error {
		got = append(got, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(got, func(a, b journey.Deed) int {
		return cmp.Compare(a.Identity, b.Identity)
	}) {
		t.Error("identities do not ascend")
	}
	slices.SortFunc(got, func(a, b journey.Deed) int {
		return cmp.Or(cmp.Compare(a.Identity, b.Identity), journey.CompareDeeds(&a, &b))
	})
	if diff := gocmp.Diff(deedsOf(rows...), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	enough, calls := errors.New("enough"), 0
	err = d.EachDeed(t.Context(), site, needs, math.MaxInt64, func(journey.Deed) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d, want the first error", err, calls)
	}
}

// TestIdentities: everybody of whom something is known, chunk by chunk, each once.
func TestIdentities(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.insert(t, track(1, "u1", "v1"), track(2, "v2"), track(3, "v2"), identify(4, `{"x":1}`, "u3"))
	profile := []store.Profile{{Identity: 7, Person: 7}, {Identity: user("u1"), Person: 7}}
	if err := d.InsertProfiles(t.Context(), site, profile, noon); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		needs journey.PersonNeeds
		want  []journey.IdentityID
	}{
		"no rules": {want: ids(user("u1"), visitor("v1"), user("u3"), 7)},
		"orders": {
			journey.PersonNeeds{Events: []string{"Order"}},
			ids(user("u1"), visitor("v1"), user("u3"), 7, visitor("v2")),
		},
	} {
		want := slices.Sorted(slices.Values(c.want))
		for n := 1; n < 7; n++ {
			var got []journey.IdentityID
			for from := journey.IdentityID(0); ; {
				chunk, err := d.Identities(t.Context(), site, c.needs, from, n)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, chunk...)
				if len(chunk) < n {
					break
				}
				from = chunk[n-1] + 1
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %d at a time (-want +got):\n%s", name, n, diff)
			}
		}
	}
}

// TestDerivedBy: what counts is the version and the instant of the row that counts.
func TestDerivedBy(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	put := func(id journey.IdentityID, version journey.MapVersion, at time.Time) {
		t.Helper()
		p := []store.Profile{{Identity: id, Person: 1, Version: version}}
		if err := d.InsertProfiles(t.Context(), site, p, at); err != nil {
			t.Fatal(err)
		}
	}
	put(1, 2, noon)
	put(2, 2, noon.Add(-1))
	put(3, 1, noon.Add(1))
	put(4, 3, noon.Add(1))
	put(5, 2, noon.Add(1))
	put(5, 1, noon.Add(2)) // by who did not know the version yet
	put(6, 1, noon.Add(-1))
	put(6, 2, noon.Add(5))
	put(9, 2, noon)
	got, err := d.DerivedBy(t.Context(), site, 1, 8, 2, noon)
	slices.Sort(got)
	if diff := gocmp.Diff(ids(1, 4, 6), got); diff != "" || err != nil {
		t.Errorf("derived: %v (-want +got):\n%s", err, diff)
	}
}

func TestPersonasCurrent(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct{ set, want journey.MapVersion }{{0, 0}, {2, 2}, {1, 2}, {3, 3}} {
		if c.set > 0 {
			if err := d.SetPersonasCurrent(t.Context(), site, c.set); err != nil {
				t.Fatal(err)
			}
		}
		got, err := d.PersonasCurrent(t.Context(), site)
		if got != c.want || err != nil {
			t.Errorf("after %d the current version is %d, %v, want %d", c.set, got, err, c.want)
		}
	}
	if got, err := d.PersonasCurrent(t.Context(), "other"); got != 0 || err != nil {
		t.Errorf("of another site: %d, %v, want 0", got, err)
	}
}
