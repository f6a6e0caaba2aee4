package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// ruleHomes: a foreign library is imported only at its home.
func ruleHomes(u unit) []string {
	return u.eachImport(func(target string) string {
		for _, h := range homes {
			if !within(target, h.library) || withinAny(u.path, h.homes) || u.layer == double {
				continue
			}
			if len(h.homes) == 0 {
				return "nobody may"
			}
			return "only " + strings.Join(h.homes, " and ") + " may"
		}
		return ""
	})
}

// ruleConstructors: shared things are made at one place and handed on.
func ruleConstructors(u unit) []string {
	if u.layer == double {
		return nil
	}
	return u.eachUse(func(target, name string) string {
		for _, c := range constructors {
			switch {
			case target != c.library || name != c.function || u.path == c.home:
			case c.home == "":
				return "nobody may: take the thing as an argument"
			default:
				return "only " + c.home + " may: take the thing as an argument"
			}
		}
		return ""
	})
}

// ruleGoroutines: only a few packages of services start goroutines.
func ruleGoroutines(u unit) []string {
	if !within(u.path, "services") || u.layer == double || withinAny(u.path, starters) {
		return nil
	}
	var breaches []string
	for _, f := range u.product() {
		ast.Inspect(f.File, func(n ast.Node) bool {
			if starts(n) {
				breaches = append(breaches, fmt.Sprintf(
					"%s starts a goroutine: only %s may", u.path, strings.Join(starters, ", ")))
			}
			return true
		})
	}
	return breaches
}

// starts knows the go statement and the method Go of sync.WaitGroup and errgroup.Group.
func starts(n ast.Node) bool {
	if _, ok := n.(*ast.GoStmt); ok {
		return true
	}
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	return ok && method.Sel.Name == "Go"
}

// ruleEnvironment: only programs and tools read the environment and exit.
func ruleEnvironment(u unit) []string {
	if u.layer == program || u.layer == tool || u.layer == double {
		return nil
	}
	return u.eachUse(func(target, name string) string {
		switch {
		case target == "os" && name == "Exit", target == "log" && strings.HasPrefix(name, "Fatal"):
			return "only programs exit"
		case withinAny(u.path, environment):
			return ""
		case target == "os" && slices.Contains([]string{"Environ", "Getenv", "LookupEnv"}, name):
			return "only programs read the environment"
		}
		return ""
	})
}
