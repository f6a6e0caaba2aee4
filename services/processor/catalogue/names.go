// Package catalogue counts the names of events, properties and traits that a batch of facts brings,
// with the types and a few examples of their values. It is pure.
//
// What it holds is bounded whatever is sent: of each site so many names (MaxEvents, MaxProperties,
// MaxSiteProperties), of all sites together so many (maxNames). A name that finds no room is
// counted as overflow.
package catalogue

import (
	"strings"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/waystage/waystage/services/journey"
)

// Bounds of the catalogue of a site. MaxProperties is per event, and for traits; MaxSiteProperties
// for all properties and traits of a site. A processor that does not see what another one adds
// may exceed them by as much again.
const (
	MaxEvents         = 2_000
	MaxProperties     = 200
	MaxSiteProperties = 20_000
	MaxNameBytes      = 200
)

// Bounds of what is remembered of all sites: the sites seen last with at most so many names, at
// about 100 bytes each, 250 at most.
const (
	maxSites = 10_000
	maxNames = 200_000
)

// Names are the names that are in the catalogues of the sites seen last. The zero Names is not
// ready; make it with NewNames. Not safe for concurrent use.
type Names struct {
	sites *simplelru.LRU[journey.SiteID, *siteNames]
	size  int
}

// siteNames are those of a site.
type siteNames struct {
	events map[string]bool
	// properties by event; those of traits are under the empty text.
	properties map[string]map[string]bool
	total      int
}

// NewNames knows no site.
func NewNames() *Names {
	n := &Names{}
	sites, err := simplelru.NewLRU(maxSites, func(_ journey.SiteID, s *siteNames) {
		n.size -= s.size()
	})
	if err != nil {
		panic(err) // the size is a constant above 0
	}
	n.sites = sites
	return n
}

// Knows tells whether the names of a site are remembered, and keeps them from being forgotten next.
func (n *Names) Knows(site journey.SiteID) bool {
	_, ok := n.sites.Get(site)
	return ok
}

// Learn takes the names that the catalogue of a site holds.
func (n *Names) Learn(site journey.SiteID, names []journey.Name) {
	n.sites.Remove(site)
	s := &siteNames{events: make(map[string]bool), properties: make(map[string]map[string]bool)}
	n.sites.Add(site, s)
	for _, name := range names {
		if name.Property == "" {
			n.size += s.addEvent(name.Event)
		} else {
			n.size += s.addProperty(name)
		}
	}
	n.shrink()
}

// Forget drops everything.
func (n *Names) Forget() { n.sites.Purge() }

// shrink forgets the sites not seen for longest while there are too many names.
func (n *Names) shrink() {
	for n.size > maxNames && n.sites.Len() > 1 {
		n.sites.RemoveOldest()
	}
}

// of are the names of a site, which is learnt as an empty one if it is not known.
func (n *Names) of(site journey.SiteID) *siteNames {
	if !n.Knows(site) {
		n.Learn(site, nil)
	}
	s, _ := n.sites.Get(site)
	return s
}

func (s *siteNames) size() int { return len(s.events) + s.total }

// addEvent gives how many names were added: 0 or 1.
func (s *siteNames) addEvent(event string) int {
	if s.events[event] {
		return 0
	}
	s.events[strings.Clone(event)] = true
	return 1
}

func (s *siteNames) addProperty(name journey.Name) int {
	of := s.properties[name.Event]
	if of[name.Property] {
		return 0
	}
	if of == nil {
		of = make(map[string]bool)
		s.properties[strings.Clone(name.Event)] = of
	}
	of[strings.Clone(name.Property)] = true
	s.total++
	return 1
}

// admitsEvent tells whether an event is in the catalogue or finds room there.
func (s *siteNames) admitsEvent(event string) bool {
	return s.events[event] || fits(event) && len(s.events) < MaxEvents
}

// admitsProperty tells whether a property or trait is in the catalogue or finds room there.
func (s *siteNames) admitsProperty(name journey.Name) bool {
	of := s.properties[name.Event]
	return of[name.Property] ||
		fits(name.Property) && len(of) < MaxProperties && s.total < MaxSiteProperties
}

func fits(name string) bool { return name != "" && len(name) <= MaxNameBytes }
