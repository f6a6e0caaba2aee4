package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// PersonView is what a program sees of a person.
type PersonView struct {
	// Traits as of the question's AsOf, in the order of Needs.Traits.
	Traits []journey.Value
	// Groups joined last as of AsOf, in the order of Needs.PersonGroups; empty where there is none.
	Groups []journey.GroupID
	// Variants of the first exposures at or before AsOf, in the order of Needs.Exposures.
	Variants []journey.Value
	// Persona as of AsOf; empty counts as journey.Unassigned.
	Persona journey.PersonaID
}

// Nobody is what a program sees of a person of whom nothing is known.
func (p *Program) Nobody() PersonView {
	return PersonView{
		Traits:   make([]journey.Value, len(p.needs.Traits)),
		Groups:   make([]journey.GroupID, len(p.needs.PersonGroups)),
		Variants: make([]journey.Value, len(p.needs.Exposures)),
	}
}

// TouchView is what a program sees of a touchpoint. Fields that the program does not need may be
// empty.
type TouchView struct {
	// Properties in the order of Needs.Properties.
	Properties []journey.Value
	// Groups that it states, in the order of Needs.Groups; empty where there is none.
	Groups []journey.GroupID
	// Variants that it states, in the order of Needs.Variants.
	Variants []journey.Value
	Event    string
	// Channel, Stage, Touchpoint, each part of Client and Campaign, and Traffic are missing where
	// they are empty.
	Channel    journey.ChannelID
	Stage      journey.StageID
	Touchpoint journey.TouchpointID
	Client     journey.Client
	Traffic    journey.Traffic
	Campaign   journey.Campaign
	// Values are what the touchpoint gives breakdowns: see Program.TouchValues. Needed in a Course
	// alone.
	Values Values
}

// finder says where a subject finds its value.
type finder struct {
	subject Subject
	// name is the part of a campaign.
	name string
	// slot is the place in the slice of a view, person that in the slice of the person's view.
	slot, person int
}

// finder finds a subject that is needed. Slots of names that are not needed there mean nothing.
func (n *Needs) finder(s Subject, name string) finder {
	f := finder{subject: s, name: name}
	switch s {
	case Property:
		f.slot, _ = slices.BinarySearch(n.Properties, name)
	case Trait:
		f.person, _ = slices.BinarySearch(n.Traits, name)
	case OfGroup:
		f.slot, _ = slices.BinarySearch(n.Groups, groupType(name))
		f.person, _ = slices.BinarySearch(n.PersonGroups, groupType(name))
	case Variant:
		f.slot, _ = slices.BinarySearch(n.Variants, name)
		f.person, _ = slices.BinarySearch(n.Exposures, name)
	}
	return f
}

var unitSubjects = [...]Subject{GroupUnit: OfGroup, TraitUnit: Trait, PropertyUnit: Property}

func (n *Needs) unitFinder(u Unit) finder {
	if u.Kind == PersonUnit {
		return finder{}
	}
	return n.finder(unitSubjects[u.Kind], u.Name)
}

// ofPerson is the person's value.
func (f *finder) ofPerson(view *PersonView) journey.Value {
	switch f.subject {
	case Trait:
		return view.Traits[f.person]
	case OfGroup:
		return named(string(view.Groups[f.person]))
	case Variant:
		return view.Variants[f.person]
	}
	if view.Persona == "" {
		return journey.TextValue(string(journey.Unassigned))
	}
	return journey.TextValue(string(view.Persona))
}

// ofTouch is the touchpoint's value, or that of its person where only persons have it.
func (f *finder) ofTouch(view *TouchView, person *PersonView) journey.Value {
	switch f.subject {
	case Trait, Persona:
		return f.ofPerson(person)
	case OfGroup:
		if stated := view.Groups[f.slot]; stated != "" {
			return named(string(stated))
		}
		return f.ofPerson(person)
	default:
		return f.stated(view)
	}
}

// stated is what the touchpoint itself says.
func (f *finder) stated(view *TouchView) journey.Value {
	switch f.subject {
	case Property:
		return view.Properties[f.slot]
	case Variant:
		return view.Variants[f.slot]
	case OfGroup:
		return named(string(view.Groups[f.slot]))
	case OfChannel:
		return named(string(view.Channel))
	case OfEvent:
		return named(view.Event)
	case OfStage:
		return named(string(view.Stage))
	case OfDevice:
		return named(view.Client.Device)
	case OfBrowser:
		return named(view.Client.Browser)
	case OfOS:
		return named(view.Client.OS)
	case OfTraffic:
		return named(string(view.Traffic))
	case OfCampaign:
		return named(campaignPart(view.Campaign, f.name))
	default:
		return named(string(view.Touchpoint))
	}
}

// named is a name as a value: missing if it is empty.
func named(name string) journey.Value {
	if name == "" {
		return journey.Value{}
	}
	return journey.TextValue(name)
}

// UnitOf is the unit that a touchpoint belongs to, as text. False if it belongs to none, and is
// not seen. Not for questions about persons.
func (p *Program) UnitOf(view *TouchView, person *PersonView) (string, bool) {
	v := p.unit.ofTouch(view, person)
	return v.Text(), v.Kind() != journey.Missing
}

// TouchValues are what a touchpoint gives the breakdowns that ask touchpoints. nil where it states
// no group and its person's counts.
func (p *Program) TouchValues(view *TouchView) Values {
	var values Values
	for i, b := range p.question.Breakdowns {
		if b.Attribution == OfPerson {
			continue
		}
		v := p.finders[i].stated(view)
		if b.By == OfGroup && v.Kind() == journey.Missing {
			continue
		}
		values[i] = ValuesOf(v)
	}
	return values
}
