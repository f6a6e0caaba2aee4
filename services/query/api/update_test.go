package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
)

// said is a member of an answer of the gateway.
func said(t *testing.T, got reply, members ...string) any {
	t.Helper()
	if got.status != 200 {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	value := parsed(t, got.body)
	for _, name := range members {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// TestUpdateSite: what the mask names is set and the rest stays, and so it is given back.
func TestUpdateSite(t *testing.T) {
	t.Parallel()
	h := open(t)
	const whole = `{"ipHandling":"IP_HANDLING_KEEP","deniedProperties":["email","address.street"],
		"consentField":"context.consent.analytics","internalNetworks":["192.0.2.0/24"]}`
	const all = "IP_HANDLING_KEEP [email address.street] context.consent.analytics [192.0.2.0/24]"
	const none = "IP_HANDLING_TRUNCATE []  []"
	for _, c := range []struct{ name, body, label, privacy string }{
		{"nothing", `{"site":{}}`, "", none},
		{"name", `{"site":{"displayName":"A"}}`, "A", none},
		{"all of privacy", `{"site":{"privacy":` + whole + `}}`, "A", all},
		{
			"a name alone", `{"site":{"displayName":"B","privacy":{}},"updateMask":"displayName"}`, "B",
			all,
		},
		{"no field of privacy", `{"site":{"privacy":{}}}`, "B", all},
		{
			"one that is stated", `{"site":{"privacy":{"deniedProperties":["one"]}}}`, "B",
			strings.Replace(all, "email address.street", "one", 1),
		},
		{
			"two that are stated", `{"site":{"displayName":"B","privacy":{"deniedProperties":["email",
				"address.street"],"ipHandling":"IP_HANDLING_KEEP"}}}`, "B", all,
		},
		{
			"one below", `{"site":{"privacy":{"ipHandling":"IP_HANDLING_DROP",
				"deniedProperties":["x"]}},"updateMask":"privacy.ipHandling"}`, "B",
			strings.Replace(all, "KEEP", "DROP", 1),
		},
		{
			"several", `{"site":{"displayName":"C","privacy":{"deniedProperties":["x"]}},
				"updateMask":"displayName,privacy.deniedProperties,privacy.consentField"}`, "C",
			"IP_HANDLING_DROP [x]  [192.0.2.0/24]",
		},
		{
			"networks, as they are kept", `{"site":{"privacy":{"internalNetworks":
				["192.0.2.77/24","198.51.100.7"," 2001:DB8::1 ","::ffff:203.0.113.0/120"]}},
				"updateMask":"privacy.internalNetworks"}`, "C",
			"IP_HANDLING_DROP [x]  [192.0.2.0/24 198.51.100.7/32 2001:db8::1/128 203.0.113.0/24]",
		},
		{"a name of nothing", `{"site":{},"updateMask":"displayName"}`, "shop", "IP_HANDLING_DROP [x]  " +
			"[192.0.2.0/24 198.51.100.7/32 2001:db8::1/128 203.0.113.0/24]"},
		{
			"the zone it has", `{"site":{"timeZone":"Europe/Berlin","privacy":{}},
				"updateMask":"privacy"}`, "shop", none,
		},
	} {
		updated := h.send(t, "PATCH", "/v1/sites/shop", adminToken, c.body)
		got := h.send(t, "GET", "/v1/sites/shop", adminToken, "")
		if updated.body != got.body {
			t.Errorf("%s: updated to %s, kept as %s", c.name, updated.body, got.body)
		}
		p, _ := said(t, got, "site", "privacy").(map[string]any)
		privacy := fmt.Sprint(p["ipHandling"], " ", p["deniedProperties"], " ", p["consentField"], " ",
			p["internalNetworks"])
		if label := said(t, got, "site", "displayName"); label != c.label || privacy != c.privacy {
			t.Errorf("%s: %v, %s; want %s, %s", c.name, label, privacy, c.label, c.privacy)
		}
		if zone := said(t, got, "site", "timeZone"); zone != "Europe/Berlin" {
			t.Errorf("%s: time zone %v", c.name, zone)
		}
	}
	created := h.send(t, "POST", "/v1/sites", rootToken, `{"siteId":"n","site":{"privacy":`+whole+`}}`)
	if got := said(t, created, "site", "privacy"); !cmp.Equal(parsed(t, whole), got) {
		t.Errorf("created with %v", got)
	}
}

func TestSiteUpdatesThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	privacy := func(fields string) string { return `{"site":{"privacy":{` + fields + `}}}` }
	long := strings.Repeat("x", 201)
	for name, c := range map[string]struct {
		body, field, says string
	}{
		"unknown path": {
			`{"site":{},"updateMask":"createdAt"}`, "update_mask",
			`"created_at" cannot be set; there are display_name, privacy, privacy.ip_handling`,
		},
		"time zone": {
			`{"site":{"timeZone":"UTC"}}`, "site.time_zone", `leave it out or give "Europe/Berlin"`,
		},
		"long name":   {`{"site":{"displayName":"` + long + `"}}`, "site.display_name", "200"},
		"ip handling": {privacy(`"ipHandling":9`), "site.privacy.ip_handling", "TRUNCATE"},
		"201 denied": {
			privacy(`"deniedProperties":[` + strings.Repeat(`"a",`, 200) + `"a"]`),
			"site.privacy.denied_properties", "at most 200",
		},
		"denied nothing": {
			privacy(`"deniedProperties":["a",""]`), "site.privacy.denied_properties[1]", "empty",
		},
		"denied long": {
			privacy(`"deniedProperties":["` + long + `"]`), "site.privacy.denied_properties[0]", "200",
		},
		"denied between dots": {
			privacy(`"deniedProperties":["a..b"]`), "site.privacy.denied_properties[0]", "empty name",
		},
		"consent long":    {privacy(`"consentField":"` + long + `"`), "site.privacy.consent_field", "200"},
		"consent of dots": {privacy(`"consentField":".a"`), "site.privacy.consent_field", "empty name"},
		"consent of none": {privacy(`"consentField":"context.a="`), "site.privacy.consent_field", "path"},
		"no network": {
			privacy(`"internalNetworks":["10.0.0.0/8","shop.example"]`),
			"site.privacy.internal_networks[1]", "192.0.2.0/24",
		},
		"bits": {
			privacy(`"internalNetworks":["10.0.0.0/33"]`), "site.privacy.internal_networks[0]", "10.0.0.0/33",
		},
		"101 networks": {
			privacy(`"internalNetworks":[` + strings.Repeat(`"10.0.0.1",`, 100) + `"10.0.0.1"]`),
			"site.privacy.internal_networks", "at most 100",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, "PATCH", "/v1/sites/shop", adminToken, c.body).refusal(t)
			checkRefusal(t, got, codes.InvalidArgument, []string{c.field}, c.says)
		})
	}
	absent := h.send(t, "PATCH", "/v1/sites/absent", rootToken, `{"site":{}}`)
	if absent.status != 404 {
		t.Errorf("no such site: %d %s", absent.status, absent.body)
	}
}

func TestUpdateKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	const path = "/v1/sites/shop/keys/id-" + writeKey
	for _, c := range []struct{ name, body, want string }{
		{"nothing", `{"key":{}}`, " [] 0"},
		{"label", `{"key":{"label":"web"}}`, "web [] 0"},
		{
			"all stated", `{"key":{"allowedOrigins":["HTTPS://Shop.Example:443","null",
				"http://*.shop.example:8080"," http://[2001:DB8::1] "],"messagesPerSecond":2.5}}`,
			"web [https://shop.example null http://*.shop.example:8080 http://[2001:db8::1]] 2.5",
		},
		{
			"one alone", `{"key":{"label":"x","messagesPerSecond":7},"updateMask":"messagesPerSecond"}`,
			"web [https://shop.example null http://*.shop.example:8080 http://[2001:db8::1]] 7",
		},
		{
			"to nothing", `{"key":{},"updateMask":"label,allowedOrigins,messagesPerSecond"}`, " [] 0",
		},
		{"the kind it has", `{"key":{"kind":"KEY_KIND_WRITE","label":"a"}}`, "a [] 0"},
	} {
		k, _ := said(t, h.send(t, "PATCH", path, adminToken, c.body), "key").(map[string]any)
		got := fmt.Sprint(k["label"], " ", k["allowedOrigins"], " ", k["messagesPerSecond"])
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	revoked := said(t, h.send(t, "POST", path+":revoke", adminToken, `{}`), "key", "revokedAt")
	updated := h.send(t, "PATCH", path, adminToken, `{"key":{"label":"ended"}}`)
	if at := said(t, updated, "key", "revokedAt"); at != revoked || at == nil {
		t.Errorf("revoked at %v, after an update %v", revoked, at)
	}
	created := h.send(t, "POST", "/v1/sites/shop/keys", adminToken,
		`{"kind":1,"allowedOrigins":["https://a.example"],"messagesPerSecond":3}`)
	k, _ := said(t, created, "key").(map[string]any)
	if got := fmt.Sprint(k["allowedOrigins"], k["messagesPerSecond"]); got != "[https://a.example] 3" {
		t.Errorf("created with %s", got)
	}
}

func TestKeyUpdatesThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		key, body, field, says string
	}{
		"unknown path": {writeKey, `"updateMask":"kind"`, "update_mask", "label, allowed_origins"},
		"another kind": {writeKey, `"key":{"kind":3}`, "key.kind", "another key"},
		"long label": {
			writeKey, `"key":{"label":"` + strings.Repeat("x", 201) + `"}`, "key.label", "200",
		},
		"negative rate": {
			writeKey, `"key":{"messagesPerSecond":-1}`, "key.messages_per_second", "or more",
		},
		"no number": {
			writeKey, `"key":{"messagesPerSecond":"NaN"}`, "key.messages_per_second", "or more",
		},
		"endless": {
			writeKey, `"key":{"messagesPerSecond":"Infinity"}`, "key.messages_per_second", "or more",
		},
		"rate of a read token": {
			readToken, `"key":{"messagesPerSecond":1}`, "key.messages_per_second", "only write keys",
		},
		"origins of a read token": {
			readToken, `"key":{"allowedOrigins":["null"]}`, "key.allowed_origins", "only write keys",
		},
		"101 origins": {
			writeKey, `"key":{"allowedOrigins":[` + strings.Repeat(`"null",`, 100) + `"null"]}`,
			"key.allowed_origins", "at most 100",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, "PATCH", "/v1/sites/shop/keys/id-"+c.key, adminToken,
				"{"+c.body+"}").refusal(t)
			checkRefusal(t, got, codes.InvalidArgument, []string{c.field}, c.says)
		})
	}
	for _, origin := range []string{
		"", "*", "shop.example", "https://", "https://*", "https://*.", "ftp://shop.example",
		"https://shop.example/", "https://shop.example/a", "https://a@shop.example",
		"https://shop.example?x", "https://shop.example#x", "https://*.*.example",
		"https://shop.*", "https://shop..example", "https://shöp.example", "https://shop.example:x",
		"https://shop.example:70000", "https://shop.example:0", "https://a b", "https://*.10.0.0.1",
		"https://[fe80::1%25eth0]", "https://shop.example,https://b.example", "Null",
	} {
		got := h.send(t, "PATCH", "/v1/sites/shop/keys/id-"+writeKey, adminToken,
			fmt.Sprintf(`{"key":{"allowedOrigins":["null",%q]}}`, origin)).refusal(t)
		if fields := got.fields(); len(fields) != 1 || fields[0] != "key.allowed_origins[1]" {
			t.Errorf("origin %q: %v", origin, got)
		}
	}
	for path, code := range map[string]codes.Code{
		"/v1/sites/shop/keys/absent": codes.NotFound, "/v1/sites/absent/keys/x": codes.NotFound,
	} {
		got := h.send(t, "PATCH", path, rootToken, `{"key":{"label":"x"}}`).refusal(t)
		if got.Code != code {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// TestUpdatesOfOtherSites: what is updated is what is named in the path, and the token must open
// that, whatever else the body says.
func TestUpdatesOfOtherSites(t *testing.T) {
	t.Parallel()
	h := open(t)
	for path, body := range map[string]string{
		"/v1/sites/other":                        `{"site":{"displayName":"Mine"}}`,
		"/v1/sites/other/keys/id-" + otherToken:  `{"key":{"label":"Mine"}}`,
		"/v1/sites/absent":                       `{"site":{"displayName":"Mine"}}`,
		"/v1/sites/absent/keys/id-" + otherToken: `{"key":{"label":"Mine"}}`,
	} {
		if got := h.send(t, "PATCH", path, adminToken, body).refusal(t); got.Code != codes.PermissionDenied {
			t.Errorf("%s: %v", path, got)
		}
		named := strings.Replace(body, `:{"`, `:{"name":"sites/shop","`, 1)
		if got := h.send(t, "PATCH", path, adminToken, named).refusal(t); got.Code != codes.PermissionDenied {
			t.Errorf("%s with another name in its body: %v", path, got)
		}
	}
	got := h.send(t, "GET", "/v1/sites/other", otherToken, "")
	if strings.Contains(got.body, "Mine") {
		t.Errorf("it was changed: %s", got.body)
	}
}
