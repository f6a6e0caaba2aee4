package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/question"
	"github.com/waystage/waystage/tools/waystage/remote"
)

const askHelp = `Steps are given in order, by --step or by --stages:

  stage:ID            any touchpoint of a stage of the map
  touchpoint:ID       a touchpoint of the map
  event:NAME          an event by its name; "page" and "screen" are pages and screens
  any                 any touchpoint

Conditions stand in brackets behind a step, all of which must hold, and in --filter:

  event:Order Completed[total>100,currency=EUR]

  NAME OP VALUE       a property of the touchpoint      total>100
  trait:NAME OP VALUE a trait of the person             trait:plan=pro
  persona, channel, event, stage, touchpoint,
  device, browser, os, traffic OP VALUE                 channel=email|social

  =  equal   !=  not equal   ~  contains   !~  contains not   >  >=  <  <=
  NAME?  is set   NAME!?  is not set   =a|b  one of   !=a|b  none of
  in words too: NAME is set   NAME is not set, such as traffic is not set

traffic is bot or internal, and not set for customers.

Numbers, true and false are such; "100" in quotes is a text. property:persona=x means a
property of that name. Names and values with , [ ] | in them stand in double quotes.

Times are days of the site's time zone (2026-11-21; --to itself is outside), instants
(2026-11-21T09:30:00Z), "now", or a distance from now (-30d, -12h). Lengths of time are
written as 14d, 36h, 1d12h.`

func newAsk(w *World) *cobra.Command {
	return group(&cobra.Command{
		Use: "ask", GroupID: groupAsk,
		Short: "Ask funnel questions",
		Long: `Asks how persons travel through an ordered list of steps.

` + askHelp,
		Example: `  waystage ask funnel --stages
  waystage ask funnel --stages search..purchase --by persona --from -7d
  waystage ask dropoff --step touchpoint:cart --step "event:Order Completed[order_total>50]"
  waystage ask persons --stages search..purchase --step-number 2 --part lost --limit 20`,
	}, newAskFunnel(w), newAskDropOff(w), newAskPersons(w))
}

// asking is the flags of a question.
type asking struct {
	target

	words  question.Words
	stages string
	file   string
	asJSON bool
}

func (a *asking) add(c *cobra.Command) {
	a.addServer(c)
	a.addSite(c)
	f := c.Flags()
	f.StringArrayVar(&a.words.Steps, "step", nil, "a `STEP`; repeat it in order")
	f.StringVar(&a.stages, "stages", "", "stages of the newest map as steps: alone for all, or "+
		"`FROM..TO`, or a list A,B,C (default where no step is given: all)")
	f.Lookup("stages").NoOptDefVal = question.AllStages
	f.StringVar(&a.words.From, "from", "", "`TIME` from which entries count (default -30d)")
	f.StringVar(&a.words.To, "to", "", "`TIME` before which entries count (default now)")
	f.StringVar(&a.words.Window, "window", "", "time allowed from the entry, `LENGTH` (default 14d)")
	f.StringVar(&a.words.RangeMode, "range-mode", "", "`entry`: later steps may fall after the "+
		"range; all: nothing outside is seen (default entry)")
	f.StringVar(&a.words.Reentry, "reentry", "", "`best` or first attempt of a person (default best)")
	f.StringVar(&a.words.AsOf, "as-of", "",
		"see nothing that occurred after this `INSTANT` (default now)")
	f.StringArrayVar(&a.words.By, "by", nil, "split by `persona`")
	f.StringArrayVar(&a.words.Filters, "filter", nil, "see only what passes a `CONDITION`; "+
		"repeated: all must hold")
	f.BoolVar(&a.words.CustomersOnly, "customers-only", false, "leave out robots and the site's own "+
		"people: as --filter \"traffic is not set\"")
	f.StringVar(&a.words.Compat, "compat", "", "count as `posthog`, mixpanel or amplitude would; "+
		"flags given beside it win")
	f.StringVar(&a.file, "question", "", "`FILE` with a question as JSON (FunnelQuestion), - for "+
		"standard input; flags go over it")
	addJSON(c, &a.asJSON)
	c.Args = cobra.MaximumNArgs(1)
}

// maxQuestionBytes is the most that a question in a file may have.
const maxQuestionBytes = 4 << 20

