package journey

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// factPlan says which facts of a person's touchpoints the conditions of personas read, and where
// they stand once they are gathered.
type factPlan struct {
	needs PersonNeeds
	// events and sums give places in pastFacts.
	events map[string]int
	sums   map[eventProperty]int
	// summed are the sums of each event, by its place.
	summed [][]summand
	// sessions tells that sessions are read.
	sessions bool
}

type eventProperty struct{ event, property string }

// summand is a sum: which of a deed's values it adds up, and its place.
type summand struct{ value, sum int }

// planFacts finds what the rules of a map about persons read.
func planFacts(m *Map) factPlan {
	p := factPlan{events: map[string]int{}, sums: map[eventProperty]int{}}
	for _, persona := range m.rules.personas {
		if persona.when == nil {
			continue
		}
		for _, in := range persona.when.inputs {
			p.add(in)
		}
	}
	for i := range m.Touchpoints {
		if repeat := m.Touchpoints[i].Repeat; repeat != nil {
			p.needs.Bases = append(p.needs.Bases, repeat.Of)
		}
	}
	p.needs.Events = distinct(p.needs.Events)
	p.needs.Properties = distinct(p.needs.Properties)
	p.needs.Bases = distinct(p.needs.Bases)
	p.place()
	return p
}

func (p *factPlan) add(in input) {
	if in.event != "" {
		p.needs.Events = append(p.needs.Events, in.event)
	}
	if in.property != "" {
		p.needs.Properties = append(p.needs.Properties, in.property)
		p.sums[eventProperty{in.event, in.property}] = 0
	}
	switch in.variable {
	case "first_channel", "last_channel", "first_at", "last_at", "touchpoints":
		p.needs.All = true
	case "sessions":
		p.needs.All, p.sessions = true, true
	case asOfVariable:
		p.needs.AsOf = true
	}
}

// place gives every event and sum its place: sums of an event stand together, in the order of
// their properties.
func (p *factPlan) place() {
	for i, event := range p.needs.Events {
		p.events[event] = i
	}
	sums := slices.SortedFunc(maps.Keys(p.sums), func(a, b eventProperty) int {
		return cmp.Or(cmp.Compare(a.event, b.event), cmp.Compare(a.property, b.property))
	})
	p.summed = make([][]summand, len(p.needs.Events))
	for place, sum := range sums {
		event := p.events[sum.event]
		value, _ := slices.BinarySearch(p.needs.Properties, sum.property)
		p.sums[sum] = place
		p.summed[event] = append(p.summed[event], summand{value, place})
	}
}

func distinct[T ~string](names []T) []T {
	slices.Sort(names)
	return slices.Compact(names)
}

// pastFacts are the facts of a person's touchpoints, gathered in one pass over them.
type pastFacts struct {
	plan                      *factPlan
	events                    []eventFacts
	sums                      []float64
	firstChannel, lastChannel ChannelID
	// firstAt and lastAt in milliseconds since 1970.
	firstAt, lastAt       int64
	touchpoints, sessions int
}

// eventFacts are those of one event; first and last in milliseconds since 1970.
type eventFacts struct {
	count       int
	first, last int64
}

// gather reads the deeds at or before as_of, which are in shown order.
func (p *factPlan) gather(deeds []Deed, asOf int64) *pastFacts {
	f := &pastFacts{
		plan: p, events: make([]eventFacts, len(p.needs.Events)),
		sums: make([]float64, len(p.sums)),
	}
	var before map[IdentityID]int64
	if p.sessions {
		before = make(map[IdentityID]int64)
	}
	for i := range deeds {
		d := &deeds[i]
		at := FloorMilli(d.OccurredAt)
		if at > asOf {
			continue
		}
		f.add(d, at)
		if p.sessions {
			if last, seen := before[d.Identity]; !seen || beginsSession(last, at) {
				f.sessions++
			}
			before[d.Identity] = at
		}
	}
	return f
}

func (f *pastFacts) add(d *Deed, at int64) {
	if f.touchpoints == 0 {
		f.firstAt = at
	}
	f.lastAt = at
	f.touchpoints++
	if d.Channel != "" {
		if f.firstChannel == "" {
			f.firstChannel = d.Channel
		}
		f.lastChannel = d.Channel
	}
	if i, read := f.plan.events[d.Event]; read {
		f.addEvent(i, d, at)
	}
}

func (f *pastFacts) addEvent(i int, d *Deed, at int64) {
	e := &f.events[i]
	if e.count == 0 {
		e.first = at
	}
	e.last = at
	e.count++
	for _, s := range f.plan.summed[i] {
		if s.value < len(d.Values) && d.Values[s.value].Kind() == Number {
			f.sums[s.sum] += d.Values[s.value].Number()
		}
	}
}

// variable gives a variable of a condition. An instant that there is not is an error.
func (f *pastFacts) variable(name string) (any, bool) {
	switch name {
	case pastVariable:
		return f, true
	case "first_channel":
		return string(f.firstChannel), true
	case "last_channel":
		return string(f.lastChannel), true
	case "touchpoints":
		return int64(f.touchpoints), true
	case "sessions":
		return int64(f.sessions), true
	case "first_at", "last_at":
		if f.touchpoints == 0 {
			return types.NewErr("there is no touchpoint").(*types.Err), true
		}
		if name == "first_at" {
			return instantOf(f.firstAt), true
		}
		return instantOf(f.lastAt), true
	}
	return nil, false
}

func instantOf(ms int64) types.Timestamp { return types.Timestamp{Time: time.UnixMilli(ms).UTC()} }

func (f *pastFacts) event(name string) eventFacts {
	if i, known := f.plan.events[name]; known {
		return f.events[i]
	}
	return eventFacts{}
}

func countOf(f *pastFacts, texts []string) ref.Val { return types.Int(f.event(texts[0]).count) }

func sumOf(f *pastFacts, texts []string) ref.Val {
	if i, known := f.plan.sums[eventProperty{texts[0], texts[1]}]; known {
		return types.Double(f.sums[i])
	}
	return types.Double(0)
}

func firstOf(f *pastFacts, texts []string) ref.Val {
	e := f.event(texts[0])
	if e.count == 0 {
		return types.NewErr("there is no touchpoint %q", texts[0])
	}
	return instantOf(e.first)
}

func lastOf(f *pastFacts, texts []string) ref.Val {
	e := f.event(texts[0])
	if e.count == 0 {
		return types.NewErr("there is no touchpoint %q", texts[0])
	}
	return instantOf(e.last)
}

// pastType is the type of pastFacts in CEL, of which conditions can do nothing but hand it to the
// functions over touchpoints.
var pastType = cel.OpaqueType("waystage.Past")

// ConvertToNative refuses.
func (f *pastFacts) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("what is known of a person is no %v", to)
}

// ConvertToType refuses.
func (f *pastFacts) ConvertToType(to ref.Type) ref.Val {
	return types.NewErr("what is known of a person is no %s", to.TypeName())
}

// Equal tells whether it is the same person's.
func (f *pastFacts) Equal(other ref.Val) ref.Val { return types.Bool(other == ref.Val(f)) }

// Type is opaque.
func (f *pastFacts) Type() ref.Type { return pastType }

// Value is itself.
func (f *pastFacts) Value() any { return f }
