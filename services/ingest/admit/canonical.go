package admit

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/waystage/waystage/services/journey"
)

// MaxDepth is how deep a message may nest, itself counted. Nothing that SDKs send comes near it,
// each level costs every later reader a stack frame, and the JSON readers behind us stop at a
// thousand (ClickHouse's input_format_json_max_depth) or at ten thousand levels (encoding/json).
const MaxDepth = 64

// object is a JSON object in canonical form, with its members found: names unique and in the
// order of their bytes.
type object struct {
	text    string
	members []member
}

// member lies at [name, value) and [value, end) of the text; a colon ends the first.
type member struct{ name, value, end int }

// canonical rewrites a JSON object: members sorted by name, of equal names the last, no white
// space, texts escaped no more than they must be, numbers as sent but for whole numbers that fit
// neither int64 nor uint64, which become the shortest text of their float64. Refusals:
// InvalidUTF8, MalformedJSON, WrongType, TooDeep, NumberOutOfRange.
func canonical(src []byte) (object, *Refusal) {
	if !utf8.Valid(src) {
		return object{}, refuse(InvalidUTF8, "the message is not UTF-8: encode its texts as UTF-8")
	}
	c := canonicalizer{scanner: scanner{src: src}, out: make([]byte, 0, len(src)+8)}
	c.space()
	if p := c.peek(); p != '{' {
		if !c.skip() || !c.end() {
			return object{}, c.malformed()
		}
		return object{}, refuse(WrongType, "want a JSON object, got %s", typeOf(string(p)))
	}
	if !c.object() || !c.end() {
		return object{}, cmp.Or(c.refusal, c.malformed())
	}
	return object{text: string(c.out), members: c.members}, nil
}

// canonicalizer copies a value from src to out, which it owns.
type canonicalizer struct {
	scanner
	out []byte
	// members is a stack: those of the objects that are being read.
	members []member
	// scratch holds the members of one object while they are put in order.
	scratch []byte
	depth   int
	// refusal is nil where the grammar was broken.
	refusal *Refusal
}

func (c *canonicalizer) malformed() *Refusal {
	return refuse(MalformedJSON, "not JSON at byte %d: send one JSON object as RFC 8259 has it",
		c.at)
}

func (c *canonicalizer) value() bool {
	switch c.peek() {
	case '{':
		return c.object()
	case '[':
		return c.array()
	case '"':
		return c.text()
	case 't', 'f', 'n':
		from := c.at
		ok := c.scalar()
		c.out = append(c.out, c.src[from:c.at]...)
		return ok
	default:
		return c.number()
	}
}

func (c *canonicalizer) enter() bool {
	c.depth++
	if c.depth > MaxDepth {
		c.refusal = refuse(TooDeep, "nested deeper than %d levels: send a flatter message", MaxDepth)
		return false
	}
	return true
}

func (c *canonicalizer) array() bool {
	if !c.enter() {
		return false
	}
	c.out = append(c.out, '[')
	ok := c.container('[', ']', func() bool {
		c.space()
		if !c.value() {
			return false
		}
		c.out = append(c.out, ',')
		return true
	})
	c.close(']')
	return ok
}

func (c *canonicalizer) object() bool {
	if !c.enter() {
		return false
	}
	c.out = append(c.out, '{')
	first, start := len(c.members), len(c.out)
	if !c.container('{', '}', c.member) {
		return false
	}
	c.settle(first, start)
	c.close('}')
	if c.depth > 0 {
		c.members = c.members[:first]
	}
	return true
}

func (c *canonicalizer) member() bool {
	c.space()
	m := member{name: len(c.out)}
	if !c.text() {
		return false
	}
	c.space()
	if !c.take(':') {
		return false
	}
	c.out = append(c.out, ':')
	c.space()
	m.value = len(c.out)
	if !c.value() {
		return false
	}
	m.end = len(c.out)
	c.members = append(c.members, m)
	c.out = append(c.out, ',')
	return true
}

// close puts the closer in the place of the comma behind the last item.
func (c *canonicalizer) close(closer byte) {
	c.depth--
	if last := len(c.out) - 1; c.out[last] == ',' {
		c.out[last] = closer
		return
	}
	c.out = append(c.out, closer)
}

