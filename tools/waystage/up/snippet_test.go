package up

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindSnippet(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	below := filepath.Join(top, "a", "b")
	want := filepath.Join(
		top, "tools", "snippet", "node_modules", "@segment", "analytics-next", "dist", "umd")
	for _, dir := range []string{below, want} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{top, below, want} {
		if got := findSnippet(dir); got != want {
			t.Errorf("from %s: %q", dir, got)
		}
	}
	if got := findSnippet(filepath.Dir(top)); got == want {
		t.Error("it was found below")
	}
}

func TestWithSnippet(t *testing.T) {
	t.Parallel()
	got := withSnippet(map[string]string{snippetVariable: "own"})
	if got[snippetVariable] != "own" {
		t.Errorf("what is set was overridden: %v", got)
	}
}
