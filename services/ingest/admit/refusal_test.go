package admit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

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
		{
			"overflow", `{"event":"e","userId":"u","properties":{"a":1e999}}`, journey.Track,
			NumberOutOfRange, "text",
		},
		{"10,000 levels", nest("[", "]", 10_000), journey.Track, TooDeep, "64"},
		{"no type", `{"event":"e","userId":"u"}`, journey.KindUnknown, UnknownType, `"type"`},
		{
			"unknown type", `{"type":"Track","userId":"u"}`, journey.KindUnknown, UnknownType, "track, page",
		},
		{"type is no text", `{"type":1,"userId":"u"}`, journey.KindUnknown, WrongType, `"type"`},
		{"no event", `{"userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event null", `{"event":null,"userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event empty", `{"event":"","userId":"u"}`, journey.Track, MissingField, `"event"`},
		{"event of white space", `{"event":" \t","userId":"u"}`, journey.Track, MissingField, `"event"`},
		{
			"event a number", `{"event":7,"userId":"u"}`, journey.Track, WrongType,
			`"event": want a text, got a number`,
		},
		{
			"event too long", `{"event":"` + long + `","userId":"u"}`, journey.Track, TooLong,
			`"event": 513 bytes`,
		},
		{"event with NUL", `{"event":"a\u0000b","userId":"u"}`, journey.Track, NULCharacter, `"event"`},
		{"user an object", `{"event":"e","userId":{}}`, journey.Track, WrongType, `"userId"`},
		{"user an array", `{"event":"e","userId":["u"]}`, journey.Track, WrongType, `"userId"`},
		{"user a fraction", `{"event":"e","userId":1.5}`, journey.Track, WrongType, `"userId"`},
		{"user too long", `{"event":"e","userId":"` + long + `"}`, journey.Track, TooLong, `"userId"`},
		{"user with NUL", `{"event":"e","userId":"a\u0000"}`, journey.Track, NULCharacter, `"userId"`},
		{
			"visitor a wrong type", `{"event":"e","userId":"u","anonymousId":{}}`, journey.Track, WrongType,
			`"anonymousId"`,
		},
		{
			"message id too long", `{"event":"e","userId":"u","messageId":"` + long + `"}`, journey.Track,
			TooLong, `"messageId"`,
		},
		{
			"message id with NUL", `{"event":"e","userId":"u","messageId":"\u0000"}`, journey.Track,
			NULCharacter, `"messageId"`,
		},
		{
			"message id an object", `{"event":"e","userId":"u","messageId":{}}`, journey.Track, WrongType,
			`"messageId"`,
		},
		{"nobody", `{"event":"e"}`, journey.Track, NoIdentity, "anonymousId"},
		{
			"nobody in words", `{"event":"e","userId":"null","anonymousId":"undefined"}`, journey.Track,
			NoIdentity, "userId",
		},
		{"nobody in a page", `{"name":"x"}`, journey.Page, NoIdentity, "userId"},
		{"no group", `{"userId":"u"}`, journey.Group, MissingField, `"groupId"`},
		{"no previous id", `{"userId":"u"}`, journey.Alias, MissingField, `"previousId"`},
		{
			"previous id of nobody", `{"userId":"u","previousId":"undefined"}`, journey.Alias, MissingField,
			`"previousId"`,
		},
		{
			"alias of a visitor only", `{"anonymousId":"v","previousId":"p"}`, journey.Alias, MissingField,
			`"userId"`,
		},
		{
			"properties an array", `{"event":"e","userId":"u","properties":[]}`, journey.Track, WrongType,
			`"properties": want an object, got an array`,
		},
		{"traits a text", `{"userId":"u","traits":"x"}`, journey.Identify, WrongType, `"traits"`},
		{
			"context a boolean", `{"event":"e","userId":"u","context":true}`, journey.Track, WrongType,
			`"context"`,
		},
		{
			"time a number", `{"event":"e","userId":"u","timestamp":1767355200000}`, journey.Track,
			WrongType, `"timestamp"`,
		},
		{
			"time no time", `{"event":"e","userId":"u","timestamp":"yesterday"}`, journey.Track, BadTime,
			`"timestamp"`,
		},
		{
			"original time no time", `{"event":"e","userId":"u","originalTimestamp":"x"}`, journey.Track,
			BadTime, `"originalTimestamp"`,
		},
		{
			"year 0", `{"event":"e","userId":"u","timestamp":"0000-01-01T00:00:00Z"}`, journey.Track,
			TimeOutOfRange, "year is 0",
		},
		{
			"year 1", `{"event":"e","userId":"u","timestamp":"0001-01-01T00:00:00Z"}`, journey.Track,
			TimeOutOfRange, "year is 1",
		},
		{
			"year 9999", `{"event":"e","userId":"u","timestamp":"9999-12-31T23:59:59Z"}`, journey.Track,
			TimeOutOfRange, "9999",
		},
		{
			"before 1970", `{"event":"e","userId":"u","timestamp":"1969-12-31T23:59:59.999Z"}`,
			journey.Track, TimeOutOfRange, "1970",
		},
		{
			"ahead", `{"event":"e","userId":"u","timestamp":"2026-01-03T12:00:00.000000001Z"}`,
			journey.Track, TimeOutOfRange, "24h",
		},
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
