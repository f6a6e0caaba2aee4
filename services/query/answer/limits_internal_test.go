package answer

import (
	"strings"
	"testing"

	"github.com/waystage/waystage/services/internal/fault"
)

// TestLimits: a question that needs too much fails, and is told what to do.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		touchpoints, bytes int
		want               string
	}{
		{name: "as many as may be", touchpoints: MaxTouchpoints, bytes: MaxBytes},
		{
			name: "touchpoints", touchpoints: MaxTouchpoints + 1,
			want: "more than 80000000 touchpoints; ask about a shorter range",
		},
		{
			name: "bytes", touchpoints: 1, bytes: MaxBytes + 1,
			want: "more than 2000 MB of touchpoints and their values; ask about a shorter range",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := new(gathered).keep(block{}, c.touchpoints, c.bytes)
			if c.want == "" {
				if err != nil {
					t.Errorf("%v, want no error", err)
				}
				return
			}
			if fault.Of(err) != fault.TooLarge || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one of kind TooLarge with %q", err, c.want)
			}
		})
	}
}

// TestUnitName: an error names the unit that it is about.
func TestUnitName(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]result{
		"person 00000000000000ff": {person: 255}, `the unit "acme"`: {unit: "acme"},
	} {
		if got := name(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
