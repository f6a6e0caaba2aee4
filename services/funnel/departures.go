package funnel

import (
	"cmp"
	"slices"
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// maxListed is how many of the most frequent values a Departure lists.
const maxListed = 10

// Departure sums up what units did between the step that they filled last and the end. Shares are
// of Count. Lists hold the most frequent values, at most 10, most frequent first, then by name.
type Departure struct {
	// Outcome is Lost or InWindow.
	Outcome Outcome
	// Count of units.
	Count int
	// Silent, WentBack and Diverted sum to Count.
	Silent, WentBack, Diverted Tallied
	// LastPlaces and NextPlaces are where units were last, and where they went next: the silent ones
	// nowhere.
	LastPlaces, NextPlaces []PlaceCount
	// Channels of the last touchpoint with one up to the step. Missing ones come last among equals.
	Channels []NameCount
	// Barriers met, by touchpoint id. A unit may have met several.
	Barriers []NameCount
}

// Tallied is a number of units, and as a share of all.
type Tallied struct {
	Count int
	Share *Share
}

// PlaceCount is how many units were at a place.
type PlaceCount struct {
	Place
	Tallied
}

// NameCount is how many units had a value.
type NameCount struct {
	GroupValue
	Tallied
}

// farewells are the sums behind a Departure.
type farewells struct {
	count   int
	manners [Diverted + 1]int
	// The maps are nil where nothing was added.
	last, next map[Place]int
	channels   map[journey.ChannelID]int
	barriers   map[journey.TouchpointID]int
	// traces are those of units that a TrailCounter followed, by number: the maps lack them.
	traces traces
}

func newFarewells() *farewells { return &farewells{} }

func (f *farewells) add(l *Leaving) {
	f.count++
	f.manners[l.Manner]++
	if l.trace != nil && f.traces.add(l.trace, l.Manner) {
		return
	}
	addCount(&f.last, l.Last, 1)
	if l.Manner != Silent {
		addCount(&f.next, l.Next, 1)
	}
	addCount(&f.channels, l.Channel, 1)
	for _, b := range l.Barriers {
		addCount(&f.barriers, b, 1)
	}
}

func (f *farewells) merge(o *farewells) {
	f.count += o.count
	for i, n := range o.manners {
		f.manners[i] += n
	}
	mergeCounts(&f.last, o.last)
	mergeCounts(&f.next, o.next)
	mergeCounts(&f.channels, o.channels)
	mergeCounts(&f.barriers, o.barriers)
	if !f.traces.merge(&o.traces) {
		f.name(&o.traces)
	}
}

// name adds traces to the maps.
func (f *farewells) name(t *traces) {
	if t.table == nil {
		return
	}
	addNamed(&f.last, &t.last, t.table.places)
	addNamed(&f.next, &t.next, t.table.places)
	addNamed(&f.channels, &t.channels, t.table.channels)
	addNamed(&f.barriers, &t.barriers, t.table.barriers)
}

func addCount[K comparable](to *map[K]int, k K, n int) {
	if *to == nil {
		*to = make(map[K]int)
	}
	(*to)[k] += n
}

func mergeCounts[K comparable](to *map[K]int, from map[K]int) {
	for k, n := range from {
		addCount(to, k, n)
	}
}

func (f *farewells) departure(outcome Outcome) Departure {
	f.name(&f.traces)
	f.traces = traces{}
	tallied := func(n int) Tallied { return Tallied{Count: n, Share: ShareOf(n, f.count)} }
	return Departure{
		Outcome: outcome, Count: f.count,
		Silent: tallied(f.manners[Silent]), WentBack: tallied(f.manners[WentBack]),
		Diverted:   tallied(f.manners[Diverted]),
		LastPlaces: topPlaces(f.last, tallied), NextPlaces: topPlaces(f.next, tallied),
		Channels: topNames(f.channels, tallied), Barriers: topNames(f.barriers, tallied),
	}
}

func topPlaces(counts map[Place]int, tallied func(int) Tallied) []PlaceCount {
	list := make([]PlaceCount, 0, len(counts))
	for p, n := range counts {
		list = append(list, PlaceCount{p, Tallied{Count: n}})
	}
	slices.SortFunc(list, func(a, b PlaceCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), comparePlaces(a.Place, b.Place))
	})
	list = list[:min(len(list), maxListed)]
	for i := range list {
		list[i].Tallied = tallied(list[i].Count)
	}
	return list
}

// comparePlaces orders by what they are called; of a touchpoint and an event of one name the
// touchpoint comes first.
func comparePlaces(a, b Place) int {
	return cmp.Or(
		strings.Compare(cmp.Or(string(a.Touchpoint), a.Event), cmp.Or(string(b.Touchpoint), b.Event)),
		cmp.Compare(a.Event, b.Event), cmp.Compare(a.Stage, b.Stage),
	)
}

func topNames[K ~string](counts map[K]int, tallied func(int) Tallied) []NameCount {
	list := make([]NameCount, 0, len(counts))
	for name, n := range counts {
		v := GroupValue{Value: string(name), Missing: name == ""}
		list = append(list, NameCount{v, Tallied{Count: n}})
	}
	slices.SortFunc(list, func(a, b NameCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.compare(b.GroupValue))
	})
	list = list[:min(len(list), maxListed)]
	for i := range list {
		list[i].Tallied = tallied(list[i].Count)
	}
	return list
}
