package command

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/tools/waystage/picture"
)

func newRebuild(w *World) *cobra.Command {
	t := &target{world: w}
	var clickHouse string
	c := &cobra.Command{
		Use: "rebuild", GroupID: groupRun,
		Short: "Derive persons, personas and packed journeys anew from the stored facts",
		Long: `Derives for every site which identities are one person, their merged traits and personas,
and packs all journeys, into a new set of tables, and exchanges it for the present one.
Touchpoints may flow meanwhile, and questions are answered. The result is the same as what
the processor keeps; it is needed after rules or limits have changed, or where data were
restored.`,
		Example: `  waystage rebuild
  waystage rebuild --clickhouse http://user:password@ch:8123/waystage`,
		RunE: func(c *cobra.Command, _ []string) error {
			dsn := t.stated(clickHouse, envClickHouse)
			if dsn == "" {
				run, err := t.run("--clickhouse or WAYSTAGE_CLICKHOUSE_DSN")
				if err != nil {
					return err
				}
				dsn = run.ClickHouse
			}
			return w.rebuild(c.Context(), dsn)
		},
	}
	t.addData(c)
	c.Flags().StringVar(&clickHouse, "clickhouse", "", "`DSN` of ClickHouse "+
		"(WAYSTAGE_CLICKHOUSE_DSN; default: that of the instance on the data folder)")
	return c
}

func (w *World) rebuild(ctx context.Context, dsn string) error {
	var config processor.Config
	config.ClickHouse = dsn
	p, err := processor.New(config, zerolog.Nop(), nil)
	if err != nil {
		return err
	}
	began := time.Now()
	var bar *progressbar.ProgressBar
	at, parts := "", 0
	err = p.Rebuild(ctx, func(part string, done, of int) {
		if bar == nil || part != at {
			bar, at = newBar(w, int64(of), part), part
			parts += of
		}
		if w.StderrTerminal {
			_ = bar.Set(done) // only drawing can fail
		}
	})
	if err != nil {
		return fmt.Errorf("rebuilding: %w", err)
	}
	fmt.Fprintf(w.Stdout, "Derived %s identities and months of journeys anew, in %s.\n",
		picture.Number(parts), picture.Span(time.Since(began).Seconds()))
	return nil
}
