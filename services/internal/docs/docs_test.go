package docs

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/ingest"
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/conf"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/query"
)

var update = flag.Bool("update", false, "write docs/config.md instead of checking it")

// root is the top of the tree.
const root = "../../.."

func document(name string) string { return filepath.Join(root, "docs", name) }

const configHead = "# Configuration\n\n" +
	"Generated from the source by `go generate ./services/internal/docs`; do not edit.\n\n" +
	"Every service reads its settings from the environment, all of them at its start. An empty " +
	"value is as good as\nnone. Whatever is wrong is told at once, one line each, and nothing is " +
	"started (exit code 2); so is a variable\nthat begins with `WAYSTAGE_` and that no program " +
	"knows. A secret may be given as a file: `NAME_FILE` holds its path.\n`-check-config` tells " +
	"whether the configuration is good, `-print-config` prints it without secrets:\n\n" +
	"```sh\n" +
	"WAYSTAGE_CLICKHOUSE_DSN=http://127.0.0.1:8123/waystage go run ./services/query/cmd/query -check-config\n" +
	"```\n\n" +
	"`waystage up` sets the addresses, ports and the root token itself; all other settings it " +
	"takes from the environment\nby the same names.\n"

// TestConfigDoc keeps docs/config.md equal to the configurations.
func TestConfigDoc(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(configHead)
	for _, service := range []struct {
		title  string
		config any
	}{
		{"ingest", &ingest.Config{}},
		{"processor", &processor.Config{}},
		{"query", &query.Config{}},
	} {
		b.WriteString("\n")
		if err := conf.Document(&b, service.title, service.config); err != nil {
			t.Fatal(err)
		}
	}
	path := document("config.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(read(t, path), b.String()); diff != "" {
		t.Errorf("docs/config.md is out of date (-have +want); "+
			"run: go generate ./services/internal/docs\n%s", diff)
	}
}

// TestErrorsDoc: docs/errors.md has a row for every kind and every reason.
func TestErrorsDoc(t *testing.T) {
	t.Parallel()
	text := read(t, document("errors.md"))
	var names []string
	for _, k := range fault.Kinds() {
		names = append(names, k.String())
	}
	for _, r := range admit.Reasons() {
		names = append(names, string(r))
	}
	for _, name := range names {
		if !strings.Contains(text, "\n| `"+name+"` |") {
			t.Errorf("docs/errors.md has no row that begins with `%s`", name)
		}
	}
}

// links finds the targets of Markdown links and images.
var links = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks: every link to a file of the tree leads to one.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, path := range documents(t) {
		for _, found := range links.FindAllStringSubmatch(read(t, path), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s: link to %s: %v", path, found[1], err)
			}
		}
	}
}

// documents are the paths of all Markdown files.
func documents(t *testing.T) []string {
	t.Helper()
	paths := []string{filepath.Join(root, "README.md")}
	err := filepath.WalkDir(document(""), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
