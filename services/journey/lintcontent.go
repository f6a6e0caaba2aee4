package journey

import (
	"fmt"
	"maps"
	"slices"
)

// usualPersonas is how many practice advises at most.
const usualPersonas = 5

func (l *linter) lintPersonas() {
	if n := len(l.Personas); n > usualPersonas {
		l.add(LintWarning, at("personas", usualPersonas), "the map has %d personas; practice works "+
			"with no more than four or five: join those for whom nothing differs", n)
	}
	var earlier []*lintRule
	for i := range l.Personas {
		p := &l.Personas[i]
		path := at("personas", i)
		earlier = l.inTurn(newLintRule(string(p.ID), path, p.When, i), earlier)
		for j := range p.Stages {
			l.lintOverride(p, j, fmt.Sprintf("%s.stages[%d]", path, j))
		}
	}
}

func (l *linter) lintOverride(p *Persona, i int, path string) {
	o := &p.Stages[i]
	if p.Order != nil && !slices.Contains(p.Order, o.Stage) {
		l.add(LintWarning, path, "%q is not in the order of this persona, so what differs there is "+
			"not on its map; add the stage to order, or take this out", o.Stage)
	}
	s := l.stage(o.Stage)
	if equal(o.Targets.Conversion, s.Targets.Conversion) {
		l.sameTarget(path + ".targets.conversion")
	}
	if equal(o.Targets.Experience, s.Targets.Experience) {
		l.sameTarget(path + ".targets.experience")
	}
	if equal(o.Targets.MedianTime, s.Targets.MedianTime) {
		l.sameTarget(path + ".targets.median_time")
	}
	for _, id := range slices.Sorted(maps.Keys(o.Targets.KPIs)) {
		if own, there := s.Targets.KPIs[id]; there && own == o.Targets.KPIs[id] {
			l.sameTarget(path + ".targets.kpis." + string(id))
		}
	}
	first := l.Stages[0].ID
	if p.Order != nil {
		first = p.Order[0]
	}
	l.lintTargets(s, &o.Targets, first, path+".targets")
	l.lintBarriers(o.Barriers, path+".barriers")
}

func (l *linter) sameTarget(path string) {
	l.add(LintWarning, path, "the target equals the stage's own; take it out")
}

func equal[T comparable](a, b *T) bool { return a != nil && b != nil && *a == *b }

// stage finds one that the map has.
func (l *linter) stage(id StageID) *Stage {
	return &l.Stages[l.stageIndex(id)]
}

func (l *linter) stageIndex(id StageID) int {
	return slices.IndexFunc(l.Stages, func(s Stage) bool { return s.ID == id })
}

func (l *linter) lintStages() {
	for i := range l.Stages {
		s := &l.Stages[i]
		path := at("stages", i)
		l.lintReach(s, path)
		l.lintTargets(s, &s.Targets, l.Stages[0].ID, path+".targets")
		l.lintBarriers(s.Barriers, path+".barriers")
		for j, stimulus := range s.Stimuli {
			if to := l.stageIndex(stimulus.To); stimulus.To != "" && to <= i {
				l.add(LintWarning, fmt.Sprintf("%s.stimuli[%d]", path, j), "%q moves people to %q, which is "+
					"not after this stage; name a later one", stimulus.Title, stimulus.To)
			}
		}
	}
}

// lintReach looks at the touchpoints of a stage.
func (l *linter) lintReach(s *Stage, path string) {
	var some, leads, feedback bool
	for i := range l.Touchpoints {
		t := &l.Touchpoints[i]
		if t.Stage != s.ID {
			continue
		}
		some = true
		leads = leads || l.leads(t)
		feedback = feedback || t.Feedback != nil && l.leads(t)
	}
	switch {
	case !some:
		l.add(LintWarning, path, "no touchpoint stands at %q, so nobody ever reaches it; add one, or "+
			"take the stage out", s.ID)
	case !leads:
		l.add(LintWarning, path, "no live touchpoint leads to %q, so nobody ever reaches it; make one "+
			"live", s.ID)
	}
	switch {
	case feedback:
	case s.Targets.Experience != nil:
		l.add(LintWarning, path+".targets.experience", "no live touchpoint of %q carries feedback, so "+
			"the target can never be measured; give one `feedback`", s.ID)
	default:
		l.add(LintNote, path, "no live touchpoint of %q carries feedback, so the customer's experience "+
			"there cannot be measured; give one `feedback`", s.ID)
	}
}

