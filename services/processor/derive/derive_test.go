package derive_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/derive"
)

const site journey.SiteID = "shop"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func user(id string) journey.IdentityID { return journey.UserIdentity(site, journey.UserID(id)) }

func visitor(id string) journey.IdentityID {
	return journey.VisitorIdentity(site, journey.VisitorID(id))
}

// fact happened so many seconds after noon and is named for it.
func fact(second int, kind journey.Kind, u, v string) journey.Fact {
	return journey.Fact{
		Site: site, Message: journey.MessageID(fmt.Sprintf("m%05d", second)), Kind: kind,
		User: journey.UserID(u), Visitor: journey.VisitorID(v),
		OccurredAt: noon.Add(time.Duration(second) * time.Second),
		ReceivedAt: noon.Add(time.Hour),
	}
}

func seen(second int, v, u string) journey.Fact { return fact(second, journey.Track, u, v) }

func alias(second int, previous, u string) journey.Fact {
	f := fact(second, journey.Alias, u, "")
	f.Previous = previous
	return f
}

func identify(second int, u string, traits journey.Object) journey.Fact {
	f := fact(second, journey.Identify, u, "")
	f.Traits = traits
	return f
}

func journeyMap(t testing.TB) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(`
title: Test
stages: [{id: look}, {id: buy}]
touchpoints: [{id: order, stage: buy, events: [Order]}]
personas:
  - {id: rich, when: 'traits.plan == "pro"'}
  - {id: known, when: 'has(traits.plan)'}
`)
	if err != nil {
		t.Fatal(err)
	}
	return m.WithVersion(4)
}

// deedsMap has personas by what persons did.
func deedsMap(t testing.TB) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(`
title: Test
stages: [{id: look}, {id: buy}, {id: stay}]
channels: [{id: shop, when: 'has(properties.shop)'}]
touchpoints:
  - {id: order, stage: buy, events: [Order]}
  - {id: again, stage: stay, repeat: {of: order}}
  - {id: third, stage: stay, repeat: {of: order, from: 3}}
personas:
  - {id: rich, when: 'traits.plan == "pro" && sum("Order", "total") > 3.0'}
  - {id: member, when: 'groups.company == "acme" && count("Order") > 0'}
  - {id: sleeping, when: 'days_since(last("Order")) >= 1'}
  - {id: loyal, when: count("Order") > 1}
  - {id: shopper, when: last_channel == "shop" && sessions > 0}
`)
	if err != nil {
		t.Fatal(err)
	}
	return m.WithVersion(4)
}

// touched are the identities that facts bear on, and the most links that one of them gets.
func touched(facts ...journey.Fact) ([]journey.IdentityID, int) {
	counts := map[journey.IdentityID]int{}
	for i := range facts {
		counts[facts[i].Identity()] += 0
		for _, l := range identity.LinksOf(&facts[i]) {
			counts[l.A]++
			counts[l.B]++
		}
	}
	most := 0
	var ids []journey.IdentityID
	for id, n := range counts {
		ids, most = append(ids, id), max(most, n)
	}
	return ids, most
}

// deliver stores facts and brings the profiles up to date, as a processor does with a batch.
func (m *memory) deliver(t *testing.T, jm *journey.Map, facts ...journey.Fact) []identity.Link {
	t.Helper()
	m.add(facts...)
	ids, links := touched(facts...)
	readAt, _ := m.Now(t.Context())
	refused, err := derive.Refresh(t.Context(), m, m, derive.Task{
		Site: site, Map: jm, ReadAt: readAt, Touched: ids, NewLinks: links,
	})
	if err != nil {
		t.Fatal(err)
	}
	return refused
}

// person is whose an identity is, by the profiles.
func (m *memory) person(id journey.IdentityID) journey.PersonID {
	if p, ok := m.profiles[id]; ok {
		return p.Person
	}
	return journey.PersonID(id)
}

