package command

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/waystage/waystage/services/journey"
)

// comparing is the flags of a comparison of maps.
type comparing struct {
	target

	exitCode, asJSON bool
}

func newMapDiff(w *World) *cobra.Command {
	d := &comparing{target: target{world: w}}
	c := &cobra.Command{
		Use:   "diff [OLD] NEW",
		Short: "Say what a map changes for attribution, and what only on paper",
		Long: `Compares two maps, each a file, "-" for standard input, or a version of the site: a number
or "latest". OLD is the latest version where it is left out. What means the same is the same,
however the file is written.

Changes are told in three parts: those for messages received after publishing (rules of
touchpoints and channels, their order, stages of touchpoints); those that hold at once for all
persons, past and future (personas, repeats, lost_after, the order of stages, barriers); and
those on paper only.

Exit code 0, whether there are changes or not; with --exit-code 1 if there are.`,
		Example: `  waystage map diff shop.yaml --site shop
  waystage map diff 3 latest
  waystage map diff old.yaml new.yaml --json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				args = []string{"latest", args[0]}
			}
			return d.diff(c.Context(), args[0], args[1])
		},
	}
	d.addServer(c)
	d.addSite(c)
	c.Flags().BoolVar(&d.exitCode, "exit-code", false, "end with 1 if there are changes")
	addJSON(c, &d.asJSON)
	return c
}

func (d *comparing) diff(ctx context.Context, old, changed string) error {
	if old == "-" && changed == "-" {
		return usage("only one of the two can be standard input")
	}
	before, err := d.mapOf(ctx, old)
	if err != nil {
		return err
	}
	after, err := d.mapOf(ctx, changed)
	if err != nil {
		return err
	}
	changes := journey.Diff(before, after)
	if err := d.print(changes); err != nil {
		return err
	}
	if d.exitCode && len(changes) > 0 {
		return &exitError{code: ExitFailed}
	}
	return nil
}

// mapOf reads a map from a file, from standard input, or from the site by its version.
func (d *comparing) mapOf(ctx context.Context, name string) (*journey.Map, error) {
	source, err := d.sourceOf(ctx, name)
	if err != nil {
		return nil, err
	}
	m, err := journey.ParseMap(source)
	if err != nil {
		return nil, d.world.checkMap(name, source)
	}
	return m, nil
}

func (d *comparing) sourceOf(ctx context.Context, name string) (string, error) {
	if !isVersion(name) {
		return readFile(d.world, name, journey.MaxMapBytes)
	}
	m, err := d.journeyMap(ctx, name)
	return m.GetSource(), err
}

// isVersion tells versions from files: a file whose name is a number must be called ./3.
func isVersion(name string) bool {
	n, err := strconv.ParseUint(name, 10, 32)
	return name == "latest" || err == nil && n > 0
}

// change is a change as JSON has it.
type change struct {
	Effect journey.Effect `json:"effect"`
	Path   string         `json:"path"`
	Old    string         `json:"old"`
	New    string         `json:"new"`
}

func (d *comparing) print(changes []journey.Change) error {
	if d.asJSON {
		list := make([]change, len(changes))
		for i, c := range changes {
			list[i] = change(c)
		}
		return writeJSON(d.world.Stdout, map[string]any{"changes": list})
	}
	return d.world.paper().Changes(d.world.Stdout, changes)
}
