package identity_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

const site journey.SiteID = "shop"

func user(id string) journey.IdentityID { return journey.UserIdentity(site, journey.UserID(id)) }

func visitor(id string) journey.IdentityID {
	return journey.VisitorIdentity(site, journey.VisitorID(id))
}

// seen is the link of a visitor with a user, alias that of an alias; their messages are named
// for their instants.
func seen(v, u string, at int64) identity.Link {
	return identity.Link{A: visitor(v), B: user(u), OccurredAt: at, Message: message(at)}
}

func alias(previous, id journey.IdentityID, at int64) identity.Link {
	return identity.Link{A: previous, B: id, Alias: true, OccurredAt: at, Message: message(at)}
}

func message(at int64) journey.MessageID { return journey.MessageID(fmt.Sprintf("m%03d", at)) }

// same and apart say which identities shall be one person and which shall not.
func checkPersons(t *testing.T, p identity.Persons, same, apart [][]journey.IdentityID) {
	t.Helper()
	for _, group := range same {
		want := journey.PersonID(slices.Min(group))
		for _, id := range group {
			if got := p.Of(id); got != want {
				t.Errorf("person of %x is %v, want %v, the smallest of %x", id, got, want, group)
			}
		}
	}
	for _, group := range apart {
		seen := map[journey.PersonID]journey.IdentityID{}
		for _, id := range group {
			if other, ok := seen[p.Of(id)]; ok {
				t.Errorf("%x and %x are one person, want two", other, id)
			}
			seen[p.Of(id)] = id
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	type ids = []journey.IdentityID
	for _, c := range []struct {
		name        string
		links       []identity.Link
		same, apart []ids
	}{
		{name: "nobody", apart: []ids{{user("a"), visitor("a")}}},
		{
			name:  "a visitor and its user",
			links: []identity.Link{seen("v", "a", 1)},
			same:  []ids{{visitor("v"), user("a")}},
			apart: []ids{{visitor("v"), user("v")}},
		},
		{
			name:  "only the first link of a visitor joins",
			links: []identity.Link{seen("v", "b", 2), seen("v", "a", 1)},
			same:  []ids{{visitor("v"), user("a")}},
			apart: []ids{{user("a"), user("b")}},
		},
		{
			name: "links of one instant: the message id decides",
			links: []identity.Link{
				{A: visitor("v"), B: user("b"), OccurredAt: 1, Message: "n"},
				{A: visitor("v"), B: user("a"), OccurredAt: 1, Message: "m"},
			},
			same:  []ids{{visitor("v"), user("a")}},
			apart: []ids{{user("a"), user("b")}},
		},
		{
			name: "a shared device never merges two users, however often it links them",
			links: []identity.Link{
				seen("tv", "a", 1), seen("tv", "b", 2), seen("tv", "a", 3), seen("tv", "b", 4),
				seen("phone", "b", 5), seen("laptop", "a", 6),
			},
			same: []ids{
				{visitor("tv"), visitor("laptop"), user("a")}, {visitor("phone"), user("b")},
			},
			apart: []ids{{user("a"), user("b")}},
		},
		{
			name: "two devices of one user are one person",
			links: []identity.Link{
				seen("phone", "a", 2), seen("laptop", "a", 1),
			},
			same: []ids{{visitor("phone"), visitor("laptop"), user("a")}},
		},
		{
			name:  "an alias joins users",
			links: []identity.Link{alias(user("a"), user("b"), 1)},
			same:  []ids{{user("a"), user("b")}},
		},
		{
			name: "every alias of one user joins",
			links: []identity.Link{
				alias(user("a"), user("b"), 1), alias(user("a"), user("c"), 2),
			},
			same: []ids{{user("a"), user("b"), user("c")}},
		},
		{
			name: "an alias to a visitor joins it beside its first link",
			links: []identity.Link{
				seen("v", "a", 1), alias(visitor("v"), user("b"), 2),
			},
			same: []ids{{visitor("v"), user("a"), user("b")}},
		},
		{
			name: "an alias is not a visitor's first link",
			links: []identity.Link{
				alias(visitor("v"), user("b"), 1), seen("v", "a", 2),
			},
			same: []ids{{visitor("v"), user("a"), user("b")}},
		},
		{
			name: "a cycle is one person",
			links: []identity.Link{
				alias(user("a"), user("b"), 1), alias(user("b"), user("c"), 2),
				alias(user("c"), user("a"), 3),
			},
			same: []ids{{user("a"), user("b"), user("c")}},
		},
		{
			name:  "a self-alias does nothing",
			links: []identity.Link{alias(user("a"), user("a"), 1)},
			same:  []ids{{user("a")}},
			apart: []ids{{user("a"), user("b")}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := identity.Resolve(c.links, identity.MaxIdentities)
			checkPersons(t, p, c.same, c.apart)
			if refused := p.Refused(); len(refused) > 0 {
				t.Errorf("refused %v, want none", refused)
			}
		})
	}
}

// TestLongChain: aliases of 50 users end in one person, whichever link comes first.
func TestLongChain(t *testing.T) {
	t.Parallel()
	var links []identity.Link
	all := []journey.IdentityID{user("0")}
	for i := range 50 {
		next := user(fmt.Sprint(i + 1))
		// Every second alias is earlier than the one before it.
		links = append(links, alias(all[i], next, int64(i^1)))
		all = append(all, next)
	}
	p := identity.Resolve(links, identity.MaxIdentities)
	checkPersons(t, p, [][]journey.IdentityID{all}, nil)
	if got := len(maps.Collect(p.All)); got != 51 {
		t.Errorf("%d linked identities, want 51", got)
	}
}

func TestAllStops(t *testing.T) {
	t.Parallel()
	p := identity.Resolve([]identity.Link{seen("v", "a", 1)}, identity.MaxIdentities)
	calls := 0
	p.All(func(journey.IdentityID, journey.PersonID) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("called %d times after it was told to stop, want once", calls)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	const limit = 4
	links := []identity.Link{
		seen("v1", "a", 1), seen("v2", "a", 2), // 3 identities
		seen("v3", "b", 3),             // 2
		alias(user("a"), user("b"), 4), // 5: refused
		seen("v4", "a", 5),             // 4
		seen("v5", "a", 6),             // 5: refused
		seen("v5", "b", 7),             // not its first, though that was refused
		alias(user("a"), user("b"), 8), // refused again
		alias(user("b"), user("c"), 9), // 3
	}
	p := identity.Resolve(slices.Clone(links), limit)
	want := []identity.Link{links[3], links[5], links[7]}
	if diff := gocmp.Diff(want, p.Refused()); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	checkPersons(t, p, [][]journey.IdentityID{
		{visitor("v1"), visitor("v2"), visitor("v4"), user("a")},
		{visitor("v3"), user("b"), user("c")},
	}, [][]journey.IdentityID{{user("a"), user("b"), visitor("v5")}})
}

// TestLimitOfAPerson: the thousandth identity joins, the next one does not.
func TestLimitOfAPerson(t *testing.T) {
	t.Parallel()
	var links []identity.Link
	for i := range identity.MaxIdentities {
		links = append(links, seen(fmt.Sprint("v", i), "shared", int64(i)))
	}
	last := links[len(links)-1]
	slices.Reverse(links)
	p := identity.Resolve(links, identity.MaxIdentities)
	if diff := gocmp.Diff([]identity.Link{last}, p.Refused()); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	sizes := map[journey.PersonID]int{}
	for _, person := range p.All {
		sizes[person]++
	}
	if diff := gocmp.Diff([]int{1, 1000}, slices.Sorted(maps.Values(sizes))); diff != "" {
		t.Errorf("identities per person (-want +got):\n%s", diff)
	}
}

func drawLinks(t *rapid.T) []identity.Link {
	ids := []journey.IdentityID{
		user("a"), user("b"), user("c"), user("d"), visitor("v"), visitor("w"), visitor("x"),
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) identity.Link {
		l := identity.Link{
			A:          rapid.SampledFrom(ids).Draw(t, "a"),
			B:          rapid.SampledFrom(ids[:4]).Draw(t, "b"),
			OccurredAt: rapid.Int64Range(0, 2).Draw(t, "at"),
			Message:    rapid.SampledFrom([]journey.MessageID{"m", "n"}).Draw(t, "message"),
			Alias:      rapid.Bool().Draw(t, "alias"),
		}
		if !l.Alias {
			l.A = rapid.SampledFrom(ids[4:]).Draw(t, "visitor")
		}
		return l
	}), 0, 12).Draw(t, "links")
}

// TestOrderIndependence: neither the order of links nor copies of them change persons or what is
// refused.
func TestOrderIndependence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		links := drawLinks(t)
		limit := rapid.SampledFrom([]int{2, 3, 1000}).Draw(t, "limit")
		other := rapid.Permutation(links).Draw(t, "permutation")
		if len(links) > 0 {
			again := rapid.SliceOf(rapid.SampledFrom(links)).Draw(t, "again")
			other = slices.Concat(again, other)
		}
		one := identity.Resolve(slices.Clone(links), limit)
		two := identity.Resolve(other, limit)
		if diff := gocmp.Diff(maps.Collect(one.All), maps.Collect(two.All)); diff != "" {
			t.Fatalf("persons (-one order +another):\n%s", diff)
		}
		diff := gocmp.Diff(one.Refused(), two.Refused(), cmpopts.EquateEmpty())
		if diff != "" {
			t.Fatalf("refused (-one order +another):\n%s", diff)
		}
	})
}

