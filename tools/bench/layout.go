package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/world"
)

// options of the comparison of layouts.
type options struct {
	touchpoints, rounds int
	batches, batchRows  int
	only                []string
	dir, library        string
	keep, upkeep        bool
	merged              bool
}

func layoutOptions(args []string) (options, error) {
	o := options{library: os.Getenv("WAYSTAGE_LIBCHDB")}
	flags := flag.NewFlagSet("bench layout", flag.ContinueOnError)
	flags.IntVar(&o.touchpoints, "touchpoints", 1_000_000,
		"touchpoints on the map; another quarter of it is off the map")
	flags.IntVar(&o.rounds, "rounds", 5, "measured `runs` of each question, after one that is not")
	flags.IntVar(&o.batches, "batches", 300, "batches freshly written and not merged; 0 for none")
	flags.IntVar(&o.batchRows, "batch-rows", 20_000, "touchpoints in each of them")
	flags.BoolVar(&o.merged, "merged", true, "measure on merged tables, not on fresh ones alone")
	only := flags.String("only", "", "the candidates to measure, by their `keys`, comma-separated;"+
		" A is always measured (default all)")
	flags.StringVar(&o.dir, "dir", "", "an empty `folder` for the data (default a temporary one)")
	flags.BoolVar(&o.keep, "keep", false,
		"leave the data in -dir, and use those that an earlier run left there")
	flags.BoolVar(&o.upkeep, "upkeep", true, "measure erasure, rebuilding and retention, too")
	if err := flags.Parse(args); err != nil {
		return options{}, err //nolint:wrapcheck // the flag package has said all
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	return o, o.check()
}

func (o options) check() error {
	switch {
	case o.touchpoints < 10_000:
		return errors.New("-touchpoints must be 10000 or more")
	case o.rounds < 1:
		return errors.New("-rounds must be 1 or more")
	case !o.merged && o.batches < 1:
		return errors.New("-merged=false needs -batches of 1 or more")
	case o.keep && o.dir == "":
		return errors.New("-keep needs -dir")
	}
	for _, key := range o.only {
		known := func(c candidate) bool { return c.key == key }
		if !slices.ContainsFunc(candidates(), known) {
			return fmt.Errorf("there is no candidate %q", key)
		}
	}
	return nil
}

// wanted are the candidates to measure, A first.
func (o options) wanted() []candidate {
	if o.only == nil {
		return candidates()
	}
	return slices.DeleteFunc(candidates(), func(c candidate) bool {
		return c.key != reference && !slices.Contains(o.only, c.key)
	})
}

// compareLayouts loads the world, asks all questions of all candidates, and prints the tables.
func compareLayouts(ctx context.Context, o options, out, progress io.Writer) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "waystage-bench-"); err != nil {
			return fmt.Errorf("making a folder for the data: %w", err)
		}
	}
	if !o.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	ch, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{Library: o.library, Dir: o.dir})
	if err != nil {
		return err //nolint:wrapcheck // it says what could not be opened
	}
	defer func() { err = errors.Join(err, ch.Close(context.WithoutCancel(ctx))) }()
	b := &bench{options: o, client: &client{url: ch.URL()}, progress: progress}
	return b.layouts(ctx, out)
}

// bench is a comparison under way.
type bench struct {
	options

	client   *client
	kernel   kernel
	rows     int // touchpoints, on the map or not
	progress io.Writer
}

func (b *bench) layouts(ctx context.Context, out io.Writer) error {
	w := world.NewBenchmark(1, b.touchpoints/world.TouchpointsPerPerson)
	began := time.Now()
	if err := b.load(ctx, w); err != nil {
		return err
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	b.say("loaded and laid out after %.0f s", time.Since(began).Seconds())
	fmt.Fprintf(out, "Benchmark world: %d touchpoints, %d of them on the map, of %d persons in "+
		"three years.\n\n", b.rows, b.touchpoints, w.Persons())
	if err := b.printStored(ctx, out); err != nil {
		return err
	}
	for _, s := range b.states() {
		if err := b.measureState(ctx, s, out); err != nil {
			return err
		}
	}
	return b.measureUpkeep(ctx, out)
}

// state is how a table was written: its name has the suffix.
type state struct{ title, suffix string }

func (b *bench) states() []state {
	var states []state
	if b.merged {
		states = append(states, state{"Merged", ""})
	}
	if b.batches > 0 {
		states = append(states, state{fmt.Sprintf(
			"The last %d batches of %d touchpoints not merged", b.batches, b.batchRows), freshSuffix})
	}
	return states
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

func (b *bench) exec(ctx context.Context, sql string) error {
	_, err := b.client.exec(ctx, sql)
	return err
}
