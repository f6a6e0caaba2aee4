package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

func ids(of ...journey.IdentityID) []journey.IdentityID { return of }

func TestFirstLinks(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	facts := []journey.Fact{
		track(3, "u3", "v1"), track(1, "u1", "v1"), track(2, "u2", "v1"), track(4, "u1", "v1"),
		track(5, "u1", "v2"), alias(0, "v1", "u9"),
	}
	d.insert(t, facts...)
	for _, c := range []struct {
		name string
		of   []journey.IdentityID
		n    int
		want []journey.Fact
	}{
		{name: "the first", of: ids(visitor("v1")), n: 1, want: facts[1:2]},
		{name: "the first two users", of: ids(visitor("v1")), n: 2, want: facts[1:3]},
		{name: "each user once", of: ids(visitor("v1")), n: 9, want: facts[:3]},
		{
			name: "of each visitor", of: ids(visitor("v1"), visitor("v2")), n: 1,
			want: []journey.Fact{facts[1], facts[4]},
		},
		{name: "a user has none", of: ids(user("u1"), user("v1")), n: 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := d.FirstLinks(t.Context(), site, c.of, c.n)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(shownLinks(linksOf(c.want...)), shownLinks(got)); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
	if got, err := d.FirstLinks(t.Context(), "other", ids(visitor("v1")), 9); len(got) > 0 {
		t.Errorf("another site has links %v, %v", got, err)
	}
}

func TestOtherLinks(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	late, early := track(2, "u1", "v1"), track(1, "u1", "v1")
	second, joined := track(3, "u1", "v2"), alias(4, "p", "u1")
	again := alias(5, "p", "u1")
	d.insert(t, late, early, second, joined, again, track(6, "u2", "v1"))
	for _, c := range []struct {
		name string
		of   journey.IdentityID
		want []identity.Link
	}{
		{
			name: "of a user: its visitors and what aliases join it with",
			of:   user("u1"), want: linksOf(early, second, joined),
		},
		{name: "of an alias's other end", of: user("p"), want: linksOf(joined)[:1]},
		{name: "of its other end as a visitor", of: visitor("p"), want: linksOf(joined)[1:]},
		{name: "a visitor's own links are none of them", of: visitor("v1")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := d.OtherLinks(t.Context(), site, ids(c.of))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(shownLinks(c.want), shownLinks(got)); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.insert(t, identify(1, `{"age":30,"plan":"free"}`, "u1"), identify(2, `{"plan":null}`, "u1"),
		identify(3, `{"plan":"pro"}`, "u2"))
	shown := func(writes []identity.Write, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{}
		for _, w := range writes {
			of := map[journey.IdentityID]string{user("u1"): "u1", user("u2"): "u2"}[w.Identity]
			texts = append(texts, fmt.Sprintf("%s %s=%s %s %d", of, w.Name, w.Value, w.Message,
				(w.OccurredAt-noon.UnixNano())/int64(time.Second)))
		}
		slices.Sort(texts)
		return texts
	}
	check := func(name string, got []string, want ...string) {
		t.Helper()
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ctx, second := t.Context(), noon.Add(2*time.Second).UnixMilli()
	check("last of u1", shown(d.LastWrites(ctx, site, ids(user("u1")))),
		"u1 age=30 m1 1", "u1 plan=null m2 2")
	check("as of the millisecond of the second write",
		shown(d.WritesAsOf(ctx, site, ids(user("u1")), second)),
		"u1 age=30 m1 1", "u1 plan=null m2 2")
	check("as of the millisecond before it",
		shown(d.WritesAsOf(ctx, site, ids(user("u1")), second-1)),
		"u1 age=30 m1 1", `u1 plan="free" m1 1`)
	check("of all", shown(d.WritesAsOf(ctx, site, nil, second+1000)),
		"u1 age=30 m1 1", "u1 plan=null m2 2", `u2 plan="pro" m3 3`)
	check("of another site", shown(d.WritesAsOf(ctx, "other", nil, second+1000)))
}

func TestKnown(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	before, err := d.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before = before.Truncate(time.Millisecond)
	there := identify(4, `{"x":1}`, "u1")
	there.Site = "other"
	elsewhere := track(5, "v9")
	elsewhere.Site = "third"
	d.insert(t, track(1, "u1", "v1"), track(2, "v2"), identify(3, `{"x":1}`, "u3"), there, elsewhere)
	linked := ids(user("u1"), visitor("v1"), user("u3"))
	for _, c := range []struct {
		name  string
		needs journey.PersonNeeds
		since time.Time
		want  []journey.IdentityID
	}{
		{"of links and traits", journey.PersonNeeds{}, before, linked},
		{"of other events", journey.PersonNeeds{Events: []string{"Visit"}}, before, linked},
		{
			"of orders",
			journey.PersonNeeds{Events: []string{"Order"}},
			before,
			append(ids(visitor("v2")), linked...),
		},
		{"of all", journey.PersonNeeds{All: true}, before, append(ids(visitor("v2")), linked...)},
		{"in an hour from now", journey.PersonNeeds{All: true}, before.Add(time.Hour), nil},
	} {
		got, err := d.Known(t.Context(), site, c.needs, c.since)
		want := slices.Sorted(slices.Values(c.want))
		if diff := gocmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("known %s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
	sites, err := d.FactSites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]journey.SiteID{"other", site, "third"}, sites); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.insert(t, track(1, "u1", "v1"), track(2, "v2"), alias(3, "p", "u3"))
	got, err := d.Names(t.Context(), site, ids(user("u1"), visitor("v1"), visitor("v2"),
		user("u3"), user("p"), visitor("p"), user("stranger")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[journey.IdentityID]store.Name{
		user("u1"): {User: "u1"}, visitor("v1"): {Visitor: "v1"}, visitor("v2"): {Visitor: "v2"},
		user("u3"): {User: "u3"}, user("p"): {User: "p"}, visitor("p"): {Visitor: "p"},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// TestGenerations: what is put into the next generation is not seen before it is installed, and
// from then on nothing else is.
func TestGenerations(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	profile := func(id journey.IdentityID, persona journey.PersonaID) []store.Profile {
		return []store.Profile{{
			Identity: id, Person: journey.PersonID(id), Persona: persona, Version: 2,
			Traits: `{"x":1}`, Groups: `{"team":"a"}`, LastWriteAt: noon.UnixMilli(),
			Repeats: []journey.Boundary{{Touchpoint: "again", At: noon.UnixMilli(), Before: 3}},
		}}
	}
	content := func() string {
		return d.raw(t, `SELECT groupArray((identity, person, persona, map_version, traits, groups, repeats,
			toUnixTimestamp64Milli(last_write_at), toUnixTimestamp64Nano(derived_at)))
			FROM (SELECT * FROM profiles FINAL ORDER BY identity)`)
	}
	row := func(id int, persona string, at time.Time) string {
		return fmt.Sprintf(`[(%d,%d,'%s',2,'{"x":1}','{"team":"a"}',[('again',%d,3)],%d,%d)]`, id, id,
			persona, noon.UnixMilli(), noon.UnixMilli(), at.UnixNano())
	}
	if err := d.InsertProfiles(ctx, site, profile(1, "old"), noon.Add(1)); err != nil {
		t.Fatal(err)
	}
	if err := d.InsertProfiles(ctx, site, profile(1, "older"), noon); err != nil {
		t.Fatal(err)
	}
	if got, want := content(), row(1, "old", noon.Add(1)); got != want {
		t.Errorf("the profile derived last is %s, want %s", got, want)
	}
	if _, err := d.NextProfiles(ctx); err != nil { // left behind by a rebuild that was killed
		t.Fatal(err)
	}
	next, err := d.NextProfiles(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.InsertProfiles(ctx, site, profile(2, "new"), noon); err != nil {
		t.Fatal(err)
	}
	if got, want := content(), row(1, "old", noon.Add(1)); got != want {
		t.Errorf("before the exchange: %s, want %s", got, want)
	}
	table, _, err := d.ProfileParts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Install(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := content(), row(2, "new", noon); got != want {
		t.Errorf("after the exchange: %s, want %s", got, want)
	}
	now, parts, err := d.ProfileParts(ctx)
	if err != nil || now == table || len(parts) != 1 {
		t.Errorf("table %s with parts %v, %v: want another table than %s with one part",
			now, parts, err, table)
	}
	for generation, want := range map[store.Generation][]journey.IdentityID{
		store.PresentProfiles: {2}, store.OtherProfiles: {1},
	} {
		got, err := d.DerivedSince(ctx, generation, site, noon)
		if diff := gocmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s derived since: %v (-want +got):\n%s", generation, err, diff)
		}
		if got, err := d.DerivedSince(ctx, generation, site, noon.Add(2)); len(got) > 0 || err != nil {
			t.Errorf("%s derived later: %v, %v, want none", generation, got, err)
		}
	}
	for range 2 {
		if err := next.Drop(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.raw(t, "SHOW TABLES LIKE 'profiles%'"); got != "profiles" {
		t.Errorf("tables %q: the old generation is still there", got)
	}
}

// TestProfileParts: every insert is a new part, and merged parts have another name.
func TestProfileParts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	parts := func() []string {
		t.Helper()
		_, parts, err := d.ProfileParts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(parts, cmp.Compare[string])
		return parts
	}
	if got := parts(); len(got) > 0 {
		t.Errorf("parts %v of an empty table", got)
	}
	var before []string
	for i := range 3 {
		p := store.Profile{Identity: journey.IdentityID(i), Person: 7}
		if err := d.InsertProfiles(t.Context(), site, []store.Profile{p}, noon); err != nil {
			t.Fatal(err)
		}
		if got := parts(); slices.Equal(got, before) {
			t.Fatalf("an insert left the parts %v as they were", got)
		} else {
			before = got
		}
	}
	d.merge(t, "profiles")
	after := parts()
	if len(after) != 1 || slices.Contains(before, after[0]) {
		t.Errorf("parts %v became %v, want one of another name", before, after)
	}
}
