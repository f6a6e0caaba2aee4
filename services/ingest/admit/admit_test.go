package admit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

var (
	rules    = Rules{SkewTolerance: DefaultSkewTolerance}
	received = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func single(kind journey.Kind) Envelope {
	return Envelope{Site: "shop", Kind: kind, ReceivedAt: received}
}

func mustAdmit(t *testing.T, env Envelope, message string) journey.Fact {
	t.Helper()
	f, refusal := rules.Admit(&env, 0, []byte(message))
	if refusal != nil {
		t.Fatalf("%s: %v", message, refusal)
	}
	return f
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 11, 59, 0, 123456789, time.UTC)
	const when = `"timestamp":"2026-01-02T11:59:00.123456789Z","messageId":"m"`
	tests := []struct {
		name, message string
		kind          journey.Kind
		want          journey.Fact
	}{
		{
			"track", `{"event":"Paid","userId":"u","anonymousId":"v","properties":{"b":1,"a":2},` +
				`"context":{"ip":"203.0.113.9"},` + when + `}`, journey.Track,
			journey.Fact{
				Kind: journey.Track, User: "u", Visitor: "v", Event: "Paid",
				Properties: `{"a":2,"b":1}`, Context: `{"ip":"203.0.113.0"}`,
			},
		},
		{
			"type stated in a batch", `{"type":"track","event":"Paid","userId":"u",` + when + `}`,
			journey.KindUnknown,
			journey.Fact{Kind: journey.Track, User: "u", Event: "Paid"},
		},
		{
			"the endpoint outweighs the type", `{"type":"page","event":"Paid","userId":"u",` + when + `}`,
			journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "Paid"},
		},
		{
			"page", `{"userId":"u","name":"Home","category":"Docs",` + when + `}`, journey.Page,
			journey.Fact{
				Kind: journey.Page, User: "u", Event: "page",
				Properties: `{"category":"Docs","name":"Home"}`,
			},
		},
		{
			"properties of a page win", `{"userId":"u","name":"Home","category":null,` +
				`"properties":{"name":"Own","url":"/"},` + when + `}`, journey.Page,
			journey.Fact{
				Kind: journey.Page, User: "u", Event: "page", Properties: `{"name":"Own","url":"/"}`,
			},
		},
		{
			"screen with a category", `{"userId":"u","category":"Docs",` + when + `}`, journey.Screen,
			journey.Fact{
				Kind: journey.Screen, User: "u", Event: "screen", Properties: `{"category":"Docs"}`,
			},
		},
		{
			"name of a track stays outside", `{"event":"e","userId":"u","name":"x",` + when + `}`,
			journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
		},
		{
			"identify", `{"userId":"u","traits":{"plan":"pro"},` + when + `}`, journey.Identify,
			journey.Fact{Kind: journey.Identify, User: "u", Traits: `{"plan":"pro"}`},
		},
		{
			"identify of a visitor", `{"userId":null,"anonymousId":"v",` + when + `}`,
			journey.Identify,
			journey.Fact{Kind: journey.Identify, Visitor: "v"},
		},
		{
			"group", `{"userId":"u","groupId":17,"traits":{"seats":3},` + when + `}`, journey.Group,
			journey.Fact{Kind: journey.Group, User: "u", Group: "17", Traits: `{"seats":3}`},
		},
		{
			"alias", `{"userId":"u","previousId":"v",` + when + `}`, journey.Alias,
			journey.Fact{Kind: journey.Alias, User: "u", Previous: "v"},
		},
		{
			"self-alias", `{"userId":"u","previousId":"u",` + when + `}`, journey.Alias,
			journey.Fact{Kind: journey.Alias, User: "u", Previous: "u"},
		},
		{
			"numbers as ids", `{"event":"e","userId":123,"anonymousId":18446744073709551615,` + when + `}`,
			journey.Track,
			journey.Fact{Kind: journey.Track, User: "123", Visitor: "18446744073709551615", Event: "e"},
		},
		{
			"large numbers as ids", `{"event":"e","userId":123456789012345680000,` +
				`"anonymousId":18446744073709551617,"groupId":-9223372036854775809,` + when + `}`,
			journey.Track,
			journey.Fact{
				Kind: journey.Track, User: "123456789012345680000", Visitor: "18446744073709551617",
				Group: "-9223372036854775809", Event: "e",
			},
		},
		{
			"no identity beside one", `{"event":"e","userId":false,"anonymousId":"v",` + when + `}`,
			journey.Track,
			journey.Fact{Kind: journey.Track, Visitor: "v", Event: "e"},
		},
		{
			"nulls are absent", `{"event":"e","userId":"u","anonymousId":null,"groupId":null,` +
				`"properties":null,"traits":null,"context":null,"originalTimestamp":null,` +
				`"sentAt":null,` + when + `}`, journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
		},
		{
			"empty objects are absent",
			`{"event":"e","userId":"u","properties":{},"context":{ },` + when + `}`,
			journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
		},
		{
			"a track of a group", `{"event":"e","userId":"u","context":{"groupId":"g"},` + when + `}`,
			journey.Track,
			journey.Fact{
				Kind: journey.Track, User: "u", Event: "e", Group: "g", Context: `{"groupId":"g"}`,
			},
		},
		{
			"a context's group id of a wrong type is left there",
			`{"event":"e","userId":"u","context":{"groupId":[1]},` + when + `}`, journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "e", Context: `{"groupId":[1]}`},
		},
		{
			"NUL in a property", `{"event":"e","userId":"u","properties":{"a":"\u0000"},` + when + `}`,
			journey.Track,
			journey.Fact{
				Kind: journey.Track, User: "u", Event: "e", Properties: `{"a":"\u0000"}`,
			},
		},
		{
			"unknown members are left out", `{"event":"e","userId":"u","integrations":{"All":true},` +
				`"channel":"server","_metadata":{},` + when + `}`, journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.Site, tt.want.Message, tt.want.ReceivedAt = "shop", "m", received
			tt.want.OccurredAt, tt.want.OriginalAt = at, at
			if diff := cmp.Diff(tt.want, mustAdmit(t, single(tt.kind), tt.message)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsIdentity(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", " ", "null", "NULL", "undefined", "NaN", "nan", "0", "true", "False", "none", "guest",
		"anonymous", "Anonymous ", "[object Object]", `"undefined"`, "nil", "-1", "(null)",
		"00000000-0000-0000-0000-000000000000",
	} {
		if IsIdentity(id) {
			t.Errorf("%q counts as an identity", id)
		}
	}
	for _, id := range []string{
		"1", "00", "u", "anonymous1", "nullable", "é", strings.Repeat("0", 40),
	} {
		if !IsIdentity(id) {
			t.Errorf("%q counts as no identity", id)
		}
	}
}

// TestTraitsInContext: what rudder-js sends reaches the reader of traits.
func TestTraitsInContext(t *testing.T) {
	t.Parallel()
	f := mustAdmit(t, single(journey.Identify),
		`{"userId":"u","messageId":"m","context":{"traits":{"plan":"pro"}}}`)
	writes := identity.WritesOf(&f)
	if len(writes) != 1 || writes[0].Name != "plan" || writes[0].Value != `"pro"` {
		t.Errorf("writes %+v", writes)
	}
}
