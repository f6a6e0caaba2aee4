// Package archtest checks the arrows of the code: which package may import which, where foreign
// libraries, goroutines and constructors stand, and what pure means. Its tables are the law; its
// test applies them to the whole repository, all build tags included.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is what the import paths of all our modules begin with.
const module = "github.com/waystage/waystage/"

// modules are the folders that are read.
var modules = []string{"proto", "services", "tools"}

// unit is one folder with Go files.
type unit struct {
	entry

	files []file
}

// file is one parsed Go file.
type file struct {
	*ast.File

	test bool
	// imports gives the path of each import by its name in the file, ours without the module.
	imports map[string]string
}

// Check reads all Go files of the modules under root and gives one line per breach, sorted.
func Check(root fs.FS) ([]string, error) {
	units, err := read(root)
	if err != nil {
		return nil, err
	}
	var breaches []string
	for _, u := range units {
		for _, rule := range rules {
			breaches = append(breaches, rule(u)...)
		}
	}
	slices.Sort(breaches)
	return slices.Compact(breaches), nil
}

func read(root fs.FS) ([]unit, error) {
	var units []unit
	for _, m := range modules {
		err := fs.WalkDir(root, m, func(dir string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case !d.IsDir():
				return nil
			case skipped(d.Name()):
				return fs.SkipDir
			}
			u, err := readUnit(root, dir)
			if len(u.files) > 0 {
				units = append(units, u)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading module %s: %w", m, err)
		}
	}
	return units, nil
}

// skipped tells the folders that the go command does not build.
func skipped(name string) bool {
	return name == "testdata" || name == "node_modules" || strings.ContainsRune("._", rune(name[0]))
}

func readUnit(root fs.FS, dir string) (unit, error) {
	u := unit{entry: entryOf(dir)}
	names, err := fs.Glob(root, dir+"/*.go")
	if err != nil {
		return u, err
	}
	for _, name := range names {
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return u, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
		if err != nil {
			return u, err
		}
		u.files = append(u.files, file{
			File:    f,
			test:    strings.HasSuffix(name, "_test.go"),
			imports: importsOf(f),
		})
	}
	return u, nil
}

// entryOf gives the entry of a package: its own, or the longest of those above it, or that of a
// double. The layer is empty where there is none.
func entryOf(dir string) entry {
	found := listed(dir)
	if found.path == dir && found.layer != "" {
		return found
	}
	tested, ok := strings.CutSuffix(dir, "test")
	if ok && (listed(tested).layer != "" || listed(path.Dir(dir)).layer != "") {
		return entry{path: dir, layer: double}
	}
	found.path = dir
	return found
}

// listed gives the entry with exactly this path, else the one with the longest path above it.
func listed(dir string) entry {
	var found entry
	for _, e := range packages {
		if e.path == dir {
			return e
		}
		whole, below := strings.CutSuffix(e.path, "/...")
		if below && within(dir, whole) && len(whole) > len(found.path) {
			found = entry{path: whole, layer: e.layer, may: e.may}
		}
	}
	return found
}

func importsOf(f *ast.File) map[string]string {
	imports := map[string]string{}
	for _, spec := range f.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := localName(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "_" || name == "." {
			name += target
		}
		imports[name] = strings.TrimPrefix(target, module)
	}
	return imports
}

// localName guesses the package's name from its path: the last part that is no major version.
func localName(target string) string {
	last := path.Base(target)
	if len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = path.Base(path.Dir(target))
	}
	return last
}

// within tells whether a package is the given one or below it.
func within(pkg, above string) bool {
	return pkg == above || strings.HasPrefix(pkg, above+"/")
}

func withinAny(pkg string, list []string) bool {
	return slices.ContainsFunc(list, func(above string) bool { return within(pkg, above) })
}
