package answer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// listed is an attempt of a list, and whose it is.
type listed struct {
	person  journey.PersonID
	persona journey.PersonaID
	unit    string
	// number is that of the attempt among those of the unit that are listed, from 0.
	number  int
	attempt funnel.Found
}

func compareListed(a, b listed) int {
	return cmp.Or(cmp.Compare(a.person, b.person), strings.Compare(a.unit, b.unit),
		cmp.Compare(a.number, b.number))
}

// list counts what is listed and keeps one page of it, whatever comes first.
type list struct {
	// after is the last one before the page; none where the page is the first.
	after listed
	begun bool
	// most is how many are kept: one more than the page holds.
	most  int
	kept  []listed
	total int
}

func newList(u funnel.Unit, page api.Page) *list {
	l := &list{most: page.Limit + 1, after: listed{number: page.AfterNumber}}
	if u.Kind == funnel.PersonUnit {
		l.after.person, l.begun = page.After, page.After != 0
	} else if page.AfterUnit != nil {
		l.after.unit, l.begun = *page.AfterUnit, true
	}
	return l
}

// add takes an attempt, whose times it copies if it keeps it.
func (l *list) add(of listed) {
	l.total++
	if l.begun && compareListed(of, l.after) <= 0 {
		return
	}
	of.attempt.Times = slices.Clone(of.attempt.Times)
	if l.kept = append(l.kept, of); len(l.kept) >= 2*l.most {
		l.cut()
	}
}

// cut leaves the first ones, in their order.
func (l *list) cut() {
	slices.SortFunc(l.kept, compareListed)
	l.kept = l.kept[:min(l.most, len(l.kept))]
}

// page is what all lists hold of it together, in order. more tells whether others come after it.
func pageOf(all []*list) (page []listed, total int, more bool) {
	whole := list{most: all[0].most}
	for _, l := range all {
		whole.kept = append(whole.kept, l.kept...)
		total += l.total
	}
	whole.cut()
	more = len(whole.kept) == whole.most
	return whole.kept[:min(len(whole.kept), whole.most-1)], total, more
}
