package admit

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

// FuzzAdmit: any bytes give a fact that keeps what journey.Fact promises, or a refusal of the
// closed set that says something.
func FuzzAdmit(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"type":"alias","userId":"u","previousId":1,"context":{"groupId":"g"}}`))
	f.Add([]byte(`{"type":"page","anonymousId":"v","name":"n",` +
		`"originalTimestamp":"2020-01-01 00:00:00 +0100"}`))
	reasons := map[Reason]bool{}
	for _, r := range Reasons() {
		reasons[r] = true
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, kind := range []journey.Kind{journey.KindUnknown, journey.Page} {
			env := single(kind)
			env.Context = `{"library":{"name":"x"}}`
			fact, refusal := rules.Admit(&env, 1, message)
			if refusal != nil {
				if !reasons[refusal.Reason] || refusal.Detail == "" {
					t.Fatalf("refusal %+v", refusal)
				}
				continue
			}
			checkFact(t, &fact)
		}
	})
}

func checkFact(t *testing.T, f *journey.Fact) {
	t.Helper()
	if f.User == "" && f.Visitor == "" || f.Message == "" || f.Kind == journey.KindUnknown {
		t.Fatalf("lacks what a fact has: %+v", f)
	}
	if f.Kind.IsTouchpoint() != (f.Event != "") {
		t.Fatalf("event %q of a %s", f.Event, f.Kind)
	}
	if f.OccurredAt.Before(time.Unix(0, 0)) || f.OccurredAt.After(f.ReceivedAt.Add(MaxAhead)) {
		t.Fatalf("occurred at %s", f.OccurredAt)
	}
	for _, o := range []journey.Object{f.Properties, f.Traits, f.Context} {
		if o == "" {
			continue
		}
		again, refusal := canonical([]byte(o))
		if refusal != nil || again.text != string(o) || o == "{}" || !json.Valid([]byte(o)) {
			t.Fatalf("not canonical: %q", o)
		}
	}
}

// FuzzScanner holds the grammar against that of encoding/json.
func FuzzScanner(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s := scanner{src: src}
		ok := s.skip() && s.end()
		if s.at > len(src) {
			t.Fatalf("at %d of %d", s.at, len(src))
		}
		if len(src) < 10_000 && ok != json.Valid(src) {
			t.Fatalf("valid: %t, encoding/json says %t", ok, json.Valid(src))
		}
	})
}

// FuzzCanonical: the canonical form is JSON, its own canonical form, and says what the source
// said as encoding/json understands it.
func FuzzCanonical(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		o, refusal := canonical(src)
		if refusal != nil {
			checkRefusal(t, src, refusal)
			return
		}
		if !json.Valid([]byte(o.text)) || !utf8.ValidString(o.text) {
			t.Fatalf("not JSON: %q", o.text)
		}
		again, refusal := canonical([]byte(o.text))
		if refusal != nil || again.text != o.text {
			t.Fatalf("no fixpoint: %q, then %q (%v)", o.text, again.text, refusal)
		}
		if diff := cmp.Diff(decode(t, src), decode(t, []byte(o.text))); diff != "" {
			t.Fatalf("says something else (-source +canonical):\n%s", diff)
		}
		for i := range o.members {
			if i > 0 && o.name(o.members[i-1]) >= o.name(o.members[i]) {
				t.Fatalf("members out of order: %q", o.text)
			}
		}
	})
}

func checkRefusal(t *testing.T, src []byte, refusal *Refusal) {
	t.Helper()
	valid := json.Valid(src)
	switch refusal.Reason {
	case MalformedJSON:
		if valid {
			t.Fatalf("refused as %v, encoding/json takes it", refusal)
		}
	case InvalidUTF8:
		if utf8.Valid(src) {
			t.Fatalf("refused as %v, it is UTF-8", refusal)
		}
	case WrongType:
		if !valid || bytes.TrimLeft(src, " \t\r\n")[0] == '{' {
			t.Fatalf("refused as %v", refusal)
		}
	case TooDeep, NumberOutOfRange:
	default:
		t.Fatalf("refused as %v", refusal)
	}
}

// decode gives numbers as float64 and keeps what else encoding/json makes of the text.
func decode(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", text, err)
	}
	if f, ok := v.(float64); ok && math.IsInf(f, 0) {
		t.Fatalf("infinite: %q", text)
	}
	return v
}

var seeds = []string{
	`{"type":"track","event":"a","userId":"u","timestamp":"2026-01-02T03:04:05.678Z"}`,
	`{"b":{"d":1,"c":[1,2.50,-3e5,18446744073709551616]},"a":"\ud83d\ude00\ud800\u0000\/"}`,
	`{"a":1,"a":2,"\u0061":3}`, `{"a":1e309}`, `[[[[]]]]`, `"\u12`, "{\"a\":\"\xff\"}", `{"":{}}`,
	` {"user\"":1,"userId":2} `, `null`, `-0.0e-0`, `{"a":[[],{},[{}]]}`,
}
