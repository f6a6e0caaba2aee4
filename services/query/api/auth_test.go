package api_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

const (
	siteService   = "/waystage.site.v1.SiteService/"
	mapService    = "/waystage.journey.v1.JourneyMapService/"
	funnelService = "/waystage.funnel.v1.FunnelService/"
	savedService  = "/waystage.funnel.v1.SavedQuestionService/"

	catalogueService  = "/waystage.catalogue.v1.CatalogueService/"
	personService     = "/waystage.person.v1.PersonService/"
	quarantineService = "/waystage.collect.v1.QuarantineService/"
)

// call is a good call of each method, about site shop.
type call struct {
	method            string
	request, response proto.Message
}

func calls(t *testing.T, parent string) []call {
	t.Helper()
	step := func(event string) *funnelv1.Step {
		return &funnelv1.Step{Target: &funnelv1.Step_Event{Event: event}}
	}
	question := &funnelv1.FunnelQuestion{
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromDate{FromDate: "2026-01-01"},
			To:   &funnelv1.TimeRange_ToDate{ToDate: "2026-02-01"},
		},
		Steps: []*funnelv1.Step{step("Landed"), step("Ordered")},
	}
	return []call{
		{siteService + "ListSites", &sitev1.ListSitesRequest{}, &sitev1.ListSitesResponse{}},
		{
			siteService + "CreateSite",
			&sitev1.CreateSiteRequest{SiteId: "new"}, &sitev1.CreateSiteResponse{},
		},
		{
			siteService + "GetSite",
			&sitev1.GetSiteRequest{Name: parent}, &sitev1.GetSiteResponse{},
		},
		{
			siteService + "UpdateSite",
			&sitev1.UpdateSiteRequest{Site: &sitev1.Site{Name: parent, DisplayName: "New"}},
			&sitev1.UpdateSiteResponse{},
		},
		{
			siteService + "UpdateKey",
			&sitev1.UpdateKeyRequest{
				Key: &sitev1.Key{Name: parent + "/keys/id-" + writeKey, Label: "new"},
			},
			&sitev1.UpdateKeyResponse{},
		},
		{
			quarantineService + "ListQuarantinedMessages",
			&collectv1.ListQuarantinedMessagesRequest{Parent: parent},
			&collectv1.ListQuarantinedMessagesResponse{},
		},
		{
			quarantineService + "GetQuarantinedMessage",
			&collectv1.GetQuarantinedMessageRequest{Name: parent + "/quarantinedMessages/" + kept.ID()},
			&collectv1.GetQuarantinedMessageResponse{},
		},
		{
			quarantineService + "ReplayQuarantinedMessages",
			&collectv1.ReplayQuarantinedMessagesRequest{Parent: parent},
			&collectv1.ReplayQuarantinedMessagesResponse{},
		},
		{
			catalogueService + "ListEvents",
			&cataloguev1.ListEventsRequest{Parent: parent}, &cataloguev1.ListEventsResponse{},
		},
		{
			catalogueService + "ListProperties",
			&cataloguev1.ListPropertiesRequest{Parent: parent},
			&cataloguev1.ListPropertiesResponse{},
		},
		{
			personService + "ExplainPersona",
			&personv1.ExplainPersonaRequest{
				Parent: parent, By: &personv1.ExplainPersonaRequest_UserId{UserId: "ann"},
			},
			&personv1.ExplainPersonaResponse{},
		},
		{
			siteService + "ListKeys",
			&sitev1.ListKeysRequest{Parent: parent}, &sitev1.ListKeysResponse{},
		},
		{
			siteService + "CreateKey",
			&sitev1.CreateKeyRequest{Parent: parent, Kind: sitev1.KeyKind_KEY_KIND_READ},
			&sitev1.CreateKeyResponse{},
		},
		{
			siteService + "RevokeKey",
			&sitev1.RevokeKeyRequest{Name: parent + "/keys/id-" + writeKey},
			&sitev1.RevokeKeyResponse{},
		},
		{
			mapService + "PublishJourneyMap",
			&journeyv1.PublishJourneyMapRequest{Parent: parent, Source: shopMap, ValidateOnly: true},
			&journeyv1.PublishJourneyMapResponse{},
		},
		{
			mapService + "GetJourneyMap",
			&journeyv1.GetJourneyMapRequest{Name: parent + "/journeyMaps/latest"},
			&journeyv1.GetJourneyMapResponse{},
		},
		{
			mapService + "ListJourneyMaps",
			&journeyv1.ListJourneyMapsRequest{Parent: parent}, &journeyv1.ListJourneyMapsResponse{},
		},
		{
			funnelService + "AskFunnel",
			&funnelv1.AskFunnelRequest{Parent: parent, Question: question},
			&funnelv1.AskFunnelResponse{},
		},
		{
			funnelService + "StreamFunnel",
			&funnelv1.StreamFunnelRequest{Parent: parent, Question: question},
			&funnelv1.StreamFunnelResponse{},
		},
		{
			funnelService + "ExplainFunnel",
			&funnelv1.ExplainFunnelRequest{
				Parent: parent, Question: question,
				Who: &funnelv1.ExplainFunnelRequest_UserId{UserId: "ann"},
			},
			&funnelv1.ExplainFunnelResponse{},
		},
		{
			funnelService + "AskDropOff",
			&funnelv1.AskDropOffRequest{Parent: parent, Question: question},
			&funnelv1.AskDropOffResponse{},
		},
		{
			funnelService + "StreamDropOff",
			&funnelv1.StreamDropOffRequest{Parent: parent, Question: question},
			&funnelv1.StreamDropOffResponse{},
		},
		{
			funnelService + "ListFunnelPersons",
			&funnelv1.ListFunnelPersonsRequest{Parent: parent, Question: question, Step: 1},
			&funnelv1.ListFunnelPersonsResponse{},
		},
		{
			funnelService + "StreamFunnelPersons",
			&funnelv1.StreamFunnelPersonsRequest{Parent: parent, Question: question, Step: 1},
			&funnelv1.StreamFunnelPersonsResponse{},
		},
		{
			savedService + "SaveQuestion",
			&funnelv1.SaveQuestionRequest{
				Parent: parent, Question: &funnelv1.SavedQuestion{
					Name: parent + "/questions/daily", Question: question,
				},
			},
			&funnelv1.SaveQuestionResponse{},
		},
		{
			savedService + "ListQuestions",
			&funnelv1.ListQuestionsRequest{Parent: parent}, &funnelv1.ListQuestionsResponse{},
		},
		{
			savedService + "GetQuestion",
			&funnelv1.GetQuestionRequest{Name: parent + "/questions/weekly"},
			&funnelv1.GetQuestionResponse{},
		},
		{
			savedService + "DeleteQuestion",
			&funnelv1.DeleteQuestionRequest{Name: parent + "/questions/weekly"},
			&funnelv1.DeleteQuestionResponse{},
		},
	}
}

