package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/proto/question"
	"github.com/waystage/waystage/tools/waystage/picture"
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
  group:TYPE OP VALUE the group of the touchpoint       group:company=acme
  campaign:source, campaign:medium, campaign, persona,
  channel, event, stage, touchpoint, device, browser,
  os, traffic OP VALUE                                  channel=email|social

  =  equal   !=  not equal   ~  contains   !~  contains not   >  >=  <  <=
  NAME?  is set   NAME!?  is not set   =a|b  one of   !=a|b  none of
  in words too: NAME is set   NAME is not set, such as traffic is not set

traffic is bot or internal, and not set for customers.

Numbers, true and false are such; "100" in quotes is a text. property:persona=x means a
property of that name. Names and values with , [ ] | in them stand in double quotes.

--by splits the answer, at most twice: persona, channel, device, browser, os, campaign,
campaign:source, campaign:medium, trait:NAME, property:NAME, variant:EXPERIMENT, group:TYPE.
Behind it stands whose value counts: @first or @last of the touchpoints that match a step,
@person, @all (once per value), @step2 (once per value of step 2).

--unit says whose journey it is: person, group:TYPE, trait:NAME or property:NAME.
--compare sets the answer beside another one: previous (the same number of days before), a
range such as 2026-10-01..2026-11-01, or filter:CONDITION.

Times are days of the site's time zone (2026-11-21; --to itself is outside), instants
(2026-11-21T09:30:00Z), "now", or a distance from now (-30d, -12h). Lengths of time are
written as 14d, 36h, 1d12h.

@NAME asks a saved question, @NAME@3 its version 3; flags go over it. --save keeps a question
under a name, with times relative to now as they are written.`

func newAsk(w *World) *cobra.Command {
	a := newAsking(w)
	c := group(&cobra.Command{
		Use: "ask [@NAME]", GroupID: groupAsk,
		Short: "Ask funnel questions",
		Long: `Asks how persons travel through an ordered list of steps.

