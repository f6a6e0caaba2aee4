package archtest

import (
	"slices"
	"strings"
)

// rulePureImports: pure packages import what their entry lists and the harmless part of the
// standard library.
func rulePureImports(u unit) []string {
	return u.eachImport(func(target string) string {
		if u.layer != pure || withinAny(target, u.may) {
			return ""
		}
		if !standard(target) {
			return "it is not on this pure package's list in services/internal/archtest/tables.go"
		}
		return whyImpure(target)
	})
}

func whyImpure(target string) string {
	if slices.Contains(harmless, target) {
		return ""
	}
	for above, why := range impure {
		if within(target, above) {
			return why
		}
	}
	return ""
}

// rulePureCalls: pure packages look at no clock, draw from no shared randomness and print
// nothing.
func rulePureCalls(u unit) []string {
	if u.layer != pure {
		return nil
	}
	return u.eachUse(func(target, name string) string {
		switch {
		case target == "time" && slices.Contains(clocks, name):
			return "time is an argument of pure packages"
		case within(target, "math/rand") && shared(name):
			return "randomness is an argument of pure packages"
		case target == "fmt" && strings.HasPrefix(name, "Print"):
			return "pure packages do no I/O"
		}
		return ""
	})
}

// shared tells the functions of math/rand that draw from the process's own source: all but the
// constructors and the types.
func shared(name string) bool {
	types := []string{"ChaCha8", "PCG", "Rand", "Source", "Source64", "Zipf"}
	return !strings.HasPrefix(name, "New") && !slices.Contains(types, name)
}

// standard tells packages of the standard library: their first part is no host.
func standard(target string) bool {
	first, _, _ := strings.Cut(target, "/")
	return !strings.Contains(first, ".") && !slices.Contains(modules, first)
}
