package spinetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/derive"
	"github.com/waystage/waystage/services/query/answer"
)

// flow makes facts that belong together: persons numbered from 0, each seen as a visitor and then
// as a user with traits.
type flow struct {
	site     journey.SiteID
	received time.Time
	messages int
}

func (f *flow) fact(kind journey.Kind, at time.Time, u, v string) journey.Fact {
	f.messages++
	return journey.Fact{
		Site: f.site, Message: journey.MessageID(fmt.Sprint("flow-", f.messages)), Kind: kind,
		User: journey.UserID(u), Visitor: journey.VisitorID(v),
		OccurredAt: at, OriginalAt: at, ReceivedAt: f.received,
	}
}

func (f *flow) track(event string, at time.Time, u, v string) journey.Fact {
	t := f.fact(journey.Track, at, u, v)
	t.Event = event
	return t
}

// person lives from an instant on. Every third one has two devices, every fifth gave up an id,
// every second one buys, every fourth is rich.
func (f *flow) person(n int, at time.Time) []journey.Fact {
	u, v := fmt.Sprint("user-", n), fmt.Sprint("visitor-", n)
	facts := []journey.Fact{
		f.track("A", at, "", v), f.track("B", at.Add(time.Minute), u, v),
	}
	if n%2 == 0 {
		facts = append(facts, f.track("C", at.Add(time.Hour), u, ""))
	}
	if n%3 == 0 {
		facts = append(facts, f.track("A", at.Add(time.Second), u, v+"-phone"))
	}
	if n%4 == 0 {
		traits := f.fact(journey.Identify, at.Add(2*time.Minute), u, v)
		traits.Traits = `{"plan":"pro"}`
		facts = append(facts, traits)
	}
	if n%5 == 0 {
		alias := f.fact(journey.Alias, at.Add(3*time.Minute), u, "")
		alias.Previous = u + "-old"
		old := f.track("A", at.Add(-time.Minute), u+"-old", "")
		facts = append(facts, alias, old)
	}
	return facts
}

// buyers asks from A to C, by persona, of the first day.
func buyers() funnel.Question {
	event := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}}
	}
	return funnel.Question{
		From: base, To: base.Add(24 * time.Hour), AsOf: base.Add(48 * time.Hour),
		Window: 24 * time.Hour, Steps: []funnel.Step{event("A"), event("B"), event("C")},
		ByPersona: true, Limit: 25,
	}
}

// of asks the same of persons with a trait, so that traits are read too.
func of(q funnel.Question, plan string) funnel.Question {
	q.Filter = funnel.Condition{
		Subject: funnel.Trait, Name: "plan", Operator: funnel.Equal,
		Values: []journey.Value{journey.TextValue(plan)},
	}
	return q
}

