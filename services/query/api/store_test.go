package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
)

func TestSites(t *testing.T) {
	t.Parallel()
	h := open(t)
	created := h.send(t, "POST", "/v1/sites", rootToken,
		`{"siteId":"tiles","site":{"displayName":"Tile shop","timeZone":"America/New_York"}}`)
	want := `{"site":{"name":"sites/tiles","displayName":"Tile shop",
		"timeZone":"America/New_York","createdAt":"2026-03-04T05:06:07.891Z",
		"privacy":{"ipHandling":"IP_HANDLING_TRUNCATE","deniedProperties":[],"consentField":"",
			"internalNetworks":[]}}}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, created.body)); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	got := h.send(t, "GET", "/v1/sites/tiles", rootToken, "")
	if diff := cmp.Diff(parsed(t, want), parsed(t, got.body)); diff != "" {
		t.Errorf("got (-want +got):\n%s", diff)
	}
	plain := h.send(t, "POST", "/v1/sites", rootToken, `{"siteId":"bare"}`)
	if !strings.Contains(plain.body, `"UTC"`) || strings.Count(plain.body, "bare") != 2 {
		t.Errorf("without a word about it: %s", plain.body)
	}
	again := h.send(t, "POST", "/v1/sites", rootToken, `{"siteId":"tiles"}`)
	if again.status != 409 || again.refusal(t).Code != codes.AlreadyExists {
		t.Errorf("created twice: %d %s", again.status, again.body)
	}
	absent := h.send(t, "GET", "/v1/sites/absent", rootToken, "")
	if absent.status != 404 || absent.refusal(t).Code != codes.NotFound {
		t.Errorf("absent: %d %s", absent.status, absent.body)
	}
}

func TestSitesThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	site := func(fields string) string { return `{"siteId":"a","site":{` + fields + `}}` }
	long := strings.Repeat("ä", 201)
	for name, c := range map[string]struct {
		body   string
		fields []string
	}{
		"nothing":         {`{}`, []string{"site_id"}},
		"begins with 1":   {`{"siteId":"1a"}`, []string{"site_id"}},
		"slash":           {`{"siteId":"a/b"}`, []string{"site_id"}},
		"64 long":         {`{"siteId":"` + strings.Repeat("a", 64) + `"}`, []string{"site_id"}},
		"no zone":         {site(`"timeZone":"Mars/Base"`), []string{"site.time_zone"}},
		"server's zone":   {site(`"timeZone":"Local"`), []string{"site.time_zone"}},
		"a path":          {site(`"timeZone":"../etc/passwd"`), []string{"site.time_zone"}},
		"name of 201":     {site(`"displayName":"` + long + `"`), []string{"site.display_name"}},
		"several at once": {`{"site":{"timeZone":"X"}}`, []string{"site_id", "site.time_zone"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, "POST", "/v1/sites", rootToken, c.body).refusal(t)
			checkRefusal(t, got, codes.InvalidArgument, c.fields, "")
		})
	}
}

// TestSitePages: pages go on where the one before ended, also after something was added.
func TestSitePages(t *testing.T) {
	t.Parallel()
	h := open(t)
	names := func(body string) (names []string, next string) {
		answer, _ := parsed(t, body).(map[string]any)
		sites, _ := answer["sites"].([]any)
		for _, s := range sites {
			names = append(names, fmt.Sprint(s.(map[string]any)["name"]))
		}
		return names, fmt.Sprint(answer["nextPageToken"])
	}
	first, token := names(h.send(t, "GET", "/v1/sites?pageSize=1", rootToken, "").body)
	if diff := cmp.Diff([]string{"sites/other"}, first); diff != "" {
		t.Fatal(diff)
	}
	h.send(t, "POST", "/v1/sites", rootToken, `{"siteId":"aaa"}`)
	second, token := names(h.send(t, "GET", "/v1/sites?page_token="+token, rootToken, "").body)
	if diff := cmp.Diff([]string{"sites/shop"}, second); diff != "" {
		t.Error(diff)
	}
	if token != "" {
		t.Errorf("a token after the last page: %q", token)
	}
	got := h.send(t, "GET", "/v1/sites?pageSize=1001&pageToken=x", rootToken, "").refusal(t)
	checkRefusal(t, got, codes.InvalidArgument, []string{"page_size", "page_token"}, "")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	h := open(t)
	secrets := map[string]string{}
	for kind, prefix := range map[string]string{
		"KEY_KIND_WRITE": "wk_", "KEY_KIND_READ": "rt_", "KEY_KIND_ADMIN": "at_",
	} {
		got := h.send(t, "POST", "/v1/sites/shop/keys", adminToken,
			`{"kind":"`+kind+`","label":"for `+kind+`"}`)
		answer, _ := parsed(t, got.body).(map[string]any)
		secret := fmt.Sprint(answer["secret"])
		secrets[kind] = secret
		if len(secret) != 3+48 || !strings.HasPrefix(secret, prefix) {
			t.Errorf("%s: secret %q", kind, secret)
		}
		key, err := h.store.KeyByHash(t.Context(), rpc.HashOf(secret))
		if err != nil || key.Site != "shop" || key.Label != "for "+kind {
			t.Errorf("%s: kept as %+v, %v", kind, key, err)
		}
	}
	got := h.send(t, "GET", "/v1/sites/shop/journeyMaps", secrets["KEY_KIND_READ"], "")
	if got.status != 200 {
		t.Errorf("the new read token got %d: %s", got.status, got.body)
	}
	list := h.send(t, "GET", "/v1/sites/shop/keys", adminToken, "")
	for kind, secret := range secrets {
		if strings.Contains(list.body, secret[3:]) || !strings.Contains(list.body, "for "+kind) {
			t.Errorf("the list shows a secret or lacks %s: %s", kind, list.body)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		path, body string
		code       codes.Code
		fields     []string
	}{
		"no kind":      {"/v1/sites/shop/keys", `{}`, codes.InvalidArgument, []string{"kind"}},
		"unknown kind": {"/v1/sites/shop/keys", `{"kind":9}`, codes.InvalidArgument, []string{"kind"}},
		"long label": {
			"/v1/sites/shop/keys", `{"kind":1,"label":"` + strings.Repeat("x", 201) + `"}`,
			codes.InvalidArgument,
			[]string{"label"},
		},
		"no site":     {"/v1/sites/absent/keys", `{"kind":1}`, codes.NotFound, nil},
		"no such key": {"/v1/sites/shop/keys/absent:revoke", `{}`, codes.NotFound, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, "POST", c.path, rootToken, c.body).refusal(t)
			checkRefusal(t, got, c.code, c.fields, "")
		})
	}
}

func TestRevokingTwice(t *testing.T) {
	t.Parallel()
	h := open(t)
	const path = "/v1/sites/shop/keys/id-" + writeKey + ":revoke"
	first := h.send(t, "POST", path, adminToken, `{}`)
	h.clock.advance(time.Hour)
	second := h.send(t, "POST", path, adminToken, `{}`)
	if first.status != 200 || first.body != second.body ||
		!strings.Contains(first.body, `"revokedAt":"2026-03-04T05:06:07.891Z"`) {
		t.Errorf("first %s, second %s", first.body, second.body)
	}
}

func TestMaps(t *testing.T) {
	t.Parallel()
	h := open(t)
	whole := `{"journeyMap":{"name":"sites/shop/journeyMaps/1","version":1,
		"inForceAt":"2026-03-04T05:06:07.891234567Z","source":%q,"title":"Shop",
		"stages":[` + bareStage("search") + `,` + bareStage("purchase") + `],
		"touchpoints":[` + bareTouchpoint("landing", "search", "Landed") + `,` +
		bareTouchpoint("order", "purchase", "Ordered") + `],
		"channels":[],"personas":[],"kpis":[],"money":null,"referral":null,
		"lostAfterSeconds":7776000}}`
	for _, path := range []string{"latest", "1"} {
		got := h.send(t, "GET", "/v1/sites/shop/journeyMaps/"+path, readToken, "")
		if diff := cmp.Diff(parsed(t, fmt.Sprintf(whole, shopMap)), parsed(t, got.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	next := strings.Replace(shopMap, "title: Shop", "title: Shop 2", 1)
	publish := func(extra string) reply {
		return h.send(t, "POST", "/v1/sites/shop/journeyMaps:publish", adminToken,
			fmt.Sprintf(`{"source":%q%s}`, next, extra))
	}
	for _, c := range []struct {
		extra string
		want  float64
	}{{`,"validateOnly":true`, 0}, {``, 2}, {``, 2}} {
		got := publish(c.extra)
		m, _ := parsed(t, got.body).(map[string]any)["journeyMap"].(map[string]any)
		if m["version"] != c.want || m["title"] != "Shop 2" {
			t.Errorf("published%s: %s", c.extra, got.body)
		}
	}
	list := h.send(t, "GET", "/v1/sites/shop/journeyMaps", readToken, "")
	const short = `{"name":"sites/shop/journeyMaps/%d","version":%d,
		"inForceAt":"2026-03-04T05:06:07.891234567Z","source":"","title":%q,"stages":[],
		"touchpoints":[],"channels":[],"personas":[],"kpis":[],"money":null,"referral":null,
		"lostAfterSeconds":0}`
	want := `{"journeyMaps":[` + fmt.Sprintf(short, 2, 2, "Shop 2") + `,` +
		fmt.Sprintf(short, 1, 1, "Shop") + `],"nextPageToken":""}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, list.body)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

