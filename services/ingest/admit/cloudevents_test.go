package admit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

// cloudEvent is an event with more members, after those that each must have.
func cloudEvent(kind, members string) string {
	return `{"specversion":"1.0","id":"7","source":"/orders","type":"` + kind + `"` + members + `}`
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	const time = `,"time":"2026-01-02T11:59:00.123456789Z"`
	tests := []struct{ name, event, want string }{
		{
			"the type names a track",
			cloudEvent("com.shop.paid", `,"subject":"u"`+time+`,"datacontenttype":"application/json",`+
				`"data":{"total":12.50,"b":[1, 2]}`),
			`{"event":"com.shop.paid","messageId":"/orders 7","properties":{"b":[1,2],"total":12.50},` +
				`"timestamp":"2026-01-02T11:59:00.123456789Z","type":"track","userId":"u"}`,
		},
		{
			"without data", cloudEvent("a", `,"subject":"u","data":null,"time":null`),
			`{"event":"a","messageId":"/orders 7","type":"track","userId":"u"}`,
		},
		{
			"the data names a track",
			cloudEvent("waystage.track", `,"subject":"u","data":{"a":1,"event":"Order \"Paid\"","z":2}`),
			`{"event":"Order \"Paid\"","messageId":"/orders 7","properties":{"a":1,"z":2},` +
				`"type":"track","userId":"u"}`,
		},
		{
			"identify", cloudEvent("waystage.identify", `,"userid":"u","data":{"plan":"pro"}`),
			`{"messageId":"/orders 7","traits":{"plan":"pro"},"type":"identify","userId":"u"}`,
		},
		{
			"group", cloudEvent("waystage.group", `,"subject":"u","groupid":"g","data":{"seats":3}`),
			`{"groupId":"g","messageId":"/orders 7","traits":{"seats":3},"type":"group","userId":"u"}`,
		},
		{
			"alias", cloudEvent("waystage.alias", `,"subject":"u","previousid":"v"`),
			`{"messageId":"/orders 7","previousId":"v","type":"alias","userId":"u"}`,
		},
		{
			"page", cloudEvent("waystage.page", `,"anonymousid":"v","data":{"name":"Home"}`),
			`{"anonymousId":"v","messageId":"/orders 7","properties":{"name":"Home"},"type":"page"}`,
		},
		{
			"screen", cloudEvent("waystage.screen", `,"anonymousid":"v","userid":8`),
			`{"anonymousId":"v","messageId":"/orders 7","type":"screen","userId":"8"}`,
		},
		{
			"the subject is not the user beside a visitor",
			cloudEvent("a", `,"subject":"order/5","anonymousid":"v"`),
			`{"anonymousId":"v","event":"a","messageId":"/orders 7","type":"track"}`,
		},
		{
			"nulls state nothing", cloudEvent("a", `,"subject":"u","userid":null,"anonymousid":null`),
			`{"event":"a","messageId":"/orders 7","type":"track","userId":"u"}`,
		},
		{
			"other attributes are left out",
			cloudEvent("a", `,"subject":"u","dataschema":"x","traceparent":"00-1","type2":"b"`),
			`{"event":"a","messageId":"/orders 7","type":"track","userId":"u"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []string{" " + tt.event + "\n", " [ " + tt.event + " ] "} {
				b, refusal := CloudEvents([]byte(body))
				if refusal != nil {
					t.Fatal(refusal)
				}
				if diff := cmp.Diff([]string{tt.want}, texts(b.Messages)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				b.Envelope.Site, b.Envelope.ReceivedAt = "shop", received
				if _, refusal = rules.Admit(&b.Envelope, 0, b.Messages[0]); refusal != nil {
					t.Error(refusal)
				}
			}
		})
	}
}

func TestBadEvents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 513)
	without := func(member string) string {
		return strings.Replace(cloudEvent("a", `,"subject":"u"`), member, `"x":""`, 1)
	}
	tests := []struct {
		name, event string
		want        Reason
		says        string
		id          journey.MessageID
	}{
		{"no object", `5`, WrongType, "a number", ""},
		{"no version", without(`"specversion":"1.0"`), MissingField, `"specversion"`, "/orders 7"},
		{
			"another version", strings.Replace(cloudEvent("a", ""), "1.0", "0.3", 1), WrongType,
			`"specversion": want "1.0"`, "/orders 7",
		},
		{"no id", without(`"id":"7"`), MissingField, `"id"`, ""},
		{"no source", without(`"source":"/orders"`), MissingField, `"source"`, ""},
		{"no type", without(`"type":"a"`), MissingField, `"type"`, "/orders 7"},
		{"blank type", cloudEvent(" ", `,"subject":"u"`), MissingField, `"type"`, "/orders 7"},
		{"long type", cloudEvent(long, `,"subject":"u"`), TooLong, `"type"`, "/orders 7"},
		{"id a number", strings.Replace(cloudEvent("a", ""), `"7"`, `7`, 1), WrongType, `"id"`, ""},
		{
			"unknown kind", cloudEvent("waystage.buy", `,"subject":"u"`), UnknownType, "identify",
			"/orders 7",
		},
		{
			"data a text", cloudEvent("a", `,"subject":"u","data":"{}"`), WrongType,
			`"data": want an object, got a text`, "/orders 7",
		},
		{
			"data as bytes", cloudEvent("a", `,"subject":"u","data_base64":"e30="`), WrongType,
			`"data_base64"`, "/orders 7",
		},
		{
			"track without a name", cloudEvent("waystage.track", `,"subject":"u","data":{"event":null}`),
			MissingField, `"data.event"`, "/orders 7",
		},
		{
			"track with a wrong name", cloudEvent("waystage.track", `,"subject":"u","data":{"event":5}`),
			WrongType, `"data.event"`, "/orders 7",
		},
		{"nobody", cloudEvent("a", ``), NoIdentity, "anonymousid", "/orders 7"},
		{
			"nobody beside a subject", cloudEvent("a", `,"userid":"null","subject":"u"`), NoIdentity,
			"userid", "/orders 7",
		},
		{
			"group without one", cloudEvent("waystage.group", `,"subject":"u"`), MissingField,
			`"groupid"`, "/orders 7",
		},
		{
			"alias without a previous id", cloudEvent("waystage.alias", `,"subject":"u"`), MissingField,
			`"previousid"`, "/orders 7",
		},
		{
			"user an object", cloudEvent("a", `,"userid":{}`), WrongType, `"userid"`, "/orders 7",
		},
		{"no time", cloudEvent("a", `,"subject":"u","time":"soon"`), BadTime, `"time"`, "/orders 7"},
		{
			"time a number", cloudEvent("a", `,"subject":"u","time":5`), WrongType, `"time"`,
			"/orders 7",
		},
		{"too large", cloudEvent("a", `,"x":"`+strings.Repeat("x", 33<<10)+`"`), TooLarge, "32768", ""},
		{"too deep", cloudEvent("a", `,"x":`+nest("[", "]", MaxDepth)), TooDeep, "64", ""},
	}
	good := cloudEvent("a", `,"subject":"u"`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, refusal := CloudEvents([]byte("[" + tt.event + "," + good + "]"))
			if refusal != nil {
				t.Fatal(refusal)
			}
			b.Envelope.Site, b.Envelope.ReceivedAt = "shop", received
			_, refusal = rules.Admit(&b.Envelope, 0, b.Messages[0])
			if refusal == nil || refusal.Reason != tt.want || !strings.Contains(refusal.Detail, tt.says) {
				t.Fatalf("refusal %v, want %s that says %q", refusal, tt.want, tt.says)
			}
			if refusal.Message != tt.id {
				t.Errorf("refusal of message %q, want %q", refusal.Message, tt.id)
			}
			if string(b.Messages[0]) != tt.event {
				t.Errorf("the refused event became %s", b.Messages[0])
			}
			if _, refusal = rules.Admit(&b.Envelope, 1, b.Messages[1]); refusal != nil {
				t.Errorf("its neighbour: %v", refusal)
			}
		})
	}
}

func TestCloudEventsRefuses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]Reason{
		"": MalformedJSON, "{": MalformedJSON, "[{}": MalformedJSON, "[{},]": MalformedJSON,
		"{}{}": MalformedJSON, "5": WrongType, `"x"`: WrongType, "null": WrongType,
	} {
		if _, refusal := CloudEvents([]byte(body)); refusal == nil || refusal.Reason != want {
			t.Errorf("%q: refusal %v, want %s", body, refusal, want)
		}
	}
	if b, refusal := CloudEvents([]byte("[]")); refusal != nil || len(b.Messages) != 0 {
		t.Errorf("an empty batch: %+v, %v", b, refusal)
	}
}

// TestEventID: source and id are one message's together, and no other's.
func TestEventID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxIDBytes)
	seen := map[journey.MessageID][2]string{}
	for _, pair := range [][2]string{
		{"/a", "b"},
		{"/a/b", ""},
		{"/a", "b c"},
		{"/a b", "c"},
		{"/a", " b"},
		{"/a ", "b"},
		{long, "1"},
		{long, "2"},
		{long + "1", ""},
		{"/a", long},
		{"/a\x00", "b"},
		{"/a", "\x00b"},
	} {
		id := eventID(pair[0], pair[1])
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q are both %q", pair, other, id)
		}
		seen[id] = pair
		if len(id) > MaxIDBytes || strings.Contains(string(id), "\x00") {
			t.Errorf("%q is no message id", id)
		}
		if id != eventID(pair[0], pair[1]) {
			t.Errorf("%q: another id the second time", pair)
		}
	}
}
