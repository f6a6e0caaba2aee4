package admit

import (
	"encoding/json"
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
				`"context":{"ip":"x"},` + when + `}`, journey.Track,
			journey.Fact{
				Kind: journey.Track, User: "u", Visitor: "v", Event: "Paid",
				Properties: `{"a":2,"b":1}`, Context: `{"ip":"x"}`,
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
			journey.Track, journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
		},
		{
			"identify", `{"userId":"u","traits":{"plan":"pro"},` + when + `}`, journey.Identify,
			journey.Fact{Kind: journey.Identify, User: "u", Traits: `{"plan":"pro"}`},
		},
		{
			"identify of a visitor", `{"userId":null,"anonymousId":"v",` + when + `}`,
			journey.Identify, journey.Fact{Kind: journey.Identify, Visitor: "v"},
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
			"no identity beside one", `{"event":"e","userId":false,"anonymousId":"v",` + when + `}`,
			journey.Track, journey.Fact{Kind: journey.Track, Visitor: "v", Event: "e"},
		},
		{
			"nulls are absent", `{"event":"e","userId":"u","anonymousId":null,"groupId":null,` +
				`"properties":null,"traits":null,"context":null,"originalTimestamp":null,` +
				`"sentAt":null,` + when + `}`, journey.Track,
			journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
		},
		{
			"empty objects are absent", `{"event":"e","userId":"u","properties":{},"context":{ },` + when + `}`,
			journey.Track, journey.Fact{Kind: journey.Track, User: "u", Event: "e"},
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

func TestAdmitRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 513)
	tests := []struct {
		name, message string
		kind          journey.Kind
		want          Reason
		says          string
	}{
		{"no JSON", `{"event":`, journey.Track, MalformedJSON, "byte 9"},
		{"no object", `[]`, journey.Track, WrongType, "an array"},
		{"invalid UTF-8", "{\"event\":\"\xff\",\"userId\":\"u\"}", journey.Track, InvalidUTF8, "UTF-8"},
		{"overflow", `{"event":"e","userId":"u","properties":{"a":1e999}}`, journey.Track, NumberOutOfRange, "text"},
		{"10,000 levels", nest("[", "]", 10_000), journey.Track, TooDeep, "64"},
		{"no type", `{"event":"e","userId":"u"}`, journey.KindUnknown, UnknownType, `"type"`},
		{"unknown type", `{"type":"Track","userId":"u"}`, journey.KindUnknown, UnknownType, "track, page"},
		{"type is no text", `{"type":1,"userId":"u"}`, journey.KindUnknown, WrongType, `"type"`},
		{"no event", `{"userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event null", `{"event":null,"userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event empty", `{"event":"","userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event of white space", `{"event":" \t","userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event a number", `{"event":7,"userId":"u"}`, journey.Track, WrongType, `"event": want a text, got a number`},
		{"event too long", `{"event":"` + long + `","userId":"u"}`, journey.Track, TooLong, `"event": 513 bytes`},
		{"event with NUL", `{"event":"a\u0000b","userId":"u"}`, journey.Track, NULCharacter, `"event"`},
		{"user an object", `{"event":"e","userId":{}}`, journey.Track, WrongType, `"userId"`},
		{"user an array", `{"event":"e","userId":["u"]}`, journey.Track, WrongType, `"userId"`},
		{"user a fraction", `{"event":"e","userId":1.5}`, journey.Track, WrongType, `"userId"`},
		{"user too long", `{"event":"e","userId":"` + long + `"}`, journey.Track, TooLong, `"userId"`},
		{"user with NUL", `{"event":"e","userId":"a\u0000"}`, journey.Track, NULCharacter, `"userId"`},
		{"visitor a wrong type", `{"event":"e","userId":"u","anonymousId":{}}`, journey.Track, WrongType, `"anonymousId"`},
		{"message id too long", `{"event":"e","userId":"u","messageId":"` + long + `"}`, journey.Track, TooLong, `"messageId"`},
		{"message id with NUL", `{"event":"e","userId":"u","messageId":"\u0000"}`, journey.Track, NULCharacter, `"messageId"`},
		{"message id an object", `{"event":"e","userId":"u","messageId":{}}`, journey.Track, WrongType, `"messageId"`},
		{"nobody", `{"event":"e"}`, journey.Track, NoIdentity, "anonymousId"},
		{"nobody in words", `{"event":"e","userId":"null","anonymousId":"undefined"}`, journey.Track, NoIdentity, "userId"},
		{"nobody in a page", `{"name":"x"}`, journey.Page, NoIdentity, "userId"},
		{"no group", `{"userId":"u"}`, journey.Group, MissingField, `"groupId"`},
		{"no previous id", `{"userId":"u"}`, journey.Alias, MissingField, `"previousId"`},
		{"previous id of nobody", `{"userId":"u","previousId":"undefined"}`, journey.Alias, MissingField, `"previousId"`},
		{"alias of a visitor only", `{"anonymousId":"v","previousId":"p"}`, journey.Alias, MissingField, `"userId"`},
		{"properties an array", `{"event":"e","userId":"u","properties":[]}`, journey.Track, WrongType, `"properties": want an object, got an array`},
		{"traits a text", `{"userId":"u","traits":"x"}`, journey.Identify, WrongType, `"traits"`},
		{"context a boolean", `{"event":"e","userId":"u","context":true}`, journey.Track, WrongType, `"context"`},
		{"time a number", `{"event":"e","userId":"u","timestamp":1767355200000}`, journey.Track, WrongType, `"timestamp"`},
		{"time no time", `{"event":"e","userId":"u","timestamp":"yesterday"}`, journey.Track, BadTime, `"timestamp"`},
		{"original time no time", `{"event":"e","userId":"u","originalTimestamp":"x"}`, journey.Track, BadTime, `"originalTimestamp"`},
		{"year 0", `{"event":"e","userId":"u","timestamp":"0000-01-01T00:00:00Z"}`, journey.Track, TimeOutOfRange, "year is 0"},
		{"year 1", `{"event":"e","userId":"u","timestamp":"0001-01-01T00:00:00Z"}`, journey.Track, TimeOutOfRange, "year is 1"},
		{"year 9999", `{"event":"e","userId":"u","timestamp":"9999-12-31T23:59:59Z"}`, journey.Track, TimeOutOfRange, "9999"},
		{"before 1970", `{"event":"e","userId":"u","timestamp":"1969-12-31T23:59:59.999Z"}`, journey.Track, TimeOutOfRange, "1970"},
		{"ahead", `{"event":"e","userId":"u","timestamp":"2026-01-03T12:00:00.000000001Z"}`, journey.Track, TimeOutOfRange, "24h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := single(tt.kind)
			f, refusal := rules.Admit(&env, 0, []byte(tt.message))
			if refusal == nil || refusal.Reason != tt.want || !strings.Contains(refusal.Detail, tt.says) {
				t.Errorf("refusal %v, want %s that says %q", refusal, tt.want, tt.says)
			}
			if diff := cmp.Diff(journey.Fact{}, f); diff != "" {
				t.Errorf("a fact beside the refusal:\n%s", diff)
			}
		})
	}
}

func TestRefusalNamesTheMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, message string
		want          journey.MessageID
	}{
		{"a text", `{"messageId":"m-1"}`, "m-1"},
		{"a number", `{"messageId":5}`, "5"},
		{"none", `{}`, ""},
		{"itself wrong", `{"messageId":{}}`, ""},
		{"unreadable", `{"messageId":"m-1"`, ""},
	}
	for _, tt := range tests {
		env := single(journey.Track)
		_, refusal := rules.Admit(&env, 0, []byte(tt.message))
		if refusal == nil || refusal.Message != tt.want {
			t.Errorf("%s: refusal %+v, want of message %q", tt.name, refusal, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	message := func(bytes int) []byte {
		frame := `{"event":"e","userId":"u","properties":{"a":""}}`
		return []byte(strings.Replace(frame, `""`,
			`"`+strings.Repeat("x", bytes-len(frame))+`"`, 1))
	}
	tests := []struct {
		name           string
		bytes, context int
		refused        bool
	}{
		{"at the limit", MaxMessageBytes, 0, false},
		{"over the limit", MaxMessageBytes + 1, 0, true},
		{"33 KB", 33 << 10, 0, true},
		{"with the batch's context over the limit", MaxMessageBytes - 10, 11, true},
	}
	for _, tt := range tests {
		env := single(journey.Track)
		env.Context = journey.Object(strings.Repeat("x", tt.context))
		_, refusal := rules.Admit(&env, 0, message(tt.bytes))
		if (refusal != nil) != tt.refused || refusal != nil && refusal.Reason != TooLarge {
			t.Errorf("%s: refusal %v", tt.name, refusal)
		}
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
	for _, id := range []string{"1", "00", "u", "anonymous1", "nullable", "é", strings.Repeat("0", 40)} {
		if !IsIdentity(id) {
			t.Errorf("%q counts as no identity", id)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	clock := func(hour, minute, second int) time.Time {
		return time.Date(2026, 1, 2, hour, minute, second, 0, time.UTC)
	}
	tests := []struct {
		name, times string
		sent        time.Time
		imported    bool
		occurred    time.Time
		original    time.Time
	}{
		{"none: receipt", ``, time.Time{}, false, received, received},
		{"empty: receipt", `"timestamp":""`, time.Time{}, false, received, received},
		{"timestamp", `"timestamp":"2026-01-02T10:00:00Z"`, time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0)},
		{"original only", `"originalTimestamp":"2026-01-02T10:00:00Z"`, time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0)},
		{
			"both: timestamp", `"timestamp":"2026-01-02T10:00:00Z","originalTimestamp":"2026-01-02T11:00:00Z"`,
			time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"original beside a timestamp is not looked at", `"timestamp":"2026-01-02T10:00:00Z","originalTimestamp":"x"`,
			time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"skew within the tolerance", `"timestamp":"2026-01-02T10:00:00Z","sentAt":"2026-01-02T11:58:00Z"`,
			time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"slow clock", `"timestamp":"2026-01-02T10:00:00Z","sentAt":"2026-01-02T11:57:59Z"`,
			time.Time{}, false, clock(10, 2, 1), clock(10, 0, 0),
		},
		{
			"fast clock", `"timestamp":"2026-01-03T13:00:00Z","sentAt":"2026-01-03T13:00:00Z"`,
			time.Time{}, false, clock(12, 0, 0), time.Date(2026, 1, 3, 13, 0, 0, 0, time.UTC),
		},
		{
			"clock of before 1970", `"timestamp":"1969-01-01T00:00:00Z","sentAt":"1969-01-01T00:00:00Z"`,
			time.Time{}, false, received, time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC),
		},
		{"the batch's sentAt", `"timestamp":"2026-01-02T10:00:00Z"`, clock(11, 0, 0), false, clock(11, 0, 0), clock(10, 0, 0)},
		{
			"the message's sentAt wins", `"timestamp":"2026-01-02T10:00:00Z","sentAt":"2026-01-02T12:00:00Z"`,
			clock(11, 0, 0), false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"unreadable sentAt corrects nothing", `"timestamp":"2026-01-02T10:00:00Z","sentAt":5`,
			time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"sentAt of the year 1", `"timestamp":"2026-01-02T10:00:00Z","sentAt":"0001-01-01T00:00:00Z"`,
			time.Time{}, false, clock(10, 0, 0), clock(10, 0, 0),
		},
		{
			"imports are not corrected", `"timestamp":"2018-01-02T10:00:00Z","sentAt":"2018-01-02T10:00:01Z"`,
			clock(1, 0, 0), true, time.Date(2018, 1, 2, 10, 0, 0, 0, time.UTC),
			time.Date(2018, 1, 2, 10, 0, 0, 0, time.UTC),
		},
		{"24 h ahead", `"timestamp":"2026-01-03T12:00:00Z"`, time.Time{}, false, received.Add(MaxAhead), received.Add(MaxAhead)},
		{"1970", `"timestamp":"1970-01-01T00:00:00Z"`, time.Time{}, false, time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC()},
		{"receipt is not corrected", `"sentAt":"2026-01-02T10:00:00Z"`, time.Time{}, false, received, received},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := single(journey.Track)
			env.SentAt, env.Imported = tt.sent, tt.imported
			message := `{"event":"e","userId":"u",` + tt.times + `}`
			f := mustAdmit(t, env, strings.Replace(message, ",}", "}", 1))
			if !f.OccurredAt.Equal(tt.occurred) || !f.OriginalAt.Equal(tt.original) {
				t.Errorf("occurred %s, original %s; want %s, %s",
					f.OccurredAt, f.OriginalAt, tt.occurred, tt.original)
			}
			if f.OccurredAt.Location() != time.UTC || f.OriginalAt.Location() != time.UTC {
				t.Error("not in UTC")
			}
		})
	}
}

