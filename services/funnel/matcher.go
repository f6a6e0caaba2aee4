package funnel

import "math/bits"

// Matcher tells which steps the touchpoints of one person after the other may fill: conditions on
// the person are decided once per person. It allocates nothing per person or touchpoint, beyond
// what a comparison as text needs. Not safe for concurrent use.
type Matcher struct {
	program *Program
	// held are the outcomes of the tests of the person, by index of the test.
	held []bool
	// steps has the bit of every step whose conditions on the person hold.
	steps uint32
	// exclusions has the same of exclusions.
	exclusions uint8
	filter     verdict
	// person has what conditions on touchpoints look at: the groups.
	person PersonView
}

// Matcher makes a matcher, ready for persons of whom nothing is known.
func (p *Program) Matcher() *Matcher {
	m := &Matcher{program: p, held: make([]bool, len(p.tests))}
	m.Person(p.Nobody())
	return m
}

// Person turns to the next person. False if no touchpoint of the person can open an attempt:
// the person may be left out.
func (m *Matcher) Person(view PersonView) bool {
	m.person.Groups = view.Groups
	for _, i := range m.program.ofPerson {
		t := &m.program.tests[i]
		m.held[i] = t.Holds(t.ofPerson(&view))
	}
	m.steps = 0
	for k := range m.program.steps {
		if m.allHeld(m.program.steps[k].person) {
			m.steps |= 1 << k
		}
	}
	m.exclusions = 0
	for i := range m.program.exclusions {
		if m.allHeld(m.program.exclusions[i].person) {
			m.exclusions |= 1 << i
		}
	}
	m.filter = yes
	if f := m.program.filter; f != nil {
		m.filter = f.forecast(m)
	}
	opens := m.steps & 1
	if m.program.question.Order == Any {
		opens = m.steps
	}
	return m.filter != no && opens != 0
}

func (m *Matcher) allHeld(tests []int) bool {
	for _, i := range tests {
		if !m.held[i] {
			return false
		}
	}
	return true
}

// Steps are the steps that a touchpoint of the person may fill, of those whose targets it is (see
// Program.Targets). 0 if the filter hides it.
func (m *Matcher) Steps(targets uint32, view *TouchView) uint32 {
	targets &= m.steps
	if targets == 0 || !m.Sees(view) {
		return 0
	}
	for rest := targets & m.program.conditional; rest != 0; rest &= rest - 1 {
		k := bits.TrailingZeros32(rest)
		if !m.pass(m.program.steps[k].touch, view) {
			targets &^= 1 << k
		}
	}
	return targets
}

// Exclusions are the exclusions that a touchpoint of the person is, of those whose targets it is
// (see Program.ExclusionTargets). 0 if the filter hides it.
func (m *Matcher) Exclusions(targets uint8, view *TouchView) uint8 {
	targets &= m.exclusions
	if targets == 0 || !m.Sees(view) {
		return 0
	}
	for rest := targets; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros8(rest)
		if !m.pass(m.program.exclusions[i].touch, view) {
			targets &^= 1 << i
		}
	}
	return targets
}

// Sees tells whether the filter lets a touchpoint of the person be seen.
func (m *Matcher) Sees(view *TouchView) bool {
	return m.filter == yes || m.filter == open && m.program.filter.holds(m, view)
}

func (m *Matcher) pass(tests []int, view *TouchView) bool {
	for _, i := range tests {
		if !m.holds(i, view) {
			return false
		}
	}
	return true
}

func (m *Matcher) holds(test int, view *TouchView) bool {
	t := &m.program.tests[test]
	if t.subject.OfPerson() {
		return m.held[test]
	}
	return t.Holds(t.ofTouch(view, &m.person))
}
