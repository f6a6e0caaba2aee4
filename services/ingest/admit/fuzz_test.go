package admit

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

// FuzzAdmit: any bytes under any settings give a fact that keeps what journey.Fact promises and
// holds nothing that the settings keep out, or a refusal of the closed set that says something.
func FuzzAdmit(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed), uint8(0), "", "")
	}
	for _, body := range bodies(f) {
		f.Add(body, uint8(1), "traits.email\nplan\npage.url", "")
	}
	f.Add([]byte(`{"type":"alias","userId":"u","previousId":1,"context":{"groupId":"g"}}`),
		uint8(0), "a", "context.groupId=g")
	f.Add([]byte(`{"type":"page","anonymousId":"v","name":"n",`+
		`"originalTimestamp":"2020-01-01 00:00:00 +0100"}`), uint8(2), "name\nlibrary.name", "")
	f.Add([]byte(`{"type":"track","event":"e","userId":"u","messageId":"m","context":{"ip":"::1"},`+
		`"properties":{"a":[{"b":1,"b.c":2}],"a.b":{"c":1}},"ok":true}`), uint8(0), "a.b.c\na.b", "ok")
	f.Fuzz(func(t *testing.T, message []byte, handling uint8, deny, consent string) {
		settings := journey.Privacy{
			IP: journey.IPHandling(handling % 3), Denied: strings.Split(deny, "\n"), Consent: consent,
		}
		for _, kind := range []journey.Kind{journey.KindUnknown, journey.Page} {
			env := single(kind)
			env.Context = `{"library":{"name":"x"}}`
			env.Privacy = NewPrivacy(settings)
			env.Address, env.UserAgent = netip.MustParseAddr("2001:db8:1:2::3"), "agent\xff"
			fact, refusal := rules.Admit(&env, 1, message)
			again, refusalAgain := rules.Admit(&env, 1, message)
			if diff := cmp.Diff(fact, again); diff != "" || !cmp.Equal(refusal, refusalAgain) {
				t.Fatalf("another answer the second time: %v, %v, facts\n%s",
					refusal, refusalAgain, diff)
			}
			if refusal != nil {
				checkReason(t, refusal)
				checkKept(t, &settings, env.Kept(1, message))
				continue
			}
			checkFact(t, &fact)
			checkPrivate(t, &settings, &fact)
			checkAgain(t, &env, message, &fact)
		}
	})
}

// bodies are those in testdata, and the messages of those that are batches.
func bodies(f *testing.F) [][]byte {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	var all [][]byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, text)
		if b, refusal := Batch(text); refusal == nil {
			all = append(all, b.Messages...)
		}
	}
	return all
}

func checkReason(t *testing.T, refusal *Refusal) {
	t.Helper()
	if !slices.Contains(Reasons(), refusal.Reason) || refusal.Detail == "" {
		t.Fatalf("refusal %+v", refusal)
	}
}

// checkPrivate looks for what the settings keep out.
func checkPrivate(t *testing.T, settings *journey.Privacy, f *journey.Fact) {
	t.Helper()
	context := tree(t, f.Context)
	traits := context["traits"]
	for _, name := range settings.Denied {
		for place, value := range map[string]any{
			"properties": tree(t, f.Properties), "traits": tree(t, f.Traits),
			"context": context, "context.traits": traits,
		} {
			if name != "" && holds(value, name) {
				t.Fatalf("%s hold the denied %q: %+v", place, name, f)
			}
		}
	}
	checkAddress(t, settings.IP, context)
}

func checkAddress(t *testing.T, handling journey.IPHandling, context map[string]any) {
	t.Helper()
	ip, there := context["ip"]
	// What cannot be read is kept with the empty text in the place of an address.
	if !there || ip == nil || ip == "" || handling == journey.KeepIP {
		return
	}
	text, _ := ip.(string)
	a, err := netip.ParseAddr(text)
	if err != nil || handling == journey.DropIP {
		t.Fatalf("context.ip is %v", ip)
	}
	bits := 24
	if a.Is6() {
		bits = 48
	}
	if whole, _ := a.Prefix(bits); a.Is4In6() || a.Zone() != "" || whole.Addr() != a {
		t.Fatalf("context.ip is %s", a)
	}
}

// holds tells whether a value has the member, dots being levels or not, arrays being none.
func holds(value any, name string) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, func(v any) bool { return holds(v, name) })
	case map[string]any:
		for member, inner := range value {
			rest, deeper := strings.CutPrefix(name, member+".")
			if member == name || deeper && holds(inner, rest) {
				return true
			}
		}
	}
	return false
}

