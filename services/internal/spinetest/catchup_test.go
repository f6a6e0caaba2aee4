package spinetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/processor/derive"
)

// crowd are persons of whom most are linked, and visitors who only ever bought or looked: more than
// one step of a catch-up.
func crowd(f *flow, persons, visitors int) []journey.Fact {
	var facts []journey.Fact
	for n := range persons {
		facts = append(facts, f.person(n, base.Add(time.Duration(n)*time.Minute))...)
	}
	for n := range visitors {
		event := []string{"B", "C", "D"}[n%3]
		facts = append(facts, f.track(event, base, "", fmt.Sprint("stranger-", n)),
			f.track(event, base.Add(time.Hour), "", fmt.Sprint("stranger-", n)))
	}
	return facts
}

// newFlow begins the facts of a site that has a map.
func (s *spine) newFlow(t *testing.T, site journey.SiteID) *flow {
	t.Helper()
	s.publish(t, site)
	return &flow{site: site, received: time.Now().UTC()}
}

// rest lets a processor be idle until all profiles of a site follow a map version.
func (s *spine) rest(
	t *testing.T, p *processor.Processor, site journey.SiteID, version journey.MapVersion,
) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !s.current(t, site, version); {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute profiles of %s do not follow version %d", site, version)
		}
		p.Idle(t.Context())
	}
}

