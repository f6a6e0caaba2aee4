package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// newNames is a store with a catalogue of site shop.
func newNames(t *testing.T, sightings ...journey.Sighting) *store.Store {
	t.Helper()
	st := newShelf(t)
	if err := st.InsertSightings(t.Context(), sightings); err != nil {
		t.Fatal(err)
	}
	return st
}

// sighting is one of the second after now.
func sighting(
	event, property string, of journey.SightingType, count uint64, examples ...string,
) journey.Sighting {
	return journey.Sighting{
		Site: "shop", Name: journey.Name{Event: event, Property: property}, Type: of, Count: count,
		FirstAt: now.Truncate(time.Second), LastAt: now.Truncate(time.Second).Add(time.Second),
		Examples: examples,
	}
}

const seenAt = `"firstSeenAt":"2026-03-04T05:06:07Z","lastSeenAt":"2026-03-04T05:06:08Z"`

func TestCatalogue(t *testing.T) {
	t.Parallel()
	st := newNames(t,
		sighting("Ordered", "", journey.EventSighting, 3), sighting("page", "", journey.EventSighting, 5),
		sighting("Ordered", "total", journey.NumberSighting, 2, "1.5"),
		sighting("Ordered", "total", journey.TextSighting, 1, `"2"`),
		sighting("", "plan", journey.TextSighting, 4, `"pro"`),
		sighting("", "", journey.EventOverflow, 9))
	h := open(t, func(s *settings) { s.catalogue = st })
	const (
		ordered = `{"event":"Ordered","count":"3",` + seenAt + `}`
		pages   = `{"event":"page","count":"5",` + seenAt + `}`
		total   = `{"scope":"SCOPE_PROPERTY","event":"Ordered","property":"total","count":"3",` +
			seenAt + `,"types":[{"type":"number","count":"2"},{"type":"text","count":"1"}],
			"examples":["1.5","\"2\""]}`
		plan = `{"scope":"SCOPE_TRAIT","event":"","property":"plan","count":"4",` + seenAt +
			`,"types":[{"type":"text","count":"4"}],"examples":["\"pro\""]}`
		overflow = `{"count":"9","lastSeenAt":"2026-03-04T05:06:08Z"}`
	)
	for path, want := range map[string]string{
		"events": `{"events":[` + pages + `,` + ordered + `],"nextPageToken":"",
			"overflow":` + overflow + `}`,
		"events?contains=ORD": `{"events":[` + ordered + `],"nextPageToken":"",
			"overflow":` + overflow + `}`,
		"properties":                                   `{"properties":[` + total + `,` + plan + `],"nextPageToken":""}`,
		"properties?event=Ordered":                     `{"properties":[` + total + `],"nextPageToken":""}`,
		"properties?event=absent":                      `{"properties":[],"nextPageToken":""}`,
		"properties?scope=SCOPE_TRAIT":                 `{"properties":[` + plan + `],"nextPageToken":""}`,
		"properties?scope=SCOPE_PROPERTY&contains=Tot": `{"properties":[` + total + `],"nextPageToken":""}`,
	} {
		got := h.send(t, http.MethodGet, "/v1/sites/shop/"+path, readToken, "")
		if got.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
			continue
		}
		answer, _ := parsed(t, got.body).(map[string]any)
		if answer["overflow"] == nil {
			delete(answer, "overflow")
		}
		if diff := cmp.Diff(parsed(t, want), any(answer)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// TestDeniedExamples: what a site denies by now has no examples, although there are some of before.
func TestDeniedExamples(t *testing.T) {
	t.Parallel()
	names := []string{"plain", "nick", "address.street", "inner", "other", "context"}
	var sightings []journey.Sighting
	for _, name := range names {
		sightings = append(sightings, sighting("", name, journey.TextSighting, 1, `"x"`),
			sighting("Ordered", name, journey.TextSighting, 1, `"x"`))
	}
	st := newNames(t, sightings...)
	h := open(t, func(s *settings) { s.catalogue = st })
	shown := func() string {
		var shown []string
		list, _ := said(t, h.send(t, http.MethodGet, "/v1/sites/shop/properties", readToken, ""),
			"properties").([]any)
		for _, e := range list {
			m, _ := e.(map[string]any)
			if examples, _ := m["examples"].([]any); len(examples) > 0 {
				shown = append(shown, fmt.Sprint(m["event"], "/", m["property"]))
			}
		}
		if len(list) != 2*len(names) {
			t.Errorf("%d names, want %d", len(list), 2*len(names))
		}
		return strings.Join(shown, " ")
	}
	for _, c := range []struct{ denied, want string }{
		{`[]`, "Ordered/address.street Ordered/context Ordered/inner Ordered/nick Ordered/other " +
			"Ordered/plain /address.street /context /inner /nick /other /plain"},
		{
			`["nick","address.street","properties.inner","context.traits.other","context"]`,
			"Ordered/other Ordered/plain /inner /plain",
		},
		{
			`["traits.inner","plain.below","context.nick"]`,
			"Ordered/address.street Ordered/context Ordered/inner Ordered/nick Ordered/other " +
				"Ordered/plain /address.street /context /nick /other /plain",
		},
		{`["context.traits"]`, "Ordered/address.street Ordered/context Ordered/inner Ordered/nick " +
			"Ordered/other Ordered/plain"},
	} {
		said(t, h.send(t, http.MethodPatch, "/v1/sites/shop", adminToken,
			`{"site":{"privacy":{"deniedProperties":`+c.denied+`}},
			"updateMask":"privacy.deniedProperties"}`))
		if got := shown(); got != c.want {
			t.Errorf("denied %s: examples of\n%s, want\n%s", c.denied, got, c.want)
		}
	}
}

// TestCataloguePages: pages hold every name once, and their tokens are good for their request only.
func TestCataloguePages(t *testing.T) {
	t.Parallel()
	var sightings []journey.Sighting
	for i := range 25 {
		event := fmt.Sprintf("e%02d", i)
		sightings = append(sightings, sighting(event, "", journey.EventSighting, 1),
			sighting(event, "p", journey.TextSighting, 1), sighting("", event, journey.TextSighting, 1))
	}
	st := newNames(t, sightings...)
	h := open(t, func(s *settings) { s.catalogue = st })
	for path, want := range map[string]int{"events": 25, "properties": 50} {
		seen, token := map[string]bool{}, ""
		for pages := 1; ; pages++ {
			got := h.send(t, http.MethodGet, "/v1/sites/shop/"+path+"?pageSize=10&pageToken="+
				url.QueryEscape(token), readToken, "")
			answer, _ := parsed(t, got.body).(map[string]any)
			list, _ := answer[path].([]any)
			for _, e := range list {
				m, _ := e.(map[string]any)
				seen[fmt.Sprint(m["event"], "/", m["property"])] = true
			}
			if token, _ = answer["nextPageToken"].(string); token == "" {
				if wantPages := (want + 9) / 10; pages != wantPages || len(seen) != want {
					t.Errorf("%s: %d pages of %d names, want %d of %d", path, pages, len(seen),
						wantPages, want)
				}
				break
			}
			other := h.send(t, http.MethodGet, "/v1/sites/shop/"+path+"?contains=x&pageToken="+
				url.QueryEscape(token), readToken, "")
			checkRefusal(t, other.refusal(t), codes.InvalidArgument, []string{"page_token"}, "")
		}
	}
}

func TestCatalogueRefusals(t *testing.T) {
	t.Parallel()
	st := newNames(t)
	h := open(t, func(s *settings) { s.catalogue = st })
	long := strings.Repeat("x", 513)
	for path, c := range map[string]struct {
		code   codes.Code
		fields []string
	}{
		"shop/events?contains=" + long:               {codes.InvalidArgument, []string{"contains"}},
		"shop/events?contains=%00":                   {codes.InvalidArgument, []string{"contains"}},
		"shop/events?pageSize=1001":                  {codes.InvalidArgument, []string{"page_size"}},
		"shop/events?pageToken=x":                    {codes.InvalidArgument, []string{"page_token"}},
		"shop/properties?event=" + long:              {codes.InvalidArgument, []string{"event"}},
		"shop/properties?scope=9":                    {codes.InvalidArgument, nil},
		"shop/properties?scope=SCOPE_TRAIT&event=x":  {codes.InvalidArgument, []string{"event"}},
		"shop/properties?pageSize=1001&contains=%00": {codes.InvalidArgument, []string{"contains"}},
		"absent/events":                              {codes.NotFound, nil},
		"absent/properties":                          {codes.NotFound, nil},
		"Not_a_site/events":                          {codes.InvalidArgument, []string{"parent"}},
	} {
		got := h.send(t, http.MethodGet, "/v1/sites/"+path, rootToken, "")
		checkRefusal(t, got.refusal(t), c.code, c.fields, "")
	}
}