func tree(t *testing.T, o journey.Object) map[string]any {
	t.Helper()
	if o == "" {
		return nil
	}
	value, ok := decode(t, []byte(o)).(map[string]any)
	if !ok {
		t.Fatalf("no object: %s", o)
	}
	return value
}

// checkKept: what is kept of a refused message holds nothing denied where it would be read.
func checkKept(t *testing.T, settings *journey.Privacy, kept Kept) {
	t.Helper()
	if kept.Withheld {
		if kept.Payload != nil || kept.Context != "" {
			t.Fatalf("withheld, and yet %+v", kept)
		}
		return
	}
	checkPrivate(t, settings, &journey.Fact{Context: kept.Context})
	o, refusal := canonical(kept.Payload)
	if refusal != nil {
		return
	}
	in := fields{object: o}
	checkPrivate(t, settings, &journey.Fact{
		Properties: in.values("properties"), Traits: in.values("traits"),
		Context: in.values("context"),
	})
}

// checkAgain: the canonical form of a message makes the fact that the message made, and so does
// what quarantine would keep of it, unless that lacks the consent.
func checkAgain(t *testing.T, env *Envelope, message []byte, want *journey.Fact) {
	t.Helper()
	o, refusal := canonicalMessage(message)
	if refusal != nil {
		t.Fatal(refusal)
	}
	got, refusal := rules.Admit(env, 1, []byte(o.text))
	if diff := cmp.Diff(want, &got); refusal != nil || diff != "" {
		t.Fatalf("the canonical form: %v, facts (-want +got):\n%s", refusal, diff)
	}
	kept := env.Kept(1, message)
	if kept.Withheld {
		t.Fatal("withheld what was admitted")
	}
	later := *env
	later.Context, later.Address, later.UserAgent = kept.Context, netip.Addr{}, ""
	got, refusal = rules.Admit(&later, 1, kept.Payload)
	if refusal != nil && (refusal.Reason == NoConsent || refusal.Reason == TooLarge) {
		return
	}
	if diff := cmp.Diff(want, &got); refusal != nil || diff != "" {
		t.Fatalf("what is kept: %v, facts (-want +got):\n%s", refusal, diff)
	}
}

// FuzzBatch: any bytes are taken apart without a panic, into parts of the body or, of events,
// into messages that may enter.
func FuzzBatch(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	for _, body := range bodies(f) {
		f.Add(body)
	}
	f.Add([]byte(cloudEvent("a", `,"subject":"u","time":"2026-01-02T03:04:05Z","data":{"a":[1]}`)))
	f.Add([]byte("[" + cloudEvent("waystage.group", `,"userid":5,"groupid":"g"`) + "," +
		cloudEvent("waystage.track", `,"anonymousid":"v","data":{"event":"\u0065"}`) + ",1]"))
	f.Add([]byte("{\"a\":1}\r\n\n{\"b\":\n\uFEFF"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, read := range map[string]func([]byte) (Body, *Refusal){
			"Single": Single, "Batch": Batch, "NDJSON": NDJSON,
		} {
			b, refusal := read(body)
			if refusal != nil {
				checkReason(t, refusal)
				continue
			}
			for _, message := range b.Messages {
				if len(message) == 0 || !bytes.Contains(body, message) {
					t.Fatalf("%s made %q", name, message)
				}
			}
			checkContext(t, b.Envelope.Context)
		}
		checkEvents(t, body)
	})
}

func checkContext(t *testing.T, o journey.Object) {
	t.Helper()
	if o == "" {
		return
	}
	if again, refusal := ContextOf([]byte(o)); refusal != nil || again != o {
		t.Fatalf("not canonical: %q (%v)", o, refusal)
	}
}

func checkEvents(t *testing.T, body []byte) {
	t.Helper()
	b, refusal := CloudEvents(body)
	if refusal != nil {
		checkReason(t, refusal)
		return
	}
	b.Envelope.Site, b.Envelope.ReceivedAt = "shop", received
	for i, message := range b.Messages {
		fact, refusal := rules.Admit(&b.Envelope, uint32(i), message)
		if b.Envelope.refusals[uint32(i)] != nil {
			if refusal == nil || !bytes.Contains(body, message) {
				t.Fatalf("%q: refusal %v", message, refusal)
			}
			checkReason(t, refusal)
			continue
		}
		if o, no := canonicalMessage(message); no != nil || o.text != string(message) {
			t.Fatalf("not canonical: %q (%v)", message, no)
		}
		if refusal == nil {
			checkFact(t, &fact)
		} else if refusal.Reason != TooLarge && refusal.Reason != TimeOutOfRange {
			t.Fatalf("%q is refused late: %v", message, refusal)
		}
	}
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
