package funnel

// What one unit may cost: maxWork is how many touches, values of touches and assignments may be
// looked at, maxCarried how many values are kept. askEvery is the work between two questions
// whether to go on.
const (
	maxWork    = 1 << 30
	maxCarried = 1 << 27
	askEvery   = 1 << 16
)

// tryWork is what a touch costs that an attempt looks at, as against one that is only copied.
const tryWork = 8

// meter accounts for the work that a unit takes.
type meter struct {
	// work is what was done for the unit, most what may be, asked what was done when Interrupt was
	// asked last.
	work, most, asked int
	interrupt         func() error
	// err ends the work on the unit.
	err error
}

// begin turns to the next unit.
func (m *meter) begin() { m.work, m.asked, m.err = 0, 0, nil }

// spend accounts for work. False if there must be no more.
func (m *meter) spend(work int) bool {
	m.work += work
	if m.err == nil && m.work > m.most {
		m.err = ErrTooBig
	}
	if m.err == nil && m.work-m.asked >= askEvery {
		m.ask()
	}
	return m.err == nil
}

// ask asks whether to go on.
func (m *meter) ask() {
	m.asked = m.work
	if m.interrupt != nil {
		m.err = m.interrupt()
	}
}
