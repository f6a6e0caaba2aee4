package main

import (
	"io"
	"strings"
	"testing"
)

func TestTell(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	err := tell([]string{
		"--demo", "tiles", "--from", "2026-02-01T00:00:00Z", "--to", "2026-02-02T00:00:00Z",
	}, &lines, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	n := strings.Count(lines.String(), "\n")
	if n < 300 || strings.Count(lines.String(), `"timestamp":"2026-02-01T`) != n {
		t.Errorf("a day has %d messages, or some of another day", n)
	}
}

func TestTellRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--demo bakery":                                    "there are [grocery airline tiles]",
		"--from yesterday":                                 "--from: give an instant",
		"--from 2026-02-01T00:00:00Z":                      "--to: give an instant",
		"--from 2026-02-01T00:00:00Z --to 2026-02-02 --x":  "not defined",
		"--from 2026-02-01T00:00:00Z --to 2026-02-02":      "--to: give an instant",
		"--seed one --from 2026-02-01 --to 2026-02-02 --x": "invalid value",
	} {
		err := tell(strings.Fields(args), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", args, err, want)
		}
	}
}