// bareStage is a stage of which the map says no more than its id.
func bareStage(id string) string {
	return fmt.Sprintf(`{"id":%q,"title":%[1]q,"task":"","goal":"","customerGoal":"",
		"activities":[],"behindTheScenes":[],"expectations":null,"barriers":[],"ideas":[],
		"stimuli":[],"contact":false,"owner":null,"targets":null,
		"temperature":"TEMPERATURE_UNSPECIFIED","kpis":[]}`, id)
}

// bareTouchpoint is one of which the map says no more than its rule.
func bareTouchpoint(id, stage, event string) string {
	return fmt.Sprintf(`{"id":%q,"title":%[1]q,"stage":%q,"channel":"","events":[%q],"condition":"",
		"importance":0,"owner":null,"status":"TOUCHPOINT_STATUS_LIVE","standard":"","task":"","due":"",
		"repeat":null,"feedback":null,"barrier":false,"contact":false}`, id, stage, event)
}

func TestMapsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	broken := strings.ReplaceAll(shopMap, "stage: search", "stage: serach")
	broken = strings.ReplaceAll(broken, "events: [Ordered]", "evnets: [Ordered]")
	for name, c := range map[string]struct {
		source string
		fields []string
		says   string
	}{
		"empty":      {"", []string{"source"}, "give the map as YAML"},
		"no YAML":    {"a: [", []string{"source"}, "line 1, column"},
		"over 1 MiB": {strings.Repeat("#", journey.MaxMapBytes+1), []string{"source"}, "1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, "POST", "/v1/sites/shop/journeyMaps:publish", adminToken,
				fmt.Sprintf(`{"source":%q}`, c.source)).refusal(t)
			checkRefusal(t, got, codes.InvalidArgument, c.fields, c.says)
		})
	}
	t.Run("several mistakes", func(t *testing.T) {
		t.Parallel()
		got := h.send(t, "POST", "/v1/sites/shop/journeyMaps:publish", adminToken,
			fmt.Sprintf(`{"source":%q,"validateOnly":true}`, broken)).refusal(t)
		if len(got.Violations) < 2 {
			t.Fatalf("%d violations for two mistakes: %v", len(got.Violations), got.Violations)
		}
		for _, want := range []string{"line 6, column", "line 7, column"} {
			if !strings.Contains(fmt.Sprint(got.Violations), want) {
				t.Errorf("no violation at %s: %v", want, got.Violations)
			}
		}
	})
	for path, code := range map[string]codes.Code{
		"9": codes.NotFound, "0": codes.InvalidArgument, "-1": codes.InvalidArgument,
		"newest": codes.InvalidArgument, "4294967296": codes.InvalidArgument,
	} {
		got := h.send(t, "GET", "/v1/sites/shop/journeyMaps/"+path, readToken, "")
		if got.refusal(t).Code != code {
			t.Errorf("version %s: %s", path, got.body)
		}
	}
	got := h.send(t, "GET", "/v1/sites/other/journeyMaps/latest", otherToken, "")
	if got.status != 404 {
		t.Errorf("latest of none: %d %s", got.status, got.body)
	}
}
