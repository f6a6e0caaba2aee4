package journey

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// ParseMap reads the YAML text of a journey map; docs/journey-map.md gives the format. The map has
// no version yet. Errors: MapErrors with every mistake that can be told, in file order; a text that
// is no YAML is reported as such before its content is looked at. It takes bounded time and never
// panics, whatever the text.
func ParseMap(source string) (*Map, error) {
	m, _, err := parseMap(source)
	return m, err
}

// parseMap gives besides where the members of the map stand, by path.
func parseMap(source string) (*Map, map[string]place, error) {
	r := mapReader{places: map[string]place{}}
	m := r.read(normalised(source))
	if len(r.found) > 0 {
		return nil, nil, r.found.inOrder()
	}
	return m, r.places, nil
}

// mapReader reads one map and gathers its mistakes.
type mapReader struct {
	mistakes
	// lines of the text.
	lines []string
	// places of members by path.
	places map[string]place
	// conditionsBytes is the size of the conditions read so far.
	conditionsBytes int
	// What the map declares.
	stages, channels, personas, touchpoints, kpis declarations
}

func (r *mapReader) read(source string) *Map {
	root := r.readYAML(source)
	if root == nil {
		return nil
	}
	o, ok := r.object(member{at: placeOf(root), value: root}, &mapShape)
	if !ok {
		return nil
	}
	m := &Map{Title: o.mapTitle(), LostAfter: o.lostAfter()}
	r.declare(&o)
	r.readStages(m)
	r.readChannels(m)
	r.readPersonas(m)
	r.readTouchpoints(m)
	r.readKPIs(m)
	m.Money, m.Referral = o.money(), o.referral()
	m.rules.facts = planFacts(m)
	return m
}

// declare reads all ids, so that what stands above may refer to what stands below.
func (r *mapReader) declare(o *object) {
	r.checkStages(o)
	o.require("touchpoints", "list at least one; without them no stage is ever reached")
	r.stages = o.declare("stages", "stage", &stageShape)
	r.channels = o.declare("channels", "channel", &channelShape)
	r.personas = o.declare("personas", "persona", &personaShape)
	r.touchpoints = o.declare("touchpoints", "touchpoint", &touchpointShape)
	r.kpis = o.declare("kpis", "KPI", &kpiShape)
}

func (r *mapReader) checkStages(o *object) {
	o.require("stages", "list 2 to 30 of them, in order")
	list := o.members["stages"]
	if sequence, ok := list.value.(*ast.SequenceNode); ok && len(sequence.Values) < MinStages {
		o.add(list.at, list.path, "a map has at least %d stages; add more", MinStages)
	}
}

func (o *object) mapTitle() string {
	o.require("title", "name the map")
	return o.title("")
}

func (o *object) lostAfter() time.Duration {
	m, present := o.members["lost_after"]
	if !present {
		return DefaultLostAfter
	}
	d, ok := o.span("lost_after")
	if ok && (d < MinLostAfter || d > MaxLostAfter) {
		o.add(m.at, m.path, "the duration must lie between 1h and 3650d")
	}
	return d
}

func (r *mapReader) readChannels(m *Map) {
	for i, entry := range r.channels.entries {
		id := r.channels.ids[i]
		when, text := entry.condition(touchpointLanguage())
		c := Channel{
			ID: ChannelID(id), Title: entry.title(id), When: text, Owner: entry.owner(),
		}
		m.Channels = append(m.Channels, c)
		if when != nil {
			m.rules.channels = append(m.rules.channels, channelRule{channel: c.ID, when: when})
		}
	}
}

func (o *object) money() *Money {
	entry, ok := o.child("money", &moneyShape)
	if !ok {
		return nil
	}
	entry.require("property", "name the property that holds the amount")
	m := Money{
		Property: entry.text("property", maxTitleLength), Currency: entry.currency(),
		CurrencyProperty: entry.text("currency_property", maxTitleLength),
		Touchpoints:      references[TouchpointID](&entry, "touchpoints", maxReferences, &o.touchpoints),
		Refunds:          references[TouchpointID](&entry, "refunds", maxReferences, &o.touchpoints),
	}
	if m.CurrencyProperty == "" {
		m.CurrencyProperty = defaultCurrencyProperty
	}
	return &m
}

func (o *object) referral() *Referral {
	entry, ok := o.child("referral", &referralShape)
	if !ok {
		return nil
	}
	entry.require("when", "say how it is recognised, as in: has(properties.referral_code)")
	_, text := entry.condition(touchpointLanguage())
	return &Referral{When: text, By: entry.text("by", maxTitleLength)}
}

// condition reads and compiles the member "when". nil and empty if absent or wrong.
func (o *object) condition(in *language) (*rule, string) {
	m, present := o.members["when"]
	if !present {
		return nil, ""
	}
	text, ok := o.textOf(m)
	if !ok {
		return nil, ""
	}
	before := o.conditionsBytes
	o.conditionsBytes += len(text)
	if o.conditionsBytes > maxConditionsBytes {
		if before <= maxConditionsBytes {
			o.add(m.at, m.path, "the conditions of the map have more than %d bytes together; "+
				"shorten them", maxConditionsBytes)
		}
		return nil, text
	}
	return o.compiled(m, text, in), text
}

func (o *object) compiled(m member, text string, in *language) *rule {
	compiled, errs := compile(text, in)
	for _, e := range errs {
		o.add(o.placeInside(m, text, e.offset), m.path, "%s", e.message)
	}
	return compiled
}