func (m *memory) check(t *testing.T, groups ...[]journey.IdentityID) {
	t.Helper()
	for _, group := range groups {
		for _, id := range group {
			if got, want := m.person(id), journey.PersonID(slices.Min(group)); got != want {
				t.Errorf("person of %x is %v, want %v", id, got, want)
			}
		}
	}
}

func ids(of ...journey.IdentityID) []journey.IdentityID { return of }

// TestEarlierLink: a visitor that turns out to have been seen with another user before moves to
// that one, and both persons are derived anew.
func TestEarlierLink(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), journeyMap(t)
	m.deliver(t, jm, seen(10, "tv", "late"), seen(11, "phone", "late"), seen(12, "tv", "third"))
	m.check(t, ids(visitor("tv"), visitor("phone"), user("late")), ids(user("third")))
	m.deliver(t, jm, seen(5, "tv", "early"))
	m.check(t, ids(visitor("tv"), user("early")), ids(visitor("phone"), user("late")),
		ids(user("third")))
}

// TestSplit: a user that goes with the visitor takes its traits along.
func TestSplit(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), journeyMap(t)
	write := fact(8, journey.Identify, "", "tv")
	write.Traits = `{"plan":"pro"}`
	m.deliver(t, jm, write, seen(10, "tv", "late"))
	if got := m.profiles[user("late")].Persona; got != "rich" {
		t.Errorf("persona of late is %s, want rich", got)
	}
	m.deliver(t, jm, seen(5, "tv", "early"))
	want := store.Profile{
		Identity: user("late"), Person: journey.PersonID(user("late")),
		Persona: journey.Unassigned, Version: 4,
	}
	if diff := gocmp.Diff(want, m.profiles[user("late")]); diff != "" {
		t.Errorf("profile of late (-want +got):\n%s", diff)
	}
	want = store.Profile{
		Identity: user("early"), Person: journey.PersonID(min(user("early"), visitor("tv"))),
		Persona: "rich", Version: 4, Traits: `{"plan":"pro"}`,
		LastWriteAt: write.OccurredAt.UnixMilli(),
	}
	if diff := gocmp.Diff(want, m.profiles[user("early")]); diff != "" {
		t.Errorf("profile of early (-want +got):\n%s", diff)
	}
}

// TestManyNewLinks: one batch may bring a visitor many earlier links at once; the user whose it
// was before is derived anew all the same.
func TestManyNewLinks(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), journeyMap(t)
	m.deliver(t, jm, seen(100, "tv", "last"), seen(101, "phone", "last"))
	var batch []journey.Fact
	for i := range 20 {
		batch = append(batch, seen(50-i, "tv", fmt.Sprint("user-", i)))
	}
	m.deliver(t, jm, batch...)
	m.check(t, ids(visitor("tv"), user("user-19")), ids(visitor("phone"), user("last")),
		ids(user("user-0")))
}

// TestKiosk: a visitor shared by 5,000 users drags none of them in but those that a batch touches.
func TestKiosk(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), journeyMap(t)
	for i := range 5000 {
		m.add(seen(i, "kiosk", fmt.Sprint("user-", i)))
	}
	m.deliver(t, jm, seen(6000, "kiosk", "new"))
	if len(m.profiles) > 5 || m.read > 20 {
		t.Errorf("%d profiles were derived from %d links, want a few", len(m.profiles), m.read)
	}
	m.check(t, ids(visitor("kiosk"), user("user-0")), ids(user("new")))
}

// TestAliasChain: from any end, and from the middle, the whole chain is found.
func TestAliasChain(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 25, 50} {
		m, jm := newMemory(), journeyMap(t)
		all := ids(user("0"))
		for i := range 50 {
			m.add(alias(i, fmt.Sprint(i), fmt.Sprint(i+1)))
			all = append(all, user(fmt.Sprint(i+1)), visitor(fmt.Sprint(i)))
		}
		m.add(seen(60, "phone", "50"))
		all = append(all, visitor("phone"))
		m.deliver(t, jm, identify(70, fmt.Sprint(at), `{"plan":"pro"}`))
		m.check(t, all)
		for _, id := range all {
			if got := m.profiles[id].Persona; got != "rich" {
				t.Errorf("persona of %x is %q, want rich", id, got)
			}
		}
	}
}