func (s *spine) publish(t *testing.T, site journey.SiteID) *journey.Map {
	t.Helper()
	if _, err := s.store.Publish(t.Context(), site, adversarialMap, ""); err != nil {
		t.Fatal(err)
	}
	m, err := answer.NewNewestMaps(s.store).Latest(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRebuild: everything derived is deleted and rebuilt while touchpoints flow. Questions about
// what was there before stay right all the time, and in the end the profiles are those that
// follow from all facts.
func TestRebuild(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "rebuilt"
	m := s.publish(t, site)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for n := range 300 {
		facts = append(facts, f.person(n, base.Add(time.Duration(n)*time.Minute))...)
	}
	s.deliver(t, slices.Collect(slices.Chunk(facts, 100)))
	questions := []funnel.Question{buyers(), of(buyers(), "pro")}
	var want []funnel.Answer
	for _, q := range questions {
		a, _ := reference(t, m, facts, q)
		want = append(want, a)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() { facts = append(facts, s.keepFlowing(ctx, t, f)...) })
	var asked atomic.Int64
	for range 2 {
		wait.Go(func() {
			for ctx.Err() == nil {
				n := asked.Add(1)
				q := n % int64(len(questions))
				got, err := s.answers.Funnel(t.Context(), site, questions[q])
				if err != nil {
					t.Errorf("asking during the rebuild: %v", err)
					return
				}
				if diff := gocmp.Diff(want[q], got.Answer, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("answer %d during the rebuild (-want +got):\n%s", n, diff)
					return
				}
			}
		})
	}
	for range 2 {
		err := newProcessor(t, s.dsn).Rebuild(t.Context(), func(string, int, int) {})
		if err != nil {
			t.Errorf("rebuilding: %v", err)
		}
	}
	stop()
	wait.Wait()
	t.Logf("%d questions during the rebuilds, %d facts in the end", asked.Load(), len(facts))
	s.compareProfiles(t, m, site, facts)
	tomorrow := buyers()
	tomorrow.From, tomorrow.To = later.Add(-time.Hour), later.Add(24*time.Hour)
	tomorrow.AsOf = later.Add(48 * time.Hour)
	for _, q := range append(questions, tomorrow) {
		s.compare(t, m, site, facts, q)
	}
}

// later is when the persons live who come while the rebuild goes on.
var later = base.Add(100 * time.Hour)

// keepFlowing delivers more facts until it is stopped: new persons on later days, and of those
// who are there what changes no answer about the first day: later traits, and later links of
// their devices with others. Every time one message turns out to be a copy of another.
func (s *spine) keepFlowing(ctx context.Context, t *testing.T, f *flow) []journey.Fact {
	var delivered []journey.Fact
	for n := 1000; ctx.Err() == nil; n++ {
		batch := f.person(n, later)
		traits := f.fact(journey.Identify, later, fmt.Sprint("user-", n%300), "")
		traits.Traits = journey.Object(fmt.Sprintf(`{"plan":"free","n":%d}`, n))
		shared := f.track("D", later, fmt.Sprint("user-", n), fmt.Sprint("visitor-", n%300))
		smaller := f.track("D", later.Add(time.Minute), "", fmt.Sprint("copied-", n))
		greater := f.track("B", later.Add(time.Minute), fmt.Sprint("other-", n), fmt.Sprint("copied-", n))
		greater.Message, greater.ReceivedAt = smaller.Message, f.received.Add(time.Second)
		batch = append(batch, traits, shared, greater,
			f.track("A", later, "", fmt.Sprint("copied-", n)))
		s.deliver(t, [][]journey.Fact{batch})
		s.deliver(t, [][]journey.Fact{{smaller}})
		delivered = append(append(delivered, batch...), smaller)
	}
	return delivered
}

// compareProfiles holds the stored profiles to those that follow from all facts at once, copies
// included.
func (s *spine) compareProfiles(
	t *testing.T, m *journey.Map, site journey.SiteID, facts []journey.Fact,
) {
	t.Helper()
	seen := map[journey.IdentityID]bool{}
	for i := range facts {
		seen[facts[i].Identity()] = true
		for _, l := range identity.LinksOf(&facts[i]) {
			seen[l.A], seen[l.B] = true, true
		}
	}
	ids := slices.Collect(maps.Keys(seen))
	var links []identity.Link
	var writes []identity.Write
	for _, f := range settled(facts) {
		links = append(links, identity.LinksOf(&f)...)
		writes = append(writes, identity.WritesOf(&f)...)
	}
	persons := identity.Resolve(links, identity.MaxIdentities)
	want := derive.Derive(ids, persons, writes, m)
	slices.SortFunc(want, compareProfiles)
	if diff := gocmp.Diff(want, s.profiles(t, m, site, ids)); diff != "" {
		t.Errorf("profiles (-of all facts +stored):\n%s", diff)
	}
}

func compareProfiles(a, b store.Profile) int { return cmp.Compare(a.Identity, b.Identity) }

// profiles are the stored profiles of identities, by identity. Those that have none are persons
// of their own without traits.
func (s *spine) profiles(
	t *testing.T, m *journey.Map, site journey.SiteID, ids []journey.IdentityID,
) []store.Profile {
	t.Helper()
	of := map[journey.IdentityID]store.Profile{}
	for _, id := range ids {
		of[id] = store.Profile{
			Identity: id, Person: journey.PersonID(id), Persona: journey.Unassigned,
			Version: m.Version,
		}
	}
	err := s.store.Stream(t.Context(), store.Query{
		SQL: `SELECT identity, person, toUnixTimestamp64Milli(last_write_at), map_version,
			CAST(persona AS String), traits FROM profiles FINAL WHERE site = {site:String}`,
		Params: map[string]string{"site": string(site)},
		Columns: []store.Column{
			{Name: "identity", Type: store.UInt64},
			{Name: "person", Type: store.UInt64},
			{Name: "last", Type: store.Int64},
			{Name: "version", Type: store.UInt32},
			{Name: "persona", Type: store.String},
			{Name: "traits", Type: store.String},
		},
	}, func(b *store.Block) error {
		for i := range b.Rows {
			id := journey.IdentityID(b.UInt64(0)[i])
			of[id] = store.Profile{
				Identity: id, Person: journey.PersonID(b.UInt64(1)[i]), LastWriteAt: b.Int64(2)[i],
				Version: journey.MapVersion(b.UInt32(3)[i]),
				Persona: journey.PersonaID(b.Bytes(4, i)), Traits: journey.Object(b.Bytes(5, i)),
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var profiles []store.Profile
	for _, p := range of {
		profiles = append(profiles, p)
	}
	slices.SortFunc(profiles, compareProfiles)
	return profiles
}