// TestWhoMayCallWhat tries every method of every service with every kind of token.
func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	const (
		operation = iota
		administration
		reading
	)
	levels := map[string]int{"CreateSite": operation, "ListSites": operation}
	for _, m := range []string{
		"GetSite", "UpdateSite", "ListKeys", "CreateKey", "UpdateKey", "RevokeKey",
		"PublishJourneyMap", "ListQuarantinedMessages", "GetQuarantinedMessage",
		"ReplayQuarantinedMessages", "SaveQuestion", "DeleteQuestion",
	} {
		levels[m] = administration
	}
	for _, m := range []string{
		"GetJourneyMap", "ListJourneyMaps", "AskFunnel", "AskDropOff", "ListFunnelPersons",
		"StreamFunnel", "StreamDropOff", "StreamFunnelPersons", "ExplainFunnel",
		"ListEvents", "ListProperties", "ExplainPersona", "ListQuestions", "GetQuestion",
	} {
		levels[m] = reading
	}
	shelf := newShelf(t, kept)
	const ok, denied = codes.OK, codes.PermissionDenied
	for name, c := range map[string]struct {
		token string
		// want by level.
		want [3]codes.Code
	}{
		"root":       {rootToken, [3]codes.Code{ok, ok, ok}},
		"admin":      {adminToken, [3]codes.Code{denied, ok, ok}},
		"read":       {readToken, [3]codes.Code{denied, denied, ok}},
		"write":      {writeKey, [3]codes.Code{denied, denied, denied}},
		"other site": {otherToken, [3]codes.Code{denied, denied, denied}},
		"unknown": {"rt_unknown", [3]codes.Code{
			codes.Unauthenticated, codes.Unauthenticated, codes.Unauthenticated,
		}},
		"empty": {"", [3]codes.Code{
			codes.Unauthenticated, codes.Unauthenticated, codes.Unauthenticated,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, func(s *settings) {
				s.quarantine, s.catalogue, s.replayer = shelf, shelf, &judge{}
				s.people = everybody{}
			})
			called := map[string]bool{}
			for _, c2 := range calls(t, "sites/shop") {
				short := c2.method[strings.LastIndex(c2.method, "/")+1:]
				called[short] = true
				err := h.conn.Invoke(as(t.Context(), c.token), c2.method, c2.request, c2.response)
				if got := status.Code(err); got != c.want[levels[short]] {
					t.Errorf("%s: %v, want %v", short, err, c.want[levels[short]])
				}
			}
			for short := range levels {
				if !called[short] {
					t.Errorf("%s was not called", short)
				}
			}
		})
	}
}

// TestEveryMethodIsInTheMatrix: a method added to a service is added to the test above too.
func TestEveryMethodIsInTheMatrix(t *testing.T) {
	t.Parallel()
	called := map[string]bool{}
	for _, c := range calls(t, "sites/shop") {
		called[c.method] = true
	}
	for _, file := range []protoreflect.FileDescriptor{
		sitev1.File_waystage_site_v1_site_proto,
		journeyv1.File_waystage_journey_v1_journey_map_proto,
		funnelv1.File_waystage_funnel_v1_funnel_proto,
		funnelv1.File_waystage_funnel_v1_saved_proto,
		cataloguev1.File_waystage_catalogue_v1_catalogue_proto,
		personv1.File_waystage_person_v1_person_proto,
		collectv1.File_waystage_collect_v1_quarantine_proto,
	} {
		service := file.Services().Get(0)
		for i := range service.Methods().Len() {
			m := "/" + string(service.FullName()) + "/" + string(service.Methods().Get(i).Name())
			if !called[m] {
				t.Errorf("%s is in no call of the matrix", m)
			}
		}
	}
}

