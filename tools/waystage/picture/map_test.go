package picture

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
)

// wholeMap is a map that says everything a map can say.
func wholeMap(t *testing.T) *journeyv1.JourneyMap {
	t.Helper()
	text, err := os.ReadFile("../../../services/query/api/testdata/whole-map.json")
	if err != nil {
		t.Fatal(err)
	}
	m := &journeyv1.JourneyMap{}
	if err := protojson.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	m.Version, m.InForceAt = 4, at(0)
	return m
}

func TestMaps(t *testing.T) {
	t.Parallel()
	m := wholeMap(t)
	all := func(p Paper, w io.Writer) error { return p.Map(w, m) }
	families := func(p Paper, w io.Writer) error { return p.PersonaMap(w, m, "families") }
	for _, c := range []struct {
		name  string
		paper Paper
		draw  func(Paper, io.Writer) error
	}{
		{"whole-map", Paper{}, all},
		{"whole-map-wide", Paper{Width: 140}, all},
		{"whole-map-color", Paper{Width: 140, Color: true}, all},
		{"whole-map-persona", Paper{}, families},
		{"whole-map-persona-wide", Paper{Width: 140}, families},
		{"whole-map-rules", Paper{}, func(p Paper, w io.Writer) error { return p.Rules(w, m) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			if err := c.draw(c.paper, &text); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, text.String())
			for line := range strings.SplitSeq(text.String(), "\n") {
				if n := seenWidth(line); n > c.paper.width() {
					t.Errorf("%d columns: %q", n, line)
				}
			}
		})
	}
}

func TestOwnMapReplacesWhatIsThere(t *testing.T) {
	t.Parallel()
	m := wholeMap(t)
	before := wholeMap(t)
	own := OwnMap(m, "families")
	if diff := cmp.Diff(before, m, protocmp.Transform()); diff != "" {
		t.Errorf("the map itself changed:\n%s", diff)
	}
	var ids []string
	for _, s := range own.GetStages() {
		ids = append(ids, s.GetId())
	}
	if diff := cmp.Diff([]string{"search", "purchase", "loyalty"}, ids); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	want := proto.CloneOf(before.GetStages()[0])
	want.Expectations.Best = "Bicycles for all sizes in one place"
	want.Barriers = []*journeyv1.Barrier{
		{Title: "No child seats", Remedy: "Reserve them on the telephone"},
	}
	want.Targets.Conversion, want.Targets.MedianSeconds = new(0.5), new(3*86400.0)
	if diff := cmp.Diff(want, own.GetStages()[0], protocmp.Transform()); diff != "" {
		t.Errorf("the stage (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, OwnMap(m, "nobody"), protocmp.Transform()); diff != "" {
		t.Errorf("a persona that is not there changes:\n%s", diff)
	}
}