func (l *linter) lintTargets(s *Stage, t *Targets, first StageID, path string) {
	if t.Conversion != nil && s.ID == first {
		l.add(LintWarning, path+".conversion", "%q is the first stage: there is no previous one to "+
			"convert from; take the target out", s.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(t.KPIs)) {
		at := path + ".kpis." + string(id)
		if !slices.Contains(s.KPIs, id) {
			l.add(LintWarning, at, "%q is not judged by the KPI %q; add it to kpis of the stage, or take "+
				"the target out", s.ID, id)
		}
		i := slices.IndexFunc(l.KPIs, func(k KPI) bool { return k.ID == id })
		if value := t.KPIs[id]; l.KPIs[i].outOfRange(value) {
			l.add(LintWarning, at, "the target %g is out of the range of a KPI that is a share, count "+
				"or time; correct it", value)
		}
	}
}

// outOfRange tells values that a KPI never has.
func (k *KPI) outOfRange(value float64) bool {
	share := k.Unit == "share" || k.Formula != nil && k.Formula.Function == Share
	counts := k.Formula != nil && (k.Formula.Function == Count || k.Formula.To != nil)
	return share && (value < 0 || value > 1) || counts && value < 0
}

func (l *linter) lintBarriers(barriers []Barrier, path string) {
	for i := range barriers {
		b := &barriers[i]
		place := at(path, i)
		if b.Remedy == "" {
			l.add(LintWarning, place, "the barrier %q has no remedy; say what is done about it", b.Title)
		}
		switch {
		case b.Touchpoint == "":
			l.add(LintNote, place, "no touchpoint marks the barrier %q, so nobody is counted who meets "+
				"it; name one", b.Title)
		case !l.touchpoint(b.Touchpoint).Barrier:
			l.add(LintWarning, place+".touchpoint", "the touchpoint %q is not marked as a barrier; give it "+
				"barrier: true", b.Touchpoint)
		}
	}
}

func (l *linter) lintTouchpoints() {
	explained := map[TouchpointID]bool{}
	note := func(barriers []Barrier) {
		for _, b := range barriers {
			explained[b.Touchpoint] = true
		}
	}
	for i := range l.Stages {
		note(l.Stages[i].Barriers)
	}
	for i := range l.Personas {
		for j := range l.Personas[i].Stages {
			note(l.Personas[i].Stages[j].Barriers)
		}
	}
	for i := range l.Touchpoints {
		t := &l.Touchpoints[i]
		path := at("touchpoints", i)
		if t.Due != "" && l.by.Today != "" && t.Due < l.by.Today {
			l.add(LintWarning, path+".due", "%q was due on %s; do it, or set another day", t.ID, t.Due)
		}
		if t.Status != Live && t.Due == "" {
			l.add(LintNote, path, "%q is %s, and no day is set; say until when by due", t.ID, t.Status)
		}
		if t.Barrier && !explained[t.ID] {
			l.add(LintNote, path+".barrier", "no stage has a barrier with the touchpoint %q; add one, "+
				"with its remedy", t.ID)
		}
	}
}

// lintNumbers looks at money and KPIs.
func (l *linter) lintNumbers() {
	if l.Money != nil && len(l.Money.Touchpoints) == 0 {
		l.add(LintWarning, "money", "no touchpoints are named whose amounts are income; add "+
			"touchpoints")
	}
	if l.Money != nil && l.Money.Currency == "" {
		l.add(LintNote, "money", "no currency is named; amounts that state none cannot be added to "+
			"others")
	}
	judged := map[KPIID]bool{}
	for i := range l.Stages {
		for _, id := range l.Stages[i].KPIs {
			judged[id] = true
		}
	}
	for i := range l.KPIs {
		if !judged[l.KPIs[i].ID] {
			l.add(LintNote, at("kpis", i), "no stage is judged by %q; add it to kpis of one", l.KPIs[i].ID)
		}
	}
	if l.Money != nil {
		for i, id := range l.Money.Refunds {
			if slices.Contains(l.Money.Touchpoints, id) {
				l.add(LintWarning, at("money.refunds", i), "%q is income too; keep it in one of the two", id)
			}
		}
	}
}