func TestParseInstant(t *testing.T) {
	t.Parallel()
	day := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		text string
		want time.Time
	}{
		{"2020-01-02T03:04:05Z", day},
		{"2020-01-02T03:04:05.6Z", day.Add(600 * time.Millisecond)},
		{"2020-01-02T03:04:05,6Z", day.Add(600 * time.Millisecond)},
		{"2020-01-02T03:04:05.123456789Z", day.Add(123456789)},
		{"2020-01-02T03:04:05.1234567899Z", day.Add(123456789)},
		{"2020-01-02T04:04:05+01:00", day},
		{"2020-01-02T04:04:05+0100", day},
		{"2020-01-02T04:04:05.5+0100", day.Add(500 * time.Millisecond)},
		{"2020-01-02T04:04:05+01", day},
		{"2020-01-02T03:04:05", day},
		{"2020-01-02 03:04:05", day},
		{"2020-01-02 03:04:05.5", day.Add(500 * time.Millisecond)},
		{"2020-01-02 03:04:05Z", day},
		{"2020-01-02 03:04:05 UTC", day},
		{"2020-01-02 04:04:05 +0100", day},
		{"2020-01-02t03:04:05z", day},
		{" 2020-01-02T03:04:05Z ", day},
		{"2020-01-02T03:04Z", day.Truncate(time.Minute)},
		{"2020-01-02T03:04", day.Truncate(time.Minute)},
		{"2020-01-02", day.Truncate(24 * time.Hour)},
	}
	for _, tt := range tests {
		if got, ok := parseInstant(tt.text); !ok || !got.Equal(tt.want) {
			t.Errorf("%q: %s, %t; want %s", tt.text, got, ok, tt.want)
		}
	}
	for _, text := range []string{
		"", "now", "2020", "2020-13-01", "2020-02-30T00:00:00Z", "2020-01-02T25:00:00Z",
		"1577934245000", "2020-01-02T03:04:05 PST", "02.01.2020", "2020-01-02T03:04:05Zz",
		"-001-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
	} {
		if got, ok := parseInstant(text); ok {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestBatchContext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, context, message string
		want                   journey.Object
		refused                Reason
	}{
		{"only the batch's", `{"library":{"name":"go"}}`, `null`, `{"library":{"name":"go"}}`, ""},
		{"only the message's", `null`, `{"b":1,"a":2}`, `{"a":2,"b":1}`, ""},
		{"per key the message's", `{"a":{"x":1},"c":1}`, `{"b":2,"a":{"y":2}}`, `{"a":{"y":2},"b":2,"c":1}`, ""},
		{"a null of the message wins", `{"a":1}`, `{"a":null}`, `{"a":null}`, ""},
		{"both empty", `{}`, `{}`, ``, ""},
		{"of a wrong type", `[]`, `{}`, ``, WrongType},
		{"too deep", `{"a":` + nest("[", "]", MaxDepth) + `}`, `{}`, ``, TooDeep},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, refusal := Batch([]byte(`{"context":` + tt.context + `,"batch":[{"type":"track",` +
				`"event":"e","userId":"u","messageId":"m","context":` + tt.message + `}]}`))
			if refusal != nil {
				t.Fatal(refusal)
			}
			b.Envelope.Site, b.Envelope.ReceivedAt = "shop", received
			f, refusal := rules.Admit(&b.Envelope, 0, b.Messages[0])
			if tt.refused != "" {
				if refusal == nil || refusal.Reason != tt.refused || refusal.Message != "m" {
					t.Errorf("refusal %+v, want %s of message m", refusal, tt.refused)
				}
				return
			}
			if refusal != nil || f.Context != tt.want {
				t.Errorf("context %s, refusal %v; want %s", f.Context, refusal, tt.want)
			}
		})
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

