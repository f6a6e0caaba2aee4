package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

func newMap(w *World) *cobra.Command {
	return group(&cobra.Command{
		Use: "map", GroupID: groupDefine,
		Short: "Publish, check, compare and show journey maps",
		Long: `A journey map is a YAML file: stages in order, the touchpoints that reveal them, channels
and personas. Publishing makes a new version, in force from that moment on; what came
before stays attributed by the version of its time.`,
		Example: `  waystage map publish shop.yaml --site shop
  waystage map lint shop.yaml --site shop
  waystage map diff shop.yaml --site shop
  waystage map show --site shop
  waystage map list --site shop`,
	}, newMapPublish(w), newMapLint(w), newMapDiff(w), newMapShow(w), newMapList(w), newMapSchema(w))
}

func newMapPublish(w *World) *cobra.Command {
	t := &target{world: w}
	var check, asJSON bool
	c := &cobra.Command{
		Use:   "publish FILE|-",
		Short: "Make a file the site's next map version",
		Long: `Reads the map, and publishes it if it has no mistakes; else prints every mistake as
FILE:LINE:COLUMN: message and ends with exit code 1. A map that equals the newest version
makes no new one. --check reads it on this machine alone and needs no server.`,
		Example: `  waystage map publish shop.yaml --site shop
  waystage map publish shop.yaml --check
  generate-map | waystage map publish - --site shop`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			source, err := readFile(w, args[0], journey.MaxMapBytes)
			if err != nil {
				return err
			}
			if err := w.checkMap(args[0], source); err != nil {
				return err
			}
			if check {
				fmt.Fprintf(w.Stdout, "%s has no mistakes.\n", args[0])
				return nil
			}
			published, err := t.publish(c.Context(), args[0], source)
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeMessage(w.Stdout, published)
			}
			m := published.GetJourneyMap()
			fmt.Fprintf(w.Stdout, "Version %d of %s is in force since %s.\n", m.GetVersion(),
				t.parent(), m.GetInForceAt().AsTime().Format("2006-01-02 15:04:05.000 UTC"))
			return nil
		},
	}
	t.addServer(c)
	t.addSite(c)
	c.Flags().BoolVar(&check, "check", false, "only check it, here")
	addJSON(c, &asJSON)
	return c
}

// checkMap reads a map and prints its mistakes.
func (w *World) checkMap(file, source string) error {
	_, err := journey.ParseMap(source)
	mistakes, ok := errors.AsType[journey.MapErrors](err)
	if err == nil || !ok {
		return err
	}
	for _, m := range mistakes {
		message := m.Message
		if m.Path != "" {
			message = m.Path + ": " + message
		}
		w.printMistake(file, m.Line, m.Column, message)
	}
	return &exitError{code: ExitFailed}
}

func (w *World) printMistake(file string, line, column int, message string) {
	fmt.Fprintf(w.Stderr, "%s:%d:%d: %s\n", file, line, column, message)
}

func (t *target) publish(
	ctx context.Context, file, source string,
) (*journeyv1.PublishJourneyMapResponse, error) {
	client, err := t.client(administration)
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	published, err := client.Maps.PublishJourneyMap(ctx, &journeyv1.PublishJourneyMapRequest{
		Parent: t.parent(), Source: source,
	})
	if err != nil && t.world.printMistakes(file, err) {
		return nil, &exitError{code: ExitFailed}
	}
	return published, err
}

// mistakePlace begins a server's text about a mistake in a map.
var mistakePlace = regexp.MustCompile(`^line (\d+), column (\d+): `)

// printMistakes prints those that only a server of another version finds; false if there are none.
func (w *World) printMistakes(file string, err error) bool {
	found := false
	for _, v := range remote.Violations(err) {
		place := mistakePlace.FindStringSubmatch(v.Description)
		if v.Field != "source" || place == nil {
			continue
		}
		found = true
		fmt.Fprintf(w.Stderr, "%s:%s:%s: %s\n", file, place[1], place[2],
			strings.TrimPrefix(v.Description, place[0]))
	}
	return found
}

// readFile reads a file, or standard input for "-", of at most so many bytes.
func readFile(w *World, name string, most int) (string, error) {
	in := w.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > most {
		return "", fmt.Errorf("%s has more than %s bytes", name, picture.Number(most))
	}
	return string(text), nil
}

// journeyMap asks for a version, a number or "latest".
func (t *target) journeyMap(ctx context.Context, version string) (*journeyv1.JourneyMap, error) {
	client, err := t.client(reading)
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	return latestMap(ctx, client, t.parent(), version)
}

func latestMap(
	ctx context.Context, client *remote.Client, parent, version string,
) (*journeyv1.JourneyMap, error) {
	answer, err := client.Maps.GetJourneyMap(ctx, &journeyv1.GetJourneyMapRequest{
		Name: parent + "/journeyMaps/" + version,
	})
	return answer.GetJourneyMap(), err
}

func newMapList(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the versions of a site's map, newest first",
		Example: "  waystage map list --site shop",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := t.client(reading)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			all := &journeyv1.ListJourneyMapsResponse{}
			for token := ""; ; token = all.NextPageToken {
				page, err := client.Maps.ListJourneyMaps(c.Context(),
					&journeyv1.ListJourneyMapsRequest{
						Parent: t.parent(), PageSize: pageSize, PageToken: token,
					})
				if err != nil {
					return err
				}
				all.JourneyMaps = append(all.JourneyMaps, page.GetJourneyMaps()...)
				if all.NextPageToken = page.GetNextPageToken(); all.NextPageToken == "" {
					break
				}
			}
			if asJSON {
				return writeMessage(w.Stdout, all)
			}
			return w.paper().Maps(w.Stdout, all.GetJourneyMaps())
		},
	}
	t.addServer(c)
	t.addSite(c)
	addJSON(c, &asJSON)
	return c
}