func (s *spine) current(t *testing.T, site journey.SiteID, version journey.MapVersion) bool {
	t.Helper()
	current, err := s.store.PersonasCurrent(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	return current == version
}

// versions counts the profiles of a site by map version.
func (s *spine) versions(t *testing.T, site journey.SiteID) map[journey.MapVersion]int {
	t.Helper()
	counts := map[journey.MapVersion]int{}
	err := s.store.Stream(t.Context(), store.Query{
		SQL:     "SELECT map_version FROM profiles FINAL WHERE site = {site:String}",
		Params:  map[string]string{"site": string(site)},
		Columns: []store.Column{{Name: "version", Type: store.UInt32}},
	}, func(b *store.Block) error {
		for _, version := range b.UInt32(0) {
			counts[journey.MapVersion(version)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// TestCatchUp: after a map with other rules about persons is published, every profile follows it
// with no touchpoint coming, and visitors who had none get one.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	f := s.newFlow(t, "caught-up")
	facts := crowd(f, 900, 600)
	s.deliver(t, slices.Collect(slices.Chunk(facts, 500)))
	before := s.versions(t, f.site)
	m := s.publishSource(t, f.site, deedsMap)
	if s.current(t, f.site, m.Version) {
		t.Fatal("the profiles are said to follow a map that was only just published")
	}
	s.rest(t, newProcessor(t, s.dsn), f.site, m.Version)
	s.compareProfiles(t, m, f.site, facts)
	// 400 of the strangers bought or wished for something.
	want := map[journey.MapVersion]int{m.Version: before[1] + 400}
	if diff := gocmp.Diff(want, s.versions(t, f.site)); diff != "" {
		t.Errorf("profiles by map version (-want +got):\n%s", diff)
	}
	// Somebody who read the maps before all that is late: what counts is read later.
	late := derive.Task{
		Site: f.site, Map: mapOf(t, adversarialMap).WithVersion(1), ReadAt: f.received,
		Touched: []journey.IdentityID{journey.VisitorIdentity(f.site, "stranger-0")},
	}
	if _, err := derive.Refresh(t.Context(), s.store, s.store, late); err != nil {
		t.Fatal(err)
	}
	s.compareProfiles(t, m, f.site, facts)
}

func mapOf(t *testing.T, source string) *journey.Map {
	t.Helper()
	m, err := journey.ParseMap(source)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCatchUpBesideBatches: it goes on with batches that come, and what they bring is right too.
func TestCatchUpBesideBatches(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	f := s.newFlow(t, "busy")
	facts := crowd(f, 300, 300)
	s.deliver(t, slices.Collect(slices.Chunk(facts, 500)))
	m := s.publishSource(t, f.site, deedsMap)
	for n := 5000; !s.current(t, f.site, m.Version); n++ {
		if n > 6000 {
			t.Fatal("after 1,000 batches the profiles do not follow the map")
		}
		batch := append(f.person(n, later), f.track("C", later, "", fmt.Sprint("stranger-", n%300)))
		s.deliver(t, [][]journey.Fact{batch[:1], batch[1:]})
		facts = append(facts, batch...)
	}
	s.compareProfiles(t, m, f.site, facts)
}

// TestCatchUpFindsWhatNobodyTouched: a profile that follows the version, but was derived before
// every processor knew it, may lack touchpoints of a processor that did not.
func TestCatchUpFindsWhatNobodyTouched(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	f := &flow{site: "untouched", received: time.Now().UTC()}
	m := s.publishSource(t, f.site, deedsMap)
	wish := []journey.Fact{f.track("B", base, "", "v"), f.track("B", base.Add(time.Hour), "", "v")}
	s.insert(t, m, wish[0])
	early := derive.Task{
		Site: f.site, Map: m, ReadAt: s.now(t),
		Touched: []journey.IdentityID{journey.VisitorIdentity(f.site, "v")},
	}
	if _, err := derive.Refresh(t.Context(), s.store, s.store, early); err != nil {
		t.Fatal(err)
	}
	s.insert(t, m, wish[1]) // by a processor that does not know that it is needed
	s.rest(t, newProcessor(t, s.dsn), f.site, m.Version)
	s.compareProfiles(t, m, f.site, wish)
}

func (s *spine) insert(t *testing.T, m *journey.Map, f journey.Fact) {
	t.Helper()
	row := store.Row{Fact: &f, Attribution: m.Attribute(&f)}
	if err := s.store.InsertFacts(t.Context(), []store.Row{row}); err != nil {
		t.Fatal(err)
	}
}

func (s *spine) now(t *testing.T) time.Time {
	t.Helper()
	now, err := s.store.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// TestCatchUpDuringRebuild: what it derived before a rebuild put other profiles in place is not lost
// where the rebuild then ends too early.
func TestCatchUpDuringRebuild(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	f := s.newFlow(t, "replaced")
	facts := crowd(f, 1500, 600)
	s.deliver(t, slices.Collect(slices.Chunk(facts, 5000)))
	m := s.publishSource(t, f.site, deedsMap)
	c := derive.NewCatchUp(f.site, m.Version, s.now(t))
	step := func() {
		t.Helper()
		if _, err := c.Step(t.Context(), s.store, m, s.now(t)); err != nil {
			t.Fatal(err)
		}
	}
	if step(); c.Done() {
		t.Fatal("all was done in one step: nothing is shown")
	}
	next, err := s.store.NextProfiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	for !c.Done() {
		step()
	}
	s.compareProfiles(t, m, f.site, facts)
}

// TestCatchUpKilled: killed at any write, another processor brings it to the same end.
func TestCatchUpKilled(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	for _, after := range moments() {
		t.Run(fmt.Sprintf("after the write: %v", after), func(t *testing.T) {
			t.Parallel()
			f := s.newFlow(t, journey.SiteID(fmt.Sprint("killed-", after)))
			facts := crowd(f, 700, 600)
			s.handle(t, slices.Collect(slices.Chunk(facts, 2000))...)
			sources := []string{deedsMap, adversarialMap}
			writes := int64(0)
			for killed := true; killed; writes++ {
				m := s.publishSource(t, f.site, sources[writes%2])
				dsn, brake := newBrake(t, s.dsn, writes, after)
				p := newProcessor(t, dsn)
				for brake.left.Load() >= 0 && !s.current(t, f.site, m.Version) {
					p.Idle(t.Context())
				}
				killed = brake.left.Load() < 0
				s.rest(t, newProcessor(t, s.dsn), f.site, m.Version)
				s.compareProfiles(t, m, f.site, facts)
			}
			if writes < 3 {
				t.Errorf("it was done after %d writes: too little is shown", writes-1)
			}
		})
	}
}
