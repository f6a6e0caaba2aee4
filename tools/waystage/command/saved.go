package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/proto/question"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// questionName is a saved question as the API names it.
func (t *target) questionName(name string) string { return t.parent() + "/questions/" + name }

// shortName is the last part of the API's name.
func shortName(q *funnelv1.SavedQuestion) string {
	return q.GetName()[strings.LastIndexByte(q.GetName(), '/')+1:]
}

// kept gives a saved question by "NAME" or "NAME@VERSION".
func (t *target) kept(
	ctx context.Context, client *remote.Client, saved string,
) (*funnelv1.SavedQuestion, error) {
	name, number, versioned := strings.Cut(saved, "@")
	var version uint64
	if versioned {
		var err error
		if version, err = strconv.ParseUint(number, 10, 32); err != nil || version == 0 {
			return nil, usage("@%s: write @NAME, or @NAME@VERSION with versions counting from 1", saved)
		}
	}
	answer, err := client.Questions.GetQuestion(ctx, &funnelv1.GetQuestionRequest{
		Name: t.questionName(name), Version: uint32(version),
	})
	return answer.GetQuestion(), err
}

// saveAs keeps the question under the name of --save, if it is there, and says so on stderr.
func (a *asking) saveAs(
	ctx context.Context, client *remote.Client, in inquiry, kind funnelv1.QuestionKind,
) error {
	if a.save == "" {
		if a.title != "" {
			return usage("--title goes with --save")
		}
		return nil
	}
	q := &funnelv1.SavedQuestion{
		Name: a.questionName(a.save), Title: a.title, Kind: kind,
		Words: in.words, Question: in.question,
	}
	if a.below != nil {
		q.Words, q.Question = question.Over(a.below.GetWords(), in.words), a.below.GetQuestion()
		if a.title == "" && shortName(a.below) == a.save {
			q.Title = a.below.GetTitle()
		}
	}
	saved, err := client.Questions.SaveQuestion(ctx, &funnelv1.SaveQuestionRequest{
		Parent: a.parent(), Question: q,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.world.Stderr, "Saved as version %d of %s.\n", saved.GetQuestion().GetVersion(),
		a.save)
	return nil
}
