package spinetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	"github.com/waystage/waystage/services/processor/enrich"
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
// every second one buys, every fourth is rich,
// every seventh belongs to a company.
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
	if n%7 == 0 {
		group := f.fact(journey.Group, at.Add(2*time.Minute), u, "")
		group.Group, group.Traits = "acme", `{"groupType":"company"}`
		facts = append(facts, group)
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
		Breakdowns: []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}, Limit: 25,
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

// deedsMap tells personas and repeats by what persons did.
const deedsMap = `
title: Deeds
stages: [{id: aware}, {id: want}, {id: buy}]
channels: [{id: ads, when: 'properties.from == "ads"'}]
touchpoints:
  - {id: visit, stage: aware, events: [A]}
  - {id: wish, stage: want, events: [B]}
  - {id: order, stage: buy, events: [C]}
  - {id: another_visit, stage: want, repeat: {of: visit}}
  - {id: third_visit, stage: buy, repeat: {of: visit, from: 3}}
personas:
  - {id: rich, when: 'traits.plan == "pro" && count("C") > 0'}
  - {id: member, when: 'groups.company == "acme"'}
  - {id: wishing, when: count("B") > 1}
  - {id: waiting, when: days_since(last("C")) > 3}
  - {id: known, when: 'has(traits.plan) || sum("B", "n") > 1.0'}
`

func (s *spine) publish(t *testing.T, site journey.SiteID) *journey.Map {
	t.Helper()
	return s.publishSource(t, site, adversarialMap)
}

// TestRebuild: everything derived is deleted and rebuilt while touchpoints flow. Questions about
// what was there before stay right all the time, and in the end the profiles are those that
// follow from all facts.
func TestRebuild(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"traits": adversarialMap, "deeds": deedsMap} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkRebuild(t, source)
		})
	}
}

func checkRebuild(t *testing.T, source string) {
	t.Helper()
	s := newSpine(t)
	const site journey.SiteID = "rebuilt"
	m := s.publishSource(t, site, source)
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

// TestProfilesFollowFromFacts: on random worlds with random rules about persons, whatever comes late,
// twice, as a copy of other content or to another processor, the stored profiles are those that
// follow from all facts, also by another map, and a rebuild changes none.
func TestProfilesFollowFromFacts(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	worlds := make([]smallWorld, 12)
	if testing.Short() {
		worlds = worlds[:4]
	}
	for i := range worlds {
		w := &worlds[i]
		c := newChance(uint64(2000 + i))
		site := journey.SiteID(fmt.Sprint("derived-", i))
		w.m = s.publishSource(t, site, c.personMap())
		w.facts = memberships(c.facts(site, time.Now()))
		s.deliver(t, c.batches(w.facts))
		s.deliver(t, c.batches(w.facts))
		s.compareProfiles(t, w.m, site, w.facts)
		if i%2 == 0 {
			w.m = s.publishSource(t, site, c.personMap())
			s.rest(t, newProcessor(t, s.dsn), site, w.m.Version)
			s.compareProfiles(t, w.m, site, w.facts)
		}
		if t.Failed() {
			t.Fatalf("in world %d with the map\n%+v\n%+v", i, w.m.Personas, w.m.Touchpoints)
		}
	}
	err := newProcessor(t, s.dsn).Rebuild(t.Context(), func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range worlds {
		s.compareProfiles(t, w.m, journey.SiteID(fmt.Sprint("derived-", i)), w.facts)
	}
}

// smallWorld is facts and the newest map of their site.
type smallWorld struct {
	m     *journey.Map
	facts []journey.Fact
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
	want := derivedOf(m, ids, settled(facts))
	slices.SortFunc(want, compareProfiles)
	if diff := gocmp.Diff(want, s.profiles(t, m, site, ids)); diff != "" {
		t.Errorf("profiles (-of all facts +stored):\n%s", diff)
	}
}

// derivedOf are the profiles of identities that follow from facts.
func derivedOf(
	m *journey.Map, ids []journey.IdentityID, facts []journey.Fact,
) []store.Profile {
	var links []identity.Link
	var known derive.Known
	needs := m.PersonNeeds()
	for _, f := range facts {
		links = append(links, identity.LinksOf(&f)...)
		known.Writes = append(known.Writes, identity.WritesOf(&f)...)
		a := enrich.AttributeBy(m, &f)
		if !f.Kind.IsTouchpoint() || !needs.Wants(f.Event, a.Touchpoint) {
			continue
		}
		known.Deeds = append(known.Deeds, deedOf(m, &f, a))
	}
	return derive.Derive(ids, identity.Resolve(links, identity.MaxIdentities), known, m)
}

func compareProfiles(a, b store.Profile) int { return cmp.Compare(a.Identity, b.Identity) }

// profiles are the stored profiles of identities, by identity. Those that have none are persons
// of their own of whom nothing is known.
func (s *spine) profiles(
	t *testing.T, m *journey.Map, site journey.SiteID, ids []journey.IdentityID,
) []store.Profile {
	t.Helper()
	of := map[journey.IdentityID]store.Profile{}
	for _, p := range derivedOf(m, ids, nil) {
		of[p.Identity] = p
	}
	err := s.store.Stream(t.Context(), store.Query{
		SQL: `SELECT identity, person, toUnixTimestamp64Milli(last_write_at), map_version,
			CAST(persona AS String), traits, groups, arrayStringConcat(arrayMap(
				r -> concat(r.touchpoint, ' ', toString(r.at), ' ', toString(r.before)), repeats), ',')
			FROM profiles FINAL WHERE site = {site:String}`,
		Params: map[string]string{"site": string(site)},
		Columns: []store.Column{
			{Name: "identity", Type: store.UInt64},
			{Name: "person", Type: store.UInt64},
			{Name: "last", Type: store.Int64},
			{Name: "version", Type: store.UInt32},
			{Name: "persona", Type: store.String},
			{Name: "traits", Type: store.String},
			{Name: "groups", Type: store.String},
			{Name: "repeats", Type: store.String},
		},
	}, func(b *store.Block) error {
		for i := range b.Rows {
			id := journey.IdentityID(b.UInt64(0)[i])
			of[id] = store.Profile{
				Identity: id, Person: journey.PersonID(b.UInt64(1)[i]), LastWriteAt: b.Int64(2)[i],
				Version: journey.MapVersion(b.UInt32(3)[i]),
				Persona: journey.PersonaID(b.Bytes(4, i)), Traits: journey.Object(b.Bytes(5, i)),
				Groups: journey.Object(b.Bytes(6, i)), Repeats: boundariesOf(t, string(b.Bytes(7, i))),
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

// boundariesOf reads "touchpoint at before", separated by commas.
func boundariesOf(t *testing.T, text string) []journey.Boundary {
	t.Helper()
	var all []journey.Boundary
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		var b journey.Boundary
		if _, err := fmt.Sscan(part, &b.Touchpoint, &b.At, &b.Before); err != nil {
			t.Fatalf("reading the repeat %q: %v", part, err)
		}
		all = append(all, b)
	}
	return all
}