` + askHelp,
		Example: `  waystage ask funnel --stages
  waystage ask funnel --stages search..purchase --by persona --from -7d
  waystage ask dropoff --step touchpoint:cart --step "event:Order Completed[order_total>50]"
  waystage ask persons --stages search..purchase --step-number 2 --part lost --limit 20
  waystage ask @weekly --compare previous`,
	}, newAskFunnel(w), newAskDropOff(w), newAskPersons(w))
	help := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 || !strings.HasPrefix(args[0], "@") {
			return help(c, args)
		}
		return a.run(c, args, a.answerAsSaved)
	}
	a.add(c)
	a.addAnswer(c)
	return c
}

// asking is the flags of a question.
type asking struct {
	target

	words  *funnelv1.QuestionWords
	file   string
	asJSON bool
	// save and title are the name under which the question is kept, and what people call it.
	save, title string
	summaryOnly bool
	// below is the saved question that is asked, nil where none is.
	below *funnelv1.SavedQuestion
}

func newAsking(w *World) *asking {
	return &asking{target: target{world: w}, words: &funnelv1.QuestionWords{}}
}

// add adds the flags of the question itself.
func (a *asking) add(c *cobra.Command) {
	a.addServer(c)
	a.addSite(c)
	f := c.Flags()
	f.StringArrayVar(&a.words.Step, "step", nil, "a `STEP`; repeat it in order")
	f.StringVar(&a.words.Stages, "stages", "", "stages of the newest map as steps: alone for all, or "+
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
	f.StringArrayVar(&a.words.By, "by", nil, "split by a `VALUE` such as persona or channel@last; "+
		"twice at most")
	f.StringVar(&a.words.Unit, "unit", "", "whose journey it is: `person`, group:TYPE, trait:NAME or "+
		"property:NAME (default person)")
	f.StringArrayVar(&a.words.Filter, "filter", nil, "see only what passes a `CONDITION`; "+
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

// addAnswer adds the flags of questions that are answered with numbers.
func (a *asking) addAnswer(c *cobra.Command) {
	f := c.Flags()
	f.Uint32Var(&a.words.Limit, "limit", 0, "`most` groups of --by, 1 to 1000 (default 25)")
	f.StringVar(&a.words.Compare, "compare", "", "set the answer beside `previous`, a range "+
		"FROM..TO, or filter:CONDITION")
	f.StringVar(&a.save, "save", "", "keep the question under a `NAME`")
	f.StringVar(&a.title, "title", "", "what people call it, beside --save: a `TEXT`")
	f.BoolVar(&a.summaryOnly, "summary-only", false,
		"drop-off: leave out where they went, which costs more to find out")
}

// inquiry is a question as a request states it: question alone, or words, a saved one, or both.
type inquiry struct {
	question *funnelv1.FunnelQuestion
	words    *funnelv1.QuestionWords
	saved    string
}

// maxQuestionBytes is the most that a question in a file may have.
const maxQuestionBytes = 4 << 20

// inquiry makes the request of file, flags and argument.
func (a *asking) inquiry(
	ctx context.Context, client *remote.Client, args []string,
) (inquiry, error) {
	in := inquiry{words: a.words}
	if err := a.argument(&in, args); err != nil {
		return in, err
	}
	if err := question.Check(a.words, a.world.Now()); err != nil {
		return in, usageError{flagged(err)}
	}
	if a.file == "" {
		return in, nil
	}
	if in.saved != "" {
		return in, usage("give the question by --question or by @%s, not by both", in.saved)
	}
	q, err := a.fromFile(ctx, client)
	return inquiry{question: q}, err
}

// argument takes a saved question, or the range of "--stages FROM..TO" where it is an argument of
// its own.
func (a *asking) argument(in *inquiry, args []string) error {
	if len(args) == 0 {
		return nil
	}
	name, is := strings.CutPrefix(args[0], "@")
	switch {
	case is && name != "":
		in.saved = name
	case a.words.GetStages() == question.AllStages:
		a.words.Stages = args[0]
	default:
		return usage("%q: steps are given by --step, stages by --stages, a saved question by @NAME",
			args[0])
	}
	return nil
}

// fromFile is the question of a file with the words over it.
func (a *asking) fromFile(
	ctx context.Context, client *remote.Client,
) (*funnelv1.FunnelQuestion, error) {
	text, err := readFile(a.world, a.file, maxQuestionBytes)
	if err != nil {
		return nil, err
	}
	q := &funnelv1.FunnelQuestion{}
	if err := protojson.Unmarshal([]byte(text), q); err != nil {
		return nil, fmt.Errorf("reading the question of --question %s: %s", a.file, unpadded(err))
	}
	var stages []string
	if question.NeedsStages(a.words, q) {
		m, err := latestMap(ctx, client, a.parent(), "latest")
		if err != nil {
			return nil, err
		}
		for _, s := range m.GetStages() {
			stages = append(stages, s.GetId())
		}
	}
	if err := question.Apply(a.words, q, a.world.Now(), stages); err != nil {
		return nil, usageError{flagged(err)}
	}
	return q, nil
}

// flagged names mistakes by the flags.
func flagged(err error) error {
	mistakes, ok := errors.AsType[question.Mistakes](err)
	if !ok {
		return err
	}
	texts := make([]string, len(mistakes))
	for i, m := range mistakes {
		texts[i] = "--" + strings.ReplaceAll(m.Word, "_", "-") + " " + m.Problem
	}
	return errors.New(strings.Join(texts, "\n"))
}

// flaggedCall names what a server found wrong with words by their flags.
func flaggedCall(err error) error {
	renamed := &errdetails.BadRequest{}
	for _, v := range remote.Violations(err) {
		field := v.Field
		if word, is := strings.CutPrefix(field, "words."); is {
			field = "--" + strings.ReplaceAll(word, "_", "-")
		}
		renamed.FieldViolations = append(renamed.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: field, Description: v.Description})
	}
	if len(renamed.GetFieldViolations()) == 0 {
		return err
	}
	s, failed := status.New(remote.Code(err), err.Error()).WithDetails(renamed)
	if failed != nil {
		return err
	}
	return s.Err()
}

// unpadded is an error of protojson without the white space that it varies on purpose.
func unpadded(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimSpace(strings.TrimPrefix(text, "proto:"))
}

// answering asks and draws the answer.
type answering func(ctx context.Context, client *remote.Client, in inquiry) error

// run connects, makes the request and hands both on.
func (a *asking) run(c *cobra.Command, args []string, do answering) error {
	need := reading
	if a.save != "" {
		need = administration
	}
	client, err := a.client(need)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	in, err := a.inquiry(c.Context(), client, args)
	if err != nil {
		return err
	}
	if in.saved != "" {
		if a.below, err = a.kept(c.Context(), client, in.saved); err != nil {
			return err
		}
	}
	return flaggedCall(do(c.Context(), client, in))
}

// answerAsSaved asks a saved question of either kind.
func (a *asking) answerAsSaved(ctx context.Context, client *remote.Client, in inquiry) error {
	if a.below.GetKind() == funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF {
		return a.dropOff(ctx, client, in)
	}
	return a.funnel(ctx, client, in)
}

// funnel asks how many reach each step.
func (a *asking) funnel(ctx context.Context, client *remote.Client, in inquiry) error {
	if err := a.saveAs(ctx, client, in, funnelv1.QuestionKind_QUESTION_KIND_FUNNEL); err != nil {
		return err
	}
	answer, err := client.Funnels.AskFunnel(ctx, &funnelv1.AskFunnelRequest{
		Parent: a.parent(), Question: in.question, Words: in.words, Saved: in.saved,
	})
	return a.show(answer, err, func(out io.Writer) error {
		return a.paper(in).Funnel(out, answer, a.world.Now())
	})
}

// dropOff asks who is lost between the steps.
func (a *asking) dropOff(ctx context.Context, client *remote.Client, in inquiry) error {
	if err := a.saveAs(ctx, client, in, funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF); err != nil {
		return err
	}
	answer, err := client.Funnels.AskDropOff(ctx, &funnelv1.AskDropOffRequest{
		Parent: a.parent(), Question: in.question, Words: in.words, Saved: in.saved,
		SummaryOnly: a.summaryOnly,
	})
	return a.show(answer, err, func(out io.Writer) error {
		return a.paper(in).DropOff(out, answer, a.world.Now())
	})
}

// show prints an answer as JSON or draws it.
func (a *asking) show(answer proto.Message, err error, draw func(io.Writer) error) error {
	switch {
	case err != nil:
		return err
	case a.asJSON:
		return writeMessage(a.world.Stdout, answer)
	}
	return draw(a.world.Stdout)
}

// paper is what the answer is drawn on: it knows whose journey is asked about.
func (a *asking) paper(in inquiry) picture.Paper {
	paper := a.world.paper()
	whole := cmp.Or(in.question, a.below.GetQuestion())
	switch unit := cmp.Or(a.words.GetUnit(), a.below.GetWords().GetUnit()); {
	case unit != "":
		paper.Unit = strings.TrimSpace(unit)
	case whole.GetUnit().GetGroupType() != "":
		paper.Unit = "group:" + whole.GetUnit().GetGroupType()
	case whole.GetUnit().GetTrait() != "":
		paper.Unit = "trait:" + whole.GetUnit().GetTrait()
	case whole.GetUnit().GetProperty() != "":
		paper.Unit = "property:" + whole.GetUnit().GetProperty()
	}
	if strings.EqualFold(paper.Unit, "person") {
		paper.Unit = ""
	}
	return paper
}

func newAskFunnel(w *World) *cobra.Command {
	a := newAsking(w)
	c := &cobra.Command{
		Use:   "funnel [@NAME]",
		Short: "How many persons reach each step",
		Long: `Draws per step how many persons reached it, the share of those of the previous and of the
