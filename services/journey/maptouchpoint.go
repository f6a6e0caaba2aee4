package journey

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

func (r *mapReader) readTouchpoints(m *Map) {
	entries := r.touchpoints.entries
	conditions := make([]*rule, len(entries))
	m.Touchpoints = make([]Touchpoint, len(entries))
	for i := range entries {
		m.Touchpoints[i], conditions[i] = entries[i].touchpoint(r.touchpoints.ids[i])
	}
	r.checkRepeats(m.Touchpoints)
	m.rules.touchpoints = indexed(m.Touchpoints, conditions)
}

func (o *object) touchpoint(id string) (Touchpoint, *rule) {
	o.require("stage", "name one of the stages of the map")
	when, text := o.condition(touchpointLanguage())
	t := Touchpoint{
		ID: TouchpointID(id), Title: o.title(id), When: text,
		Stage:   StageID(o.refer("stage", &o.stages)),
		Channel: ChannelID(o.refer("channel", &o.channels)),
		Repeat:  o.repeat(), Importance: o.importance(),
		Owner: o.owner(), Status: o.status(),
		Standard: o.text("standard", maxTextLength), Task: o.text("task", maxTextLength),
		Due: o.day("due"), Score: o.score(), Feedback: o.feedback(),
		Barrier: o.flag("barrier"), Contact: o.flag("contact"),
	}
	t.Events = o.events(&t)
	return t, when
}

func (o *object) status() Status {
	if status := o.word("status", &touchpointShape); status != "" {
		return Status(status)
	}
	return Live
}

// excludeStatus reports that a repeat is said to be planned or missing.
func (o *object) excludeStatus() {
	m := o.members["status"]
	if text, is := scalarOf(m.value); is && (text == string(Planned) || text == string(Absent)) {
		o.add(m.at, m.path, "a repeat is live from the beginning; take status out, or take repeat out "+
			"until it is wanted")
	}
}

// repeat reads that a touchpoint repeats another one, which leaves it no rule of its own.
func (o *object) repeat() *Repeat {
	entry, ok := o.child("repeat", &repeatShape)
	if !ok {
		return nil
	}
	for _, name := range []string{"events", "when"} {
		if m, present := o.members[name]; present {
			o.add(m.at, m.path, "a repeat is recognised by the touchpoint it repeats; take %s out, "+
				"or take repeat out", name)
		}
	}
	o.excludeStatus()
	entry.require("of", "name the touchpoint that is repeated")
	r := &Repeat{Of: TouchpointID(entry.refer("of", &o.touchpoints)), From: minRepeat}
	if from, ok := entry.whole("from", &repeatShape); ok {
		r.From = from
	}
	return r
}

// checkRepeats reports repeats of repeats.
func (r *mapReader) checkRepeats(touchpoints []Touchpoint) {
	repeats := map[TouchpointID]bool{}
	for i := range touchpoints {
		repeats[touchpoints[i].ID] = touchpoints[i].Repeat != nil
	}
	for i := range touchpoints {
		t := &touchpoints[i]
		if t.Repeat == nil || !repeats[t.Repeat.Of] {
			continue
		}
		entry, _ := r.touchpoints.entries[i].members["repeat"]
		r.add(entry.at, entry.path, "%q is itself a repeat; name the touchpoint that it repeats, "+
			"and say from the how manieth on by from", clipped(string(t.Repeat.Of)))
	}
}

func (o *object) feedback() *Feedback {
	entry, ok := o.child("feedback", &feedbackShape)
	if !ok {
		return nil
	}
	entry.require("kind", "write one of nps, csat, ces, review, sentiment")
	f := Feedback{
		Kind:     FeedbackKind(entry.word("kind", &feedbackShape)),
		Property: entry.text("property", maxTitleLength),
	}
	if f.Property == "" {
		f.Property = defaultScoreProperty
	}
	return &f
}

// indexed finds rules by event. Only live touchpoints have any.
func indexed(touchpoints []Touchpoint, conditions []*rule) map[string][]touchpointRule {
	byEvent := map[string][]touchpointRule{}
	for i := range touchpoints {
		t := &touchpoints[i]
		if t.Status != Live || t.Repeat != nil {
			continue
		}
		for _, event := range t.Events {
			byEvent[event] = append(byEvent[event], touchpointRule{t, conditions[i]})
		}
	}
	return byEvent
}

// events reads the events of a touchpoint, which one that is live and no repeat must have.
func (o *object) events(t *Touchpoint) []string {
	const hint = "list at least one name of a track message, or page, or screen"
	m, present := o.members["events"]
	if !present {
		_, repeats := o.members["repeat"]
		if t.Status == Live && !repeats {
			o.missing("events", hint)
		}
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
		importance, is := wholeOf(n)
		if is && importance >= 1 && importance <= MaxImportance {
			return importance
		}
	}
	o.add(m.at, m.path, "the importance is a whole number from 1 (low) to %d (high)", MaxImportance)
	return 0
}
