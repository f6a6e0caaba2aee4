package admit

import (
	"strings"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// fields reads the members of a message. The first one that is not as it must be stays as the
// refusal; what is read afterwards means nothing.
type fields struct {
	object
	refusal *Refusal
}

func (in *fields) refuse(r *Refusal) {
	if in.refusal == nil {
		in.refusal = r
	}
}

// id is an id as text: whole numbers count as texts. Empty where it is absent or no identity;
// booleans are none.
func (in *fields) id(field string) string {
	literal := in.literal(field)
	if literal == "" {
		return ""
	}
	id := literal
	switch c := literal[0]; {
	case c == '"':
		id = unquote(literal)
	case c == 't' || c == 'f' || literal == "-0":
		return ""
	case c == '{' || c == '[' || strings.ContainsAny(literal, ".eE"):
		in.refuse(wrongType(field, "a text or a whole number", literal))
		return ""
	}
	if !IsIdentity(id) {
		return ""
	}
	in.bounded(field, id, MaxIDBytes)
	return id
}

// bounded refuses a text that is too long or holds NUL.
func (in *fields) bounded(field, text string, limit int) {
	if len(text) > limit {
		in.refuse(refuse(TooLong, "field %q: %d bytes, more than %d: shorten it",
			field, len(text), limit))
	}
	if strings.IndexByte(text, 0) >= 0 {
		in.refuse(refuse(NULCharacter, "field %q holds the character U+0000: leave it out", field))
	}
}

// words is a text, empty where it is absent.
func (in *fields) words(field string) string { return in.textOf(field, in.literal(field)) }

// textOf is the text of a field's literal, empty where that is.
func (in *fields) textOf(field, literal string) string {
	if literal == "" || literal == "null" {
		return ""
	}
	if literal[0] != '"' {
		in.refuse(wrongType(field, "a text", literal))
		return ""
	}
	return unquote(literal)
}

// values is an object, empty where it is absent or has no members.
func (in *fields) values(field string) journey.Object {
	literal := in.literal(field)
	if literal == "" {
		return ""
	}
	if literal[0] != '{' {
		in.refuse(wrongType(field, "an object", literal))
		return ""
	}
	return members(literal)
}

func members(object string) journey.Object {
	if object == "{}" {
		return ""
	}
	return journey.Object(object)
}

// instant is a time, zero where it is absent or an empty text.
func (in *fields) instant(field string) time.Time {
	literal := in.literal(field)
	if literal == "" || literal == `""` {
		return time.Time{}
	}
	if literal[0] != '"' {
		in.refuse(wrongType(field, `a text such as "2026-01-31T12:30:00.000Z"`, literal))
		return time.Time{}
	}
	at, ok := parseInstant(unquote(literal))
	if !ok {
		in.refuse(refuse(BadTime,
			`field %q: not a time: write it such as "2026-01-31T12:30:00.000Z"`, field))
		return time.Time{}
	}
	if !inRange(at) {
		in.refuse(refuse(TimeOutOfRange,
			"field %q: the year is %d: state when it happened, from 1970 on", field, at.Year()))
		return time.Time{}
	}
	return at
}

// states tells whether a time is stated, readable or not.
func (in *fields) states(field string) bool {
	literal := in.literal(field)
	return literal != "" && literal != `""`
}

// within is an id inside the message's context, empty where it is absent, no identity, or none
// that the message could carry itself.
func (in *fields) within(context journey.Object, field string) string {
	if !strings.Contains(string(context), `"`+field+`"`) {
		return ""
	}
	o, refusal := canonical([]byte(context))
	if refusal != nil {
		return ""
	}
	inner := fields{object: o}
	if id := inner.id(field); inner.refusal == nil {
		return id
	}
	return ""
}
