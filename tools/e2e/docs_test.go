//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// TestDocumentedCommands runs every command of README.md and docs on one instance of the
// demonstration, page by page, each page in a shell of its own. A block in the language sh is a
// script; of one in the language console the lines behind "$ " are commands and the others what
// they print. Commands that cannot be run here stand under a comment "not run: why".
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkshop(t, root)
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		name := filepath.Base(page)
		scripts, left := scriptsOf(t, page)
		t.Logf("%s: %d blocks of commands, %d not run here", name, len(scripts), len(left))
		if len(scripts) > 0 {
			t.Run(name, func(t *testing.T) { w.run(t, scripts) })
		}
	}
}

// block is a block of commands of a page.
type block struct {
	line   int
	script string
}

// runnable languages; js is modules for node, run beside the SDKs.
var runnable = map[string]bool{"sh": true, "console": true, "js": true}

// languages of blocks.
var languages = []string{
	"sh", "console", "text", "yaml", "json", "js", "ts", "go", "python", "sql", "csv", "html", "proto",
	"http", "ini",
}

var notRun = regexp.MustCompile(`<!--\s*not run: (.+?)\s*-->`)

// scriptsOf reads the blocks of commands of a page, and why others are not run.
func scriptsOf(t *testing.T, path string) (scripts []block, left []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	err = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		fenced, ok := n.(*ast.FencedCodeBlock)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		b := block{script: string(fenced.Lines().Value(source))}
		if fenced.Lines().Len() > 0 {
			b.line = 1 + bytes.Count(source[:fenced.Lines().At(0).Start], []byte("\n"))
		}
		language := string(fenced.Language(source))
		if !slices.Contains(languages, language) {
			t.Errorf("%s:%d: a block in the language %q; say one of %s", path, b.line, language,
				strings.Join(languages, ", "))
		}
		if why := reasonBefore(n, source); why != "" {
			left = append(left, why)
			return ast.WalkContinue, nil
		}
		switch language {
		case "console":
			b.script = commandsOf(b.script)
		case "js":
			b.script = nodeScript(b.script)
		}
		if runnable[language] {
			scripts = append(scripts, b)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return scripts, left
}

// nodeScript runs a module with node in the folder of the SDKs.
func nodeScript(module string) string {
	return "(cd \"$SDKS\"; WRITE_KEY=\"${WRITE_KEY:-}\" node --input-type=module <<'MODULE'\n" +
		module + "MODULE\n)\n"
}

// reasonBefore is why a block is not run, by the comment before it.
func reasonBefore(n ast.Node, source []byte) string {
	comment, ok := n.PreviousSibling().(*ast.HTMLBlock)
	if !ok {
		return ""
	}
	found := notRun.FindSubmatch(comment.Lines().Value(source))
	if found == nil {
		return ""
	}
	return string(found[1])
}

// commandsOf are the commands of a console: the lines behind "$ ", each with those that it is
// continued on by a backslash.
func commandsOf(console string) string {
	var commands strings.Builder
	goesOn := false
	for line := range strings.Lines(console) {
		command, begins := strings.CutPrefix(line, "$ ")
		if begins || goesOn {
			commands.WriteString(command)
			goesOn = strings.HasSuffix(strings.TrimRight(line, "\n"), `\`)
		}
	}
	return commands.String()
}

// workshop is where commands of pages are run: a folder with the examples and the data of an
// instance, and a path on which the command is.
type workshop struct {
	dir, bin string
	instance *instance
	said     *strings.Replacer
}

func newWorkshop(t *testing.T, root string) workshop {
	t.Helper()
	w := workshop{dir: t.TempDir(), bin: t.TempDir()}
	for _, shown := range []string{"docs", "services", "proto", "tools"} {
		if err := os.Symlink(filepath.Join(root, shown), filepath.Join(w.dir, shown)); err != nil {
			t.Fatal(err)
		}
	}
	// "go run ./tools/waystage" is the command that was built already. An import that refuses lines,
	// as those of the examples, has done what it should.
	shims := map[string]string{
		"waystage": fmt.Sprintf("%q \"$@\"; code=$?\n"+
			"if [ \"$1\" = import ] && [ $code = 3 ]; then exit 0; fi; exit $code\n", binary),
		"go": fmt.Sprintf("if [ \"$1 $2\" = 'run ./tools/waystage' ]; then shift 2; exec waystage \"$@\"; fi\n"+
			"cd %q && exec %q \"$@\"\n", root, lookUp(t, "go")),
	}
	for name, script := range shims {
		path := filepath.Join(w.bin, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.bin += ":" + filepath.Join(root, ".bin")
	i := start(t, filepath.Join(w.dir, ".data"))
	w.instance = i
	w.said = strings.NewReplacer(
		"http://127.0.0.1:8380", i.ingest, "http://127.0.0.1:8381", i.http,
		"127.0.0.1:8380", strings.TrimPrefix(i.ingest, "http://"),
		"127.0.0.1:8381", strings.TrimPrefix(i.http, "http://"),
		"127.0.0.1:8382", i.grpc, "127.0.0.1:8383", i.ingestGRPC,
	)
	return w
}

func lookUp(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs the blocks of a page one after the other in one shell, which says where it is.
func (w workshop) run(t *testing.T, scripts []block) {
	t.Helper()
	var script strings.Builder
	for _, b := range scripts {
		fmt.Fprintf(&script, "echo '=== line %d' >&2\n%s\n", b.line, w.said.Replace(b.script))
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	shell.Dir = w.dir
	shell.Env = append(environment(), "SDKS="+sdkDir(t),
		"PATH="+w.bin+":"+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	shell.Stdout, shell.Stderr = &stdout, &stderr
	if err := shell.Run(); err != nil {
		t.Errorf("%v\nlast lines on stdout:\n%s\nstderr:\n%s", err,
			tail(stdout.String()), stderr.String())
	}
}

// tail is the end of a long text.
func tail(text string) string {
	const most = 2000
	return text[max(0, len(text)-most):]
}
