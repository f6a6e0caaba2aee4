package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
)

// product gives the files that are no tests.
func (u unit) product() []file {
	return slices.DeleteFunc(slices.Clone(u.files), func(f file) bool { return f.test })
}

// eachImport asks why an import of a file that is no test is wrong; an empty answer is none.
func (u unit) eachImport(why func(target string) string) []string {
	var breaches []string
	for _, f := range u.product() {
		for _, target := range sorted(f.imports) {
			if reason := why(target); reason != "" {
				breaches = append(breaches, fmt.Sprintf("%s imports %s: %s", u.path, target, reason))
			}
		}
	}
	return breaches
}

// eachUse asks why the use of a name of another package is wrong, in files that are no tests.
func (u unit) eachUse(why func(target, name string) string) []string {
	var breaches []string
	for _, f := range u.product() {
		ast.Inspect(f.File, func(n ast.Node) bool {
			target, name, ok := used(f, n)
			if !ok {
				return true
			}
			if reason := why(target, name); reason != "" {
				breaches = append(breaches, fmt.Sprintf("%s uses %s.%s: %s",
					u.path, localName(target), name, reason))
			}
			return true
		})
	}
	return breaches
}

// used gives the package and the name of a selector that starts with an import.
func used(f file, n ast.Node) (target, name string, ok bool) {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	left, ok := selector.X.(*ast.Ident)
	if !ok {
		return "", "", false
	}
	target, ok = f.imports[left.Name]
	return target, selector.Sel.Name, ok
}

func sorted(imports map[string]string) []string {
	return slices.Sorted(maps.Values(imports))
}