first step with its 95 % interval, who was lost, who can still go on, and the median time
from the step before.

` + askHelp,
		Example: `  waystage ask funnel
  waystage ask funnel --stages search..purchase --by persona --from -7d
  waystage ask funnel --stages --by channel@last --by device --limit 10
  waystage ask funnel --step "event:Product Viewed" --step "event:Order Completed[order_total>50]"
  waystage ask funnel --stages --filter channel=email --window 3d --json
  waystage ask funnel --stages --from -7d --compare previous --save weekly --title "The week"
  waystage ask funnel @weekly --by campaign:source`,
		RunE: func(c *cobra.Command, args []string) error { return a.run(c, args, a.funnel) },
	}
	a.add(c)
	a.addAnswer(c)
	return c
}

func newAskDropOff(w *World) *cobra.Command {
	a := newAsking(w)
	c := &cobra.Command{
		Use:   "dropoff [@NAME]",
		Short: "Who is lost between the steps, where they go instead, and where it is worst",
		Long: `Draws for every two neighbouring steps how many of those who reached the first did not go
on, how many of these are lost and how many still can, and marks the worst place. Below it
stands what they did instead: nothing, a step back, or something else; which touchpoints
came next and last, where they had come from, and which barriers of the map they met.

` + askHelp,
		Example: `  waystage ask dropoff
  waystage ask dropoff --stages desire..purchase --by persona
  waystage ask dropoff --step touchpoint:cart --step "event:Order Completed" --summary-only
  waystage ask dropoff @leaving`,
		RunE: func(c *cobra.Command, args []string) error { return a.run(c, args, a.dropOff) },
	}
	a.add(c)
	a.addAnswer(c)
	return c
}
