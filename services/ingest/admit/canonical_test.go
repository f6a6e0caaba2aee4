package admit

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty", ` { } `, `{}`},
		{"sorted", `{"b":1,"a":{"d":[ ],"c":{ }}}`, `{"a":{"c":{},"d":[]},"b":1}`},
		{"white space", "{\t\"a\" :\r\n[ 1 , 2 ] }", `{"a":[1,2]}`},
		{"duplicates: the last", `{"a":1,"b":2,"a":{"x":1,"x":2}}`, `{"a":{"x":2},"b":2}`},
		{"duplicates in order", `{"a":1,"a":2}`, `{"a":2}`},
		{"duplicates by escape", `{"a":1,"\u0061":2}`, `{"a":2}`},
		{"order is that of decoded names", `{"z\"":1,"z!":2,"z#":3}`, `{"z!":2,"z\"":1,"z#":3}`},
		{"escapes undone", `{"a":"\u0041\/\u00e9\ud83d\ude00"}`, `{"a":"A/é😀"}`},
		{"escapes kept", `{"a":"\"\\\b\f\n\r\t\u0000\u001F"}`, `{"a":"\"\\\b\f\n\r\t\u0000\u001f"}`},
		{"lone surrogates", `{"a":"\ud800x\udc00\ud800\u0041"}`, "{\"a\":\"\uFFFDx\uFFFD\uFFFDA\"}"},
		{"literals", `{"a":[true,false,null]}`, `{"a":[true,false,null]}`},
		{"numbers as sent", `{"a":[1.50,-0,1E5,0.1e-7,1e-400]}`, `{"a":[1.50,-0,1E5,0.1e-7,1e-400]}`},
		{
			"whole numbers in range",
			`{"a":[9223372036854775807,-9223372036854775808,18446744073709551615]}`,
			`{"a":[9223372036854775807,-9223372036854775808,18446744073709551615]}`,
		},
		{
			"whole numbers out of range",
			`{"a":[18446744073709551616,-9223372036854775809,100000000000000000000]}`,
			`{"a":[1.8446744073709552e+19,-9.223372036854776e+18,1e+20]}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, refusal := canonical([]byte(tt.in))
			if refusal != nil {
				t.Fatal(refusal)
			}
			if diff := cmp.Diff(tt.want, got.text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     Reason
	}{
		{"nothing", ``, MalformedJSON},
		{"white space", ` `, MalformedJSON},
		{"a word", `yes`, MalformedJSON},
		{"cut", `{"a":`, MalformedJSON},
		{"cut in an escape", `{"a":"\u00`, MalformedJSON},
		{"cut behind a backslash", `{"a":"\`, MalformedJSON},
		{"two values", `{} {}`, MalformedJSON},
		{"trailing comma", `{"a":1,}`, MalformedJSON},
		{"trailing comma in an array", `{"a":[1,]}`, MalformedJSON},
		{"raw control character", "{\"a\":\"\n\"}", MalformedJSON},
		{"bad escape", `{"a":"\x"}`, MalformedJSON},
		{"bad hex", `{"a":"\u00g0"}`, MalformedJSON},
		{"leading zero", `{"a":01}`, MalformedJSON},
		{"bare minus", `{"a":-}`, MalformedJSON},
		{"no fraction", `{"a":1.}`, MalformedJSON},
		{"no exponent", `{"a":1e}`, MalformedJSON},
		{"NaN", `{"a":NaN}`, MalformedJSON},
		{"single quotes", `{'a':1}`, MalformedJSON},
		{"comment", `{"a":1/**/}`, MalformedJSON},
		{"byte order mark", "\uFEFF{}", MalformedJSON},
		{"array", `[]`, WrongType},
		{"text", `"a"`, WrongType},
		{"null", `null`, WrongType},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", InvalidUTF8},
		{"cut UTF-8", "{\"a\":\"\xc3\"}", InvalidUTF8},
		{"UTF-8 of a surrogate", "{\"a\":\"\xed\xa0\x80\"}", InvalidUTF8},
		{"overflow", `{"a":1e309}`, NumberOutOfRange},
		{"whole overflow", `{"a":` + strings.Repeat("9", 400) + `}`, NumberOutOfRange},
		{"fraction overflow", `{"a":` + strings.Repeat("9", 400) + `.5}`, NumberOutOfRange},
		{"65 levels", nest("[", "]", MaxDepth), TooDeep},
		{"65 levels of objects", nest(`{"a":`, "}", MaxDepth), TooDeep},
		{"10,000 levels", nest("[", "]", 10_000), TooDeep},
		{"10,000 levels not closed", `{"a":` + strings.Repeat("[", 10_000), TooDeep},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, refusal := canonical([]byte(tt.in))
			if refusal == nil || refusal.Reason != tt.want {
				t.Errorf("refusal %v, want %s", refusal, tt.want)
			}
		})
	}
	if _, refusal := canonical([]byte(nest("[", "]", MaxDepth-1))); refusal != nil {
		t.Errorf("%d levels: %v", MaxDepth, refusal)
	}
}

// nest is an object with that many levels below it.
func nest(opener, closer string, levels int) string {
	value := "1"
	if opener == "[" {
		value = ""
	}
	return `{"x":` + strings.Repeat(opener, levels) + value + strings.Repeat(closer, levels) + `}`
}

// TestCanonicalFormIsOne: texts that say the same have one form, whatever their order, spacing
// and escaping.
func TestCanonicalFormIsOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := drawObject(t, 3)
		first, refusal := canonical(appendVariant(t, nil, value))
		if refusal != nil {
			t.Fatal(refusal)
		}
		second, refusal := canonical(appendVariant(t, nil, value))
		if refusal != nil {
			t.Fatal(refusal)
		}
		if first.text != second.text {
			t.Fatalf("two forms of one object:\n%s\n%s", first.text, second.text)
		}
	})
}

func drawObject(t *rapid.T, depth int) map[string]any {
	n := rapid.IntRange(0, 5).Draw(t, "members")
	o := make(map[string]any, n)
	for range n {
		o[rapid.String().Draw(t, "name")] = drawValue(t, depth-1)
	}
	return o
}

func drawValue(t *rapid.T, depth int) any {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.String().Draw(t, "text")
	case 1:
		return json.Number(strconv.FormatInt(rapid.Int64().Draw(t, "whole"), 10))
	case 2:
		return rapid.Bool().Draw(t, "boolean")
	case 3:
		return nil
	case 4:
		return drawObject(t, depth)
	default:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "elements"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	}
}

// appendVariant writes a value in one of its many spellings.
func appendVariant(t *rapid.T, b []byte, value any) []byte {
	space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
	b = append(b, space...)
	switch v := value.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		names = rapid.Permutation(names).Draw(t, "order")
		b = append(b, '{')
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(appendText(t, b, name), space...), ':')
			b = appendVariant(t, b, v[name])
		}
		b = append(append(b, space...), '}')
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendVariant(t, b, element)
		}
		b = append(append(b, space...), ']')
	case string:
		b = appendText(t, b, v)
	default:
		literal, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, literal...)
	}
	return append(b, space...)
}

func appendText(t *rapid.T, b []byte, text string) []byte {
	if rapid.Bool().Draw(t, "escaped") {
		b = append(b, '"')
		for _, r := range text {
			b = append(b, escapedForm(r)...)
		}
		return append(b, '"')
	}
	return appendQuoted(b, []byte(text))
}

func escapedForm(r rune) string {
	hex := func(r rune) string { return `\u` + strconv.FormatInt(int64(r)+0x10000, 16)[1:] }
	if r >= 0x10000 {
		r -= 0x10000
		return hex(0xd800+r>>10) + hex(0xdc00+r&0x3ff)
	}
	return hex(r)
}

// TestRoomOfWidest: the room that the widest messages take is kept for the next one.
func TestRoomOfWidest(t *testing.T) {
	t.Parallel()
	for head, each := range map[string]string{`{"a":[1`: ",1", `{"a":1`: `,"":1`} {
		message := head + strings.Repeat(each, (MaxMessageBytes-len(head))/len(each)-1)
		if head[5] == '[' {
			message += "]"
		}
		c := &canonicalizer{scanner: scanner{src: []byte(message + "}")}}
		if _, ok := c.object(); !ok {
			t.Fatalf("not read: %s", head)
		}
		if cap(c.items) > mostKeptItems || cap(c.open) > mostKeptItems {
			t.Errorf("%s: room for %d and %d items", head, cap(c.items), cap(c.open))
		}
	}
}
