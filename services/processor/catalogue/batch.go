package catalogue

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// Batch counts the names of the facts of one batch. Make it with NewBatch. Not safe for concurrent
// use.
type Batch struct {
	names *Names
	sites map[journey.SiteID]*siteCount
}

// siteCount counts the names of a site.
type siteCount struct {
	names  *siteNames
	events map[string]*eventCount
	traits *eventCount
	// noEvent and noProperty count what found no room.
	noEvent, noProperty tally
}

// eventCount counts an event and its properties. Of an event without room nothing is kept but that
// it is known here.
type eventCount struct {
	tally

	named      bool
	properties map[string]*propertyCount
}

// propertyCount counts the values of a property by type. Of a private one no examples are kept.
type propertyCount struct {
	private bool
	values  [len(types)]valueCount
}

// valueCount counts the values of one type of a property.
type valueCount struct {
	tally

	examples []string
}

// tally counts, and holds the first and last instants in milliseconds since 1970.
type tally struct {
	count       uint64
	first, last int64
}

func (t *tally) add(at int64) {
	if t.count == 0 || at < t.first {
		t.first = at
	}
	if t.count == 0 || at > t.last {
		t.last = at
	}
	t.count++
}

// types are the types of values in the order of their counts.
var types = [...]journey.SightingType{
	journey.TextSighting, journey.NumberSighting, journey.BooleanSighting,
	journey.ArraySighting, journey.ObjectSighting,
}

// typeOf is the place in types of a JSON literal; -1 for null, which is no value.
func typeOf(literal string) int {
	switch literal[0] {
	case '"':
		return 0
	case 't', 'f':
		return 2
	case '[':
		return 3
	case '{':
		return 4
	case 'n':
		return -1
	default:
		return 1
	}
}

// NewBatch begins a batch. Names that it admits are known from then on: what it counted is to be
// stored, or the batch is to be counted again. Of a site that is not known nothing is taken for
// known: learn it first, and no other site between that and its facts.
func NewBatch(names *Names) *Batch {
	return &Batch{names: names, sites: make(map[journey.SiteID]*siteCount)}
}

// Add counts a fact: the event and the properties of a touchpoint, the traits of an identify
// message.
func (b *Batch) Add(f *journey.Fact) {
	s := b.site(f.Site)
	switch {
	case f.Kind.IsTouchpoint():
		e := b.event(s, f.Event)
		if e.named {
			e.add(f.At())
		} else {
			s.noEvent.add(f.At())
		}
		b.addMembers(s, e, f.Event, f.Properties, f.At())
	case f.Kind == journey.Identify:
		b.addTraits(s, f)
	}
}

// addTraits counts the traits that a fact writes, in the order of their names: where room ends, the
// same ones find it each time.
func (b *Batch) addTraits(s *siteCount, f *journey.Fact) {
	writes := identity.WritesOf(f)
	slices.SortFunc(writes, func(a, b identity.Write) int { return strings.Compare(a.Name, b.Name) })
	for _, w := range writes {
		b.addMember(s, s.traits, journey.Name{Property: w.Name}, w.Value, f.At())
	}
}

func (b *Batch) site(site journey.SiteID) *siteCount {
	s := b.sites[site]
	if s == nil {
		s = &siteCount{
			names: b.names.of(site), events: make(map[string]*eventCount),
			traits: newEventCount(true),
		}
		b.sites[site] = s
	}
	return s
}

func newEventCount(named bool) *eventCount {
	e := &eventCount{named: named}
	if named {
		e.properties = make(map[string]*propertyCount)
	}
	return e
}

func (b *Batch) event(s *siteCount, event string) *eventCount {
	e := s.events[event]
	if e == nil {
		e = newEventCount(s.names.admitsEvent(event))
		if e.named {
			b.names.size += s.names.addEvent(event)
		}
		s.events[event] = e
	}
	return e
}

func (b *Batch) addMembers(
	s *siteCount, e *eventCount, event string, of journey.Object, at int64,
) {
	for name, literal := range of.All() {
		b.addMember(s, e, journey.Name{Event: event, Property: name}, literal, at)
	}
}

func (b *Batch) addMember(
	s *siteCount, e *eventCount, name journey.Name, literal string, at int64,
) {
	t := typeOf(literal)
	if t < 0 {
		return
	}
	p := e.properties[name.Property]
	if p == nil {
		if !e.named || !s.names.admitsProperty(name) {
			s.noProperty.add(at)
			return
		}
		b.names.size += s.names.addProperty(name)
		p = &propertyCount{private: isPrivate(name.Property)}
		e.properties[name.Property] = p
	}
	v := &p.values[t]
	v.add(at)
	if !p.private {
		v.addExample(literal)
	}
}

// tries is how many values of a batch are looked at for examples.
const tries = 2 * journey.MaxExamples

// addExample keeps a value if it is new, there is room, and it may be shown.
func (v *valueCount) addExample(literal string) {
	if len(v.examples) == journey.MaxExamples || v.count > tries ||
		slices.Contains(v.examples, literal) {
		return
	}
	if text, ok := example(literal); ok && !slices.Contains(v.examples, text) {
		v.examples = append(v.examples, text)
	}
}

// Sightings are what was counted, by site, event, property and type.
func (b *Batch) Sightings() []journey.Sighting {
	b.names.shrink()
	var all []journey.Sighting
	for site, s := range b.sites {
		add := func(name journey.Name, t journey.SightingType, n *tally, examples []string) {
			if n.count == 0 {
				return
			}
			all = append(all, journey.Sighting{
				Site: site, Name: name, Type: t, Count: n.count,
				FirstAt: time.UnixMilli(n.first).UTC(), LastAt: time.UnixMilli(n.last).UTC(),
				Examples: examples,
			})
		}
		add(journey.Name{}, journey.EventOverflow, &s.noEvent, nil)
		add(journey.Name{}, journey.PropertyOverflow, &s.noProperty, nil)
		s.events[""] = s.traits
		for event, e := range s.events {
			add(journey.Name{Event: event}, journey.EventSighting, &e.tally, nil)
			for property, of := range e.properties {
				name := journey.Name{Event: event, Property: property}
				for t := range of.values {
					v := &of.values[t]
					add(name, types[t], &v.tally, v.examples)
				}
			}
		}
	}
	slices.SortFunc(all, compareSightings)
	return all
}

func compareSightings(a, b journey.Sighting) int {
	return cmp.Or(
		strings.Compare(string(a.Site), string(b.Site)), strings.Compare(a.Event, b.Event),
		strings.Compare(a.Property, b.Property), strings.Compare(string(a.Type), string(b.Type)),
	)
}