// TestRefused: a link that would make a person too large is told, and left out.
func TestRefused(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), journeyMap(t)
	for i := range identity.MaxIdentities - 1 {
		m.add(seen(i, fmt.Sprint("v", i), "shared"))
	}
	last := seen(5000, "last", "shared")
	if diff := gocmp.Diff(identity.LinksOf(&last), m.deliver(t, jm, last)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	m.check(t, ids(visitor("last")))
}

// TestTraitsOfPersons: canonical text of the merged traits, null ones left out.
func TestTraitsOfPersons(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), journeyMap(t)
	m.deliver(t, jm, identify(1, "a", `{"plan":"free","z":1,"gone":1}`),
		identify(3, "b", `{"gone":null,"a":"<&>"}`), identify(2, "b", `{"plan":"pro"}`),
		alias(4, "a", "b"))
	p := m.profiles[user("a")]
	if want := journey.Object(`{"a":"<&>","plan":"pro","z":1}`); p.Traits != want {
		t.Errorf("traits %s, want %s", p.Traits, want)
	}
	if want := noon.Add(3 * time.Second).UnixMilli(); p.LastWriteAt != want {
		t.Errorf("last write at %d, want %d", p.LastWriteAt, want)
	}
}

func TestWithoutMap(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.deliver(t, nil, identify(1, "a", `{"plan":"pro"}`))
	if p := m.profiles[user("a")]; p.Persona != journey.Unassigned || p.Version != 0 {
		t.Errorf("profile %+v, want nobody's persona by no map", p)
	}
}

// TestNobodyTouched asks nothing.
func TestNobodyTouched(t *testing.T) {
	t.Parallel()
	refused, err := derive.Refresh(t.Context(), nil, nil, derive.Task{Site: site})
	if len(refused) > 0 || err != nil {
		t.Errorf("refused %v, %v", refused, err)
	}
}

var errAway = errors.New("away")

type failing struct {
	*memory

	calls int
}

func (f *failing) fail() error {
	if f.calls--; f.calls < 0 {
		return errAway
	}
	return nil
}

func (f *failing) Deeds(
	ctx context.Context, s journey.SiteID, of []journey.IdentityID, needs journey.PersonNeeds,
	asOf int64,
) ([]journey.Deed, error) {
	deeds, _ := f.memory.Deeds(ctx, s, of, needs, asOf)
	return deeds, f.fail()
}

func (f *failing) FirstLinks(
	ctx context.Context, s journey.SiteID, of []journey.IdentityID, n int,
) ([]identity.Link, error) {
	links, _ := f.memory.FirstLinks(ctx, s, of, n)
	return links, f.fail()
}

func (f *failing) OtherLinks(
	ctx context.Context, s journey.SiteID, of []journey.IdentityID,
) ([]identity.Link, error) {
	links, _ := f.memory.OtherLinks(ctx, s, of)
	return links, f.fail()
}

func (f *failing) LastWrites(
	ctx context.Context, s journey.SiteID, of []journey.IdentityID,
) ([]identity.Write, error) {
	writes, _ := f.memory.LastWrites(ctx, s, of)
	return writes, f.fail()
}

func (f *failing) InsertProfiles(
	ctx context.Context, s journey.SiteID, p []store.Profile, at time.Time,
) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.memory.InsertProfiles(ctx, s, p, at)
}

