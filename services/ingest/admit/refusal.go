package admit

import (
	"fmt"

	"github.com/waystage/waystage/services/journey"
)

// Reason is why a message was refused: a word of a closed set.
type Reason string

// The reasons.
const (
	// MalformedJSON: the bytes are no JSON.
	MalformedJSON Reason = "malformed_json"
	// InvalidUTF8: the bytes are no UTF-8.
	InvalidUTF8 Reason = "invalid_utf8"
	// TooLarge: more bytes than a message may have.
	TooLarge Reason = "too_large"
	// TooDeep: objects and arrays nested deeper than MaxDepth.
	TooDeep Reason = "too_deep"
	// NumberOutOfRange: a number that no float64 holds.
	NumberOutOfRange Reason = "number_out_of_range"
	// WrongType: a field, or the message, is of another JSON type than it must be.
	WrongType Reason = "wrong_type"
	// UnknownType: the message does not say what it is, or says something unknown.
	UnknownType Reason = "unknown_type"
	// MissingField: a field that this type of message needs is absent.
	MissingField Reason = "missing_field"
	// NoIdentity: neither a user id nor an anonymous id, or only such as are no identity.
	NoIdentity Reason = "no_identity"
	// TooLong: an id or event name longer than it may be.
	TooLong Reason = "too_long"
	// NULCharacter: an id or event name holds U+0000.
	NULCharacter Reason = "nul_character"
	// BadTime: a time that cannot be read.
	BadTime Reason = "bad_time"
	// TimeOutOfRange: a time before 1970, or further ahead than MaxAhead.
	TimeOutOfRange Reason = "time_out_of_range"
	// NoConsent: the site asks for its visitors' consent and the message does not state it.
	NoConsent Reason = "no_consent"
)

// Reasons are all reasons, in the order of this file.
func Reasons() []Reason {
	return []Reason{
		MalformedJSON, InvalidUTF8, TooLarge, TooDeep, NumberOutOfRange, WrongType, UnknownType,
		MissingField, NoIdentity, TooLong, NULCharacter, BadTime, TimeOutOfRange,
		NoConsent,
	}
}

// Refusal says why a message, or a whole body, may not enter.
type Refusal struct {
	Reason Reason
	// Detail says what is wrong and what to do. It repeats nothing that the sender wrote but
	// names of types and times.
	Detail string
	// Message is the sender's id of the message, empty where none could be read.
	Message journey.MessageID
}

// Error is the reason and the detail.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

func wrongType(field, want, literal string) *Refusal {
	return refuse(WrongType, "field %q: want %s, got %s", field, want, typeOf(literal))
}

// typeOf names the JSON type of a literal.
func typeOf(literal string) string {
	if literal == "" {
		return "nothing"
	}
	switch literal[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}
