package journey

func (r *mapReader) readStages(m *Map) {
	for i, entry := range r.stages.entries {
		m.Stages = append(m.Stages, entry.stage(r.stages.ids[i], r.stages.after(i)))
	}
}

// after is the id of the entry that follows; empty at the last.
func (d *declarations) after(i int) string {
	if i+1 < len(d.ids) {
		return d.ids[i+1]
	}
	return ""
}

func (o *object) stage(id, next string) Stage {
	return Stage{
		ID: StageID(id), Title: o.title(id),
		Task: o.text("task", maxTextLength), Goal: o.text("goal", maxTextLength),
		CustomerGoal:    o.text("customer_goal", maxTextLength),
		Activities:      o.activities(),
		BehindTheScenes: o.texts("behind_the_scenes"),
		Expectations:    o.expectations(),
		Barriers:        o.barriers(),
		Ideas:           o.texts("ideas"),
		Stimuli:         o.stimuli(next),
		Contact:         o.flag("contact"), Owner: o.owner(), Targets: o.targets(),
		Temperature: Temperature(o.word("temperature", &stageShape)),
		Score:       o.score(),
		KPIs:        references[KPIID](o, "kpis", MaxKPIs, &o.kpis),
	}
}

const sayTitle = "say in a few words what it is"

func (o *object) activities() []Activity {
	var all []Activity
	for _, entry := range o.entries("activities", maxListLength, &activityShape) {
		entry.require("title", sayTitle)
		all = append(all, Activity{
			Title:       entry.title(""),
			Touchpoints: references[TouchpointID](&entry, "touchpoints", maxReferences, &o.touchpoints),
		})
	}
	return all
}

func (o *object) expectations() Expectations {
	entry, ok := o.child("expectations", &expectationsShape)
	if !ok {
		return Expectations{}
	}
	return Expectations{
		Usual: entry.text("usual", maxTextLength), Best: entry.text("best", maxTextLength),
		Worst: entry.text("worst", maxTextLength), Surprise: entry.text("surprise", maxTextLength),
	}
}

func (o *object) barriers() []Barrier {
	var all []Barrier
	for _, entry := range o.entries("barriers", maxListLength, &barrierShape) {
		entry.require("title", sayTitle)
		all = append(all, Barrier{
			Title:      entry.title(""),
			Touchpoint: TouchpointID(entry.refer("touchpoint", &o.touchpoints)),
			Remedy:     entry.text("remedy", maxTextLength),
		})
	}
	return all
}

func (o *object) stimuli(next string) []Stimulus {
	var all []Stimulus
	for _, entry := range o.entries("stimuli", maxListLength, &stimulusShape) {
		entry.require("title", sayTitle)
		to := next
		if _, present := entry.members["to"]; present {
			to = entry.refer("to", &o.stages)
		}
		all = append(all, Stimulus{
			Title: entry.title(""), To: StageID(to), Contact: entry.flag("contact"),
		})
	}
	return all
}

func (o *object) owner() Owner {
	entry, ok := o.child("owner", &ownerShape)
	if !ok {
		return Owner{}
	}
	return Owner{
		Department: entry.text("department", maxTitleLength),
		Person:     entry.text("person", maxTitleLength),
	}
}

func (o *object) targets() Targets {
	entry, ok := o.child("targets", &targetsShape)
	if !ok {
		return Targets{}
	}
	t := Targets{
		Conversion: entry.number("conversion", &targetsShape),
		Experience: entry.number("experience", &targetsShape),
		KPIs:       entry.kpiTargets(),
	}
	if d, ok := entry.span("median_time"); ok {
		t.MedianTime = &d
	}
	return t
}

// kpiTargets reads the values of KPIs by id. nil if there are none.
func (o *object) kpiTargets() map[KPIID]float64 {
	var values map[KPIID]float64
	for _, p := range o.pairs("kpis", MaxKPIs) {
		if _, known := o.kpis.lines[p.key]; !known && !o.kpis.unread {
			o.add(p.keyAt, p.path, "unknown KPI %q%s", clipped(p.key), o.hint(p.key, o.kpis.order))
		}
		if n, ok := o.numberOf(p.member); ok {
			if values == nil {
				values = map[KPIID]float64{}
			}
			values[KPIID(p.key)] = n
		}
	}
	return values
}