// TestFailures: wherever the store fails the error comes back and no profile is written.
func TestFailures(t *testing.T) {
	t.Parallel()
	jm := journeyMap(t)
	for calls := 0; ; calls++ {
		f := &failing{memory: newMemory(), calls: calls}
		f.add(seen(1, "v", "a"), identify(2, "a", `{"x":1}`))
		_, err := derive.Refresh(t.Context(), f, f, derive.Task{
			Site: site, Map: jm, ReadAt: time.Unix(2, 0), Touched: ids(visitor("v")), NewLinks: 1,
		})
		if err == nil {
			if calls < 5 {
				t.Errorf("no error though call %d failed", calls+1)
			}
			return
		}
		if !errors.Is(err, errAway) || len(f.profiles) > 0 {
			t.Errorf("call %d failed: error %v, %d profiles", calls+1, err, len(f.profiles))
		}
	}
}

// randomFact draws a fact of a small world in which identities meet often.
func randomFact(t *rapid.T, i int) journey.Fact {
	users, visitors := []string{"", "a", "b", "c", "d"}, []string{"", "v", "w", "x"}
	f := fact(rapid.IntRange(0, 6).Draw(t, "at"),
		rapid.SampledFrom([]journey.Kind{
			journey.Track, journey.Track, journey.Identify, journey.Group, journey.Alias,
		}).Draw(t, "kind"),
		rapid.SampledFrom(users).Draw(t, "user"), rapid.SampledFrom(visitors).Draw(t, "visitor"))
	f.Message = journey.MessageID(fmt.Sprint("m", i))
	switch f.Kind {
	case journey.Track:
		f.Event = rapid.SampledFrom([]string{"Order", "Look"}).Draw(t, "event")
		f.Properties = rapid.SampledFrom([]journey.Object{
			"", `{"total":2}`, `{"shop":1,"total":0.1}`, `{"total":"9"}`,
		}).Draw(t, "properties")
		f.OccurredAt = f.OccurredAt.Add(rapid.SampledFrom([]time.Duration{
			0, 1, 40 * time.Hour,
		}).Draw(t, "later"))
		f.OriginalAt = f.OccurredAt
	case journey.Group:
		f.Group = journey.GroupID(rapid.SampledFrom([]string{"acme", "other"}).Draw(t, "group"))
		f.Traits = rapid.SampledFrom([]journey.Object{
			"", `{"groupType":"company"}`, `{"group_type":"company"}`,
		}).Draw(t, "type of group")
	case journey.Identify:
		f.Traits = rapid.SampledFrom([]journey.Object{
			`{"plan":"pro"}`, `{"plan":"free"}`, `{"plan":null,"x":1}`,
		}).Draw(t, "traits")
	case journey.Alias:
		f.User = journey.UserID(rapid.SampledFrom(users[1:]).Draw(t, "to"))
		f.Previous = rapid.SampledFrom([]string{"a", "b", "v", "w", "z"}).Draw(t, "previous")
	}
	if f.User == "" && f.Visitor == "" {
		f.Visitor = "v"
	}
	return f
}

// TestEqualsDeriveAll: after any batches the profile of every identity is that which follows from
// all facts at once; an identity without one is a person without traits.
func TestEqualsDeriveAll(t *testing.T) {
	t.Parallel()
	byTraits, byDeeds := journeyMap(t), deedsMap(t)
	rapid.Check(t, func(rt *rapid.T) {
		jm := rapid.SampledFrom([]*journey.Map{byTraits, byDeeds}).Draw(rt, "map")
		m := newMemory()
		m.attributes = jm
		n := rapid.IntRange(1, 14).Draw(rt, "facts")
		var batch []journey.Fact
		for i := range n {
			batch = append(batch, randomFact(rt, i))
			if rapid.IntRange(0, 2).Draw(rt, "cut") == 0 || i == n-1 {
				m.deliver(t, jm, batch...)
				batch = nil
			}
		}
		if diff := gocmp.Diff(m.all(jm), m.whole()); diff != "" {
			rt.Fatalf("profiles (-of all facts at once +kept):\n%s", diff)
		}
	})
}

