package admit

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxDepth is how deep a message may nest, itself counted. Nothing that SDKs send comes near it,
// each level costs every later reader a stack frame, and the JSON readers behind us stop at a
// thousand (ClickHouse's input_format_json_max_depth) or at ten thousand levels (encoding/json).
const MaxDepth = 64

// canonical rewrites a JSON object: members sorted by name, of equal names the last, no white
// space, texts escaped no more than they must be, numbers as sent but for whole numbers that fit
// neither int64 nor uint64, which become the shortest text of their float64. Refusals:
// InvalidUTF8, MalformedJSON, WrongType, TooDeep, NumberOutOfRange.
func canonical(src []byte) (object, *Refusal) { return canonicalOf(src, false) }

// canonicalMessage is the canonical form of a message or an event: ids of its own that are whole
// numbers stay as sent, however large.
func canonicalMessage(src []byte) (object, *Refusal) { return canonicalOf(src, true) }

// idMembers are the ids of messages and of events.
var idMembers = map[string]bool{
	"messageId": true, "userId": true, "anonymousId": true, "previousId": true, "groupId": true,
	"userid": true, "anonymousid": true, "previousid": true, "groupid": true,
}

func canonicalOf(src []byte, ids bool) (object, *Refusal) {
	if !utf8.Valid(src) {
		return object{}, refuse(InvalidUTF8, "the message is not UTF-8: encode its texts as UTF-8")
	}
	c := canonicalizers.Get().(*canonicalizer)
	defer c.release()
	c.src, c.ids = src, ids
	c.space()
	if p := c.peek(); p != '{' {
		if !c.skip() || !c.end() {
			return object{}, c.malformed()
		}
		return object{}, refuse(WrongType, "want a JSON object, got %s", typeOf(string(p)))
	}
	root, ok := c.object()
	if !ok || !c.end() {
		return object{}, cmp.Or(c.refusal, c.malformed())
	}
	return c.written(root), nil
}

// canonicalizer reads a value whole, its objects' members sorted as each ends, and then writes it
// in one go.
type canonicalizer struct {
	scanner
	// items are those of the containers that were read, each container's together and behind those
	// of the containers inside it. open is a stack: the items of those that are being read.
	items, open []item
	// rewritten holds literals that are not as in src.
	rewritten []byte
	depth     int
	// ids tells that whole numbers of idMembers stay. name is that of the latest outermost member.
	ids  bool
	name []byte
	// refusal is nil where the grammar was broken.
	refusal *Refusal
}

// canonicalizers keep the room that reading takes.
var canonicalizers = sync.Pool{New: func() any { return new(canonicalizer) }}

// mostKeptItems and mostKeptBytes bound the room that is kept. That of the widest message is: who
// sends many of those makes a hundred times their bytes of garbage otherwise. An item takes two
// bytes at least, and slices grow to twice what they hold.
const (
	mostKeptItems = MaxMessageBytes
	mostKeptBytes = MaxMessageBytes
)

func (c *canonicalizer) release() {
	if cap(c.items) > mostKeptItems || cap(c.open) > mostKeptItems ||
		cap(c.rewritten) > mostKeptBytes {
		return
	}
	clear(c.items)
	clear(c.open)
	*c = canonicalizer{items: c.items[:0], open: c.open[:0], rewritten: c.rewritten[:0]}
	canonicalizers.Put(c)
}

// item is a member of an object or, without a name, an element of an array.
type item struct {
	// name is its canonical literal; prefix its first eight bytes inside the quotes, so that most
	// names are told apart by one comparison. escaped: the literal holds a backslash.
	name    []byte
	prefix  uint64
	escaped bool
	value   node
}

// node is a value: the literal of a scalar, or the place of a container's items.
type node struct {
	literal  []byte
	from, to int32
	kind     byte
}

func (c *canonicalizer) malformed() *Refusal {
	return refuse(MalformedJSON, "not JSON at byte %d: send one JSON object as RFC 8259 has it",
		c.at)
}

func (c *canonicalizer) value() (node, bool) {
	switch c.peek() {
	case '{':
		return c.object()
	case '[':
		return c.array()
	case '"':
		literal, _, ok := c.text()
		return node{literal: literal}, ok
	case 't', 'f', 'n':
		from := c.at
		ok := c.scalar()
		return node{literal: c.src[from:c.at]}, ok
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

func (c *canonicalizer) array() (node, bool) {
	return c.hold('[', ']', c.element, nil)
}

func (c *canonicalizer) element() bool {
	c.space()
	value, ok := c.value()
	c.open = append(c.open, item{value: value})
	return ok
}

func (c *canonicalizer) object() (node, bool) {
	return c.hold('{', '}', c.member, sorted)
}

func (c *canonicalizer) member() bool {
	c.space()
	name, escaped, ok := c.text()
	if !ok {
		return false
	}
	c.space()
	if !c.take(':') {
		return false
	}
	c.space()
	if c.depth == 1 {
		c.name = name
	}
	value, ok := c.value()
	c.open = append(c.open, item{
		name: name, prefix: prefixOf(name[1 : len(name)-1]), escaped: escaped, value: value,
	})
	return ok
}

// hold reads a container; settle orders what it holds.
func (c *canonicalizer) hold(
	opener, closer byte, read func() bool, settle func([]item) []item,
) (node, bool) {
	if !c.enter() {
		return node{}, false
	}
	first := len(c.open)
	if !c.container(opener, closer, read) {
		return node{}, false
	}
	c.depth--
	held := c.open[first:]
	if settle != nil {
		held = settle(held)
	}
	n := node{kind: opener, from: int32(len(c.items)), to: int32(len(c.items) + len(held))}
	c.items = append(c.items, held...)
	clear(c.open[first:])
	c.open = c.open[:first]
	return n, true
}

// prefixOf is the beginning of a name as a number that is in the order of bytes.
func prefixOf(name []byte) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64(name)
	}
	var p uint64
	for i := range name {
		p |= uint64(name[i]) << (56 - 8*i)
	}
	return p
}

