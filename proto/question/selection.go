package question

import (
	"maps"
	"slices"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

var selections = map[string]funnelv1.PersonSelection{
	"reached":   funnelv1.PersonSelection_PERSON_SELECTION_REACHED,
	"lost":      funnelv1.PersonSelection_PERSON_SELECTION_LOST,
	"in-window": funnelv1.PersonSelection_PERSON_SELECTION_IN_WINDOW,
	"dropped":   funnelv1.PersonSelection_PERSON_SELECTION_DROPPED,
}

// ParsePart reads which of a step's numbers is meant: reached, lost, in-window or dropped.
func ParsePart(word string) (funnelv1.PersonSelection, error) {
	var part funnelv1.PersonSelection
	err := pick(word, selections, &part)
	return part, err
}

// namesOf are what there is to choose from, in alphabetical order.
func namesOf[E any](of map[string]E) string {
	return strings.Join(slices.Sorted(maps.Keys(of)), ", ")
}