func TestDerivedID(t *testing.T) {
	t.Parallel()
	const base = `{"type":"track","event":"e","userId":"u","timestamp":"2026-01-02T10:00:00Z"}`
	id := func(kind journey.Kind, index uint32, at time.Time, message string) journey.MessageID {
		env := single(kind)
		env.ReceivedAt = at
		f, refusal := rules.Admit(&env, index, []byte(message))
		if refusal != nil {
			t.Fatalf("%s: %v", message, refusal)
		}
		return f.Message
	}
	want := id(journey.KindUnknown, 0, received, base)
	if !strings.HasPrefix(string(want), DerivedPrefix) || len(want) != len(DerivedPrefix)+32 {
		t.Errorf("id %q", want)
	}
	later := received.Add(time.Minute)
	for name, same := range map[string]journey.MessageID{
		"sent again":         id(journey.KindUnknown, 3, later, base),
		"by its endpoint":    id(journey.Track, 0, received, strings.Replace(base, `"type":"track",`, "", 1)),
		"other order":        id(journey.Track, 0, received, `{"timestamp":"2026-01-02T10:00:00Z","userId":"u","event":"\u0065"}`),
		"with sentAt":        id(journey.Track, 0, received, base[:len(base)-1]+`,"sentAt":"2026-01-02T12:00:00Z"}`),
		"with its write key": id(journey.Track, 0, received, base[:len(base)-1]+`,"writeKey":"k"}`),
		"with nulls":         id(journey.Track, 0, received, base[:len(base)-1]+`,"anonymousId":null,"context":{}}`),
		"an id of nobody":    id(journey.Track, 0, received, base[:len(base)-1]+`,"messageId":"undefined"}`),
	} {
		if same != want {
			t.Errorf("%s: another id", name)
		}
	}
	for name, other := range map[string]journey.MessageID{
		"other user":  id(journey.Track, 0, received, strings.Replace(base, `"u"`, `"w"`, 1)),
		"other time":  id(journey.Track, 0, received, strings.Replace(base, `10:00`, `10:01`, 1)),
		"other kind":  id(journey.Identify, 0, received, base),
		"other event": id(journey.Track, 0, received, strings.Replace(base, `"e"`, `"f"`, 1)),
		"context":     id(journey.Track, 0, received, base[:len(base)-1]+`,"context":{"a":1}}`),
		"property":    id(journey.Track, 0, received, base[:len(base)-1]+`,"properties":{"a":null}}`),
	} {
		if other == want {
			t.Errorf("%s: the same id", name)
		}
	}
}

