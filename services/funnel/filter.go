package funnel

// verdict is what is known of a filter once the person is.
type verdict uint8

// open: the touchpoint decides.
const (
	no verdict = iota
	open
	yes
)

// node is a compiled filter.
type node struct {
	join join
	of   []*node
	// test is the index of a leaf's test.
	test int
}

type join uint8

const (
	leaf join = iota
	joinAll
	joinAny
	joinNot
)

func (p *Program) node(f Filter) *node {
	switch f := f.(type) {
	case AllOf:
		return &node{join: joinAll, of: p.nodes(f)}
	case AnyOf:
		return &node{join: joinAny, of: p.nodes(f)}
	case Not:
		return &node{join: joinNot, of: []*node{p.node(f.Of)}}
	case Condition:
		return &node{test: p.bind(f)}
	default:
		return &node{join: joinAll}
	}
}

func (p *Program) nodes(fs []Filter) []*node {
	nodes := make([]*node, len(fs))
	for i, f := range fs {
		nodes[i] = p.node(f)
	}
	return nodes
}

// forecast is what the person alone decides.
func (n *node) forecast(m *Matcher) verdict {
	switch n.join {
	case joinNot:
		return yes - n.of[0].forecast(m)
	case leaf:
		switch {
		case !m.program.tests[n.test].subject.OfPerson():
			return open
		case m.held[n.test]:
			return yes
		default:
			return no
		}
	}
	least, most := yes, no
	for _, of := range n.of {
		v := of.forecast(m)
		least, most = min(least, v), max(most, v)
	}
	if n.join == joinAll {
		return least
	}
	return most
}

// holds is the outcome for one touchpoint of the person.
func (n *node) holds(m *Matcher, view *TouchView) bool {
	switch n.join {
	case joinNot:
		return !n.of[0].holds(m, view)
	case leaf:
		return m.holds(n.test, view)
	}
	for _, of := range n.of {
		if of.holds(m, view) != (n.join == joinAll) {
			return n.join != joinAll
		}
	}
	return n.join == joinAll
}
