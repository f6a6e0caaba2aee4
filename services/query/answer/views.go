package answer

import (
	"encoding/binary"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// views are the distinct sets of values that a question sees of touchpoints. That of a base is
// followed by what it is as each of its repeats, in the order of the base's rules.
type views struct {
	program *funnel.Program
	repeats *repeats
	values  []plan.Value
	list    []funnel.TouchView
	// holds has a number for what the question holds of each view, -1 where one of its properties is
	// missing; nil where nothing is held.
	holds   []int32
	numbers map[string]int32
	seen    map[string]uint32
	key     []byte
	// bytes that they take, about.
	bytes int
}

// What a view takes beside its texts, and each value that it gives a breakdown.
const (
	viewBytes  = 400
	valueBytes = 40
)

func newViews(p *funnel.Program, r *repeats, values []plan.Value) *views {
	return &views{
		program: p, repeats: r, values: values,
		seen: make(map[string]uint32), numbers: make(map[string]int32),
	}
}

// of gives the view of each row of a block, whose values begin at a column. bases may be nil.
func (v *views) of(b *store.Block, first int, bases []uint32) []uint32 {
	numbers := make([]uint32, b.Rows)
	for row := range numbers {
		base := uint32(0)
		if bases != nil {
			base = bases[row]
		}
		numbers[row] = v.number(b, first, row, base)
	}
	return numbers
}

func (v *views) number(b *store.Block, first, row int, base uint32) uint32 {
	v.key = binary.AppendUvarint(v.key[:0], uint64(base))
	for i := range v.values {
		value := b.Bytes(first+i, row)
		v.key = binary.AppendUvarint(v.key, uint64(len(value)))
		v.key = append(v.key, value...)
	}
	n, ok := v.seen[string(v.key)]
	if !ok {
		n = uint32(len(v.list))
		v.seen[string(v.key)] = n
		v.bytes += 2 * len(v.key)
		v.add(newReading(b, v.values, first, row).view(v.program.Needs()), base)
	}
	return n
}

// add keeps a view, and what it is as each repeat of its base.
func (v *views) add(view funnel.TouchView, base uint32) {
	v.keep(view)
	if base == 0 {
		return
	}
	for _, number := range v.repeats.bases[base-1].rules {
		repeat := view
		a := v.repeats.rules[number].attribution(journey.Attribution{Channel: view.Channel})
		repeat.Touchpoint, repeat.Stage, repeat.Channel = a.Touchpoint, a.Stage, a.Channel
		v.keep(repeat)
	}
}

func (v *views) keep(view funnel.TouchView) {
	view.Values = v.program.TouchValues(&view)
	v.list = append(v.list, view)
	if len(v.program.Question().Hold) > 0 {
		v.holds = append(v.holds, v.hold(&view))
	}
	v.bytes += viewBytes
	for _, values := range view.Values {
		v.bytes += valueBytes * len(values)
	}
}

// hold numbers the values held.
func (v *views) hold(view *funnel.TouchView) int32 {
	key, has := v.program.Hold(view)
	if !has {
		return -1
	}
	n, ok := v.numbers[key]
	if !ok {
		n = int32(len(v.numbers))
		v.numbers[key] = n
		v.bytes += valueBytes + len(key)
	}
	return n
}

// reading are the values of one touchpoint as they came.
type reading struct {
	texts      map[plan.Source][]byte
	properties map[string][]byte
}

func newReading(b *store.Block, values []plan.Value, first, row int) *reading {
	return readingOf(values, func(i int) []byte { return b.Bytes(first+i, row) })
}

// readingOf are values that are asked for one after the other.
func readingOf(values []plan.Value, at func(int) []byte) *reading {
	r := &reading{texts: make(map[plan.Source][]byte), properties: make(map[string][]byte)}
	for i, v := range values {
		text := at(i)
		if v.Source != plan.Property && v.Source != plan.ExposureProperty {
			r.texts[v.Source] = text
		} else if len(text) > 0 {
			// One that is read of exposures alone may also be read of all.
			r.properties[v.Name] = text
		}
	}
	return r
}

func (r *reading) property(name string) journey.Value {
	return journey.ParseValue(r.properties[name])
}

func (r *reading) text(s plan.Source) string { return string(r.texts[s]) }

// view is what a question sees of the touchpoint.
func (r *reading) view(needs funnel.Needs) funnel.TouchView {
	view := funnel.TouchView{
		Event: r.text(plan.Event), Channel: journey.ChannelID(r.text(plan.Channel)),
		Stage:      journey.StageID(r.text(plan.Stage)),
		Touchpoint: journey.TouchpointID(r.text(plan.Touchpoint)),
		Client: journey.Client{
			Device: r.text(plan.Device), Browser: r.text(plan.Browser), OS: r.text(plan.OS),
		},
		Traffic: journey.Traffic(r.text(plan.Traffic)),
		Campaign: journey.Campaign{
			Name: r.text(plan.CampaignName), Source: r.text(plan.CampaignSource),
			Medium: r.text(plan.CampaignMedium),
		},
	}
	for _, name := range needs.Properties {
		view.Properties = append(view.Properties, r.property(name))
	}
	for _, name := range needs.Groups {
		view.Groups = append(view.Groups, r.group(name))
	}
	for _, name := range needs.Variants {
		view.Variants = append(view.Variants, funnel.StatedVariant(view.Event, r.property, name))
	}
	return view
}

// group is the group of a type that the touchpoint states.
func (r *reading) group(groupType string) journey.GroupID {
	return funnel.StatedGroup(&journey.Fact{
		Group:      journey.GroupID(r.text(plan.GroupID)),
		Properties: member("$groups", r.texts[plan.PropertyGroups]),
		Context:    member("groups", r.texts[plan.ContextGroups]),
	}, groupType)
}

// member is the object with one member, or none.
func member(name string, literal []byte) journey.Object {
	if len(literal) == 0 {
		return ""
	}
	return journey.Object(`{"` + name + `":` + string(literal) + `}`)
}
