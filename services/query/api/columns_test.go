package api_test

import (
	"strings"
	"testing"

	"github.com/waystage/waystage/services/query/api"
	"google.golang.org/protobuf/types/known/emptypb"
)

// TestColumnsAreNamedByWords: groups of a table stand under the words that asked for them.
func TestColumnsAreNamedByWords(t *testing.T) {
	t.Parallel()
	h := open(t)
	for by, want := range map[string]string{
		"":                                  "answer,part,step,",
		"&by=persona":                       "answer,part,persona,persona_missing,step,",
		"&by=channel@last":                  "answer,part,channel,channel_missing,step,",
		"&by=channel@last&by=channel@step2": "part,channel@last,channel@last_missing,channel@step2,",
		"&by=trait:gr%C3%B6%C3%9Fe&by=campaign:source": "part,trait:größe,trait:größe_missing," +
			"campaign:source,campaign:source_missing,step,",
		"&by=property:a%2Cb&by=device":       `part,"property:a,b","property:a,b_missing",device,`,
		"&by=group:team&by=variant:Checkout": "part,group:team,group:team_missing,variant:Checkout,",
	} {
		got := h.send(t, "GET", "/v1/sites/shop/funnels:ask?stages=search..purchase&format=csv"+by,
			readToken, "")
		header, _, _ := strings.Cut(got.body, "\r\n")
		if got.status != 200 || !strings.Contains(header, want) {
			t.Errorf("%s: status %d, columns %s, want %s in it", by, got.status, header, want)
		}
	}
}

// TestFormatsOfNoTable: an answer that is no table has no other format.
func TestFormatsOfNoTable(t *testing.T) {
	t.Parallel()
	for _, f := range api.Formats() {
		if _, err := f.Write(new(emptypb.Empty), "", nil); err == nil {
			t.Errorf("%s: written", f.Name)
		}
		if names := f.Tables("google.protobuf.Empty"); len(names) > 0 {
			t.Errorf("%s: has tables %v", f.Name, names)
		}
	}
}
