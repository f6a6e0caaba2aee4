package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/tools/waystage/instance"
)

// linting is the flags of a look for what a map likely does not mean.
type linting struct {
	target

	offline, asJSON bool
}

func newMapLint(w *World) *cobra.Command {
	l := &linting{target: target{world: w}}
	c := &cobra.Command{
		Use:   "lint FILE|-",
		Short: "Find what a map likely does not mean, and what the stream sends that it lacks",
		Long: `Reads a map and prints, as FILE:LINE:COLUMN: severity: path: message, what is no mistake of
the file but worth mending: rules that never have their turn, stages that nobody reaches or
that lack feedback, more than five personas, targets that contradict each other, barriers
without remedies, plans past their day. It looks at what the site has sent, too: touchpoints
never seen, events that the map does not know, with how often they came. --offline leaves
that out and needs no server; so it is where none runs here and none is named.

Exit code 1 if there are mistakes or errors; warnings and notes give 0.`,
		Example: `  waystage map lint shop.yaml --site shop
  waystage map lint shop.yaml --offline
  waystage map lint shop.yaml --json > findings.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			source, err := readFile(w, args[0], journey.MaxMapBytes)
			if err != nil {
				return err
			}
			return l.lint(c.Context(), args[0], source)
		},
	}
	l.addServer(c)
	l.addSite(c)
	c.Flags().BoolVar(&l.offline, "offline", false, "look at the file alone")
	addJSON(c, &l.asJSON)
	return c
}

func (l *linting) lint(ctx context.Context, file, source string) error {
	if _, err := journey.ParseMap(source); err != nil && !l.asJSON {
		return l.world.checkMap(file, source)
	}
	stream, err := l.stream(ctx)
	if err != nil {
		return err
	}
	findings, err := journey.Lint(source, journey.LintOptions{
		Today: l.world.Now().UTC().Format(time.DateOnly), Stream: stream,
	})
	if mistakes, is := errors.AsType[journey.MapErrors](err); is {
		findings = asFindings(mistakes)
	} else if err != nil {
		return err
	}
	if err := l.print(file, findings); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Severity == journey.LintError {
			return &exitError{code: ExitFailed}
		}
	}
	return nil
}

func asFindings(mistakes journey.MapErrors) []journey.Finding {
	findings := make([]journey.Finding, len(mistakes))
	for i, m := range mistakes {
		findings[i] = journey.Finding{
			Severity: journey.LintError, Line: m.Line, Column: m.Column, Path: m.Path,
			Message: m.Message,
		}
	}
	return findings
}

// stream asks what the site has sent; nil where nobody is asked.
func (l *linting) stream(ctx context.Context) (*journey.Stream, error) {
	if l.offline {
		return nil, nil //nolint:nilnil // nothing is known
	}
	if l.nowhere() {
		fmt.Fprintln(l.world.Stderr, "waystage: no server is known here, so the stream is left out; "+
			"name one with --server, or say --offline.")
		return nil, nil //nolint:nilnil // nothing is known
	}
	client, err := l.client(reading)
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	s := &journey.Stream{}
	for token := ""; ; {
		page, err := client.Catalogue.ListEvents(ctx, &cataloguev1.ListEventsRequest{
			Parent: l.parent(), PageSize: pageSize, PageToken: token,
		})
		if err != nil {
			return nil, fmt.Errorf("asking which events %s has sent: %w", l.parent(), err)
		}
		for _, e := range page.GetEvents() {
			s.Events = append(s.Events, journey.Seen{
				Name: journey.Name{Event: e.GetEvent()}, Count: e.GetCount(),
				FirstAt: e.GetFirstSeenAt().AsTime(), LastAt: e.GetLastSeenAt().AsTime(),
			})
		}
		s.Full = s.Full || page.GetOverflow().GetCount() > 0
		if token = page.GetNextPageToken(); token == "" {
			return s, nil
		}
	}
}

// nowhere tells that no server is named and none runs here.
func (l *linting) nowhere() bool {
	if !l.local() {
		return false
	}
	_, err := l.folder().FindRun()
	return errors.Is(err, instance.ErrNotRunning)
}

// finding is a finding as JSON has it.
type finding struct {
	Severity journey.Severity `json:"severity"`
	Line     int              `json:"line"`
	Column   int              `json:"column"`
	Path     string           `json:"path"`
	Message  string           `json:"message"`
}

func (l *linting) print(file string, findings []journey.Finding) error {
	if l.asJSON {
		list := make([]finding, len(findings))
		for i, f := range findings {
			list[i] = finding(f)
		}
		return writeJSON(l.world.Stdout, map[string]any{"findings": list})
	}
	return l.world.paper().Linted(l.world.Stdout, file, findings)
}
