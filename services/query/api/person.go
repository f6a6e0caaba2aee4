package api

import (
	"encoding/binary"
	"fmt"
	"slices"
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
	steps := len(q.Steps)
	if n := m.GetStep(); n < 1 || uint64(n) > uint64(steps) {
		r.bad("step", "is %d: give 1 to the number of steps, %d", n, steps)
	}
	r.enum("selection", m.GetSelection())
	s := funnel.Selection{Step: int(m.GetStep()), Part: parts[m.GetSelection()]}
	s.Bucket = r.bucket(m.GetBucket(), q)
	switch {
	case m.GetOther() && len(m.GetGroup()) > 0:
		r.bad("other", "is true beside group: give one of the two")
	case m.GetOther() && len(q.Breakdowns) == 0:
		r.bad("other", "is true of a question without a breakdown: give it one, or leave other out")
	case len(m.GetGroup()) > 0:
		s.Group = r.group(m.GetGroup(), q.Breakdowns)
	}
	return s
}

// bucket reads which bucket of the trend is meant: its number from 1, 0 where none is.
func (r *reader) bucket(m *timestamppb.Timestamp, q funnel.Question) int {
	if m == nil {
		return 0
	}
	at := r.instant("bucket", m)
	i := slices.IndexFunc(q.Buckets, at.Equal)
	switch {
	case r.said("bucket"):
	case q.Buckets == nil:
		r.bad("bucket", "is stated of a question without a trend: give the question a trend, or leave "+
			"it out")
	case i < 0:
		r.bad("bucket", "is no beginning of a bucket: give from_time of one of the answer's trend")
	}
	return i + 1
}

// group reads the values of a group, one per breakdown.
func (r *reader) group(
	values []*funnelv1.GroupValue, by []funnel.Breakdown,
) []funnel.GroupValue {
	if len(values) != len(by) {
		r.bad("group", "has %d values: give one per breakdown of the question, %d, or none",
			len(values), len(by))
		return nil
	}
	group := make([]funnel.GroupValue, len(values))
	for i, m := range values {
		field := fmt.Sprintf("group[%d]", i)
		group[i] = funnel.GroupValue{Value: m.GetValue(), Missing: m.GetMissing()}
		switch {
		case by[i].By == funnel.Persona && (m.GetMissing() || m.GetValue() == ""):
			r.bad(field, "must be the id of a persona; that of persons without one is %q",
				journey.Unassigned)
		case m.GetMissing() && m.GetValue() != "":
			r.bad(field, "is missing and %q: give one of the two", m.GetValue())
		}
	}
	return group
}

// place is where a list goes on: the instant that the first page was asked at, the version of the
// saved question that it asked, what both came to, and its last unit. The zero place is the
// beginning.
type place struct {
	asked    time.Time
	version  journey.QuestionVersion
	question [16]byte
	// after is the last person, afterUnit takes its place where the unit is none, afterNumber is the
	// number of its last attempt, from 0.
	after       journey.PersonID
	afterUnit   *string
	afterNumber int
}

const placeBytes = 8 + 4 + 16 + 4 + 1

// Kinds of units in a place.
const (
	personPlace = 'p'
	unitPlace   = 'u'
)

// parsePlace reads what bytes wrote.
func parsePlace(b []byte) (p place, ok bool) {
	if len(b) < placeBytes {
		return p, false
	}
	p.asked = time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC() //nolint:gosec // as written
	p.version = journey.QuestionVersion(binary.BigEndian.Uint32(b[8:]))
	copy(p.question[:], b[12:])
	p.afterNumber = int(binary.BigEndian.Uint32(b[28:]))
	switch rest := b[placeBytes:]; b[placeBytes-1] {
	case personPlace:
		if len(rest) != 8 {
			return p, false
		}
		p.after = journey.PersonID(binary.BigEndian.Uint64(rest))
	case unitPlace:
		p.afterUnit = new(string(rest))
	default:
		return p, false
	}
	return p, timestamppb.New(p.asked).IsValid()
}

func (p place) bytes() []byte {
	b := make([]byte, 0, placeBytes+8)
	b = binary.BigEndian.AppendUint64(b, uint64(p.asked.UnixMilli())) //nolint:gosec // read back so
	b = binary.BigEndian.AppendUint32(b, uint32(p.version))
	b = append(b, p.question[:]...)
	b = binary.BigEndian.AppendUint32(b, count(p.afterNumber))
	if p.afterUnit != nil {
		return append(append(b, unitPlace), *p.afterUnit...)
	}
	return binary.BigEndian.AppendUint64(append(b, personPlace), uint64(p.after))
}

// personPage reads size and place of a page, and collects what is wrong with them.
func personPage(m *funnelv1.ListFunnelPersonsRequest) (limit int, at place, v fault.Violations) {
	limit, b, err := readPage(m, maxPersons)
	v = fault.ViolationsOf(err)
	if b == nil {
		return limit, place{}, v
	}
	at, ok := parsePlace(b)
	if !ok {
		v.Add("page_token", noToken)
		return limit, place{}, v
	}
	return limit, at, v
}

// checkPlace refuses to go on where the question has become another one since the first page.
func (r *reader) checkPlace(at place, a asked) {
	if !at.asked.IsZero() && at.question != a.hash {
		r.bad("page_token", "the map has changed what is asked since the first page: begin again")
	}
	if at.asked.IsZero() || a.question.Unit.Kind == funnel.PersonUnit == (at.afterUnit == nil) {
		return
	}
	r.bad("page_token", noToken)
}

// nextPersons is the token of the next page, empty after the last one.
func nextPersons(m *funnelv1.ListFunnelPersonsRequest, a asked, list Persons) string {
	if !list.More || len(list.Persons) == 0 {
		return ""
	}
	last := list.Persons[len(list.Persons)-1]
	p := place{
		asked: a.now, version: a.version, question: a.hash, after: last.ID, afterNumber: last.Number,
	}
	if a.question.Unit.Kind != funnel.PersonUnit {
		p.after, p.afterUnit = 0, &last.Unit
	}
	return token{requestHash(m), p.bytes()}.String()
}

var outcomes = map[funnel.Outcome]funnelv1.Outcome{
	funnel.Converted: funnelv1.Outcome_OUTCOME_CONVERTED,
	funnel.InWindow:  funnelv1.Outcome_OUTCOME_IN_WINDOW,
	funnel.Lost:      funnelv1.Outcome_OUTCOME_LOST,
}

// personMessages are persons, or other units. groups is how many values the group of each has.
func personMessages(persons []Person, units bool, groups int) []*funnelv1.FunnelPerson {
	list := make([]*funnelv1.FunnelPerson, len(persons))
	for i, p := range persons {
		m := &funnelv1.FunnelPerson{
			Unit: p.Unit, Outcome: outcomes[p.Outcome], Group: valueMessages(p.Group[:groups]),
		}
		if !units {
			m.PersonId = p.ID.String()
			m.UserIds, m.AnonymousIds = texts(p.Users), texts(p.Visitors)
			m.Persona = string(p.Persona)
		}
		for _, at := range p.StepTimes {
			m.StepTimes = append(m.StepTimes, timestamppb.New(at))
		}
		for _, step := range p.FilledSteps {
			m.FilledSteps = append(m.FilledSteps, count(step+1))
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
