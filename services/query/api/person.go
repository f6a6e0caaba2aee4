package api

import (
	"encoding/binary"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

var parts = map[funnelv1.PersonSelection]funnel.Part{
	funnelv1.PersonSelection_PERSON_SELECTION_UNSPECIFIED: funnel.Reached,
	funnelv1.PersonSelection_PERSON_SELECTION_REACHED:     funnel.Reached,
	funnelv1.PersonSelection_PERSON_SELECTION_LOST:        funnel.PartLost,
	funnelv1.PersonSelection_PERSON_SELECTION_IN_WINDOW:   funnel.PartInWindow,
	funnelv1.PersonSelection_PERSON_SELECTION_DROPPED:     funnel.Dropped,
}

// selection reads which number is meant.
func (r *reader) selection(
	m *funnelv1.ListFunnelPersonsRequest, q funnel.Question,
) funnel.Selection {
	steps := len(m.GetQuestion().GetSteps())
	if n := m.GetStep(); n < 1 || uint64(n) > uint64(steps) {
		r.bad("step", "is %d: give 1 to the number of steps, %d", n, steps)
	}
	r.enum("selection", m.GetSelection())
	s := funnel.Selection{Step: int(m.GetStep()), Part: parts[m.GetSelection()]}
	if len(m.GetGroup()) > 0 {
		s.Group = r.group(m.GetGroup(), q)
	}
	return s
}

func (r *reader) group(values []*funnelv1.GroupValue, q funnel.Question) *funnel.GroupValue {
	if !q.ByPersona || len(values) != 1 {
		r.bad("group", "must hold one value per breakdown of the question, or none")
		return nil
	}
	g := funnel.GroupValue{Value: values[0].GetValue(), Missing: values[0].GetMissing()}
	if g.Missing || g.Value == "" {
		r.bad("group[0]", "must be the id of a persona; that of persons without one is %q",
			journey.Unassigned)
	}
	return &g
}

// place is where a list of persons goes on: the instants that the first page settled, and its
// last person. The zero place is the beginning.
type place struct {
	asOf, from, to time.Time
	after          journey.PersonID
}

const placeBytes = 4 * 8

// parsePlace reads what bytes wrote.
func parsePlace(b []byte) (p place, ok bool) {
	if len(b) != placeBytes {
		return p, false
	}
	for i, at := range []*time.Time{&p.asOf, &p.from, &p.to} {
		*at = time.UnixMilli(int64(binary.BigEndian.Uint64(b[8*i:]))).UTC()
		if !timestamppb.New(*at).IsValid() {
			return p, false
		}
	}
	p.after = journey.PersonID(binary.BigEndian.Uint64(b[24:]))
	return p, p.from.Before(p.to)
}

func (p place) bytes() []byte {
	b := make([]byte, 0, placeBytes)
	for _, at := range []time.Time{p.asOf, p.from, p.to} {
		b = binary.BigEndian.AppendUint64(b, uint64(at.UnixMilli()))
	}
	return binary.BigEndian.AppendUint64(b, uint64(p.after))
}

// settle gives the question the instants that the first page settled.
func (p place) settle(q *funnel.Question) {
	if p != (place{}) {
		q.AsOf, q.From, q.To = p.asOf, p.from, p.to
	}
}

func (r *reader) personPage(m *funnelv1.ListFunnelPersonsRequest) (limit int, at place) {
	limit, b, err := readPage(m, maxPersons)
	r.invalid = append(r.invalid, fault.ViolationsOf(err)...)
	if b == nil {
		return limit, at
	}
	at, ok := parsePlace(b)
	if !ok {
		r.bad("page_token", noToken)
	}
	return limit, at
}

// nextPersons is the token of the next page, empty after the last one.
func nextPersons(
	m *funnelv1.ListFunnelPersonsRequest, q funnel.Question, list Persons,
) string {
	if !list.More || len(list.Persons) == 0 {
		return ""
	}
	p := place{
		asOf: q.AsOf, from: q.From, to: q.To, after: list.Persons[len(list.Persons)-1].ID,
	}
	return token{requestHash(m), p.bytes()}.String()
}

var outcomes = map[funnel.Outcome]funnelv1.Outcome{
	funnel.Converted: funnelv1.Outcome_OUTCOME_CONVERTED,
	funnel.InWindow:  funnelv1.Outcome_OUTCOME_IN_WINDOW,
	funnel.Lost:      funnelv1.Outcome_OUTCOME_LOST,
}

func personMessages(persons []Person) []*funnelv1.FunnelPerson {
	list := make([]*funnelv1.FunnelPerson, len(persons))
	for i, p := range persons {
		m := &funnelv1.FunnelPerson{
			PersonId:     p.ID.String(),
			UserIds:      texts(p.Users),
			AnonymousIds: texts(p.Visitors),
			Persona:      string(p.Persona),
			Outcome:      outcomes[p.Outcome],
		}
		for _, at := range p.StepTimes {
			m.StepTimes = append(m.StepTimes, timestamppb.New(at))
		}
		list[i] = m
	}
	return list
}

func texts[T ~string](ids []T) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}

// labelsOf are what the steps are called: by the asker, else by what fills them.
func labelsOf(steps []funnel.Step) []string {
	labels := make([]string, len(steps))
	for i, s := range steps {
		switch {
		case s.Label != "":
			labels[i] = s.Label
		case s.Target.Kind == funnel.AnyEvent:
			labels[i] = "any event"
		default:
			labels[i] = s.Target.Name
		}
	}
	return labels
}
