package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// ruleArrows: imports run tools, services, proto; adapters know neither each other nor a service;
// services do not know each other. Tests are held to it too.
func ruleArrows(u unit) []string {
	var breaches []string
	for _, f := range u.files {
		for _, target := range sorted(f.imports) {
			if why := whyAgainst(u.path, target); why != "" {
				breaches = append(breaches, fmt.Sprintf("%s imports %s: %s", u.path, target, why))
			}
		}
	}
	return breaches
}

func whyAgainst(from, to string) string {
	fromAdapter, toAdapter := groupOf(from, adapterRoots), groupOf(to, adapterRoots)
	fromService, toService := groupOf(from, serviceRoots), groupOf(to, serviceRoots)
	switch {
	case within(from, "proto") && (within(to, "services") || within(to, "tools")):
		return "proto imports neither services nor tools"
	case within(from, "services") && within(to, "tools"):
		return "services never import tools"
	case fromAdapter != "" && toAdapter != "" && fromAdapter != toAdapter:
		return "adapters never import each other"
	case fromAdapter != "" && toService != "":
		return "adapters never import a service"
	case fromService != "" && toService != "" && fromService != toService:
		return "services never import each other"
	}
	return ""
}

var (
	adapterRoots = []string{
		"services/internal/stream", "services/internal/store",
		"services/internal/rpc", "services/internal/host",
	}
	serviceRoots = []string{"services/ingest", "services/processor", "services/query"}
)

// groupOf gives the root that a package belongs to, empty where there is none.
func groupOf(pkg string, roots []string) string {
	for _, root := range roots {
		if within(pkg, root) {
			return root
		}
	}
	return ""
}

// ruleOpen: tools import of services only what is open to them. Tests are held to it too.
func ruleOpen(u unit) []string {
	if !within(u.path, "tools") {
		return nil
	}
	var breaches []string
	for _, f := range u.files {
		for _, target := range sorted(f.imports) {
			if within(target, "services") && !slices.Contains(open, target) {
				breaches = append(breaches, fmt.Sprintf(
					"%s imports %s: tools import of services only %s",
					u.path, target, strings.Join(open, ", ")))
			}
		}
	}
	return breaches
}
