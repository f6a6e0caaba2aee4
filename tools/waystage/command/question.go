package command

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/questionfile"
	"github.com/waystage/waystage/tools/waystage/remote"
)

func newQuestion(w *World) *cobra.Command {
	return group(&cobra.Command{
		Use: "question", GroupID: groupAsk,
		Short: "Saved questions: list, show, keep in a file",
		Long: `A saved question has a name and versions: each save that changes something makes the next
one. Times relative to now stay as they are written, so that a saved week is always the
last one. ` + "`ask … --save NAME`" + ` saves, ` + "`ask @NAME`" + ` asks.

pull and push keep them in a YAML file beside the map in git.`,
		Example: `  waystage ask funnel --stages --from -7d --save weekly --title "The week"
  waystage question list
  waystage question show weekly@2
  waystage question pull > questions.yaml
  waystage question push questions.yaml`,
	}, newQuestionList(w), newQuestionShow(w), newQuestionVersions(w), newQuestionDelete(w),
		newQuestionPull(w), newQuestionPush(w))
}

// withClient connects for as long as something is done.
func (t *target) withClient(
	c *cobra.Command, what need, do func(ctx context.Context, client *remote.Client) error,
) error {
	client, err := t.client(what)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	return do(c.Context(), client)
}

// savedQuestions are the newest of every name, or all versions of one.
func (t *target) savedQuestions(
	ctx context.Context, client *remote.Client, name string,
) (*funnelv1.ListQuestionsResponse, error) {
	all := &funnelv1.ListQuestionsResponse{}
	for token := ""; ; token = all.NextPageToken {
		page, err := client.Questions.ListQuestions(ctx, &funnelv1.ListQuestionsRequest{
			Parent: t.parent(), PageSize: pageSize, PageToken: token, Question: name,
		})
		if err != nil {
			return nil, err
		}
		all.Questions = append(all.Questions, page.GetQuestions()...)
		if all.NextPageToken = page.GetNextPageToken(); all.NextPageToken == "" {
			return all, nil
		}
	}
}

func newQuestionList(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the saved questions of a site",
		Example: "  waystage question list --site shop",
		RunE: func(c *cobra.Command, _ []string) error {
			return t.listQuestions(c, "", asJSON)
		},
	}
	t.addServer(c)
	t.addSite(c)
	addJSON(c, &asJSON)
	return c
}

func newQuestionVersions(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:     "versions NAME",
		Short:   "List the versions of a saved question, newest first, of a deleted one too",
		Example: "  waystage question versions weekly --site shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.listQuestions(c, strings.TrimPrefix(args[0], "@"), asJSON)
		},
	}
	t.addServer(c)
	t.addSite(c)
	addJSON(c, &asJSON)
	return c
}

func (t *target) listQuestions(c *cobra.Command, name string, asJSON bool) error {
	return t.withClient(c, reading, func(ctx context.Context, client *remote.Client) error {
		list, err := t.savedQuestions(ctx, client, name)
		switch {
		case err != nil:
			return err
		case asJSON:
			return writeMessage(t.world.Stdout, list)
		}
		return t.world.paper().Questions(t.world.Stdout, list.GetQuestions())
	})
}

func newQuestionShow(w *World) *cobra.Command {
	t := &target{world: w}
	var asYAML, asJSON bool
	c := &cobra.Command{
		Use:   "show NAME[@VERSION]",
		Short: "Show a saved question in words",
		Example: `  waystage question show weekly
  waystage question show weekly@2 --yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if asYAML && asJSON {
				return usage("give --yaml or --json, not both")
			}
			return t.withClient(c, reading, func(ctx context.Context, client *remote.Client) error {
				q, err := t.kept(ctx, client, strings.TrimPrefix(args[0], "@"))
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeMessage(w.Stdout, q)
				case asYAML:
					return writeQuestions(w.Stdout, []*funnelv1.SavedQuestion{q})
				}
				return w.paper().Question(w.Stdout, q)
			})
		},
	}
	t.addServer(c)
	t.addSite(c)
	c.Flags().BoolVar(&asYAML, "yaml", false, "print it as a file for push has it")
	addJSON(c, &asJSON)
	return c
}

func writeQuestions(w io.Writer, list []*funnelv1.SavedQuestion) error {
	text, err := questionfile.Write(list)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

func newQuestionDelete(w *World) *cobra.Command {
	t := &target{world: w}
	c := &cobra.Command{
		Use:   "delete NAME",
		Short: "Take a saved question out of the list",
		Long: `Takes the name out of the list. Its versions can still be asked by number, as in
` + "`ask @NAME@2`" + `, and the next save goes on counting.`,
		Example: "  waystage question delete weekly --site shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := strings.TrimPrefix(args[0], "@")
			return t.withClient(c, administration,
				func(ctx context.Context, client *remote.Client) error {
					return t.deleteQuestion(ctx, client, name)
				})
		},
	}
	t.addServer(c)
	t.addSite(c)
	return c
}

func (t *target) deleteQuestion(ctx context.Context, client *remote.Client, name string) error {
	_, err := client.Questions.DeleteQuestion(ctx,
		&funnelv1.DeleteQuestionRequest{Name: t.questionName(name)})
	if err == nil {
		fmt.Fprintf(t.world.Stdout, "%s: deleted\n", name)
	}
	return err
}

func newQuestionPull(w *World) *cobra.Command {
	t := &target{world: w}
	c := &cobra.Command{
		Use:     "pull",
		Short:   "Print all saved questions as a YAML file for push",
		Example: "  waystage question pull --site shop > questions.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			return t.withClient(c, reading, func(ctx context.Context, client *remote.Client) error {
				list, err := t.savedQuestions(ctx, client, "")
				if err != nil {
					return err
				}
				return writeQuestions(w.Stdout, list.GetQuestions())
			})
		},
	}
	t.addServer(c)
	t.addSite(c)
	return c
}