// TestOrderAndCopies: neither the order of facts nor how often each is there changes a profile.
func TestOrderAndCopies(t *testing.T) {
	t.Parallel()
	jm := deedsMap(t)
	rapid.Check(t, func(rt *rapid.T) {
		one := newMemory()
		one.attributes = jm
		for i := range rapid.IntRange(1, 14).Draw(rt, "facts") {
			one.add(randomFact(rt, i))
		}
		other := newMemory()
		other.attributes = jm
		other.facts = append(slices.Clone(one.facts), one.facts[:len(one.facts)/2]...)
		seed := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		seed.Shuffle(len(other.facts), func(i, j int) {
			other.facts[i], other.facts[j] = other.facts[j], other.facts[i]
		})
		if diff := gocmp.Diff(one.all(jm), other.all(jm)); diff != "" {
			rt.Fatalf("profiles (-in order, once +shuffled, twice):\n%s", diff)
		}
	})
}

// TestPersonOfDeeds: what a person did under several identities counts together, in shown order, and
// a late touchpoint changes persona and repeats as if it had come in time.
func TestPersonOfDeeds(t *testing.T) {
	t.Parallel()
	m, jm := newMemory(), deedsMap(t)
	m.attributes = jm
	order := func(second int, u, v string, total journey.Object) journey.Fact {
		f := fact(second, journey.Track, u, v)
		f.Event, f.Properties = "Order", total
		return f
	}
	group := fact(6, journey.Group, "a", "")
	group.Group, group.Traits = "acme", `{"groupType":"company"}`
	m.deliver(t, jm, order(10, "a", "", `{"total":2}`), group)
	person := journey.PersonID(min(user("a"), visitor("phone")))
	want := store.Profile{
		Identity: user("a"), Person: journey.PersonID(user("a")), Persona: "member", Version: 4,
		Groups: `{"company":"acme"}`, LastWriteAt: noon.Add(10 * time.Second).UnixMilli(),
	}
	if diff := gocmp.Diff(want, m.profiles[user("a")]); diff != "" {
		t.Errorf("profile after one order (-want +got):\n%s", diff)
	}
	m.deliver(t, jm, order(2, "", "phone", `{"total":1.5}`), seen(3, "phone", "a"),
		identify(4, "a", `{"plan":"pro"}`))
	want.Person, want.Persona, want.Traits = person, "rich", `{"plan":"pro"}`
	want.Repeats = []journey.Boundary{
		{Touchpoint: "again", At: noon.Add(10 * time.Second).UnixMilli()},
	}
	if diff := gocmp.Diff(want, m.profiles[user("a")]); diff != "" {
		t.Errorf("profile after a late order of the phone (-want +got):\n%s", diff)
	}
}

// all are the profiles that follow from all facts, of every identity of the small world.
func (m *memory) all(jm *journey.Map) []store.Profile {
	var links []identity.Link
	var known derive.Known
	for _, f := range m.facts {
		links = append(links, identity.LinksOf(f)...)
		known.Writes = append(known.Writes, identity.WritesOf(f)...)
		d := deedOf(f, m.attributes, jm.PersonNeeds())
		if needs := jm.PersonNeeds(); f.Kind.IsTouchpoint() && needs.Wants(d.Event, d.Touchpoint) {
			known.Deeds = append(known.Deeds, d)
		}
	}
	persons := identity.Resolve(links, identity.MaxIdentities)
	return sorted(derive.Derive(m.everybody(), persons, known, jm))
}