// sorted puts members in the order of their names and drops all but the last of equal names.
func sorted(members []item) []item {
	const few = 24
	if len(members) > few {
		slices.SortStableFunc(members, func(a, b item) int { return compareNames(&a, &b) })
	} else {
		for i := 1; i < len(members); i++ {
			for j := i; j > 0 && compareNames(&members[j], &members[j-1]) < 0; j-- {
				members[j], members[j-1] = members[j-1], members[j]
			}
		}
	}
	kept := members[:0]
	for i := range members {
		if i+1 < len(members) && compareNames(&members[i], &members[i+1]) == 0 {
			continue
		}
		kept = append(kept, members[i])
	}
	return kept
}

func compareNames(a, b *item) int {
	switch {
	case a.escaped || b.escaped:
		return strings.Compare(unquote(string(a.name)), unquote(string(b.name)))
	case a.prefix != b.prefix:
		return cmp.Compare(a.prefix, b.prefix)
	default:
		return bytes.Compare(a.name[1:len(a.name)-1], b.name[1:len(b.name)-1])
	}
}

// written is the object, and where its members stand.
func (c *canonicalizer) written(root node) object {
	var text strings.Builder
	text.Grow(len(c.src) + len(c.rewritten))
	members := make([]member, 0, root.to-root.from)
	text.WriteByte('{')
	for i := range c.items[root.from:root.to] {
		if i > 0 {
			text.WriteByte(',')
		}
		it := &c.items[int(root.from)+i]
		m := member{name: text.Len()}
		text.Write(it.name)
		text.WriteByte(':')
		m.value = text.Len()
		c.write(&text, &it.value)
		m.end = text.Len()
		members = append(members, m)
	}
	text.WriteByte('}')
	return object{text: text.String(), members: members}
}

func (c *canonicalizer) write(text *strings.Builder, n *node) {
	if n.kind == 0 {
		text.Write(n.literal)
		return
	}
	text.WriteByte(n.kind)
	for i := n.from; i < n.to; i++ {
		it := &c.items[i]
		if i > n.from {
			text.WriteByte(',')
		}
		if it.name != nil {
			text.Write(it.name)
			text.WriteByte(':')
		}
		c.write(text, &it.value)
	}
	text.WriteByte(n.kind + 2) // the closer stands two behind its opener in ASCII
}

// text reads a text and gives its canonical literal.
func (c *canonicalizer) text() (literal []byte, escaped, ok bool) {
	from := c.at
	escaped, ok = c.scanner.text()
	if !ok || !escaped {
		return c.src[from:c.at], false, ok
	}
	literal = c.rewrite(func(room []byte) []byte {
		return appendQuoted(room, []byte(unquote(string(c.src[from:c.at]))))
	})
	return literal, bytes.IndexByte(literal, '\\') >= 0, true
}

// rewrite gives what write appends. What was given before stays where it is.
func (c *canonicalizer) rewrite(write func(room []byte) []byte) []byte {
	from := len(c.rewritten)
	c.rewritten = write(c.rewritten)
	return c.rewritten[from:len(c.rewritten):len(c.rewritten)]
}

// certainBytes is a length up to which a literal without exponent is certainly in range: of a
// whole number for int64, of another for float64.
const (
	certainWholeBytes    = 18
	certainFractionBytes = 300
)

func (c *canonicalizer) number() (node, bool) {
	from := c.at
	if !c.scanner.number() {
		return node{}, false
	}
	literal := c.src[from:c.at]
	whole := !bytes.ContainsAny(literal, ".eE")
	exponent := bytes.ContainsAny(literal, "eE")
	if whole && (len(literal) <= certainWholeBytes || fits(string(literal))) ||
		!whole && !exponent && len(literal) <= certainFractionBytes {
		return node{literal: literal}, true
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	if err != nil {
		c.refusal = refuse(NumberOutOfRange,
			"a number is larger than 64-bit floating point holds: send it as a text")
		return node{}, false
	}
	if whole && !c.isID() {
		literal = c.rewrite(func(room []byte) []byte {
			return strconv.AppendFloat(room, f, 'g', -1, 64)
		})
	}
	return node{literal: literal}, true
}

// isID tells whether the value that is read is an id of the message.
func (c *canonicalizer) isID() bool {
	return c.ids && c.depth == 1 && idMembers[unquote(string(c.name))]
}

func fits(literal string) bool {
	if _, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return true
	}
	_, err := strconv.ParseUint(literal, 10, 64)
	return err == nil
}