// question makes the question of file and flags.
func (a *asking) question(
	ctx context.Context, client *remote.Client, args []string,
) (*funnelv1.FunnelQuestion, error) {
	q := &funnelv1.FunnelQuestion{}
	if a.file != "" {
		text, err := readFile(a.world, a.file, maxQuestionBytes)
		if err != nil {
			return nil, err
		}
		if err := protojson.Unmarshal([]byte(text), q); err != nil {
			return nil, fmt.Errorf("reading the question of --question %s: %s",
				a.file, unpadded(err))
		}
	}
	if err := a.words.Apply(q, a.world.Now()); err != nil {
		return nil, usageError{err}
	}
	if err := a.rangeArgument(args); err != nil {
		return nil, err
	}
	if a.stages == "" && len(q.GetSteps()) > 0 {
		return q, nil
	}
	var err error
	q.Steps, err = a.stageSteps(ctx, client)
	return q, err
}

// rangeArgument takes the range of "--stages FROM..TO" where it is an argument of its own.
func (a *asking) rangeArgument(args []string) error {
	switch {
	case a.stages != "" && len(a.words.Steps) > 0:
		return usage("give the steps by --step or by --stages, not by both")
	case len(args) == 0:
	case a.stages == question.AllStages:
		a.stages = args[0]
	default:
		return usage("%q: steps are given by --step, stages by --stages", args[0])
	}
	return nil
}

func (a *asking) stageSteps(
	ctx context.Context, client *remote.Client,
) ([]*funnelv1.Step, error) {
	m, err := latestMap(ctx, client, a.parent(), "latest")
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(m.GetStages()))
	for i, s := range m.GetStages() {
		ids[i] = s.GetId()
	}
	stages := a.stages
	if stages == "" {
		stages = question.AllStages
	}
	steps, err := question.Stages(stages, ids)
	if err != nil {
		return nil, usageError{fmt.Errorf("--stages %w", err)}
	}
	return steps, nil
}

// unpadded is an error of protojson without the white space that it varies on purpose.
func unpadded(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimSpace(strings.TrimPrefix(text, "proto:"))
}

// run connects, makes the question and hands both on.
func (a *asking) run(
	c *cobra.Command, args []string,
	do func(ctx context.Context, client *remote.Client, q *funnelv1.FunnelQuestion) error,
) error {
	client, err := a.client(reading)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	q, err := a.question(c.Context(), client, args)
	if err != nil {
		return err
	}
	return do(c.Context(), client, q)
}

func newAskFunnel(w *World) *cobra.Command {
	a := &asking{target: target{world: w}}
	c := &cobra.Command{
		Use:   "funnel",
		Short: "How many persons reach each step",
		Long: `Draws per step how many persons reached it, the share of those of the previous and of the
first step with its 95 % interval, who was lost, who can still go on, and the median time
from the step before.

` + askHelp,
		Example: `  waystage ask funnel
  waystage ask funnel --stages search..purchase --by persona --from -7d
  waystage ask funnel --step "event:Product Viewed" --step "event:Order Completed[order_total>50]"
  waystage ask funnel --stages --filter channel=email --window 3d --json`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.run(c, args, func(
				ctx context.Context, client *remote.Client, q *funnelv1.FunnelQuestion,
			) error {
				answer, err := client.Funnels.AskFunnel(ctx,
					&funnelv1.AskFunnelRequest{Parent: a.parent(), Question: q})
				switch {
				case err != nil:
					return err
				case a.asJSON:
					return writeMessage(w.Stdout, answer)
				}
				return w.paper().Funnel(w.Stdout, answer, w.Now())
			})
		},
	}
	a.add(c)
	return c
}

func newAskDropOff(w *World) *cobra.Command {
	a := &asking{target: target{world: w}}
	c := &cobra.Command{
		Use:   "dropoff",
		Short: "Who is lost between the steps, and where it is worst",
		Long: `Draws for every two neighbouring steps how many of those who reached the first did not go
on, how many of these are lost and how many still can, and marks the worst place.

` + askHelp,
		Example: `  waystage ask dropoff
  waystage ask dropoff --stages desire..purchase --by persona
  waystage ask dropoff --step touchpoint:cart --step "event:Order Completed"`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.run(c, args, func(
				ctx context.Context, client *remote.Client, q *funnelv1.FunnelQuestion,
			) error {
				answer, err := client.Funnels.AskDropOff(ctx,
					&funnelv1.AskDropOffRequest{Parent: a.parent(), Question: q})
				switch {
				case err != nil:
					return err
				case a.asJSON:
					return writeMessage(w.Stdout, answer)
				}
				return w.paper().DropOff(w.Stdout, answer, w.Now())
			})
		},
	}
	a.add(c)
	return c
}
