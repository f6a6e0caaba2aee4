package admit

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
)

// track is a track message with more members.
func track(members string) string {
	return `{"type":"track","event":"e","userId":"u","messageId":"m",` + members + `}`
}

func TestConsent(t *testing.T) {
	t.Parallel()
	const nested = "context.consent.categoryPreferences.analytics"
	const listed = "context.consentManagement.allowedConsentIds=analytics"
	preferences := func(value string) string {
		return `"context":{"consent":{"categoryPreferences":{"ads":true,"analytics":` + value + `}}}`
	}
	ids := func(value string) string {
		return `"context":{"consentManagement":{"allowedConsentIds":` + value + `}}`
	}
	tests := []struct {
		name, setting, members string
		given                  bool
	}{
		{"nothing asked", "", `"a":1`, true},
		{"true", nested, preferences(`true`), true},
		{"the text true", nested, preferences(`"True"`), true},
		{"granted", nested, preferences(`"GRANTED"`), true},
		{"false", nested, preferences(`false`), false},
		{"denied", nested, preferences(`"denied"`), false},
		{"1", nested, preferences(`1`), false},
		{"null", nested, preferences(`null`), false},
		{"an object", nested, preferences(`{"analytics":true}`), false},
		{"no context", nested, `"a":1`, false},
		{"a part of the path", nested, `"context":{"consent":true}`, false},
		{"elsewhere", nested, `"properties":{"consent":true}`, false},
		{"property", "properties.consent", `"properties":{"consent":true}`, true},
		{"trait", "traits.consent", `"traits":{"consent":true}`, true},
		{"top level", "consent", `"consent":true`, true},
		{"top level, false", "consent", `"consent":false`, false},
		{"a dot in a name", "consent.given", `"consent.given":true`, true},
		{"longer name", "consent", `"consentment":true`, false},
		{"escaped name", "context.ok", `"context":{"\u006fk":true}`, true},
		{"listed", listed, ids(`["ads","analytics"]`), true},
		{"not listed", listed, ids(`["ads"]`), false},
		{"listed otherwise", listed, ids(`["analytics2",["analytics"],{"analytics":true}]`), false},
		{"empty list", listed, ids(`[]`), false},
		{"the id itself", listed, ids(`"analytics"`), true},
		{"true is no id", listed, ids(`true`), false},
		{"a list where true is asked for", "context.ids", `"context":{"ids":[true]}`, false},
		{"a setting without a path", "=analytics", `"analytics":true`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := single(journey.KindUnknown)
			env.Privacy = NewPrivacy(journey.Privacy{Consent: tt.setting})
			f, refusal := rules.Admit(&env, 0, []byte(track(tt.members)))
			if tt.given != (refusal == nil) {
				t.Fatalf("refusal %v, want consent given: %t", refusal, tt.given)
			}
			if refusal == nil {
				return
			}
			if refusal.Reason != NoConsent || refusal.Message != "m" ||
				!strings.Contains(refusal.Detail, tt.setting) {
				t.Errorf("refusal %+v", refusal)
			}
			if diff := cmp.Diff(journey.Fact{}, f); diff != "" {
				t.Errorf("a fact beside the refusal:\n%s", diff)
			}
			if kept := env.Kept(0, []byte(track(tt.members))); !kept.Withheld || kept.Payload != nil {
				t.Errorf("kept without consent: %+v", kept)
			}
		})
	}
}