func (m *memory) everybody() []journey.IdentityID {
	seen := map[journey.IdentityID]bool{}
	for _, f := range m.facts {
		seen[f.Identity()] = true
		for _, l := range identity.LinksOf(f) {
			seen[l.A], seen[l.B] = true, true
		}
	}
	var ids []journey.IdentityID
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

// whole are the profiles that are kept, with those that are not because nothing is known.
func (m *memory) whole() []store.Profile {
	var whole []store.Profile
	for _, id := range m.everybody() {
		p, ok := m.profiles[id]
		if !ok {
			p = store.Profile{
				Identity: id, Person: journey.PersonID(id), Persona: journey.Unassigned, Version: 4,
			}
		}
		whole = append(whole, p)
	}
	return sorted(whole)
}

func sorted(profiles []store.Profile) []store.Profile {
	slices.SortFunc(profiles, func(a, b store.Profile) int {
		return cmp.Compare(a.Identity, b.Identity)
	})
	return profiles
}

// TestContract holds the double to the real store: what one says the other says.
func TestContract(t *testing.T) {
	t.Parallel()
	real, err := store.Open(enginetest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = real.Close() })
	if err := real.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	double := newMemory()
	facts := rapid.Custom(func(t *rapid.T) []journey.Fact {
		var facts []journey.Fact
		for i := range 60 {
			facts = append(facts, randomFact(t, i))
		}
		return facts
	}).Example(1)
	double.add(facts...)
	jm := deedsMap(t)
	double.attributes = jm
	rows := make([]store.Row, len(facts))
	for i := range facts {
		rows[i] = store.Row{Fact: &facts[i], Attribution: jm.Attribute(&facts[i])}
	}
	for range 2 { // facts may be stored twice
		if err := real.InsertFacts(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	all := double.everybody()
	for _, of := range [][]journey.IdentityID{all, all[:1], all[:4], {user("nobody")}, nil} {
		for _, n := range []int{1, 2, 50} {
			compare(t, fmt.Sprintf("first %d links", n), func(f derive.Facts) ([]string, error) {
				links, err := f.FirstLinks(t.Context(), site, of, n)
				return texts(links), err
			}, double, real)
		}
		compare(t, "other links", func(f derive.Facts) ([]string, error) {
			links, err := f.OtherLinks(t.Context(), site, of)
			return texts(links), err
		}, double, real)
		compare(t, "last writes", func(f derive.Facts) ([]string, error) {
			writes, err := f.LastWrites(t.Context(), site, of)
			return texts(writes), err
		}, double, real)
	}
	compare(t, "links of another site", func(f derive.Facts) ([]string, error) {
		links, err := f.OtherLinks(t.Context(), "other", all)
		return texts(links), err
	}, double, real)
	for _, of := range [][]journey.IdentityID{all, all[:2], nil} {
		for name, needs := range contractNeeds(jm) {
			for _, asOf := range []int64{0, noon.Add(3 * time.Second).UnixMilli(), math.MaxInt64} {
				compare(t, fmt.Sprintf("deeds of %s as of %d", name, asOf),
					func(f derive.Facts) ([]string, error) {
						deeds, err := f.Deeds(t.Context(), site, of, needs, asOf)
						return texts(deeds), err
					}, double, real)
			}
		}
	}
}

func contractNeeds(m *journey.Map) map[string]journey.PersonNeeds {
	return map[string]journey.PersonNeeds{
		"the map": m.PersonNeeds(),
		"nothing": {},
		"orders":  {Events: []string{"Order"}, Properties: []string{"shop", "total"}},
		"bases":   {Bases: []journey.TouchpointID{"order"}},
		"either":  {Events: []string{"Look", "it's \\ not\x00there"}, Bases: []journey.TouchpointID{"order"}},
		"all":     {All: true},
	}
}

func compare(
	t *testing.T, what string, ask func(derive.Facts) ([]string, error), double, real derive.Facts,
) {
	t.Helper()
	said, err := ask(double)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := ask(real)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(truth, said, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-store +double):\n%s", what, diff)
	}
}

// texts are values in an order, each once.
func texts[T any](values []T) []string {
	var texts []string
	for _, v := range values {
		texts = append(texts, fmt.Sprintf("%+v", v))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}
