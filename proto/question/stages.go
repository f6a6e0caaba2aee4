package question

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// AllStages as the text of Stages means every stage of the map.
const AllStages = "all"

// Stages makes steps of stages of a map, given by id in their order: all of them, a range such as
// "search..purchase", "search.." or "..purchase", both ends inside, or a list "search,purchase".
func Stages(text string, ids []string) ([]*funnelv1.Step, error) {
	if len(ids) == 0 {
		return nil, errors.New("no journey map is published, so there are no stages; publish one, " +
			"or give the steps one by one")
	}
	chosen, err := chosenStages(strings.TrimSpace(text), ids)
	if err != nil {
		return nil, err
	}
	if len(chosen) < 2 {
		return nil, fmt.Errorf("%q is fewer than 2 stages; the map has %s",
			text, strings.Join(ids, ", "))
	}
	steps := make([]*funnelv1.Step, len(chosen))
	for i, id := range chosen {
		steps[i] = &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: id}}
	}
	return steps, nil
}

func chosenStages(text string, ids []string) ([]string, error) {
	if text == AllStages {
		return ids, nil
	}
	from, to, ranged := strings.Cut(text, "..")
	if !ranged {
		list := strings.Split(text, ",")
		for i, id := range list {
			list[i] = strings.TrimSpace(id)
			if err := known(list[i], ids); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	first, last := 0, len(ids)-1
	for _, end := range []struct {
		id    string
		place *int
	}{{strings.TrimSpace(from), &first}, {strings.TrimSpace(to), &last}} {
		if end.id == "" {
			continue
		}
		if err := known(end.id, ids); err != nil {
			return nil, err
		}
		*end.place = slices.Index(ids, end.id)
	}
	if last < first {
		return nil, fmt.Errorf("%s comes before %s on the map; write %s..%s", to, from, to, from)
	}
	return ids[first : last+1], nil
}

func known(id string, ids []string) error {
	if slices.Contains(ids, id) {
		return nil
	}
	return fmt.Errorf("the map has no stage %q; it has %s", id, strings.Join(ids, ", "))
}
