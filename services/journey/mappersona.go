package journey

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

func (r *mapReader) readPersonas(m *Map) {
	for i, entry := range r.personas.entries {
		id := r.personas.ids[i]
		if id == string(Unassigned) {
			idAt := entry.members["id"]
			r.add(idAt.at, idAt.path, "%q is what persons without a persona have; "+
				"give it another id", id)
		}
		entry.require("when", `say by which traits, as in: traits.plan == "pro"`)
		when, text := entry.condition(personaLanguage())
		p := entry.persona(id)
		p.When = text
		m.Personas = append(m.Personas, p)
		m.rules.personas = append(m.rules.personas, personaRule{persona: p.ID, when: when})
	}
}

func (o *object) persona(id string) Persona {
	return Persona{
		ID: PersonaID(id), Title: o.title(id),
		Needs: o.texts("needs"), Factors: o.texts("factors"),
		Value: o.text("value", maxTextLength), Offer: o.text("offer", maxTextLength),
		EntryChannel: o.entryChannel(), Order: o.order(), Stages: o.overrides(),
	}
}

// usualChannels are what touchpoints have where no rule of a map gives them a channel.
var usualChannels = []string{
	"campaign", "direct", "display", "email", "messenger", "paid", "paid_search", "paid_social",
	"paid_video", "partner", "push", "referral", "seo", "sms", "social", "video",
}

// UsualChannels are the channels of the usual default grouping, ascending: what touchpoints have
// where no rule of a map gives them one.
func UsualChannels() []string { return slices.Clone(usualChannels) }

// entryChannel reads a channel of the map or a usual one.
func (o *object) entryChannel() ChannelID {
	m, present := o.members["entry_channel"]
	if !present {
		return ""
	}
	if text, is := scalarOf(m.value); is && slices.Contains(usualChannels, text) {
		return ChannelID(text)
	}
	known := o.channels
	known.order = slices.Concat(known.order, usualChannels)
	return ChannelID(o.referenceOf(m, &known))
}

func (o *object) order() []StageID {
	if m, present := o.members["order"]; present {
		if list, ok := m.value.(*ast.SequenceNode); ok && len(list.Values) == 0 {
			o.add(m.at, m.path, "the list is empty; name the stages of the persona's map, or take it out")
		}
	}
	return references[StageID](o, "order", MaxStages, &o.stages)
}

func (o *object) overrides() []StageOverride {
	var all []StageOverride
	for _, entry := range o.entries("stages", MaxStages, &overrideShape) {
		entry.require("stage", "name one of the stages of the map")
		override := StageOverride{
			Stage:        StageID(entry.refer("stage", &o.stages)),
			Expectations: entry.expectations(), Barriers: entry.barriers(), Targets: entry.targets(),
		}
		same := func(s StageOverride) bool { return s.Stage == override.Stage }
		if override.Stage != "" && slices.ContainsFunc(all, same) {
			m := entry.members["stage"]
			o.add(m.at, m.path, "the stage %q is there a second time; write both as one",
				clipped(string(override.Stage)))
		}
		all = append(all, override)
	}
	return all
}