// TestConsentOfTheBatch: the context of a batch counts for its messages, which outweigh it.
func TestConsentOfTheBatch(t *testing.T) {
	t.Parallel()
	env := single(journey.KindUnknown)
	env.Privacy = NewPrivacy(journey.Privacy{Consent: "context.ok"})
	env.Context = `{"ok":true}`
	mustAdmit(t, env, track(`"a":1`))
	if _, refusal := rules.Admit(&env, 0, []byte(track(`"context":{"ok":false}`))); refusal == nil {
		t.Error("admitted against the message's own word")
	}
	if kept := env.Kept(0, []byte(`{"type":"nonsense"}`)); kept.Withheld {
		t.Error("withheld although the batch consents")
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		denied  []string
		members string
		want    journey.Fact
	}{
		{
			"everywhere",
			[]string{"email"},
			`"properties":{"a":1,"email":"x"},"traits":{"email":"x","b":2},` +
				`"context":{"c":3,"email":"x","traits":{"email":"x","d":4}}`,
			journey.Fact{Properties: `{"a":1}`, Traits: `{"b":2}`, Context: `{"c":3,"traits":{"d":4}}`},
		},
		{
			"nothing left",
			[]string{"email"},
			`"properties":{"email":1},"context":{"email":1}`,
			journey.Fact{},
		},
		{
			"into objects",
			[]string{"address.street"},
			`"properties":{"address":{"city":"x","street":"y"},"street":"z"}`,
			journey.Fact{Properties: `{"address":{"city":"x"},"street":"z"}`},
		},
		{
			"an object is left empty",
			[]string{"a.b"},
			`"properties":{"a":{"b":1}}`,
			journey.Fact{Properties: `{"a":{}}`},
		},
		{
			"into arrays of objects",
			[]string{"products.email"},
			`"properties":{"products":[{"email":1,"sku":"a"},"email",[{"email":2}],{"sku":"b"}]}`,
			journey.Fact{Properties: `{"products":[{"sku":"a"},"email",[{}],{"sku":"b"}]}`},
		},
		{
			"a whole object",
			[]string{"address"},
			`"properties":{"address":{"a":[1,{"b":"}"}]},"z":1}`,
			journey.Fact{Properties: `{"z":1}`},
		},
		{
			"names with dots",
			[]string{"a.b", "c.d.e"},
			`"properties":{"a.b":1,"a":{"b":2,"c":3},"c.d":{"e":4},"c":{"d.e":5,"d":{"e":6}}}`,
			journey.Fact{Properties: `{"a":{"c":3},"c":{"d":{}},"c.d":{}}`},
		},
		{
			"only the whole name",
			[]string{"email"},
			`"properties":{"Email":1,"email2":2,"e":3,"emai":4}`,
			journey.Fact{Properties: `{"Email":1,"e":3,"emai":4,"email2":2}`},
		},
		{
			"names that begin alike",
			[]string{"a-x", "a b.c", "a/b", "a.b", "aa.b", "ab"},
			`"properties":{"a":{"b":1,"c":2},"a b":{"c":1,"d":2},"aa":{"b":1,"c":2},"a-x":1,"a/b":1,` +
				`"ab":1,"abc":1,"a-":1}`,
			journey.Fact{Properties: `{"a":{"c":2},"a b":{"d":2},"a-":1,"aa":{"c":2},"abc":1}`},
		},
		{
			"escaped names",
			[]string{"a\"b", "é"},
			`"properties":{"a\"b":1,"\u00e9":2,"c":"\"a\\"}`,
			journey.Fact{Properties: `{"c":"\"a\\"}`},
		},
		{
			"below one place",
			[]string{"properties.a", "traits.b", "context.c"},
			`"properties":{"a":1,"b":2,"c":3},"traits":{"a":1,"b":2},` +
				`"context":{"c":1,"d":2,"traits":{"a":1,"b":2}}`,
			journey.Fact{
				Properties: `{"b":2,"c":3}`, Traits: `{"a":1}`, Context: `{"d":2,"traits":{"a":1}}`,
			},
		},
		{
			"the empty name is none",
			[]string{""},
			`"properties":{"":1}`,
			journey.Fact{Properties: `{"":1}`},
		},
		{
			"what the request tells",
			[]string{"userAgent", "ip"},
			`"context":{"a":1,"ip":"192.0.2.1"}`,
			journey.Fact{Context: `{"a":1}`},
		},
		{
			"between others",
			[]string{"b", "d"},
			`"properties":{"a":1,"b":2,"c":3,"d":4}`,
			journey.Fact{Properties: `{"a":1,"c":3}`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := single(journey.KindUnknown)
			env.Privacy = NewPrivacy(journey.Privacy{Denied: tt.denied})
			if slices.Contains(tt.denied, "userAgent") {
				env.UserAgent, env.Address = "x", netip.MustParseAddr("192.0.2.1")
			}
			f := mustAdmit(t, env, track(tt.members))
			got := journey.Fact{Properties: f.Properties, Traits: f.Traits, Context: f.Context}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeniedNameOfAPage(t *testing.T) {
	t.Parallel()
	env := single(journey.Page)
	env.Privacy = NewPrivacy(journey.Privacy{Denied: []string{"name"}})
	f := mustAdmit(t, env, `{"userId":"u","name":"Ann's account","category":"c"}`)
	if f.Properties != `{"category":"c"}` {
		t.Errorf("properties %s", f.Properties)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	const here = "198.51.100.77"
	tests := []struct {
		name, context            string
		address                  string
		truncated, dropped, kept journey.Object
	}{
		{
			"IPv4", `{"ip":"203.0.113.9"}`, "",
			`{"ip":"203.0.113.0"}`, ``, `{"ip":"203.0.113.9"}`,
		},
		{
			"IPv6", `{"ip":"2001:db8:aa:bb::1"}`, "",
			`{"ip":"2001:db8:aa::"}`, ``, `{"ip":"2001:db8:aa:bb::1"}`,
		},
		{
			"IPv4 in IPv6", `{"ip":"::ffff:203.0.113.9"}`, "",
			`{"ip":"203.0.113.0"}`, ``, `{"ip":"::ffff:203.0.113.9"}`,
		},
		{
			"IPv4 in 6to4", `{"ip":"2002:cb00:7109::1"}`, "",
			`{"ip":"2002:cb00:7100::"}`, ``, `{"ip":"2002:cb00:7109::1"}`,
		},
		{"with a zone", `{"ip":"fe80::1%eth0"}`, "", `{"ip":"fe80::"}`, ``, `{"ip":"fe80::1%eth0"}`},
		{
			"between blanks", `{"ip":" 203.0.113.9 "}`, "",
			`{"ip":"203.0.113.0"}`, ``, `{"ip":" 203.0.113.9 "}`,
		},
		{
			"no address", `{"a":1,"ip":"203.0.113.9, 10.0.0.1","z":2}`, "",
			`{"a":1,"z":2}`, `{"a":1,"z":2}`, `{"a":1,"ip":"203.0.113.9, 10.0.0.1","z":2}`,
		},
		{"no text", `{"ip":["203.0.113.9"]}`, "", ``, ``, `{"ip":["203.0.113.9"]}`},
		{"null is the sender's word", `{"ip":null}`, here, `{"ip":null}`, `{"ip":null}`, `{"ip":null}`},
		{
			"below another name", `{"device":{"ip":"203.0.113.9"}}`, "",
			`{"device":{"ip":"203.0.113.9"}}`, `{"device":{"ip":"203.0.113.9"}}`,
			`{"device":{"ip":"203.0.113.9"}}`,
		},
		{
			"of the request", `null`, here,
			`{"ip":"198.51.100.0"}`, ``, `{"ip":"198.51.100.77"}`,
		},
		{
			"of the request where the message has no address", `{"ip":"unknown"}`, here,
			`{"ip":"198.51.100.0"}`, ``, `{"ip":"unknown"}`,
		},
		{
			"of the request, between others", `{"app":1,"locale":"en"}`, "2001:db8:aa:bb::1%eth0",
			`{"app":1,"ip":"2001:db8:aa::","locale":"en"}`, `{"app":1,"locale":"en"}`,
			`{"app":1,"ip":"2001:db8:aa:bb::1","locale":"en"}`,
		},
		{
			"the message's outweighs the request's", `{"ip":"203.0.113.9"}`, here,
			`{"ip":"203.0.113.0"}`, ``, `{"ip":"203.0.113.9"}`,
		},
	}
	for _, tt := range tests {
		for handling, want := range map[journey.IPHandling]journey.Object{
			journey.TruncateIP: tt.truncated, journey.DropIP: tt.dropped, journey.KeepIP: tt.kept,
		} {
			env := single(journey.KindUnknown)
			if handling != journey.TruncateIP {
				env.Privacy = NewPrivacy(journey.Privacy{IP: handling})
			}
			if tt.address != "" {
				env.Address = netip.MustParseAddr(tt.address)
			}
			f := mustAdmit(t, env, track(`"context":`+tt.context))
			if f.Context != want {
				t.Errorf("%s, handling %d: context %s, want %s", tt.name, handling, f.Context, want)
			}
		}
	}
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, context, agent string
		want                 journey.Object
	}{
		{"none", `{"a":1}`, "", `{"a":1}`},
		{"alone", `null`, "Mozilla/5.0", `{"userAgent":"Mozilla/5.0"}`},
		{"in its place", `{"zone":1,"a":2}`, "x", `{"a":2,"userAgent":"x","zone":1}`},
		{"the message's own", `{"userAgent":"own"}`, "x", `{"userAgent":"own"}`},
		{"escaped", `null`, `a"b\`, `{"userAgent":"a\"b\\"}`},
		{"no UTF-8", `null`, "a\xff", "{\"userAgent\":\"a\uFFFD\"}"},
		{
			"too long, cut between characters", `null`, strings.Repeat("é", MaxUserAgentBytes),
			journey.Object(`{"userAgent":"` + strings.Repeat("é", MaxUserAgentBytes/2) + `"}`),
		},
	}
	for _, tt := range tests {
		env := single(journey.KindUnknown)
		env.UserAgent = tt.agent
		if f := mustAdmit(t, env, track(`"context":`+tt.context)); f.Context != tt.want {
			t.Errorf("%s: context %s, want %s", tt.name, f.Context, tt.want)
		}
	}
}

// TestBrowser: both that a request tells stand in their places.
func TestBrowser(t *testing.T) {
	t.Parallel()
	env := single(journey.KindUnknown)
	env.Address, env.UserAgent = netip.MustParseAddr("192.0.2.9"), "x"
	env.Internal = true
	f := mustAdmit(t, env, track(`"context":{"page":{"ip":1},"app":{},"zone":"}"}`))
	const want = `{"app":{},"ip":"192.0.2.0","page":{"ip":1},"userAgent":"x","zone":"}"}`
	if f.Context != want || !f.Internal {
		t.Errorf("context %s, internal %t; want %s", f.Context, f.Internal, want)
	}
}

func TestIsInternal(t *testing.T) {
	t.Parallel()
	var defaults *Privacy
	if defaults.IsInternal(netip.MustParseAddr("192.0.2.1")) {
		t.Error("internal by default")
	}
	p := NewPrivacy(journey.Privacy{Internal: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("::ffff:198.51.100.0/120"),
		netip.MustParsePrefix("2001:db8::/32"),
	}})
	for text, want := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "192.0.3.1": false, "198.51.100.9": true,
		"2001:db8:1::1": true, "2001:db8:1::1%eth0": true, "2001:db9::1": false, "::": false,
	} {
		if got := p.IsInternal(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: internal %t", text, got)
		}
	}
	if p.IsInternal(netip.Addr{}) {
		t.Error("no address is internal")
	}
}

// TestDerivedIDAndSettings: an id made of the content is that of what was sent, so that changed
// settings make no second touchpoint of what is sent again.
func TestDerivedIDAndSettings(t *testing.T) {
	t.Parallel()
	const message = `{"event":"e","userId":"u","timestamp":"2026-01-02T10:00:00Z",` +
		`"properties":{"email":"x"},"context":{"ip":"192.0.2.1"}}`
	env := single(journey.Track)
	want := mustAdmit(t, env, message).Message
	env.Privacy = NewPrivacy(journey.Privacy{IP: journey.DropIP, Denied: []string{"email"}})
	env.Address, env.UserAgent = netip.MustParseAddr("192.0.2.9"), "x"
	if got := mustAdmit(t, env, message).Message; got != want {
		t.Errorf("id %s, with other settings %s", want, got)
	}
}

func TestKept(t *testing.T) {
	t.Parallel()
	deep := nest("[", "]", MaxDepth)
	tests := []struct {
		name, message string
		privacy       journey.Privacy
		// want is empty for a message that is withheld.
		want string
	}{
		{"as sent", ` {"b":1, "a":{"ip":"x"}}`, journey.Privacy{}, ` {"b":1, "a":{"ip":"x"}}`},
		{
			"address", `{"userId":5,"context":{"ip":"192.0.2.9"}}`,
			journey.Privacy{},
			`{"context":{"ip":"192.0.2.0"},"userId":5}`,
		},
		{
			"escaped address", `{"\u0063ontext":{"\u0069\u0070":"192.0.2.9"}}`,
			journey.Privacy{},
			`{"context":{"ip":"192.0.2.0"}}`,
		},
		{
			"address of the request as rudder has it", `{"request_ip":"192.0.2.9"}`,
			journey.Privacy{},
			`{"request_ip":"192.0.2.0"}`,
		},
		{
			"addresses are kept", `{"context": {"ip":"192.0.2.9"}}`,
			journey.Privacy{IP: journey.KeepIP},
			`{"context": {"ip":"192.0.2.9"}}`,
		},
		{
			"addresses are dropped", `{"context":{"ip":"192.0.2.9"}}`,
			journey.Privacy{IP: journey.DropIP},
			`{"context":{}}`,
		},
		{
			"unreadable", `{"context":{"ip" : "192.0.2.9"},,"request_ip":"2001:db8:1:2::3`,
			journey.Privacy{},
			`{"context":{"ip" : "192.0.2.0"},,"request_ip":"2001:db8:1::`,
		},
		{
			"unreadable, wherever it stands", `{"ip":["192.0.2.9", "::ffff:192.0.2.9"],x:192.0.2.9:80,` +
				`"at":"10:20:30.5","v":"1.2.3","a":"\b2001:db8:1:2::3\n2001:db8:1:2::3%eth0..."`,
			journey.Privacy{},
			`{"ip":["192.0.2.0", "192.0.2.0"],x:192.0.2.0:80,` +
				`"at":"10:20:30.5","v":"1.2.3","a":"\\n2001:db8:1::%eth0..."`,
		},
		{
			"unreadable, no address for sure", `{"ip":"me","a":"1.2.3.4.5 192.0.02.9 1::2::3 1:2:3:4:5:6:7:8:9"`,
			journey.Privacy{},
			`{"ip":"","a":"   "`,
		},
		{"unreadable, escaped", `{"\u0069p":"192.0.2.9"`, journey.Privacy{}, ``},
		{"unreadable, two bytes a character", "1\x009\x002\x00.\x00", journey.Privacy{}, ``},
		{
			"unreadable, all addresses are kept", `{"\u0069p":"192.0.2.9"`,
			journey.Privacy{IP: journey.KeepIP},
			`{"\u0069p":"192.0.2.9"`,
		},
		{
			"context as a text", `{"context":"{\"ip\":\"192.0.2.9\",\"a\":1}"}`,
			journey.Privacy{},
			`{"context":"{\"ip\":\"192.0.2.0\",\"a\":1}"}`,
		},
		{
			"context as an array, dropped", `{"context":[{"ip":"192.0.2.9"}]}`,
			journey.Privacy{IP: journey.DropIP},
			`{"context":[{"ip":""}]}`,
		},
		{
			"context as a text with escapes", `{"context":"{\"\\u0069p\":\"192.0.2.9\"}"}`,
			journey.Privacy{},
			`{"context":""}`,
		},
		{
			"context as a text, an escape in front", `{"context":"\b::1"}`,
			journey.Privacy{IP: journey.DropIP},
			`{"context":""}`,
		},
		{
			"no object where it is denied", `{"context":["a"],"properties":7,"traits":true}`,
			journey.Privacy{Denied: []string{"email"}},
			`{"context":[],"properties":0,"traits":true}`,
		},
		{
			"too large, denied", `{"a":"` + strings.Repeat("x", MaxMessageBytes) + `"}`,
			journey.Privacy{Denied: []string{"email"}},
			``,
		},
		{
			"too large", `{"a":"192.0.2.9 ` + strings.Repeat("x", MaxMessageBytes) + `"}`,
			journey.Privacy{},
			`{"a":"192.0.2.0 ` + strings.Repeat("x", MaxMessageBytes) + `"}`,
		},
		{"unreadable, dropped", `{"ip":"192.0.2.9"`, journey.Privacy{IP: journey.DropIP}, `{"ip":""`},
		{
			"too deep", `{"a":` + deep + `,"ip":"192.0.2.9"}`,
			journey.Privacy{},
			`{"a":` + deep + `,"ip":"192.0.2.0"}`,
		},
		{
			"denied", `{"userId":{},"properties":{"a":1,"email":2},"context":{"traits":{"email":3}}}`,
			journey.Privacy{Denied: []string{"email"}},
			`{"context":{"traits":{}},"properties":{"a":1},"userId":{}}`,
		},
		{
			"denied at a place that is not read", `{"propertys":{"email":1},"email":2,"event":"e"}`,
			journey.Privacy{Denied: []string{"email"}},
			`{"event":"e"}`,
		},
		{
			"denied name of a page", `{"name":"n","category":"c","type":"page","messageId":"m"}`,
			journey.Privacy{Denied: []string{"name"}},
			`{"category":"c","messageId":"m","type":"page"}`,
		},
		{"denied, unreadable", `{"a":`, journey.Privacy{Denied: []string{"email"}}, ``},
		{"denied, no object", `["email"]`, journey.Privacy{Denied: []string{"email"}}, ``},
		{
			"denied, properties as a text", `{"properties":"{\"email\":1}"}`,
			journey.Privacy{Denied: []string{"email"}},
			`{"properties":""}`,
		},
		{
			"denied, properties null", `{"properties":null}`,
			journey.Privacy{Denied: []string{"email"}},
			`{"properties":null}`,
		},
		{"consent, unreadable", `{"ok":true`, journey.Privacy{Consent: "ok"}, ``},
		{"consent, given", `{"ok":true}`, journey.Privacy{Consent: "ok"}, `{"ok":true}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := single(journey.KindUnknown)
			env.Privacy = NewPrivacy(tt.privacy)
			kept := env.Kept(0, []byte(tt.message))
			if diff := cmp.Diff(tt.want, string(kept.Payload)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if kept.Withheld != (tt.want == "") {
				t.Errorf("withheld %t", kept.Withheld)
			}
		})
	}
}

// TestKeptContext: what was known beside the message is kept by the same rules.
func TestKeptContext(t *testing.T) {
	t.Parallel()
	env := single(journey.KindUnknown)
	env.Context = `{"library":{"name":"x"},"traits":{"email":"y","plan":"z"}}`
	env.Address, env.UserAgent = netip.MustParseAddr("192.0.2.9"), "agent"
	env.Privacy = NewPrivacy(journey.Privacy{Denied: []string{"email"}})
	const want = `{"ip":"192.0.2.0","library":{"name":"x"},"traits":{"plan":"z"},"userAgent":"agent"}`
	if kept := env.Kept(0, []byte(`{}`)); kept.Context != want {
		t.Errorf("context %s, want %s", kept.Context, want)
	}
	if kept := env.Kept(0, []byte(`{`)); kept.Context != "" || !kept.Withheld {
		t.Errorf("withheld and yet %+v", kept)
	}
}

// TestKeptIsJudgedAlike: once its cause is mended, what was kept makes the fact that the message
// would have made.
func TestKeptIsJudgedAlike(t *testing.T) {
	t.Parallel()
	env := single(journey.KindUnknown)
	env.Context = `{"library":"l","email":"x"}`
	env.Address, env.UserAgent = netip.MustParseAddr("192.0.2.9"), "agent"
	env.Privacy = NewPrivacy(journey.Privacy{Denied: []string{"email", "products.email"}})
	message := track(`"context":{"ip":"203.0.113.8","a":[1,2.50]},"writeKey":"k",` +
		`"properties":{"products":[{"email":1,"sku":2}],"email":3},"traits":{"email":4}`)
	want := mustAdmit(t, env, message)
	kept := env.Kept(0, []byte(message))
	again := single(journey.KindUnknown)
	again.Context, again.Privacy = kept.Context, env.Privacy
	if diff := cmp.Diff(want, mustAdmit(t, again, string(kept.Payload))); diff != "" {
		t.Errorf("(-as sent +as kept):\n%s", diff)
	}
}
