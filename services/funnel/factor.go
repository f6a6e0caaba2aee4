package funnel

import "slices"

// factor is a breakdown, or two that read their values from the same touchpoint.
type factor struct {
	attribution Attribution
	step        int
	// breakdowns are indexes.
	breakdowns []int
}

// factorsOf are the factors of breakdowns, those first by which a unit is evaluated several times.
func factorsOf(breakdowns []Breakdown) []factor {
	var factors []factor
	for i, b := range breakdowns {
		f := factor{attribution: b.Attribution, step: b.Step, breakdowns: []int{i}}
		if n := len(factors) - 1; n >= 0 && factors[n].same(f) {
			factors[n].breakdowns = append(factors[n].breakdowns, i)
			continue
		}
		factors = append(factors, f)
	}
	slices.SortStableFunc(factors, func(a, b factor) int {
		return a.rank() - b.rank()
	})
	return factors
}

func (f factor) same(g factor) bool {
	return f.attribution == g.attribution && (f.attribution != StepTouch || f.step == g.step)
}

func (f factor) rank() int {
	switch f.attribution {
	case EveryTouch:
		return 0
	case StepTouch:
		return 1
	default:
		return 2
	}
}

// matches tells whether a touch may give the factor a value.
func (f *factor) matches(t Touch) bool {
	if f.attribution == StepTouch {
		return t.Steps>>f.step&1 != 0
	}
	return t.Steps != 0
}

// values are those of a touch for a breakdown.
func (c *Course) values(i, breakdown int) []GroupValue {
	if v := c.Views[i].Values[breakdown]; v != nil {
		return v
	}
	return c.person(i)[breakdown]
}

// person has the values of a touch's person.
func (c *Course) person(i int) *Values {
	if c.Persons != nil {
		return c.Persons[i]
	}
	return c.Person
}

// carries tells whether a touch has a factor's values of a key.
func (c *Course) carries(i int, f *factor, key Key) bool {
	for _, b := range f.breakdowns {
		if !slices.Contains(c.values(i, b), key[b]) {
			return false
		}
	}
	return true
}

// part is a factor's side of the groups of one unit.
type part struct {
	// keys have the factor's values, each once, in the order of the touches that gave them.
	keys []Key
	// index finds keys by value where there are many.
	index map[Key]int32
	// carried are, of EveryTouch, the touches that carry each key, as key and touch; sorted, by key;
	// ends is where each key's end.
	carried []carriage
	ends    []int
	// spans are, of StepTouch, the first and the last touch that carry each key.
	spans []touchSpan
}

type touchSpan struct{ first, last int32 }

type carriage struct{ key, touch int32 }

func (p *part) reset() {
	p.keys, p.carried, p.ends, p.spans = p.keys[:0], p.carried[:0], p.ends[:0], p.spans[:0]
	clear(p.index)
}

// fewKeys is the number up to which keys are found by looking at each.
const fewKeys = 16

// add gives the place of a key.
func (p *part) add(key Key) int32 {
	if len(p.keys) <= fewKeys {
		if i := slices.Index(p.keys, key); i >= 0 {
			return int32(i)
		}
	} else if i, ok := p.index[key]; ok {
		return i
	}
	p.keys = append(p.keys, key)
	switch n := len(p.keys); {
	case n == fewKeys+1:
		if p.index == nil {
			p.index = make(map[Key]int32)
		}
		for i, k := range p.keys {
			p.index[k] = int32(i)
		}
	case n > fewKeys:
		p.index[key] = int32(n - 1)
	}
	return int32(len(p.keys) - 1)
}

// addAll adds every combination of a touch's values and calls each with its place.
func (p *part) addAll(f *factor, values func(breakdown int) []GroupValue, each func(key int32)) {
	var key Key
	first := f.breakdowns[0]
	for _, v := range values(first) {
		key[first] = v
		if len(f.breakdowns) == 1 {
			each(p.add(key))
			continue
		}
		second := f.breakdowns[1]
		for _, w := range values(second) {
			key[second] = w
			each(p.add(key))
		}
	}
}

// carry notes that a touch carries a key.
func (p *part) carry(a Attribution, key, touch int32) {
	switch {
	case a == EveryTouch:
		p.carried = append(p.carried, carriage{key, touch})
	case int(key) == len(p.spans):
		p.spans = append(p.spans, touchSpan{touch, touch})
	default:
		p.spans[key].last = touch
	}
}

// of are the touches that carry a key.
func (p *part) of(key int) []carriage {
	from := 0
	if key > 0 {
		from = p.ends[key-1]
	}
	return p.carried[from:p.ends[key]]
}
