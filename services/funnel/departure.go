package funnel

import (
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Leaving is what a unit did between the last step that it filled and the end: the deadline of
// its attempt, or the question's AsOf if that comes first. All of its touchpoints that the filter
// lets be seen count, whether or not they match a step.
type Leaving struct {
	Manner Manner
	// Last is the last touchpoint before the end, that of the step itself where nothing followed;
	// Next is the first after it, none for the silent.
	Last, Next Place
	// Channel is that of the latest touchpoint with one from the entry up to the step, empty where
	// none has one.
	Channel journey.ChannelID
	// Barriers met at the step's instant or after it, each once.
	Barriers []journey.TouchpointID

	// trace says the same by number; nil where a course by views was followed.
	trace *trace
}

// Manner is how a unit left.
type Manner uint8

// The manners. Silent: it did nothing any more. WentBack: its next touchpoint lay at an earlier
// stage than the step's. Diverted: it did something else.
const (
	Silent Manner = iota
	WentBack
	Diverted
)

// Place is what a touchpoint is called: by its id in the map and its stage, else by its event.
type Place struct {
	Touchpoint journey.TouchpointID
	Stage      journey.StageID
	Event      string
}

func placeOf(view *TouchView) Place {
	if view.Touchpoint == "" {
		return Place{Event: view.Event}
	}
	return Place{Touchpoint: view.Touchpoint, Stage: view.Stage}
}

// trail follows units after the last step that they filled.
type trail struct {
	// stages are the places of the newest map's stages, barriers its touchpoints that are some.
	stages   map[journey.StageID]int
	barriers map[journey.TouchpointID]bool

	// walked tells that these are of the course at hand: channels has, by touchpoint, the place of the
	// latest one up to it that has a channel, or -1; obstacles are the places of barriers.
	walked              bool
	channels, obstacles []int32
	// looked is how many obstacles the last leaving looked at.
	looked int
}

func newTrail(m *journey.Map) trail {
	t := trail{
		stages:   make(map[journey.StageID]int),
		barriers: make(map[journey.TouchpointID]bool),
	}
	if m == nil {
		return t
	}
	for i := range m.Stages {
		t.stages[m.Stages[i].ID] = i
	}
	for i := range m.Touchpoints {
		if m.Touchpoints[i].Barrier {
			t.barriers[m.Touchpoints[i].ID] = true
		}
	}
	return t
}

// goodbye is where a unit left: the place in the course of the touch that filled its last step, and
// the instants of its entry, of that step and of the end, inclusive.
type goodbye struct {
	step           int32
	entry, at, end int64
}

// leaving follows a unit.
func (t *trail) leaving(course *Course, from goodbye) *Leaving {
	t.walk(course)
	after := lowerBound(course.Touches, from.at+1)
	followed := course.Views[after:max(after, lowerBound(course.Touches, from.end+1))]
	step := course.Views[from.step]
	l := &Leaving{Last: placeOf(step)}
	if i := int(t.channels[after-1]); i >= lowerBound(course.Touches, from.entry) {
		l.Channel = course.Views[i].Channel
	}
	l.Barriers = t.met(course.Views, lowerBound(course.Touches, from.at), after+len(followed))
	if len(followed) == 0 {
		return l
	}
	l.Last, l.Next = placeOf(followed[len(followed)-1]), placeOf(followed[0])
	l.Manner = t.manner(step.Stage, followed[0].Stage)
	return l
}

// walk notes what every leaving of a course looks for.
func (t *trail) walk(course *Course) {
	if t.walked {
		return
	}
	t.walked, t.channels, t.obstacles = true, t.channels[:0], t.obstacles[:0]
	last := int32(-1)
	for i, v := range course.Views {
		if v.Channel != "" {
			last = int32(i)
		}
		t.channels = append(t.channels, last)
		if t.barriers[v.Touchpoint] {
			t.obstacles = append(t.obstacles, int32(i))
		}
	}
}

// met are the barriers between two places.
func (t *trail) met(views []*TouchView, from, to int) (met []journey.TouchpointID) {
	t.looked = 0
	first, _ := slices.BinarySearch(t.obstacles, int32(from))
	for _, i := range t.obstacles[first:] {
		if int(i) >= to || len(met) == len(t.barriers) {
			break
		}
		t.looked++
		if id := views[i].Touchpoint; !slices.Contains(met, id) {
			met = append(met, id)
		}
	}
	return met
}

func (t *trail) manner(from, to journey.StageID) Manner {
	i, known := t.stages[from]
	j, knownToo := t.stages[to]
	if known && knownToo && j < i {
		return WentBack
	}
	return Diverted
}
