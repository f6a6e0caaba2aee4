package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/services/internal/fault"
)

// noRequest begins what is said of a body that does not make its request. The generated gateway
// keeps nothing of an error but its text, so the field stands in it, quoted, for violation.
const noRequest = "the body is not the JSON of this method's request: "

// located finds where protojson met a mistake, and what it says of it.
var located = regexp.MustCompile(`^(?:syntax error )?\(line (\d+):(\d+)\): ((?s:.*))$`)

// told finds the field in the text of mistake, and what is wrong with it.
var told = regexp.MustCompile(
	`^` + noRequest + `line \d+:\d+: ("(?:[^"\\]|\\.)*"): ((?s:.*))$`)

// mistake says what protojson found wrong with the body of a request, in which field, and what to
// give there.
func mistake(body []byte, request protoreflect.MessageDescriptor, err error) error {
	text := shortened(plain(err))
	found := located.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("%s%s", noRequest, text)
	}
	s := search{
		JSON: json.NewDecoder(bytes.NewReader(body)), offset: offsetOf(body, found[1], found[2]),
	}
	s.JSON.UseNumber() // one too great for a float64 is no mistake of its own
	p, _ := s.value(place{message: request})
	if p.path == "" {
		return fmt.Errorf("%s%s", noRequest, text)
	}
	return fmt.Errorf("%sline %s:%s: %q: %s",
		noRequest, found[1], found[2], shortened(p.path), p.wrong(found[3]))
}

// violation is what the text of a mistake says of a field, none where it names none.
func violation(text string) fault.Violations {
	found := told.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	field, err := strconv.Unquote(found[1])
	if err != nil {
		return nil
	}
	return fault.Violations{{Field: field, Description: found[2]}}
}

// offsetOf is where a line and a column of it begin, numbers from 1; a column is a rune.
func offsetOf(body []byte, line, column string) int {
	offset := 0
	lines, _ := strconv.Atoi(line)
	for range lines - 1 {
		offset += bytes.IndexByte(body[offset:], '\n') + 1
	}
	columns, _ := strconv.Atoi(column)
	for range columns - 1 {
		_, size := utf8.DecodeRune(body[offset:])
		offset += size
	}
	return offset
}

// search looks for the place in a JSON text that an offset is at.
type search struct {
	JSON   *json.Decoder
	offset int
}

// next reads a token and says whether it is the one that the offset is at, or there is none.
func (s *search) next() (json.Token, bool) {
	token, err := s.JSON.Token()
	return token, err != nil || int(s.JSON.InputOffset()) > s.offset
}

// value reads a value whole, unless the offset is in it: then it says where.
func (s *search) value(p place) (place, bool) {
	token, here := s.next()
	if here {
		return p, true
	}
	switch token {
	case json.Delim('{'):
		return s.object(p)
	case json.Delim('['):
		return s.list(p)
	default:
		return place{}, false
	}
}

func (s *search) object(p place) (place, bool) {
	for {
		token, here := s.next()
		name, is := token.(string)
		switch {
		case is && here:
			return p.below(name), true
		case here:
			return p, true
		case !is:
			return place{}, false // the end
		}
		if found, ok := s.value(p.below(name)); ok {
			return found, true
		}
	}
}

func (s *search) list(p place) (place, bool) {
	for i := 0; s.JSON.More(); i++ {
		if found, ok := s.value(p.at(i)); ok {
			return found, true
		}
	}
	_, here := s.next()
	return p, here
}

// place is a place in the JSON of a message.
type place struct {
	// path leads there from the message, with the names that the description has for its fields.
	path string
	// of is the kind of message that the place is a field of, nil where none is known.
	of protoreflect.MessageDescriptor
	// field is the one that is there, nil where none is known.
	field protoreflect.FieldDescriptor
	// member says that the place is one of several that the field has.
	member bool
	// message is the kind of message there, nil where none is.
	message protoreflect.MessageDescriptor
}

// below is the place of a member of an object.
func (p place) below(name string) place {
	q := place{path: name, of: p.message}
	if q.of != nil {
		q.field = q.of.Fields().ByJSONName(name)
		if q.field == nil {
			q.field = q.of.Fields().ByTextName(name)
		}
	}
	if q.field != nil {
		q.path = string(q.field.Name())
	}
	if q.field != nil && !q.field.IsMap() {
		q.message = q.field.Message()
	}
	if p.path != "" {
		q.path = p.path + "." + q.path
	}
	return q
}

// at is the place of a member of a list.
func (p place) at(i int) place {
	p.path, p.member = fmt.Sprintf("%s[%d]", p.path, i), true
	return p
}

// given is how protojson begins to say what stands where something else must.
var given = regexp.MustCompile(
	`^(?:invalid value for \w+ field \S+: |invalid \S+ value |unexpected token )`)

// wrong makes of what protojson says of a place what is wrong there, and what to give.
func (p place) wrong(text string) string {
	switch {
	case p.field == nil && p.of != nil:
		return "unknown field; known are " + names(p.of.Fields())
	case p.field == nil:
		return text
	case strings.HasPrefix(text, "duplicate field "):
		return "is given twice: give it once"
	case strings.HasSuffix(text, " is already set"):
		return "is given beside another of " + names(p.field.ContainingOneof().Fields()) +
			": give one of them"
	}
	return given.ReplaceAllString(text, "is ") + ": give " + p.wanted()
}

// names are the names that JSON has for fields.
func names(fields protoreflect.FieldDescriptors) string {
	list := make([]string, fields.Len())
	for i := range list {
		list[i] = fields.Get(i).JSONName()
	}
	return strings.Join(list, ", ")
}

// wanted is what to give in a field.
func (p place) wanted() string {
	if !p.member && p.field.IsList() {
		return "a list"
	}
	switch p.field.Kind() {
	case protoreflect.EnumKind:
		return "one of " + strings.Join(valuesOf(p.field.Enum()), ", ")
	case protoreflect.StringKind:
		return "a text"
	case protoreflect.BytesKind:
		return "bytes in base64"
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "a number"
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return wantedMessage(p.field.Message().FullName())
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return "a whole number, 0 or more"
	default:
		return "a whole number"
	}
}

// valuesOf are the names of an enum's values but the unspecified one.
func valuesOf(enum protoreflect.EnumDescriptor) []string {
	var list []string
	for i := range enum.Values().Len() {
		if v := enum.Values().Get(i); v.Number() != 0 {
			list = append(list, string(v.Name()))
		}
	}
	return list
}

func wantedMessage(name protoreflect.FullName) string {
	switch name {
	case "google.protobuf.Timestamp":
		return `an instant as "2026-01-31T00:00:00Z"`
	case "google.protobuf.Duration":
		return `a length of time in seconds, as "90s"`
	case "google.protobuf.FieldMask":
		return `names of fields, as "a,b"`
	default:
		return "an object"
	}
}
