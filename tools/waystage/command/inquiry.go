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
	"github.com/waystage/waystage/tools/waystage/questionfile"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// inquiry is a question as a request states it: question alone, or words, a saved one, or both.
type inquiry struct {
	question *funnelv1.FunnelQuestion
	words    *funnelv1.QuestionWords
	saved    string
}

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
	text, err := readFile(a.world, a.file, questionfile.MaxBytes)
	if err != nil {
		return nil, err
	}
	q := &funnelv1.FunnelQuestion{}
	if err := protojson.Unmarshal([]byte(text), q); err != nil {
		return nil, fmt.Errorf("reading the question of --question %s: %s", a.file,
			questionfile.Unpadded(err))
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
	if a.summaryOnly || a.reasons || len(a.reasonProperties) > 0 {
		return usage("--summary-only, --reasons and --reason-property go with drop-offs, and %s asks "+
			"for a funnel: take them out", in.saved)
	}
	if err := a.saveAs(ctx, client, in, funnelv1.QuestionKind_QUESTION_KIND_FUNNEL); err != nil {
		return err
	}
	answer, err := a.askFunnel(ctx, client, in)
	return a.show(answer, err, func(out io.Writer) error {
		return a.paper(in).Funnel(out, answer, a.world.Now())
	})
}

// dropOff asks who is lost between the steps.
func (a *asking) dropOff(ctx context.Context, client *remote.Client, in inquiry) error {
	if err := a.saveAs(ctx, client, in, funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF); err != nil {
		return err
	}
	answer, err := a.askDropOff(ctx, client, in)
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
	paper.Counted = counted(cmp.Or(a.words.GetCount(), a.below.GetWords().GetCount()),
		whole.GetCount())
	return paper
}

// counted is what a question counts if not units once: by its word, else by the whole question.
func counted(word string, whole funnelv1.Count) string {
	if word = strings.ToLower(strings.TrimSpace(word)); word == "" {
		word = strings.ToLower(strings.TrimPrefix(whole.String(), "COUNT_"))
	}
	return map[string]string{"attempt": "attempts", "session": "sessions"}[word]
}
