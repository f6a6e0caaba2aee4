package question

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{text: "14d", want: 14 * 24 * time.Hour},
		{text: "36h", want: 36 * time.Hour},
		{text: "1d12h", want: 36 * time.Hour},
		{text: "2w", want: 14 * 24 * time.Hour},
		{text: "90m", want: 90 * time.Minute},
		{text: "1m30s", want: 90 * time.Second},
		{text: "250ms", want: 250 * time.Millisecond},
		{text: "1.5h", want: 90 * time.Minute},
		{text: " 30s ", want: 30 * time.Second},
		{text: "0s", want: 0},
	} {
		got, err := Span(c.text)
		if err != nil || got != c.want {
			t.Errorf("Span(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestSpanRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "14", "d", "14 d", "-14d", "14x", "1.2.3d", "14dh", "1e3s", "d14", "1000000w", "∞d",
	} {
		if got, err := Span(text); err == nil {
			t.Errorf("Span(%q) = %v, want an error", text, got)
		}
	}
}

func FuzzSpan(f *testing.F) {
	for _, text := range []string{"14d", "1d12h", "1.5h", "250ms", "", "9e9w", ".d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := Span(text); err == nil && got < 0 {
			t.Errorf("Span(%q) = %v: below 0", text, got)
		}
	})
}
