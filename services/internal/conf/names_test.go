package conf

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write names.txt instead of checking it")

// TestNamesAreThoseOfTheSource keeps names.txt equal to what programs and tests read: env tags,
// arguments of os.Getenv and os.LookupEnv, and constants. It reads source instead of importing
// configurations because services and tools cannot be imported from here.
func TestNamesAreThoseOfTheSource(t *testing.T) {
	found := map[string]bool{}
	for _, module := range []string{"services", "tools"} {
		scan(t, filepath.Join("..", "..", "..", module), found)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(found)) {
		b.WriteString(name + "\n")
	}
	if *update {
		if err := os.WriteFile("names.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(names, b.String()); diff != "" {
		t.Errorf("names.txt is out of date (-have +want); "+
			"run: go generate ./services/internal/conf\n%s", diff)
	}
}

func scan(t *testing.T, root string, found map[string]bool) {
	t.Helper()
	own, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		abs, _ := filepath.Abs(path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (abs == own || d.Name() == "node_modules" || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool { collectNames(n, found); return true })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func collectNames(n ast.Node, found map[string]bool) {
	switch n := n.(type) {
	case *ast.Field:
		if n.Tag == nil {
			return
		}
		tag := reflect.StructTag(unquote(n.Tag))
		name, _, _ := strings.Cut(tag.Get("env"), ",")
		add(name, found)
		if tag.Get("secret") == "true" {
			add(name+fileSuffix, found)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains(readers, f.Sel.Name) {
			addAll(n.Args, found)
		}
	case *ast.GenDecl:
		if n.Tok == token.CONST {
			for _, spec := range n.Specs {
				addAll(spec.(*ast.ValueSpec).Values, found)
			}
		}
	}
}

var readers = []string{"Getenv", "LookupEnv"}

func addAll(exprs []ast.Expr, found map[string]bool) {
	for _, e := range exprs {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			add(unquote(literal), found)
		}
	}
}

var whole = regexp.MustCompile(`^WAYSTAGE_[A-Z0-9_]*[A-Z0-9]$`)

func add(name string, found map[string]bool) {
	if whole.MatchString(name) {
		found[name] = true
	}
}

func unquote(literal *ast.BasicLit) string {
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return text
}
