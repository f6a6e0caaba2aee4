package journey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Object is the canonical text of a JSON object: keys sorted and unique, no white space, number
// literals as sent. Empty means no members.
type Object string

// Members decodes the object. Numbers are float64. Errors: the text is no JSON object.
func (o Object) Members() (map[string]any, error) {
	if o == "" {
		return map[string]any{}, nil
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(o), &m); err != nil {
		return nil, fmt.Errorf("decoding object of %d bytes: %w", len(o), err)
	}
	return m, nil
}

// Value finds a member by name. Missing if it is absent, null, or the text is no JSON object.
func (o Object) Value(name string) Value {
	if o == "" {
		return Value{}
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(o), &m); err != nil {
		return Value{}
	}
	return ParseValue(m[name])
}

// ValueKind is the kind of a value.
type ValueKind uint8

// The kinds. A null is missing. An array or object is Composite.
const (
	Missing ValueKind = iota
	Bool
	Number
	Text
	Composite
)

// Value is a property, a trait, or what a condition compares with. The zero Value is missing.
// Values are comparable with ==.
type Value struct {
	kind ValueKind
	num  float64
	text string
}

// TextValue is a text.
func TextValue(s string) Value { return Value{kind: Text, text: s} }

// NumberValue is a number. There is one zero: −0 is 0, as ClickHouse reads it.
func NumberValue(n float64) Value { return Value{kind: Number, num: n + 0} }

// BoolValue is a boolean.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// ParseValue reads a JSON literal. Missing if it is empty, null or no JSON.
func ParseValue(raw []byte) Value {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return Value{}
	}
	switch raw[0] {
	case 'n':
		return Value{}
	case 't', 'f':
		return BoolValue(raw[0] == 't')
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return Value{}
		}
		return TextValue(s)
	case '[', '{':
		return compositeValue(raw)
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return Value{}
	}
	return NumberValue(n)
}

// compositeValue gives arrays and objects that mean the same the same text: keys sorted, numbers
// as float64.
func compositeValue(raw []byte) Value {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return Value{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return Value{}
	}
	return Value{kind: Composite, text: separated(strings.TrimSuffix(text.String(), "\n"))}
}

// separated writes the line and paragraph separators, which package json escapes, as they are.
func separated(text string) string {
	if !strings.Contains(text, `\u202`) {
		return text
	}
	return separators.Replace(text)
}

// separators leaves an escaped backslash alone, whatever follows it.
var separators = strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029")

// Kind is the value's kind.
func (v Value) Kind() ValueKind { return v.kind }

// Number is the number; 0 for other kinds, 1 for true.
func (v Value) Number() float64 { return v.num }

// Text is the value as text: a number in its shortest decimal form without exponent, "true" or
// "false", an array or object as canonical JSON, "" if missing.
func (v Value) Text() string {
	switch v.kind {
	case Number:
		return strconv.FormatFloat(v.num, 'f', -1, 64)
	case Bool:
		return strconv.FormatBool(v.num != 0)
	default:
		return v.text
	}
}

// Equal compares by value where both are of one kind, else as text. Missing equals only Missing.
func (v Value) Equal(w Value) bool {
	if v.kind == Missing || w.kind == Missing {
		return v.kind == w.kind
	}
	if v.kind == w.kind {
		return v == w
	}
	return v.Text() == w.Text()
}
