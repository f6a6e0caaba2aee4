package admit

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/journey"
)

// TestKeptID: a message without an id is kept with the one that it gets when the same bytes are
// sent again, whatever was taken out of it.
func TestKeptID(t *testing.T) {
	t.Parallel()
	for _, when := range []string{
		`"timestamp":"2026-01-02T10:00:00Z"`, `"timestamp":"","originalTimestamp":"2026-01-02"`, `"a":1`,
	} {
		for _, id := range []string{"", `,"messageId":null`, `,"messageId":"undefined"`} {
			message := `{"type":"page","name":"n","properties":{"email":"x","b":1.50},` +
				`"context":{"ip":"192.0.2.1"},"writeKey":"k","userId":36893488147419103232,` + when + id + `}`
			env := single(journey.KindUnknown)
			env.Context = `{"library":"l","email":"x"}`
			env.Address, env.UserAgent = netip.MustParseAddr("192.0.2.9"), "agent"
			env.Privacy = NewPrivacy(journey.Privacy{Denied: []string{"email"}})
			want := mustAdmit(t, env, message)
			kept := env.Kept(0, []byte(message))
			again := single(journey.KindUnknown)
			again.Context, again.Privacy = kept.Context, env.Privacy
			if got := mustAdmit(t, again, string(kept.Payload)); got.Message != want.Message ||
				!strings.HasPrefix(string(got.Message), DerivedPrefix) || kept.Cut {
				t.Errorf("%s%s: id %s of what is kept, want %s; cut %t", when, id, got.Message,
					want.Message, kept.Cut)
			}
		}
	}
}

// TestKeptWithoutID: no id is made up where a message has one, or it cannot be told of what.
func TestKeptWithoutID(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		`{"type":"page", "messageId":"m"}`, `{"type":"page", "messageId":7}`,
		`{"type":"page", "messageId":["m"]}`, `{"type":"nonsense"}`, `{ }`,
		`{"type":"page", "context":[1]}`, `{"type":"page",`,
	} {
		env := single(journey.KindUnknown)
		if kept := env.Kept(0, []byte(message)); string(kept.Payload) != message {
			t.Errorf("%s: kept as %s", message, kept.Payload)
		}
	}
}

// TestKeptIsNotMended: what was wrong with a message is never what was taken out of it.
func TestKeptIsNotMended(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxMessageBytes-len(`{"a":"::1"}`))
	tests := []struct {
		name, message string
		want          bool
	}{
		{"unreadable for an address", `{"type":"page","userId":"u" ::1}`, true},
		{"too large for an address", `{"a":"` + long + `x::1"}`, true},
		{"unreadable beside an address", `{"type":"page","userId":"u" x ::1}`, false},
		{"too large beside an address", `{"a":"` + long + `xxxx::1"}`, false},
		{"unreadable", `{`, false},
		{"readable", `{"ip":"::1"}`, false},
	}
	for _, tt := range tests {
		env := single(journey.KindUnknown)
		env.Privacy = NewPrivacy(journey.Privacy{IP: journey.DropIP})
		if kept := env.Kept(0, []byte(tt.message)); kept.Cut != tt.want || kept.Withheld {
			t.Errorf("%s: cut %t, withheld %t", tt.name, kept.Cut, kept.Withheld)
		}
	}
}

// TestKeptOfBadContext: without the context of its batch a message is not the one that was sent.
func TestKeptOfBadContext(t *testing.T) {
	t.Parallel()
	large := `{"a":"` + strings.Repeat("x", MaxMessageBytes) + `"}`
	for context, want := range map[string]Reason{
		`"x"`: WrongType, `{"n":1e400}`: NumberOutOfRange, large: TooLarge, `{"ip":null}`: "",
	} {
		b, no := Batch([]byte(`{"context":` + context + `,"batch":[{"type":"page","userId":"u"}]}`))
		if no != nil {
			t.Fatal(no)
		}
		env := b.Envelope
		env.Site, env.ReceivedAt = "shop", received
		_, refusal := rules.Admit(&env, 0, b.Messages[0])
		if got := env.Kept(0, b.Messages[0]); got.Cut != (want != "") {
			t.Errorf("%.20s: cut %t", context, got.Cut)
		}
		if refusal == nil != (want == "") || refusal != nil && refusal.Reason != want {
			t.Errorf("%.20s: %v", context, refusal)
		}
	}
}

// TestAgain: what is kept of an event that could not be written as a message is one later, and
// nothing else is.
func TestAgain(t *testing.T) {
	t.Parallel()
	for _, denied := range [][]string{nil, {"email"}} {
		env := func(b Body) Envelope {
			e := b.Envelope
			e.Site, e.ReceivedAt = "shop", received
			e.Privacy = NewPrivacy(journey.Privacy{Denied: denied})
			return e
		}
		const head = `{"specversion":"1.0","id":"1","source":"/s",`
		for event, want := range map[string]Reason{
			`{"specversion":"0.3","id":"1","source":"/s","type":"page","userId":"u"}`: WrongType,
			`{"id":"1","source":"/s","type":"page","userId":"u","messageId":"m"}`:     MissingField,

			head + `"type":"Paid"}`:                                NoIdentity,
			head + `"type":"e","userid":"u","data":"x"}`:           WrongType,
			head + `"type":"e","userid":"u","data_base64":"eA=="}`: WrongType,
			head + `"type":"e","userid":"u","time":"2027-01-01"}`:  TimeOutOfRange,
		} {
			b, no := CloudEvents([]byte(event))
			if no != nil {
				t.Fatal(no)
			}
			first := env(b)
			kept := first.Kept(0, b.Messages[0])
			message, no := Again(kept.Payload)
			if no == nil {
				later := env(Body{})
				_, no = rules.Admit(&later, 0, message)
			}
			if no == nil || no.Reason != want || kept.Cut || kept.Withheld {
				t.Errorf("%s, denied %q: %v of %s", event, denied, no, kept.Payload)
			}
		}
	}
	const mended = `{"data":{"email":"x","n":1},"id":"1","source":"/s","specversion":"%s",` +
		`"type":"e","userid":5}`
	b, no := CloudEvents([]byte(strings.Replace(mended, "%s", "0.3", 1)))
	if no != nil {
		t.Fatal(no)
	}
	b.Envelope.Privacy = NewPrivacy(journey.Privacy{Denied: []string{"email"}})
	kept := b.Envelope.Kept(0, b.Messages[0])
	message, no := Again([]byte(strings.Replace(string(kept.Payload), "0.3", specVersion, 1)))
	const want = `{"event":"e","messageId":"/s 1","properties":{"n":1},"type":"track","userId":"5"}`
	if no != nil || string(message) != want {
		t.Errorf("%v, %s, want %s", no, message, want)
	}
	for _, kept := range []string{`{"type":"page"}`, `{`, `1`} {
		if message, no := Again([]byte(kept)); no != nil || string(message) != kept {
			t.Errorf("%s: %v, %s", kept, no, message)
		}
	}
}
