package store_test

import (
	"slices"
	"testing"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// partsOf are the parts of a table.
func partsOf(t *testing.T, d database, table string) []store.Part {
	t.Helper()
	parts, stand := standing(t, d)
	if stand != store.Here {
		t.Fatalf("tables stand at %d", stand)
	}
	return slices.DeleteFunc(parts, func(p store.Part) bool { return p.Table != table })
}

// standing lists parts, and says where all tables stand.
func standing(t *testing.T, d database) ([]store.Part, store.Standing) {
	t.Helper()
	parts, stand, err := d.AnswerParts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.LastUnsaid() != (stand == store.Unsaid) {
		t.Errorf("what was said last is not remembered")
	}
	if stand != store.Unsaid {
		return parts, stand
	}
	own, err := d.OwnTables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if own {
		return parts, store.Here
	}
	return parts, store.Elsewhere
}

// TestAnswerParts: an insert makes a part of its sites, a merge a part of what it put together, and
// what removes rows tells so.
func TestAnswerParts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.raw(t, "SYSTEM STOP MERGES trait_writes")
	if parts, _, err := d.AnswerParts(t.Context()); len(parts) != 0 || err != nil {
		t.Fatalf("a new database has %v, %v", parts, err)
	}
	other := identify(2, `{"b":1}`, "u2")
	other.Site = "other"
	d.insert(t, identify(1, `{"a":1}`, "u1"))
	d.insert(t, identify(3, `{"a":1}`, "u1"), other)
	parts := partsOf(t, d, "trait_writes")
	slices.SortFunc(parts, func(a, b store.Part) int { return int(a.First - b.First) })
	if len(parts) != 2 || parts[0].Last >= parts[1].First || parts[0].Mutation != 0 ||
		parts[0].Rows != 1 || parts[1].Rows != 2 || parts[0].Hash == parts[1].Hash {
		t.Fatalf("two inserts make %+v", parts)
	}
	sites, err := d.PartSites(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]journey.SiteID{{"shop"}, {"other", "shop"}} {
		got := sites["trait_writes/"+parts[i].Name]
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("part %d is of %v, want %v", i, got, want)
		}
	}
	d.raw(t, "SYSTEM START MERGES trait_writes")
	d.merge(t, "trait_writes")
	merged := partsOf(t, d, "trait_writes")
	if len(merged) != 1 || merged[0].First != parts[0].First || merged[0].Last != parts[1].Last ||
		merged[0].Place != parts[0].Place || merged[0].Mutation != 0 {
		t.Fatalf("merged they are %+v", merged)
	}
	d.raw(t, "DELETE FROM trait_writes WHERE site = 'other'")
	if left := partsOf(t, d, "trait_writes"); len(left) != 1 || left[0].Mutation == 0 ||
		left[0].Name == merged[0].Name {
		t.Errorf("with rows removed they are %+v", left)
	}
	if sites, err = d.PartSites(t.Context(), parts); err != nil || len(sites) != 0 {
		t.Errorf("parts that are gone are of %v, %v", sites, err)
	}
}

// TestPartsOfSeveral: parts of one name in several tables, and in the database of another, are told
// apart, and another table under the name of one has another place.
func TestPartsOfSeveral(t *testing.T) {
	t.Parallel()
	d, other := newDatabase(t), newDatabase(t)
	d.insert(t, track(1, "v1"))
	other.insert(t, identify(1, `{"a":1}`, "v1"))
	d.raw(t, "INSERT INTO links (site) VALUES ('other')")
	if parts := partsOf(t, d, "trait_writes"); len(parts) != 0 {
		t.Errorf("parts of another database: %+v", parts)
	}
	links, facts := partsOf(t, d, "links"), partsOf(t, d, "freshness")
	if len(links) != 1 || len(facts) != 1 || links[0].Name != facts[0].Name {
		t.Fatalf("parts %+v and %+v", links, facts)
	}
	sites, err := d.PartSites(t.Context(), append(links, facts...))
	if err != nil || !slices.Equal(sites["links/"+links[0].Name], []journey.SiteID{"other"}) ||
		!slices.Equal(sites["freshness/"+links[0].Name], []journey.SiteID{"shop"}) {
		t.Errorf("they are of %v, %v", sites, err)
	}
	d.raw(t, "CREATE TABLE links_next AS links")
	d.raw(t, "INSERT INTO links_next SELECT * FROM links")
	d.raw(t, "EXCHANGE TABLES links AND links_next")
	if next := partsOf(t, d, "links"); len(next) != 1 || next[0].Name != links[0].Name ||
		next[0].Place == links[0].Place {
		t.Errorf("in another table they are %+v, in the first one %+v", next, links)
	}
}

// TestPartsElsewhere: where a table has no parts of its own here, what is listed is not all.
func TestPartsElsewhere(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.insert(t, track(1, "v1"))
	partsOf(t, d, "labels")
	d.raw(t, "RENAME TABLE labels TO labels_elsewhere")
	d.raw(t, "CREATE VIEW labels AS SELECT * FROM labels_elsewhere")
	if _, stand := standing(t, d); stand != store.Elsewhere {
		t.Errorf("tables stand at %d", stand)
	}
}
