package answer

import (
	"slices"
	"sync"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/query/plan"
)

// unitSight is what a unit that is no person sees.
type unitSight struct {
	unit uint32
	sight
	// person has the values of the touchpoint's person; nil where no breakdown asks for them.
	person *funnel.Values
}

// setAside gives what a person did to their units. What belongs to none is not seen.
func (w *worker) setAside(view *funnel.PersonView) {
	var values *funnel.Values
	if w.asksPersons {
		v := w.counter.PersonValues(view)
		values = &v
	}
	for _, s := range w.sights {
		unit, has := w.program.UnitOf(w.viewAt(s.view), view)
		if !has || w.explaining != nil && unit != w.explaining.only.Unit {
			continue
		}
		number := w.units.number(unit)
		bucket := bucketOf(spread(number))
		w.aside[bucket] = append(w.aside[bucket], unitSight{number, s, values})
	}
}

// spread makes a uniform number of a small one: Fibonacci hashing (Knuth, vol. 3, 6.4).
func spread(n uint32) uint64 { return (uint64(n) + 1) * 0x9E3779B97F4A7C15 }

// byUnit evaluates the units of a bucket.
func (w *worker) byUnit(bucket int, all []*worker) {
	var sights []unitSight
	for _, from := range all {
		sights = append(sights, from.aside[bucket]...)
	}
	slices.SortFunc(sights, func(a, b unitSight) int {
		if a.unit != b.unit {
			return int(a.unit) - int(b.unit)
		}
		return w.comparePlaces(a.place, b.place)
	})
	for from := 0; from < len(sights) && !w.unsure && w.err == nil; {
		to := from + 1
		for to < len(sights) && sights[to].unit == sights[from].unit {
			// Different persons' touchpoints are never one.
			w.unsure = w.unsure || w.order != plan.Shown &&
				w.comparePlaces(sights[to-1].place, sights[to].place) == 0
			to++
		}
		w.countUnit(sights[from:to])
		from = to
	}
}

func (w *worker) countUnit(sights []unitSight) {
	if w.unsure {
		return
	}
	w.sights, w.persons = w.sights[:0], w.persons[:0]
	for i := range sights {
		w.sights = append(w.sights, sights[i].sight)
		if !sights[i].bare {
			w.persons = append(w.persons, sights[i].person)
		}
	}
	w.compose()
	w.course.Persons = w.persons
	w.count(result{unit: w.units.text(sights[0].unit)})
}

// interner numbers the values of units, from 0. It is safe for concurrent use.
type interner struct {
	mutex   sync.RWMutex
	numbers map[string]uint32
	texts   []string
}

func newInterner() *interner { return &interner{numbers: make(map[string]uint32)} }

func (n *interner) number(text string) uint32 {
	n.mutex.RLock()
	number, ok := n.numbers[text]
	n.mutex.RUnlock()
	if ok {
		return number
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if number, ok := n.numbers[text]; ok {
		return number
	}
	number = uint32(len(n.texts))
	n.numbers[text] = number
	n.texts = append(n.texts, text)
	return number
}

func (n *interner) text(number uint32) string {
	n.mutex.RLock()
	defer n.mutex.RUnlock()
	return n.texts[number]
}
