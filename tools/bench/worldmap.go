package main

import (
	"fmt"
	"strings"

	"github.com/waystage/waystage/services/world"
)

// The personas of the benchmark world: persons by the trait "plan". A fifth of the persons has
// another plan and so no persona.
const personaCount = 4

// planOf is the trait of a person.
func planOf(person int) string { return fmt.Sprintf("p%d", person%(personaCount+1)) }

// worldMap is the journey map of the benchmark world.
func worldMap() string {
	var b strings.Builder
	b.WriteString("title: Benchmark\npersonas:\n")
	for i := range personaCount {
		fmt.Fprintf(&b, "  - {id: p%d, title: Plan %d, when: 'traits.plan == \"p%d\"'}\n", i, i, i)
	}
	b.WriteString("stages:\n")
	for _, s := range world.Stages() {
		fmt.Fprintf(&b, "  - {id: %s, title: %s}\n", s, s)
	}
	b.WriteString("touchpoints:\n")
	for _, e := range world.Catalogue() {
		if e.OnMap() {
			fmt.Fprintf(&b, "  - {id: %s, title: %s, stage: %s, events: [%s]}\n",
				e.Attribution.Touchpoint, e.Name, e.Attribution.Stage, e.Name)
		}
	}
	return b.String()
}
