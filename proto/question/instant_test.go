package question

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestParseBound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want Bound
	}{
		{text: "2026-11-01", want: Bound{Date: "2026-11-01"}},
		{text: "now", want: Bound{At: noon}},
		{text: "-30d", want: Bound{At: noon.AddDate(0, 0, -30)}},
		{text: "+1h30m", want: Bound{At: noon.Add(90 * time.Minute)}},
		{
			text: "2026-11-01T10:00:00+02:00",
			want: Bound{At: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)},
		},
		{
			text: "2026-11-01T10:00:00.5Z",
			want: Bound{At: time.Date(2026, 11, 1, 10, 0, 0, 5e8, time.UTC)},
		},
	} {
		got, err := ParseBound(c.text, noon)
		if err != nil {
			t.Errorf("ParseBound(%q): %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("ParseBound(%q) (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestParseBoundRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "yesterday", "2026-13-01", "2026-02-30", "0000-01-01", "-30", "30d",
		"2026-11-01 10:00", "--30d", "10000-01-01T00:00:00Z", "+200000w",
	} {
		if got, err := ParseBound(text, noon); err == nil {
			t.Errorf("ParseBound(%q) = %+v, want an error", text, got)
		}
	}
}

func FuzzParseBound(f *testing.F) {
	for _, text := range []string{"now", "-30d", "2026-11-01", "2026-11-01T10:00:00Z", "+1w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBound(text, noon)
		if err == nil && b.Date == "" && (b.At.Year() < 1 || b.At.Year() > 9999) {
			t.Errorf("ParseBound(%q) = %v: no message can carry it", text, b.At)
		}
	})
}
