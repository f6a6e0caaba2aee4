package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/questionfile"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// push saves the questions of a file.
type push struct {
	target

	file         string
	check, prune bool
}

func newQuestionPush(w *World) *cobra.Command {
	p := &push{target: target{world: w}}
	c := &cobra.Command{
		Use:   "push FILE|-",
		Short: "Save the questions of a YAML file",
		Long: `Reads the file, and saves each of its questions that differs from the newest version of its
name. Every mistake is printed as FILE:LINE:COLUMN: message, and the exit code is then 1:
mistakes that can be seen here keep everything from being saved, those that only the server
knows, such as a stage that the map lacks, keep their question from it.

  questions:
    weekly:                        # the name
      title: The week              # what people call it
      kind: funnel                 # or dropoff
      stages: search..purchase     # words as ask's flags have them, with _ for -
      from: -7d
      by: [channel@last, device]
      question: {…}                # instead, or below the words: a FunnelQuestion as JSON

--check reads the file on this machine alone and needs no server. --prune deletes the
questions of the site that are not in the file.`,
		Example: `  waystage question push questions.yaml
  waystage question push questions.yaml --check
  waystage question push questions.yaml --prune --site shop`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p.file = args[0]
			return p.run(c)
		},
	}
	p.addServer(c)
	p.addSite(c)
	c.Flags().BoolVar(&p.check, "check", false, "only check it, here")
	c.Flags().BoolVar(&p.prune, "prune", false, "delete what is not in the file")
	return c
}

func (p *push) run(c *cobra.Command) error {
	text, err := readFile(p.world, p.file, questionfile.MaxBytes)
	if err != nil {
		return err
	}
	entries, mistakes := questionfile.Read(text, p.world.Now())
	for _, m := range mistakes {
		p.world.printMistake(p.file, m.Line, m.Column, m.Message)
	}
	switch {
	case len(mistakes) > 0:
		return &exitError{code: ExitFailed}
	case p.check:
		fmt.Fprintf(p.world.Stdout, "%s has no mistakes.\n", p.file)
		return nil
	}
	return p.withClient(c, administration, func(ctx context.Context, client *remote.Client) error {
		return p.saveAll(ctx, client, entries)
	})
}

func (p *push) saveAll(
	ctx context.Context, client *remote.Client, entries []questionfile.Entry,
) error {
	list, err := p.savedQuestions(ctx, client, "")
	if err != nil {
		return err
	}
	before := map[string]uint32{}
	for _, q := range list.GetQuestions() {
		before[shortName(q)] = q.GetVersion()
	}
	wrong := false
	for _, e := range entries {
		name := e.Question.GetName()
		mistaken, err := p.save(ctx, client, e, before[name])
		if err != nil {
			return err
		}
		wrong = wrong || mistaken
		delete(before, name)
	}
	if wrong {
		return &exitError{code: ExitFailed}
	}
	return p.pruneAll(ctx, client, list.GetQuestions(), before)
}

// save saves one question and says what came of it; mistaken tells that the server found it wrong.
func (p *push) save(
	ctx context.Context, client *remote.Client, e questionfile.Entry, before uint32,
) (mistaken bool, err error) {
	name := e.Question.GetName()
	e.Question.Name = p.questionName(name)
	saved, err := client.Questions.SaveQuestion(ctx, &funnelv1.SaveQuestionRequest{
		Parent: p.parent(), Question: e.Question,
	})
	violations := remote.Violations(err)
	switch {
	case len(violations) > 0:
		for _, v := range violations {
			field := strings.TrimPrefix(v.Field, "question.")
			line, column := e.At(field)
			p.world.printMistake(p.file, line, column, field+": "+v.Description)
		}
		return true, nil
	case err != nil:
		return false, err
	}
	version := saved.GetQuestion().GetVersion()
	if version == before {
		fmt.Fprintf(p.world.Stdout, "%s: unchanged, version %d\n", name, version)
		return false, nil
	}
	fmt.Fprintf(p.world.Stdout, "%s: saved as version %d\n", name, version)
	return false, nil
}

// pruneAll deletes what is left over, by name; without --prune it says what that is.
func (p *push) pruneAll(
	ctx context.Context, client *remote.Client, list []*funnelv1.SavedQuestion,
	left map[string]uint32,
) error {
	for _, q := range list {
		name := shortName(q)
		if _, over := left[name]; !over {
			continue
		}
		if !p.prune {
			fmt.Fprintf(p.world.Stdout, "%s: not in the file; --prune deletes it\n", name)
			continue
		}
		if err := p.deleteQuestion(ctx, client, name); err != nil {
			return err
		}
	}
	return nil
}
