package picture

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// personas draws all of them, with what differs for each.
func (d *mapDrawing) personas() {
	if len(d.m.GetPersonas()) == 0 {
		return
	}
	d.part("personas")
	for i, p := range d.m.GetPersonas() {
		if i > 0 && p.GetCondition() != "" {
			d.line("")
		}
		title := d.paint(bold, plain(p.GetTitle()))
		if p.GetId() != p.GetTitle() {
			title += d.paint(dim, " · "+plain(p.GetId()))
		}
		d.line("%s", title)
		d.persona(p, true)
	}
	d.line("")
}

// part begins a part below the stages.
func (d *mapDrawing) part(name string) {
	d.line("%s", d.paint(dim, name+" "+strings.Repeat("┄", d.width()-seenWidth(name)-1)))
}

func (d *mapDrawing) persona(p *journeyv1.Persona, differences bool) {
	d.wrappedIn(2, "when", p.GetCondition())
	d.wrappedIn(2, "needs", strings.Join(p.GetNeeds(), " · "))
	d.wrappedIn(2, "decides", strings.Join(p.GetFactors(), " · "))
	d.wrappedIn(2, "value", p.GetValue())
	d.wrappedIn(2, "offer", p.GetOffer())
	if p.GetEntryChannel() != "" {
		d.wrappedIn(2, "comes by", d.channelTitle(p.GetEntryChannel()))
	}
	d.wrappedIn(2, "order", strings.Join(mapped(p.GetOrder(), d.stageTitle), " ▶ "))
	if !differences {
		return
	}
	for _, o := range p.GetStages() {
		d.wrappedIn(2, d.stageTitle(o.GetStage()), d.override(o))
	}
}

// override is in one text what differs at a stage.
func (d *mapDrawing) override(o *journeyv1.StageOverride) string {
	texts := slices.Concat(expectationTexts(o.GetExpectations()), d.targets(o.GetTargets()))
	for _, b := range o.GetBarriers() {
		texts = append(texts, joinedBy(" ↳ ", "▲ "+b.GetTitle(), b.GetRemedy()))
	}
	return strings.Join(texts, " · ")
}

// OwnMap is a map as one of its personas travels it: the stages in its own order, with what differs
// there in place of the stage's own. The given map stays as it is.
func OwnMap(m *journeyv1.JourneyMap, persona string) *journeyv1.JourneyMap {
	own := proto.CloneOf(m)
	for _, p := range own.GetPersonas() {
		if p.GetId() != persona {
			continue
		}
		if len(p.GetOrder()) > 0 {
			own.Stages = ordered(own.GetStages(), p.GetOrder())
		}
		for _, s := range own.GetStages() {
			for _, o := range p.GetStages() {
				if o.GetStage() == s.GetId() {
					overrideStage(s, o)
				}
			}
		}
	}
	return own
}

// ordered are the stages of the ids, in their order.
func ordered(stages []*journeyv1.Stage, ids []string) []*journeyv1.Stage {
	var all []*journeyv1.Stage
	for _, id := range ids {
		for _, s := range stages {
			if s.GetId() == id {
				all = append(all, s)
			}
		}
	}
	return all
}

// overrideStage puts what is there in place of the stage's own. Barriers are replaced as a whole.
func overrideStage(s *journeyv1.Stage, o *journeyv1.StageOverride) {
	if o.GetExpectations() != nil {
		if s.Expectations == nil {
			s.Expectations = &journeyv1.Expectations{}
		}
		proto.Merge(s.Expectations, o.GetExpectations())
	}
	if o.GetTargets() != nil {
		if s.Targets == nil {
			s.Targets = &journeyv1.Targets{}
		}
		proto.Merge(s.Targets, o.GetTargets())
	}
	if len(o.GetBarriers()) > 0 {
		s.Barriers = o.GetBarriers()
	}
}
