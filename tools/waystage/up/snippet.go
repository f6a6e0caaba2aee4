package up

import (
	"os"
	"path/filepath"
)

// snippetVariable is ingest's setting of the directory.
const snippetVariable = "WAYSTAGE_INGEST_SNIPPET_DIR"

// withSnippet names the SDK for pages to ingest where it is installed and nothing else is set: in
// tools/snippet of the working directory, of the program's, or of one above them.
func withSnippet(settings map[string]string) map[string]string {
	if settings[snippetVariable] != "" {
		return settings
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if path, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(path))
	}
	for _, start := range starts {
		if dir := findSnippet(start); dir != "" {
			settings[snippetVariable] = dir
			break
		}
	}
	return settings
}

// findSnippet looks in dir and in every directory above it. Empty: it is in none.
func findSnippet(dir string) string {
	for {
		found := filepath.Join(dir, "tools", "snippet", "node_modules", "@segment",
			"analytics-next", "dist", "umd")
		if info, err := os.Stat(found); err == nil && info.IsDir() {
			return found
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
