package picture

import (
	"io"
	"strings"
	"testing"
	"time"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	events := &cataloguev1.ListEventsResponse{
		Events: []*cataloguev1.Event{
			{Event: "page", Count: 1234567, FirstSeenAt: at(-time.Hour), LastSeenAt: at(0)},
			{
				Event: "An event with a rather long \x1b[31mname of its own", Count: 3,
				FirstSeenAt: at(-time.Hour), LastSeenAt: at(0),
			},
		},
		NextPageToken: "x",
		Overflow:      &cataloguev1.Overflow{Count: 3002, LastSeenAt: at(time.Second)},
	}
	properties := &cataloguev1.ListPropertiesResponse{Properties: []*cataloguev1.Property{
		{
			Scope: cataloguev1.Scope_SCOPE_PROPERTY, Event: "Order Completed", Property: "total",
			Count: 12345, Types: []*cataloguev1.TypeCount{{Type: "number"}, {Type: "text"}},
			Examples: []string{"12.5", `"7"`},
		},
		{
			Scope: cataloguev1.Scope_SCOPE_PROPERTY, Event: "Order Completed",
			Property: "a_property_with_a_rather_long_name", Count: 1,
			Types:    []*cataloguev1.TypeCount{{Type: "text"}},
			Examples: []string{`"a value that is as long as they may be"`, `"another"`},
		},
		{
			Scope: cataloguev1.Scope_SCOPE_TRAIT, Property: "plan", Count: 9,
			Types: []*cataloguev1.TypeCount{{Type: "text"}}, Examples: []string{`"pro"`},
		},
	}}
	for name, draw := range map[string]func(w io.Writer) error{
		"events": func(w io.Writer) error { return Paper{}.Events(w, events) },
		"events-empty": func(w io.Writer) error {
			return Paper{}.Events(w, &cataloguev1.ListEventsResponse{})
		},
		"properties": func(w io.Writer) error { return Paper{}.Properties(w, properties) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := draw(&out); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.String())
		})
	}
}
