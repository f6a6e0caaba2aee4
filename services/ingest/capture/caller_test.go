package capture

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/journey"
)

var inside = Proxies{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"),
}

func TestCaller(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"the connection's", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"a stranger says something", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		{"a proxy that says nothing", "10.0.0.1:1234", nil, "10.0.0.1"},
		{"a proxy", "10.0.0.1:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		{
			"what the client made up is left of it", "10.0.0.1:1234",
			[]string{"203.0.113.9, 198.51.100.7"},
			"198.51.100.7",
		},
		{
			"several proxies", "10.0.0.1:1234",
			[]string{"198.51.100.7, 10.0.0.3,10.0.0.2"},
			"198.51.100.7",
		},
		{
			"several headers", "10.0.0.1:1234",
			[]string{"198.51.100.7, 10.9.9.9", "10.0.0.2"},
			"198.51.100.7",
		},
		{"nothing but proxies", "10.0.0.1:1234", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"with ports", "10.0.0.1:1234", []string{"198.51.100.7:99"}, "198.51.100.7"},
		{"IPv6", "[2001:db8::1]:1234", []string{"2001:dead::5"}, "2001:dead::5"},
		{"IPv6 with a port", "[2001:db8::1]:1234", []string{"[2001:dead::5]:99"}, "2001:dead::5"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1234", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"a zone", "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"what is no address ends it", "10.0.0.1:1234", []string{"198.51.100.7, unknown"}, ""},
		{"no address at all", "@", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{
				"X-Forwarded-For": tt.forwarded, "User-Agent": {"curl/8"},
			}}
			got := inside.caller(r)
			if want, _ := netip.ParseAddr(tt.want); got.address != want || got.userAgent != "curl/8" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestContextOfTheRequest: what the connection tells is kept of browsers only, as the site's
// settings let it; internal are all that come from the site's own networks.
func TestContextOfTheRequest(t *testing.T) {
	t.Parallel()
	const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
	tests := []struct {
		name, remote, userAgent string
		ip                      journey.IPHandling
		internal                bool
		wants                   []string
		lacks                   []string
	}{
		{
			name: "a browser", remote: "198.51.100.7:1", userAgent: browser,
			wants: []string{`"ip":"198.51.100.0"`, `Firefox/150.0`}, lacks: []string{"100.7"},
		},
		{
			name: "a browser, whole addresses", remote: "198.51.100.7:1", userAgent: browser,
			ip: journey.KeepIP, wants: []string{`"ip":"198.51.100.7"`},
		},
		{
			name: "a browser, no addresses", remote: "198.51.100.7:1", userAgent: browser,
			ip: journey.DropIP, wants: []string{"Firefox"}, lacks: []string{"198.51"},
		},
		{
			name: "a server", remote: "198.51.100.7:1", userAgent: "analytics-node/3.1.0",
			lacks: []string{"198.51", "analytics-node"},
		},
		{
			name: "one of the house", remote: "192.0.2.77:1", userAgent: "curl/8", internal: true,
			lacks: []string{"192.0.2", "curl"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.keys.privacy = journey.Privacy{
				IP: tt.ip, Internal: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26")},
			}
			for _, body := range []string{paid, `{"userId":"u"}`} {
				r := post("/v1/track", body)
				r.RemoteAddr = tt.remote
				r.Header.Set("User-Agent", tt.userAgent)
				f.send(t, r)
			}
			if len(f.sink.accepted) != 1 || len(f.sink.refused) != 1 {
				t.Fatalf("kept %+v, refused %+v", f.sink.accepted, f.sink.refused)
			}
			fact, q := f.sink.accepted[0], f.sink.refused[0]
			if fact.Internal != tt.internal || q.Internal != tt.internal {
				t.Errorf("internal: %t, in quarantine %t", fact.Internal, q.Internal)
			}
			for _, context := range []journey.Object{fact.Context, q.Context} {
				for _, want := range tt.wants {
					if !strings.Contains(string(context), want) {
						t.Errorf("context %s lacks %s", context, want)
					}
				}
				for _, lack := range tt.lacks {
					if strings.Contains(string(context), lack) {
						t.Errorf("context %s has %s", context, lack)
					}
				}
			}
		})
	}
}

// TestQuarantineKeepsWhatMayBeKept: a refused message is kept with what is needed to judge it
// again, less what the site denies, and not at all without the consent that it asks for.
func TestQuarantineKeepsWhatMayBeKept(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.keys.privacy = journey.Privacy{Denied: []string{"email"}, Consent: "context.agreed"}
	f.send(t, post("/v1/import", `{"sentAt":"2026-01-02T11:00:00Z","context":{"agreed":true,"a":1},`+
		`"batch":[{"type":"track","userId":"u","properties":{"email":"a@b.c","x":1}}]}`))
	f.send(t, post("/v1/track", paid))
	if len(f.sink.refused) != 2 {
		t.Fatalf("%+v", f.sink.refused)
	}
	q := f.sink.refused[0]
	if q.Key != "w" || q.Kind != journey.KindUnknown || !q.Imported || q.Withheld ||
		q.SentAt.Hour() != 11 || !strings.Contains(string(q.Context), `"agreed":true`) ||
		strings.Contains(string(q.Payload), "a@b.c") || !strings.Contains(string(q.Payload), `"x":1`) {
		t.Errorf("%+v, payload %s", q, q.Payload)
	}
	q = f.sink.refused[1]
	if q.Reason != string(admit.NoConsent) || q.Kind != journey.Track || !q.Withheld ||
		len(q.Payload) > 0 {
		t.Errorf("without consent: %+v, payload %s", q, q.Payload)
	}
}