// TestDerivedIDWithoutTime: nothing but receipt and place tells two equal messages apart.
func TestDerivedIDWithoutTime(t *testing.T) {
	t.Parallel()
	id := func(index uint32, at time.Time) journey.MessageID {
		env := single(journey.Track)
		env.ReceivedAt = at
		f, refusal := rules.Admit(&env, index, []byte(`{"event":"e","userId":"u"}`))
		if refusal != nil {
			t.Fatal(refusal)
		}
		return f.Message
	}
	first := id(0, received)
	if first != id(0, received) {
		t.Error("not a function of its arguments")
	}
	if first == id(1, received) || first == id(0, received.Add(1)) {
		t.Error("two messages with one id")
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		messages   []string
		key        string
		refused    Reason
	}{
		{"batch", `{"batch":[{"a":1} , {"b":2}],"writeKey":"k"}`, []string{`{"a":1}`, `{"b":2}`}, "k", ""},
		{"what is no object is a message", `{"batch":[1,null,"x",[]]}`, []string{"1", "null", `"x"`, "[]"}, "", ""},
		{"empty batch", ` {"batch" : [ ] } `, nil, "", ""},
		{"the last of two", `{"batch":[1],"batch":[2]}`, []string{"2"}, "", ""},
		{"inner writeKey is the message's", `{"batch":[{"writeKey":"x"}]}`, []string{`{"writeKey":"x"}`}, "", ""},
		{"writeKey is no text", `{"batch":[],"writeKey":5}`, nil, "", ""},
		{"a deep neighbour", `{"batch":[` + nest("[", "]", 20_000) + `,{}]}`, []string{nest("[", "]", 20_000), `{}`}, "", ""},
		{"invalid UTF-8 in a neighbour", "{\"batch\":[\"\xff\",{}]}", []string{"\"\xff\"", `{}`}, "", ""},
		{"no JSON", `{"batch":[{]}`, nil, "", MalformedJSON},
		{"nothing", ``, nil, "", MalformedJSON},
		{"cut", `{"batch":[{}`, nil, "", MalformedJSON},
		{"two bodies", `{"batch":[]}{"batch":[]}`, nil, "", MalformedJSON},
		{"no batch", `{"messages":[]}`, nil, "", MissingField},
		{"null batch", `{"batch":null}`, nil, "", MissingField},
		{"batch is an object", `{"batch":{}}`, nil, "", WrongType},
		{"bare array", `[{}]`, nil, "", WrongType},
		{"bare text", `"x"`, nil, "", WrongType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, refusal := Batch([]byte(tt.body))
			if tt.refused != "" {
				if refusal == nil || refusal.Reason != tt.refused {
					t.Errorf("refusal %v, want %s", refusal, tt.refused)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			var got []string
			for _, m := range b.Messages {
				got = append(got, string(m))
			}
			if diff := cmp.Diff(tt.messages, got); diff != "" || b.WriteKey != tt.key {
				t.Errorf("key %q, messages (-want +got):\n%s", b.WriteKey, diff)
			}
		})
	}
}

func TestSingle(t *testing.T) {
	t.Parallel()
	b, refusal := Single([]byte(" {\"event\":\"e\",\"writeKey\":\"k\\u0041\"}\n"))
	if refusal != nil || len(b.Messages) != 1 || b.WriteKey != "kA" {
		t.Fatalf("body %+v, refusal %v", b, refusal)
	}
	for _, body := range []string{"", "{", `{"a":1}x`, "nul"} {
		if _, refusal = Single([]byte(body)); refusal == nil || refusal.Reason != MalformedJSON {
			t.Errorf("%q: refusal %v", body, refusal)
		}
	}
	if _, refusal = Single([]byte("[1]")); refusal != nil {
		t.Errorf("an array is JSON: %v", refusal)
	}
}

func TestReasonsAreClosed(t *testing.T) {
	t.Parallel()
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		if seen[r] || r == "" {
			t.Errorf("reason %q twice or empty", r)
		}
		seen[r] = true
	}
}

// FuzzAdmit: any bytes give a fact that keeps what journey.Fact promises, or a refusal of the
// closed set that says something.
func FuzzAdmit(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"type":"alias","userId":"u","previousId":1,"context":{"groupId":"g"}}`))
	f.Add([]byte(`{"type":"page","anonymousId":"v","name":"n","originalTimestamp":"2020-01-01 00:00:00 +0100"}`))
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
