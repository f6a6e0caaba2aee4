package journey

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

func (r *mapReader) readKPIs(m *Map) {
	for i, entry := range r.kpis.entries {
		id := r.kpis.ids[i]
		m.KPIs = append(m.KPIs, KPI{
			ID: KPIID(id), Title: entry.title(id), Unit: entry.text("unit", maxTitleLength),
			Formula: entry.formula(), Series: entry.series(),
		})
	}
}

// formulas are the shapes of the functions of KPIs.
var formulas = map[KPIFunction]*shape{
	Count: &countShape, Share: &shareShape, Sum: &sumShape, Mean: &meanShape,
	Percentile: &percentileShape,
}

// formula reads the function of a KPI. nil if there is none.
func (o *object) formula() *Formula {
	for _, name := range kpiShape.one {
		s, ok := formulas[KPIFunction(name)]
		if !ok {
			continue
		}
		if entry, ok := o.child(name, s); ok {
			return entry.formulaOf(KPIFunction(name), s)
		}
	}
	return nil
}

func (o *object) formulaOf(function KPIFunction, s *shape) *Formula {
	for _, f := range s.fields {
		if f.required {
			o.require(f.name, requiredOfFormula[f.name])
		}
	}
	f := &Formula{
		Function: function, Among: o.subject("among"), To: o.subject("to"),
		Property: o.text("property", maxTitleLength), Persons: o.flag("persons"),
	}
	if of := o.subject("of"); of != nil {
		f.Of = *of
	}
	if function == Percentile {
		if p := o.number("p", s); p != nil {
			f.Percentile = *p
		}
	}
	return f
}

var requiredOfFormula = map[string]string{
	"of":       "say of which touchpoints, as in: {touchpoint: order}",
	"among":    "say as a share of which touchpoints, as in: {stage: purchase}",
	"property": "name the property whose values are taken",
	"p":        "say which percentile, above 0 and below 100",
}

// subject reads which touchpoints are meant. nil if absent.
func (o *object) subject(name string) *KPISubject {
	entry, ok := o.child(name, &subjectShape)
	if !ok {
		return nil
	}
	_, when := entry.condition(touchpointLanguage())
	s := &KPISubject{
		Touchpoint: TouchpointID(entry.refer("touchpoint", &o.touchpoints)),
		Stage:      StageID(entry.refer("stage", &o.stages)),
		When:       when,
	}
	if m, present := entry.members["event"]; present {
		s.Event, _ = o.textOf(m)
	}
	return s
}

func (o *object) series() *Series {
	entry, ok := o.child("series", &seriesShape)
	if !ok {
		return nil
	}
	entry.require("points", `list values by day, as in: {"2026-01-01": 0.04}`)
	s := &Series{Source: entry.text("source", maxTitleLength)}
	pairs := entry.pairs("points", MaxPoints)
	if m, present := entry.members["points"]; present && len(pairs) == 0 {
		entry.addIfMapping(m, "there are no values; add one")
	}
	for _, p := range pairs {
		if !isDay(p.key) {
			o.add(p.keyAt, p.path, "%q is no day; write it as YYYY-MM-DD, as in 2027-03-31",
				clipped(p.key))
		}
		n, _ := o.numberOf(p.member)
		s.Points = append(s.Points, Point{Date: p.key, Value: n})
	}
	slices.SortFunc(s.Points, func(a, b Point) int { return strings.Compare(a.Date, b.Date) })
	return s
}

func (o *object) addIfMapping(m member, message string) {
	if _, is := mappingOf(m.value); is {
		o.add(m.at, m.path, "%s", message)
	}
}

// pair is a member of a mapping whose names are not fixed.
type pair struct {
	member

	key   string
	keyAt place
}

// pairs reads a mapping of any distinct names, at most so many.
func (o *object) pairs(name string, most int) []pair {
	m, present := o.members[name]
	if !present {
		return nil
	}
	values, ok := mappingOf(m.value)
	if !ok {
		o.add(m.at, m.path, "this is %s; it must be a mapping", kindOf(m.value))
		return nil
	}
	if len(values) > most {
		at := placeOf(values[most].Key)
		o.add(at, m.path, "more than %d members; take out what is least needed", most)
		values = values[:most]
	}
	return o.distinct(m.path, values)
}

func (o *object) distinct(path string, values []*ast.MappingValueNode) []pair {
	lines := map[string]int{}
	var pairs []pair
	for _, v := range values {
		key := v.Key.GetToken().Value
		p := pair{key: key, keyAt: placeOf(v.Key)}
		p.member = member{at: placeOf(v.Value), path: joined(path, key), value: v.Value}
		if _, null := v.Value.(*ast.NullNode); null {
			p.at = p.keyAt
		}
		if line, repeated := lines[key]; repeated {
			o.add(p.keyAt, p.path, "given a second time; the first is on line %d: keep one", line)
			continue
		}
		lines[key] = p.keyAt.line
		o.places[p.path] = p.keyAt
		pairs = append(pairs, p)
	}
	return pairs
}
