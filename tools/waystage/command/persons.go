package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/question"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// listing is the flags of a list of persons.
type listing struct {
	asking

	step    uint32
	part    string
	persona string
	limit   int
}

func newAskPersons(w *World) *cobra.Command {
	l := &listing{asking: asking{target: target{world: w}}}
	c := &cobra.Command{
		Use:   "persons",
		Short: "Which persons are behind a number of a funnel",
		Long: `Lists the persons that a number of a funnel counts, by person id: who they are, their
persona, what became of the attempt that counts, and when each step was filled.

--part says which number of step --step-number is meant: reached (its count), lost,
in-window, or dropped (lost and in-window together).

` + askHelp,
		Example: `  waystage ask persons --stages search..purchase --step-number 2 --part lost
  waystage ask persons --step touchpoint:cart --step stage:purchase --persona families --limit 0
  waystage ask persons --stages --step-number 9 --json`,
		RunE: func(c *cobra.Command, args []string) error { return l.list(c, args) },
	}
	l.add(c)
	f := c.Flags()
	f.Uint32Var(&l.step, "step-number", 1, "`number` of the step, from 1")
	f.StringVar(&l.part, "part", "reached",
		"`number` of the step: reached, lost, in-window or dropped")
	f.StringVar(&l.persona, "persona", "", "only those of this `persona`; unassigned: those of none")
	f.IntVar(&l.limit, "limit", 100, "at most so `many`; 0: all")
	return c
}

func (l *listing) list(c *cobra.Command, args []string) error {
	part, err := question.ParsePart(l.part)
	if err != nil {
		return usageError{err}
	}
	if l.limit < 0 {
		return usage("--limit %d: give 1 or more, or 0 for all", l.limit)
	}
	if l.persona != "" && len(l.words.By) == 0 {
		l.words.By = []string{"persona"}
	}
	return l.run(c, args, func(
		ctx context.Context, client *remote.Client, q *funnelv1.FunnelQuestion,
	) error {
		request := &funnelv1.ListFunnelPersonsRequest{
			Parent: l.parent(), Question: q, Step: l.step, Selection: part,
		}
		if l.persona != "" {
			request.Group = []*funnelv1.GroupValue{{Value: l.persona}}
		}
		answer, err := pages(ctx, client, request, l.limit)
		switch {
		case err != nil:
			return err
		case l.asJSON:
			return writeMessage(l.world.Stdout, answer)
		}
		return l.world.paper().Persons(l.world.Stdout, picture.Persons{
			List: answer.GetPersons(), Total: answer.GetTotalSize(), Facts: answer.GetFacts(),
		}, l.world.Now())
	})
}

// personPage is how many persons are asked for at once.
const personPage = 10000

// pages gathers persons, at most limit of them, 0 being all; next_page_token is left where there
// are more.
func pages(
	ctx context.Context, client *remote.Client,
	request *funnelv1.ListFunnelPersonsRequest, limit int,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	var all *funnelv1.ListFunnelPersonsResponse
	for {
		request.PageSize = personPage
		if limit > 0 {
			request.PageSize = uint32(min(personPage, limit-len(all.GetPersons()))) //nolint:gosec // bounded
		}
		page, err := client.Funnels.ListFunnelPersons(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("listing persons: %w", err)
		}
		if all != nil {
			page.Persons = append(all.Persons, page.Persons...)
		}
		all = page
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" || limit > 0 && len(all.Persons) >= limit {
			return all, nil
		}
	}
}
