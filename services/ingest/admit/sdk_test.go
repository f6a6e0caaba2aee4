package admit

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

// sent is when the bodies in testdata were made, to the second, and sentFirst when analytics-go
// sent its for the first time.
var (
	sent      = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	sentFirst = sent.Add(712345678)
)

// facts are those of a body as an SDK sends it, received at that instant.
func facts(t *testing.T, sdk string, receivedAt time.Time) []journey.Fact {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", sdk+".json"))
	if err != nil {
		t.Fatal(err)
	}
	read := Batch
	if sdk == "analytics-next-single" {
		read = Single
	}
	b, refusal := read(text)
	if refusal != nil {
		t.Fatal(refusal)
	}
	b.Envelope.Site, b.Envelope.ReceivedAt = "shop", receivedAt
	all := make([]journey.Fact, len(b.Messages))
	for i, message := range b.Messages {
		if all[i], refusal = rules.Admit(&b.Envelope, uint32(i), message); refusal != nil {
			t.Fatalf("message %d of %s: %v", i, sdk, refusal)
		}
	}
	return all
}

// TestSDKs: each oddity of what the SDKs send, by what becomes of it. The bodies are shaped as
// those of the versions that they name.
func TestSDKs(t *testing.T) {
	t.Parallel()
	const visitor = "0f7c3f3a-55a1-4ad0-b8a6-5e2f0d1c9b11"
	soon := sent.Add(time.Second)
	at := func(nanoseconds int) time.Time { return sent.Add(time.Duration(nanoseconds)) }
	tests := []struct {
		name, sdk string
		// place of the fact in the body.
		place      int
		receivedAt time.Time
		got        func(f *journey.Fact) any
		want       any
	}{
		{
			"originalTimestamp without timestamp", "rudder-node", 1, soon,
			func(f *journey.Fact) any { return []time.Time{f.OccurredAt, f.OriginalAt} },
			[]time.Time{at(402e6), at(402e6)},
		},
		{
			"originalTimestamp without timestamp, from a browser", "rudder-js", 2, soon,
			func(f *journey.Fact) any { return f.OccurredAt }, at(503e6),
		},
		{
			"both times and they differ", "rudder-node", 2, soon,
			func(f *journey.Fact) any { return []time.Time{f.OccurredAt, f.OriginalAt} },
			[]time.Time{
				time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC),
				time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC),
			},
		},
		{
			"traits in the context only", "rudder-js", 1, soon,
			func(f *journey.Fact) any { return written(f) },
			map[string]string{"email": `"ann@shop.example"`, "plan": `"pro"`},
		},
		{
			"traits in both places", "rudder-node", 0, soon,
			func(f *journey.Fact) any { return written(f) },
			map[string]string{"plan": `"pro"`},
		},
		{
			"traits in the context of a track are not written", "rudder-js", 2, soon,
			func(f *journey.Fact) any { return len(identity.WritesOf(f)) }, 0,
		},
		{
			"userId null", "analytics-next", 1, soon,
			func(f *journey.Fact) any { return []string{string(f.User), string(f.Visitor)} },
			[]string{"", visitor},
		},
		{
			"userId null of one event", "analytics-next-single", 0, soon,
			func(f *journey.Fact) any { return f.Identity() },
			journey.VisitorIdentity("shop", visitor),
		},
		{
			"userId empty", "rudder-js", 0, soon,
			func(f *journey.Fact) any { return []string{string(f.User), string(f.Visitor)} },
			[]string{"", "c8d1e2f3-0a4b-4c5d-8e6f-7a8b9c0d1e2f"},
		},
		{
			"the batch's context alone", "analytics-go", 0, soon,
			func(f *journey.Fact) any { return f.Context },
			journey.Object(`{"app":{"name":"shop","version":"1.2"},` +
				`"library":{"name":"analytics-go","version":"3.3.0"}}`),
		},
		{
			"the batch's context under the message's", "analytics-go", 1, soon,
			func(f *journey.Fact) any { return f.Context },
			journey.Object(`{"app":{"name":"own"},"ip":"203.0.113.0",` +
				`"library":{"name":"analytics-go","version":"3.3.0"}}`),
		},
		{
			"the batch's messageId is no event's", "analytics-go", 0, soon,
			func(f *journey.Fact) any { return f.Message },
			journey.MessageID("a1f0d0c4-5f0e-4a1b-bb3e-2f6c7d8e9f01"),
		},
		{
			"nanoseconds", "analytics-go", 1, soon,
			func(f *journey.Fact) any { return []time.Time{f.OccurredAt, f.OriginalAt} },
			[]time.Time{at(702345678), at(702345678)},
		},
		{
			"the same bytes again, 34 s later", "analytics-go", 0, sentFirst.Add(34 * time.Second),
			func(f *journey.Fact) any { return f.OccurredAt }, at(701234567),
		},
		{
			"the same bytes again, from rudder", "rudder-node", 0, sent.Add(34 * time.Second),
			func(f *journey.Fact) any { return f.OccurredAt }, at(401e6),
		},
		{
			"a clock that is an hour slow", "analytics-go", 0, sentFirst.Add(time.Hour),
			func(f *journey.Fact) any { return []time.Time{f.OccurredAt, f.OriginalAt} },
			[]time.Time{at(701234567).Add(time.Hour), at(701234567)},
		},
		{
			"a clock that is a day fast", "analytics-next", 1, sent.Add(900*time.Millisecond - 24*time.Hour),
			func(f *journey.Fact) any { return f.OccurredAt }, at(302e6).Add(-24 * time.Hour),
		},
		{
			"a self-alias is admitted", "analytics-next", 3, soon,
			func(f *journey.Fact) any { return []string{f.Kind.String(), string(f.User), f.Previous} },
			[]string{"alias", "ann", "ann"},
		},
		{
			"a self-alias states its visitor's link alone", "analytics-next", 3, soon,
			func(f *journey.Fact) any { return aliases(f) }, 0,
		},
		{
			"an alias states links", "analytics-node", 5, soon,
			func(f *journey.Fact) any { return aliases(f) }, 2,
		},
		{
			"a whole number of 20 digits", "analytics-go", 0, soon,
			func(f *journey.Fact) any { return f.Properties },
			journey.Object(`{"exact":12345678901234567890,"total":49.9}`),
		},
		{
			"a whole number as JavaScript has it, nulls, digits as sent", "analytics-node", 1, soon,
			func(f *journey.Fact) any { return f.Properties },
			journey.Object(`{"big":12345678901234567000,"coupon":null,"total":49.90}`),
		},
		{
			"sessionId is a number", "rudder-js", 2, soon,
			func(f *journey.Fact) any { return f.Context },
			journey.Object(`{"library":{"name":"RudderLabs JavaScript SDK","version":"3.34.1"},` +
				`"locale":"en-US","sessionId":1795255200500,` +
				`"traits":{"email":"ann@shop.example","plan":"pro"}}`),
		},
		{
			"channel, integrations and _metadata are not kept", "rudder-node", 1, soon,
			func(f *journey.Fact) any { return []journey.Object{f.Properties, f.Traits, f.Context} },
			[]journey.Object{
				`{"total":49.9}`, "",
				`{"library":{"name":"@rudderstack/rudder-sdk-node","version":"3.0.13"}}`,
			},
		},
		{
			"event null beside a page", "rudder-js", 0, soon,
			func(f *journey.Fact) any { return f.Event }, "page",
		},
		{
			"name and category of a page, the category in both places", "analytics-node", 2, soon,
			func(f *journey.Fact) any { return f.Properties },
			journey.Object(`{"category":"Docs","name":"Pricing","url":"https://shop.example/pricing"}`),
		},
		{
			"name and category of a screen", "analytics-node", 3, soon,
			func(f *journey.Fact) any { return []any{f.Event, f.Properties} },
			[]any{"screen", journey.Object(`{"category":"App","name":"Start"}`)},
		},
		{
			"a group", "analytics-node", 4, soon,
			func(f *journey.Fact) any { return []any{f.Group, f.Traits} },
			[]any{journey.GroupID("g-1"), journey.Object(`{"name":"Acme"}`)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := facts(t, tt.sdk, tt.receivedAt)[tt.place]
			if diff := cmp.Diff(tt.want, tt.got(&f)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// written are the traits that a fact writes.
func written(f *journey.Fact) map[string]string {
	traits := map[string]string{}
	for _, w := range identity.WritesOf(f) {
		traits[w.Name] = w.Value
	}
	return traits
}

// aliases counts the links that an alias states by itself.
func aliases(f *journey.Fact) int {
	n := 0
	for _, link := range identity.LinksOf(f) {
		if link.Alias {
			n++
		}
	}
	return n
}

// TestNeighbouringIDs: message ids whose digits come from one rolling buffer stay apart, and are
// kept whole.
func TestNeighbouringIDs(t *testing.T) {
	t.Parallel()
	for sdk, first := range map[string]journey.MessageID{
		"analytics-node": "node-next-1795255200101-51ef4abb-4bca-4e0e-9f01-6a1d3c5e7f90",
		"analytics-next": "ajs-next-1795255200301-51ef4abb-4bca-4abb-9bca-588677d30c42",
		"rudder-node":    "3b241101-e2bb-4255-8caf-4136c566a962",
	} {
		ids, keys := map[journey.MessageID]bool{}, map[journey.MessageKey]bool{}
		all := facts(t, sdk, sent)
		for i := range all {
			ids[all[i].Message], keys[all[i].Key()] = true, true
		}
		if all[0].Message != first || len(ids) != len(all) || len(keys) != len(all) {
			t.Errorf("%s: the first id is %q, %d ids and %d keys of %d messages",
				sdk, all[0].Message, len(ids), len(keys), len(all))
		}
	}
}

// TestConsentOfRudder: the list that rudder-js sends with its own consent management.
func TestConsentOfRudder(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "rudder-js.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, refusal := Batch(text)
	if refusal != nil {
		t.Fatal(refusal)
	}
	b.Envelope.ReceivedAt = sent
	for id, given := range map[string]bool{"analytics": true, "ads": false} {
		b.Envelope.Privacy = NewPrivacy(journey.Privacy{
			Consent: "context.consentManagement.allowedConsentIds=" + id,
		})
		if _, refusal := rules.Admit(&b.Envelope, 0, b.Messages[0]); given != (refusal == nil) {
			t.Errorf("%s: refusal %v", id, refusal)
		}
	}
}
