package funnel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What the reasons of a question may rest on: different values of one property after one step, and
// bytes of memory. A question that needs more is refused: see Tally.Err.
const (
	MaxReasonValues = 1000
	maxWitnessBytes = 128 << 20
)

// What a candidate takes beside the times at which it was met, and one of those, in bytes.
const (
	candidateBytes = 256
	meetingBytes   = 4
)

// witnesses bound what the reasons of a tally rest on.
type witnesses struct {
	bytes, most int
	// crowded are properties that have too many values; nothing more is kept of them.
	crowded map[string]bool
}

func newWitnesses() *witnesses {
	return &witnesses{most: maxWitnessBytes, crowded: make(map[string]bool)}
}

// merge takes over what is crowded in another part; memory is counted as it is merged.
func (w *witnesses) merge(o *witnesses) {
	if w != nil {
		maps.Copy(w.crowded, o.crowded)
	}
}

func (w *witnesses) err() error {
	switch {
	case w == nil:
		return nil
	case len(w.crowded) > 0:
		names := slices.Sorted(maps.Keys(w.crowded))
		return fmt.Errorf("reasons cannot be found in properties with more than %d values: "+
			"leave out %s", MaxReasonValues, strings.Join(names, ", "))
	case w.bytes > w.most:
		return errors.New("too much lies between the steps to look for reasons: " +
			"ask about a shorter range or window, fewer groups or fewer properties")
	default:
		return nil
	}
}

// account is what the units that got to a depth met after it.
type account struct {
	// lost are the times that the lost ones had, wentOn those that the others took.
	lost, wentOn spans
	met          map[Candidate]*meetings
	// values counts the different ones of each property.
	values map[string]int
}

// meetings are the times at which a candidate was met, by those lost and by those who went on.
type meetings struct{ lost, wentOn spans }

func newAccount() *account {
	return &account{met: make(map[Candidate]*meetings), values: make(map[string]int)}
}

// pass adds a passage.
func (t *totals) pass(s *shape, p *Passage) {
	w := s.witnesses
	if w.bytes > w.most {
		return
	}
	a := t.account(s, p.Depth)
	w.bytes += meetingBytes
	if p.Lost {
		a.lost.add(p.Length)
	} else {
		a.wentOn.add(p.Length)
	}
	for i := range p.Met {
		m := a.of(w, p.Met[i].Candidate)
		switch {
		case m == nil:
			continue
		case p.Lost:
			m.lost.add(p.Met[i].After)
		default:
			m.wentOn.add(p.Met[i].After)
		}
		w.bytes += meetingBytes
	}
}

func (t *totals) account(s *shape, depth int) *account {
	if t.accounts == nil {
		t.accounts = make([]*account, len(s.required))
	}
	if t.accounts[depth] == nil {
		t.accounts[depth] = newAccount()
	}
	return t.accounts[depth]
}

// of is the meetings of a candidate, nil if its property has too many values.
func (a *account) of(w *witnesses, c Candidate) *meetings {
	if m, ok := a.met[c]; ok {
		return m
	}
	if c.Kind == ByProperty {
		if a.values[c.Name]++; a.values[c.Name] > MaxReasonValues {
			w.crowded[c.Name] = true
		}
		if w.crowded[c.Name] {
			return nil
		}
	}
	m := &meetings{}
	a.met[c] = m
	w.bytes += candidateBytes
	return m
}

func (t *totals) mergeAccounts(s *shape, o *totals) {
	for depth, from := range o.accounts {
		if from == nil {
			continue
		}
		to := t.account(s, depth)
		to.lost.addAll(&from.lost)
		to.wentOn.addAll(&from.wentOn)
		s.witnesses.bytes += meetingBytes * (from.lost.count() + from.wentOn.count())
		for c, met := range from.met {
			if m := to.of(s.witnesses, c); m != nil {
				m.lost.addAll(&met.lost)
				m.wentOn.addAll(&met.wentOn)
				s.witnesses.bytes += meetingBytes * (met.lost.count() + met.wentOn.count())
			}
		}
	}
}