// settle sorts the members from first on, which fill out from start on, and drops all but the
// last of equal names.
func (c *canonicalizer) settle(first, start int) {
	members := c.members[first:]
	if slices.IsSortedFunc(members, c.compareStrictly) {
		return
	}
	// Names at equal places keep their order of arrival: their offsets grow.
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(c.compareNames(a, b), cmp.Compare(a.name, b.name))
	})
	c.scratch = c.scratch[:0]
	kept := members[:0]
	for i, m := range members {
		if i+1 < len(members) && c.compareNames(m, members[i+1]) == 0 {
			continue
		}
		moved := start + len(c.scratch) - m.name
		c.scratch = append(append(c.scratch, c.out[m.name:m.end]...), ',')
		kept = append(kept, member{name: m.name + moved, value: m.value + moved, end: m.end + moved})
	}
	c.out = append(c.out[:start], c.scratch...)
	c.members = c.members[:first+len(kept)]
}

// compareStrictly never says that two are equal: equal names in a row are not in order.
func (c *canonicalizer) compareStrictly(a, b member) int {
	return cmp.Or(c.compareNames(a, b), -1)
}

func (c *canonicalizer) compareNames(a, b member) int {
	x, y := c.out[a.name+1:a.value-2], c.out[b.name+1:b.value-2]
	if bytes.IndexByte(x, '\\') < 0 && bytes.IndexByte(y, '\\') < 0 {
		return bytes.Compare(x, y)
	}
	return strings.Compare(unquote(string(c.out[a.name:a.value-1])),
		unquote(string(c.out[b.name:b.value-1])))
}

func (c *canonicalizer) text() bool {
	from := c.at
	escaped, ok := c.scanner.text()
	if !ok {
		return false
	}
	literal := c.src[from:c.at]
	if !escaped {
		c.out = append(c.out, literal...)
		return true
	}
	c.out = appendQuoted(c.out, []byte(unquote(string(literal))))
	return true
}

// certainBytes is a length up to which a literal without exponent is certainly in range: of a
// whole number for int64, of another for float64.
const (
	certainWholeBytes    = 18
	certainFractionBytes = 300
)

func (c *canonicalizer) number() bool {
	from := c.at
	if !c.scanner.number() {
		return false
	}
	literal := c.src[from:c.at]
	whole := !bytes.ContainsAny(literal, ".eE")
	exponent := bytes.ContainsAny(literal, "eE")
	if whole && (len(literal) <= certainWholeBytes || fits(string(literal))) ||
		!whole && !exponent && len(literal) <= certainFractionBytes {
		c.out = append(c.out, literal...)
		return true
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	if err != nil {
		c.refusal = refuse(NumberOutOfRange,
			"a number is larger than 64-bit floating point holds: send it as a text")
		return false
	}
	if whole {
		c.out = strconv.AppendFloat(c.out, f, 'g', -1, 64)
		return true
	}
	c.out = append(c.out, literal...)
	return true
}

func fits(literal string) bool {
	if _, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return true
	}
	_, err := strconv.ParseUint(literal, 10, 64)
	return err == nil
}

// literal is the value of a member by name, "" where it is absent or null.
func (o *object) literal(name string) string {
	i, ok := slices.BinarySearchFunc(o.members, name, func(m member, name string) int {
		return strings.Compare(o.name(m), name)
	})
	if !ok {
		return ""
	}
	if v := o.value(o.members[i]); v != "null" {
		return v
	}
	return ""
}

// name is the member's name, decoded.
func (o *object) name(m member) string { return unquote(o.text[m.name : m.value-1]) }

func (o *object) value(m member) string { return o.text[m.value:m.end] }

// overlay is base with the members of top, which win. Both are canonical.
func overlay(base, top journey.Object) journey.Object {
	if base == "" {
		return top
	}
	if top == "" {
		return base
	}
	merged := make([]byte, 0, len(base)+len(top))
	merged = append(append(merged, base[:len(base)-1]...), ',')
	o, refusal := canonical(append(merged, top[1:]...))
	if refusal != nil {
		return top
	}
	return journey.Object(o.text)
}