// TestComponents holds Resolve without a limit to the plain definition: the visitors' first links
// and the aliases are edges, a person is what can be reached.
func TestComponents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		links := drawLinks(t)
		first := map[journey.IdentityID]identity.Link{}
		var edges []identity.Link
		for _, l := range links {
			f, ok := first[l.A]
			switch {
			case l.Alias:
				edges = append(edges, l)
			case !ok || before(l, f):
				first[l.A] = l
			}
		}
		edges = slices.AppendSeq(edges, maps.Values(first))
		person := map[journey.IdentityID]journey.IdentityID{}
		for _, e := range edges {
			person[e.A], person[e.B] = e.A, e.B
		}
		for range person { // the smallest spreads by at least one edge a round
			for _, e := range edges {
				least := min(person[e.A], person[e.B])
				person[e.A], person[e.B] = least, least
			}
		}
		p := identity.Resolve(links, identity.MaxIdentities)
		for id, want := range person {
			if got := p.Of(id); got != journey.PersonID(want) {
				t.Fatalf("person of %x is %v, want %x", id, got, want)
			}
		}
	})
}

func before(a, b identity.Link) bool {
	return cmp.Or(cmp.Compare(a.OccurredAt, b.OccurredAt), cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.B, b.B)) < 0
}

func TestLinksOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	link := func(a, b journey.IdentityID, alias bool) identity.Link {
		return identity.Link{A: a, B: b, Alias: alias, OccurredAt: at.UnixNano(), Message: "m"}
	}
	for _, c := range []struct {
		name string
		fact journey.Fact
		want []identity.Link
	}{
		{name: "a visitor alone", fact: journey.Fact{Kind: journey.Track, Visitor: "v"}},
		{name: "a user alone", fact: journey.Fact{Kind: journey.Identify, User: "a"}},
		{
			name: "both in a touchpoint",
			fact: journey.Fact{Kind: journey.Track, User: "a", Visitor: "v"},
			want: []identity.Link{link(visitor("v"), user("a"), false)},
		},
		{
			name: "both in an identify",
			fact: journey.Fact{Kind: journey.Identify, User: "a", Visitor: "v"},
			want: []identity.Link{link(visitor("v"), user("a"), false)},
		},
		{
			name: "both in a group",
			fact: journey.Fact{Kind: journey.Group, User: "a", Visitor: "v"},
			want: []identity.Link{link(visitor("v"), user("a"), false)},
		},
		{
			name: "an alias gives up a user's or a visitor's id",
			fact: journey.Fact{Kind: journey.Alias, User: "a", Previous: "p"},
			want: []identity.Link{
				link(user("p"), user("a"), true), link(visitor("p"), user("a"), true),
			},
		},
		{
			name: "an alias seen with a visitor",
			fact: journey.Fact{Kind: journey.Alias, User: "a", Visitor: "v", Previous: "p"},
			want: []identity.Link{
				link(visitor("v"), user("a"), false),
				link(user("p"), user("a"), true), link(visitor("p"), user("a"), true),
			},
		},
		{
			name: "a self-alias states nothing",
			fact: journey.Fact{Kind: journey.Alias, User: "a", Previous: "a"},
		},
		{name: "an alias of nothing", fact: journey.Fact{Kind: journey.Alias, User: "a"}},
		{
			name: "an alias to nobody",
			fact: journey.Fact{Kind: journey.Alias, Visitor: "v", Previous: "p"},
		},
		{
			name: "a previous id of another kind of message",
			fact: journey.Fact{Kind: journey.Track, User: "a", Previous: "p"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := c.fact
			f.Site, f.Message, f.OccurredAt = site, "m", at
			diff := gocmp.Diff(c.want, identity.LinksOf(&f), cmpopts.EquateEmpty())
			if diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
}

// BenchmarkResolve resolves the links of a site: 100,000 users, seen by 3 visitors each.
func BenchmarkResolve(b *testing.B) {
	links := make([]identity.Link, 0, 300_000)
	for i := range cap(links) {
		links = append(links, seen(fmt.Sprint("v", i), fmt.Sprint("u", i%100_000), int64(i*7919%300_007)))
	}
	b.ReportAllocs()
	for b.Loop() {
		identity.Resolve(slices.Clone(links), identity.MaxIdentities)
	}
	b.ReportMetric(float64(len(links))*float64(b.N)/b.Elapsed().Seconds(), "links/s")
}
