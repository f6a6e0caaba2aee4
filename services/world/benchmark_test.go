package world

import (
	"math"
	"slices"
	"testing"

	"github.com/waystage/waystage/services/journey"
)

const testPersons = 20_000

func TestBenchmarkIsDecidedByItsSeed(t *testing.T) {
	t.Parallel()
	one := slices.Collect(NewBenchmark(7, 500).Touchpoints())
	again := slices.Collect(NewBenchmark(7, 500).Touchpoints())
	other := slices.Collect(NewBenchmark(8, 500).Touchpoints())
	if !slices.Equal(one, again) {
		t.Error("the same seed made another world")
	}
	if slices.Equal(one, other) {
		t.Error("two seeds made the same world")
	}
}

func TestTouchpointsAreInOrderAndInTheWorld(t *testing.T) {
	t.Parallel()
	var last Touchpoint
	ties := 0
	for each := range NewBenchmark(1, testPersons).Touchpoints() {
		if each.At < last.At || each.At == last.At && each.Number <= last.Number {
			t.Fatalf("%+v comes after %+v", each, last)
		}
		if each.At < BenchmarkStart.UnixMilli() || each.At >= BenchmarkEnd.UnixMilli() {
			t.Fatalf("%+v is outside the world's time", each)
		}
		if each.Person == last.Person && each.At == last.At {
			ties++
		}
		last = each
	}
	if ties < testPersons/10 {
		t.Errorf("%d touchpoints share a person's millisecond: too few to measure ties", ties)
	}
}

func TestLivesHaveTheirShape(t *testing.T) {
	t.Parallel()
	b := NewBenchmark(1, testPersons)
	lives := make([]int, testPersons)
	var all, onMap int
	for each := range b.Touchpoints() {
		lives[each.Person]++
		all++
		if catalogue[each.Event].OnMap() {
			onMap++
		}
	}
	if got := lives[testPersons/2]; got != testPersons/5 {
		t.Errorf("the largest life has %d touchpoints, want %d", got, testPersons/5)
	}
	slices.Sort(lives)
	if got := lives[testPersons/2]; got != MedianLife {
		t.Errorf("the median life has %d touchpoints, want %d", got, MedianLife)
	}
	if got := lives[testPersons*99/100]; math.Abs(float64(got)/HighLife-1) > 0.15 {
		t.Errorf("99 in 100 lives have at most %d touchpoints, want about %d", got, HighLife)
	}
	if got := float64(onMap) / float64(all); math.Abs(got-0.8) > 0.01 {
		t.Errorf("a share of %.3f of touchpoints is on the map, want 0.8", got)
	}
	if got := float64(onMap) / testPersons; math.Abs(got/TouchpointsPerPerson-1) > 0.1 {
		t.Errorf("a person has %.1f touchpoints on the map, want about %d", got, TouchpointsPerPerson)
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	b := NewBenchmark(1, testPersons)
	several := 0
	met := make(map[journey.IdentityID]bool)
	for p := range testPersons {
		ids := b.Identities(p)
		if len(ids) > 1 {
			several++
		}
		for _, id := range ids {
			if met[id] {
				t.Fatalf("identity %x belongs to two persons", id)
			}
			met[id] = true
		}
	}
	if got := float64(several) / testPersons; math.Abs(got-SeveralShare) > 0.015 {
		t.Errorf("a share of %.3f of persons has several identities, want %.1f", got, SeveralShare)
	}
}

func TestFactIsTheTouchpoint(t *testing.T) {
	t.Parallel()
	b := NewBenchmark(1, 300)
	messages := make(map[journey.MessageKey]bool)
	for each := range b.Touchpoints() {
		f := b.Fact(each)
		if f.Identity() != each.Identity {
			t.Fatalf("the fact of %+v has identity %x", each, f.Identity())
		}
		if f.At() != each.At || f.Event != catalogue[each.Event].Name {
			t.Fatalf("the fact of %+v is %s at %d", each, f.Event, f.At())
		}
		if got := f.Properties.Value("device").Text(); got != each.Device() {
			t.Fatalf("the fact of %+v has device %q", each, got)
		}
		if len(f.Message) != 36 || messages[f.Key()] {
			t.Fatalf("the message id %q is not 36 characters, or not new", f.Message)
		}
		messages[f.Key()] = true
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	var names, touchpoints []string
	perStage := make(map[journey.StageID]int)
	for i, e := range Catalogue() {
		names = append(names, e.Name)
		if e.OnMap() != (i < 40) {
			t.Errorf("event %d, %s, is in the wrong part", i, e.Name)
		}
		if e.OnMap() {
			touchpoints = append(touchpoints, string(e.Attribution.Touchpoint))
			perStage[e.Attribution.Stage]++
		}
	}
	slices.Sort(names)
	slices.Sort(touchpoints)
	if n := len(slices.Compact(names)); n != 60 {
		t.Errorf("there are %d event names, want 60", n)
	}
	if n := len(slices.Compact(touchpoints)); n != 40 {
		t.Errorf("there are %d touchpoints, want 40", n)
	}
	for _, s := range Stages() {
		if perStage[s] < 4 {
			t.Errorf("stage %s has %d touchpoints", s, perStage[s])
		}
	}
}
