package journey

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// ParseMap reads the YAML text of a journey map; docs/journey-map.md gives the format. The map has
// no version yet. Errors: MapErrors with every mistake that can be told, in file order; a text that
// is no YAML is reported as such before its content is looked at. It takes bounded time and never
// panics, whatever the text.
func ParseMap(source string) (*Map, error) {
	var r mapReader
	m := r.read(normalised(source))
	if len(r.found) > 0 {
		return nil, r.found.inOrder()
	}
	return m, nil
}

// mapReader reads one map and gathers its mistakes.
type mapReader struct {
	mistakes
	// lines of the text.
	lines []string
	// conditionsBytes is the size of the conditions read so far.
	conditionsBytes int
}

func (r *mapReader) read(source string) *Map {
	root := r.readYAML(source)
	if root == nil {
		return nil
	}
	o, ok := r.object(member{at: placeOf(root), value: root},
		"title", "lost_after", "stages", "channels", "personas", "touchpoints")
	if !ok {
		return nil
	}
	m := &Map{Title: o.mapTitle(), LostAfter: o.lostAfter()}
	stages := o.stages(m)
	channels := o.channels(m)
	o.personas(m)
	o.touchpoints(m, stages, channels)
	return m
}

func (o *object) mapTitle() string {
	if _, present := o.members["title"]; !present {
		o.missing("title", "name the map")
	}
	return o.title("")
}

// ids are the ids declared in one list, with the line of each.
type ids struct {
	what  string
	lines map[string]int
	// order of declaration.
	order []string
	// unread tells that the list could not be read, so that references cannot be checked.
	unread bool
}

func newIDs(what string) ids { return ids{what: what, lines: map[string]int{}} }

// declare reads the id of an entry and reports one that was taken.
func (o *object) declare(in *ids) string {
	id, m, ok := o.id()
	if !ok {
		return ""
	}
	if line, taken := in.lines[id]; taken {
		o.add(m.at, m.path, "the %s %q is declared a second time; the first is on line %d: "+
			"give it another id", in.what, clipped(id), line)
		return id
	}
	in.lines[id] = m.at.line
	in.order = append(in.order, id)
	return id
}

// refer reads a reference to a declared id. Empty if absent.
func (o *object) refer(name string, to ids) string {
	m, present := o.members[name]
	if !present {
		return ""
	}
	id, ok := o.textOf(m)
	if _, known := to.lines[id]; ok && !known && !to.unread {
		hint := didYouMean(id, to.order)
		if len(to.order) == 0 {
			hint = "; the map declares none"
		}
		o.add(m.at, m.path, "unknown %s %q%s", to.what, clipped(id), hint)
	}
	return id
}

// entries reads the objects of a list, at most a number of them.
func (o *object) entries(list string, most int, names ...string) []object {
	members, _ := o.list(list)
	if len(members) > most {
		o.add(members[most].at, members[most].path,
			"more than %d %s; take out what is least needed", most, list)
		members = members[:most]
	}
	objects := make([]object, 0, len(members))
	for _, m := range members {
		if entry, ok := o.object(m, names...); ok {
			objects = append(objects, entry)
		}
	}
	return objects
}

func (o *object) stages(m *Map) ids {
	declared := newIDs("stage")
	list, present := o.members["stages"]
	if !present {
		o.missing("stages", "list 2 to 30 of them, in order")
	}
	sequence, ok := list.value.(*ast.SequenceNode)
	if ok && len(sequence.Values) < MinStages {
		o.add(list.at, list.path, "a map has at least %d stages; add more", MinStages)
	}
	declared.unread = !ok || len(sequence.Values) > MaxStages
	for _, entry := range o.entries("stages", MaxStages, "id", "title") {
		id := entry.declare(&declared)
		m.Stages = append(m.Stages, Stage{ID: StageID(id), Title: entry.title(id)})
	}
	return declared
}

func (o *object) channels(m *Map) ids {
	declared := newIDs("channel")
	for _, entry := range o.entries("channels", MaxChannels, "id", "title", "when") {
		id := entry.declare(&declared)
		c := Channel{ID: ChannelID(id), Title: entry.title(id)}
		when, text := entry.condition(touchpointLanguage())
		c.When = text
		m.Channels = append(m.Channels, c)
		if when != nil {
			m.rules.channels = append(m.rules.channels, channelRule{channel: c.ID, when: when})
		}
	}
	return declared
}