// TestOtherSitesAreNotGivenAway: whether a site exists is not told to those it is closed to.
func TestOtherSitesAreNotGivenAway(t *testing.T) {
	t.Parallel()
	h := open(t)
	there := h.send(t, "GET", "/v1/sites/other/journeyMaps", readToken, "").refusal(t)
	absent := h.send(t, "GET", "/v1/sites/absent/journeyMaps", readToken, "").refusal(t)
	if there.Code != codes.PermissionDenied || absent.Code != codes.PermissionDenied {
		t.Errorf("codes %v and %v", there.Code, absent.Code)
	}
	if strings.ReplaceAll(there.Message, "other", "absent") != absent.Message {
		t.Errorf("told apart: %q and %q", there.Message, absent.Message)
	}
	if got := h.send(t, "GET", "/v1/sites/absent/journeyMaps", rootToken, ""); got.status != 404 {
		t.Errorf("the operator got %d: %s", got.status, got.body)
	}
}

func TestWaysToSendAToken(t *testing.T) {
	t.Parallel()
	h := open(t)
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, c := range map[string]struct {
		header string
		status int
		says   string
	}{
		"bearer":                {"Bearer " + readToken, 200, ""},
		"scheme in other case":  {"bEARER  " + readToken + " ", 200, ""},
		"basic, password":       {basic("token", readToken), 200, ""},
		"basic, user":           {basic(readToken, ""), 200, ""},
		"basic, root":           {basic("root", rootToken), 200, ""},
		"none":                  {"", 401, "Authorization: Bearer TOKEN"},
		"bearer of nothing":     {"Bearer ", 401, "Authorization: Bearer TOKEN"},
		"token alone":           {readToken, 401, "Authorization: Bearer TOKEN"},
		"basic, unknown":        {basic("a", "b"), 401, "unknown token"},
		"basic, empty":          {basic("", ""), 401, "Authorization: Bearer TOKEN"},
		"basic, no base64":      {"Basic %%%", 401, "Authorization: Bearer TOKEN"},
		"another scheme":        {"Digest x=1", 401, "Authorization: Bearer TOKEN"},
		"beginning of the root": {"Bearer " + rootToken[:len(rootToken)-1], 401, "unknown token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				h.url+"/v1/sites/shop/journeyMaps", nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.header != "" {
				request.Header.Set("Authorization", c.header)
			}
			got := do(t, request)
			if got.status != c.status {
				t.Errorf("status %d, want %d: %s", got.status, c.status, got.body)
			}
			if c.status == http.StatusUnauthorized {
				r := got.refusal(t)
				if r.Code != codes.Unauthenticated || !strings.Contains(r.Message, c.says) {
					t.Errorf("refused with %v %q, want %q in it", r.Code, r.Message, c.says)
				}
				if w := got.header.Get("WWW-Authenticate"); w != `Bearer realm="waystage"` {
					t.Errorf("WWW-Authenticate: %q", w)
				}
			}
		})
	}
}

func TestKeysAreRememberedForAShortTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := func() int { return h.send(t, "GET", "/v1/sites/shop/journeyMaps", readToken, "").status }
	if a, b := ask(), ask(); a != 200 || b != 200 {
		t.Errorf("status %d and %d", a, b)
	}
	if n := h.store.lookupsSoFar(); n != 1 {
		t.Errorf("%d look-ups for two calls, want 1", n)
	}
	revoke := h.send(t, "POST", "/v1/sites/shop/keys/id-"+readToken+":revoke", rootToken, "{}")
	if revoke.status != 200 {
		t.Fatalf("revoking: %s", revoke.body)
	}
	h.clock.advance(4999 * time.Millisecond)
	if got := ask(); got != 200 {
		t.Errorf("status %d within 5 s", got)
	}
	h.clock.advance(time.Millisecond)
	if got := h.send(t, "GET", "/v1/sites/shop/journeyMaps", readToken, ""); got.status != 401 ||
		!strings.Contains(got.body, "revoked") {
		t.Errorf("status %d after 5 s: %s", got.status, got.body)
	}
}

// TestStoreAway: an unknown token is not wrong while nobody can look it up.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.store.setAway(true)
	got := h.send(t, "GET", "/v1/sites/shop/journeyMaps", readToken, "")
	if r := got.refusal(t); got.status != 503 || r.Code != codes.Unavailable || !r.Retry {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %q", got.header.Get("Retry-After"))
	}
	h.store.setAway(false)
	if got := h.send(t, "GET", "/v1/sites/shop/journeyMaps", readToken, ""); got.status != 200 {
		t.Errorf("status %d once it is back: %s", got.status, got.body)
	}
}
