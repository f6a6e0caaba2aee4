package command

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// explaining is the flags of why one unit counts as it does.
type explaining struct {
	*asking
	who

	value string
	// by is the flag that names the unit.
	by string
}

func newExplain(w *World) *cobra.Command {
	e := &explaining{asking: newAsking(w)}
	c := &cobra.Command{
		Use:     "explain [@NAME] --user ID | --anonymous ID | --person ID | --value VALUE",
		GroupID: groupAsk,
		Short:   "Why one person counts in a funnel as they do",
		Long: `Draws every attempt of one person at the steps of a question on a line of its own, scaled
to time: the steps by their numbers, what ended the attempt, and below it what was when, and
why the attempt counts or does not.

  1 2 3  the steps, where they were filled
  ✗      an exclusion ended the attempt, or made it void
  !      another touchpoint came in between, under --order strict
  │      its time was over: the window, a step's own time, the range or the session
  ▷      it can go on until then
  x      an exclusion that came where it does not act

Where --unit says whose journey it is, --value names the unit by its value.

` + askHelp,
		Example: `  waystage explain --user ann --stages search..purchase
  waystage explain --anonymous 2614bd4f-b020-a3bc-a41f-de12c96af98d @weekly
  waystage explain --user ann --stages --exclude "event:Order Cancelled between 1 and 2 remove"
  waystage explain --unit group:company --value acme --step event:Trial --step event:Paid --json`,
		RunE: func(c *cobra.Command, args []string) error {
			names := given(c, "user", "anonymous", "person", "value")
			if len(names) != 1 {
				return usage("%d units are named: name one by --user, --anonymous, --person or --value",
					len(names))
			}
			e.by = names[0]
			return e.run(c, args, e.explain)
		},
	}
	e.add(c)
	e.addTrend(c)
	e.addWho(c)
	c.Flags().StringVar(&e.value, "value", "", "`VALUE` of the unit, beside --unit")
	return c
}

// explain asks why, and draws the answer.
func (e *explaining) explain(ctx context.Context, client *remote.Client, in inquiry) error {
	request := &funnelv1.ExplainFunnelRequest{
		Parent: e.parent(), Question: in.question, Words: in.words, Saved: in.saved,
	}
	who := e.name(request)
	answer, err := client.Funnels.ExplainFunnel(ctx, request)
	return e.show(answer, err, func(out io.Writer) error {
		return e.paper(in).Explanation(out, who, answer, e.world.Now())
	})
}

// name names the unit in a request, and gives what the asker called it.
func (e *explaining) name(m *funnelv1.ExplainFunnelRequest) string {
	switch e.by {
	case "user":
		m.Who = &funnelv1.ExplainFunnelRequest_UserId{UserId: e.user}
		return e.user
	case "anonymous":
		m.Who = &funnelv1.ExplainFunnelRequest_AnonymousId{AnonymousId: e.anonymous}
		return e.anonymous
	case "person":
		m.Who = &funnelv1.ExplainFunnelRequest_PersonId{PersonId: e.person}
		return ""
	default:
		m.Who = &funnelv1.ExplainFunnelRequest_Unit{Unit: e.value}
		return e.value
	}
}