func (o *object) personas(m *Map) {
	declared := newIDs("persona")
	for _, entry := range o.entries("personas", MaxPersonas, "id", "title", "when") {
		id := entry.declare(&declared)
		if id == string(Unassigned) {
			idAt := entry.members["id"]
			o.add(idAt.at, idAt.path, "%q is what persons without a persona have; "+
				"give it another id", id)
		}
		if _, present := entry.members["when"]; !present {
			entry.missing("when", `say by which traits, as in: traits.plan == "pro"`)
		}
		p := Persona{ID: PersonaID(id), Title: entry.title(id)}
		when, text := entry.condition(personaLanguage())
		p.When = text
		m.Personas = append(m.Personas, p)
		m.rules.personas = append(m.rules.personas, personaRule{persona: p.ID, when: when})
	}
}

func (o *object) touchpoints(m *Map, stages, channels ids) {
	if _, present := o.members["touchpoints"]; !present {
		o.missing("touchpoints", "list at least one; without them no stage is ever reached")
	}
	declared := newIDs("touchpoint")
	entries := o.entries("touchpoints", MaxTouchpoints,
		"id", "title", "stage", "channel", "importance", "events", "when")
	conditions := make([]*rule, len(entries))
	m.Touchpoints = make([]Touchpoint, len(entries))
	for i, entry := range entries {
		m.Touchpoints[i], conditions[i] = entry.touchpoint(&declared, stages, channels)
	}
	m.rules.touchpoints = indexed(m.Touchpoints, conditions)
}

func (o *object) touchpoint(declared *ids, stages, channels ids) (Touchpoint, *rule) {
	id := o.declare(declared)
	if _, present := o.members["stage"]; !present {
		o.missing("stage", "name one of the stages of the map")
	}
	when, text := o.condition(touchpointLanguage())
	return Touchpoint{
		ID: TouchpointID(id), Title: o.title(id), When: text,
		Stage:   StageID(o.refer("stage", stages)),
		Channel: ChannelID(o.refer("channel", channels)),
		Events:  o.events(), Importance: o.importance(),
	}, when
}

// indexed finds rules by event.
func indexed(touchpoints []Touchpoint, conditions []*rule) map[string][]touchpointRule {
	byEvent := map[string][]touchpointRule{}
	for i := range touchpoints {
		t := &touchpoints[i]
		for _, event := range t.Events {
			byEvent[event] = append(byEvent[event], touchpointRule{t, conditions[i]})
		}
	}
	return byEvent
}

func (o *object) events() []string {
	const hint = "list at least one name of a track message, or page, or screen"
	m, present := o.members["events"]
	if !present {
		o.missing("events", hint)
		return nil
	}
	members, ok := o.list("events")
	if ok && len(members) == 0 {
		o.add(m.at, m.path, "the list is empty; %s", hint)
	}
	if len(members) > MaxEventsOfRule {
		o.add(members[MaxEventsOfRule].at, members[MaxEventsOfRule].path,
			"more than %d events; make two touchpoints of it", MaxEventsOfRule)
		return nil
	}
	return o.eventNames(members)
}

func (o *object) eventNames(members []member) []string {
	var events []string
	for _, m := range members {
		event, ok := o.textOf(m)
		if ok && slices.Contains(events, event) {
			o.add(m.at, m.path, "the event %q is listed a second time; take it out", clipped(event))
			continue
		}
		events = append(events, event)
	}
	return events
}

func (o *object) importance() int {
	m, present := o.members["importance"]
	if !present {
		return 0
	}
	if n, ok := m.value.(*ast.IntegerNode); ok {
		importance, err := strconv.Atoi(n.GetToken().Value)
		if err == nil && importance >= 1 && importance <= MaxImportance {
			return importance
		}
	}
	o.add(m.at, m.path, "the importance is a whole number from 1 (low) to %d (high)", MaxImportance)
	return 0
}

// lostAfter reads a duration in days, hours, minutes or seconds.
func (o *object) lostAfter() time.Duration {
	m, present := o.members["lost_after"]
	if !present {
		return DefaultLostAfter
	}
	text, isText := scalarOf(m.value)
	d, ok := parseSpan(strings.TrimSpace(text))
	switch {
	case !isText || !ok:
		o.add(m.at, m.path, "this is no duration; write a whole number and one of d, h, m, s, "+
			"as in 90d or 36h")
	case d < MinLostAfter || d > MaxLostAfter:
		o.add(m.at, m.path, "the duration must lie between 1h and 3650d")
	}
	return d
}

// parseSpan reads one whole number of at most 9 digits and its unit.
func parseSpan(text string) (time.Duration, bool) {
	const mostDigits = 9
	units := map[byte]time.Duration{
		'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second,
	}
	if len(text) < 2 || len(text) > mostDigits+1 {
		return 0, false
	}
	unit, known := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || !known {
		return 0, false
	}
	if n > uint64(math.MaxInt64/unit) {
		return math.MaxInt64, true
	}
	return time.Duration(n) * unit, true
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
