package archtest

import (
	"go/ast"
)

// rules each give the breaches of one package.
var rules = []func(unit) []string{
	ruleKnown,
	ruleComment,
	rulePureImports,
	rulePureCalls,
	ruleHomes,
	ruleConstructors,
	ruleGoroutines,
	ruleEnvironment,
	ruleArrows,
	ruleOpen,
}

// ruleKnown: every package stands in a table.
func ruleKnown(u unit) []string {
	if u.layer != "" {
		return nil
	}
	return []string{u.path +
		" is in no table: add it to packages in services/internal/archtest/tables.go"}
}

// ruleComment: every package that is not only tests has a package comment.
func ruleComment(u unit) []string {
	product := u.product()
	for _, f := range product {
		if f.Doc != nil || ast.IsGenerated(f.File) {
			return nil
		}
	}
	if len(product) == 0 {
		return nil
	}
	return []string{u.path + " has no package comment"}
}
