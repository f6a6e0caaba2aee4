package answer

import (
	"cmp"
	"slices"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// place is a touchpoint's block and row.
type place struct{ block, row int32 }

// sight is a touchpoint as its unit sees it: which steps it may fill, which exclusions it is, and
// its view.
type sight struct {
	place place
	at    int64
	steps uint32
	view  uint32
	// named are the steps of Scope.FirstTime whose target it is.
	named      uint32
	exclusions uint8
	// bare tells that it is there for sessions alone: no attempt sees it.
	bare bool
}

// sightBytes is what a touchpoint of a unit that is no person takes beside itself.
const sightBytes = 48

// seen finds what of a person is seen, and counts it, or sets it aside for its units.
func (w *worker) seen(person journey.PersonID, first int32) {
	view := w.viewOf(person, 0)
	opens := w.matcher.Person(view)
	opens = opens || w.units != nil || w.explaining != nil
	if !opens || !w.gatherPlaces(first) {
		return
	}
	w.see(person)
	if w.unsure || len(w.sights) == 0 {
		return
	}
	if w.units != nil {
		w.setAside(&view)
		return
	}
	w.countSights(person, &view)
}

// countSights counts a person by what was seen of them.
func (w *worker) countSights(person journey.PersonID, view *funnel.PersonView) {
	w.compose()
	if w.asksPersons {
		w.values = w.counter.PersonValues(view)
		w.course.Person = &w.values
	}
	w.count(result{person: person})
}

// gatherPlaces lists the person's touchpoints in shown order, as far as it is known. False if none
// can open an attempt.
func (w *worker) gatherPlaces(first int32) bool {
	w.places = w.places[:0]
	opens := w.units != nil || w.explaining != nil
	for i := first; i >= 0; i = w.strips[i].next {
		s := w.strips[i]
		b := &w.blocks[s.block]
		for row := s.from; row < s.to; row++ {
			opens = opens || b.names[row]&w.lens.openers != 0 || b.bases != nil && b.bases[row] != 0
			w.places = append(w.places, place{s.block, row})
		}
	}
	if opens {
		slices.SortFunc(w.places, w.comparePlaces)
	}
	return opens
}

// see lists what the question sees of the touchpoints at hand.
func (w *worker) see(person journey.PersonID) {
	w.sights, w.hasBegun = w.sights[:0], false
	w.atOnce.reset()
	for i, p := range w.places {
		if w.order != plan.NoOrder && i > 0 && w.comparePlaces(w.places[i-1], p) == 0 {
			// The same receipt stored twice, if all that orders them is known.
			w.unsure = w.unsure || w.order != plan.Shown && !w.alike(person, w.places[i-1], p)
			continue
		}
		s, base := w.sightOf(p)
		if base != 0 {
			s.become(w.repeatAt(person, base, s.at), w)
		}
		if s, seen := w.look(s); seen {
			w.sights = append(w.sights, s)
		}
	}
}

// become makes it the repeat that it is by a rule. nil: it stays what it is.
func (s *sight) become(rule *repeatRule, w *worker) {
	if rule != nil {
		s.steps = s.steps&w.byEvent | rule.steps
		s.exclusions = s.exclusions&w.lens.byEvent | rule.exclusions
		s.view += rule.variant
	}
}

// alike tells that it does not matter whether two touchpoints of one instant are one stored twice
// or two: they are the same to the question, and no matter how many.
func (w *worker) alike(person journey.PersonID, p, q place) bool {
	a, baseA := w.sightOf(p)
	b, baseB := w.sightOf(q)
	if w.lens.counts || a.steps != b.steps || a.exclusions != b.exclusions || a.view != b.view ||
		baseA != baseB {
		return false
	}
	if baseA == 0 {
		return true
	}
	w.begin(person)
	return !w.repeats.splits(w.begun, baseA, a.at)
}

// sightOf is a touchpoint as its row has it, with the base that it is.
func (w *worker) sightOf(p place) (s sight, base uint32) {
	b := &w.blocks[p.block]
	s = sight{place: p, at: b.at[p.row], steps: b.names[p.row]}
	if b.excluded != nil {
		s.exclusions = uint8(b.excluded[p.row])
	}
	if b.view != nil {
		s.view = b.view[p.row]
	}
	if b.bases != nil {
		base = b.bases[p.row]
	}
	return s, base
}

var noView funnel.TouchView

func (w *worker) viewAt(n uint32) *funnel.TouchView {
	if w.views == nil {
		return &noView
	}
	return &w.views.list[n]
}

// comparePlaces compares as touchpoints are shown, as far as that was read: by occurred, original
// and received, place in the batch and message id.
func (w *worker) comparePlaces(p, q place) int {
	a, b := &w.blocks[p.block], &w.blocks[q.block]
	if c := cmp.Compare(a.at[p.row], b.at[q.row]); c != 0 || w.order == plan.NoOrder {
		return c
	}
	c := cmp.Or(
		cmp.Compare(a.occurred[p.row], b.occurred[q.row]),
		cmp.Compare(a.original[p.row], b.original[q.row]),
		cmp.Compare(a.received[p.row], b.received[q.row]),
		cmp.Compare(a.index[p.row], b.index[q.row]),
	)
	if c != 0 || w.order != plan.Shown {
		return c
	}
	m := w.layout.Message
	return slices.Compare(a.messages.Bytes(m, int(p.row)), b.messages.Bytes(m, int(q.row)))
}
