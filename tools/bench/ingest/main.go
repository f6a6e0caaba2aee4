// Command ingest measures the ingest service beside a floor (see tools/bench/floor) on a real
// Apache Kafka broker of this machine, and prints Markdown.
//
//	go run ./tools/bench/ingest [flags]
//
// Both servers, the broker and the sender are processes of their own on the same processors. The
// servers take turns: floor, ingest, floor, ingest, …; what the topics hold afterwards is counted
// by Kafka's own tool and compared with what was accepted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	run, warmup             time.Duration
	runs                    int
	singles, batchers       int
	library, only, profiles string
	bounds                  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := options{library: os.Getenv("WAYSTAGE_LIBCHDB")}
	flags := flag.NewFlagSet("bench ingest", flag.ContinueOnError)
	flags.DurationVar(&o.run, "time", 15*time.Second, "how long a run is")
	flags.DurationVar(&o.warmup, "warmup", 5*time.Second, "how long each server is warmed up")
	flags.IntVar(&o.runs, "runs", 3, "runs of each server in each shape")
	flags.IntVar(&o.singles, "singles", 256, "connections that send single messages")
	flags.IntVar(&o.batchers, "batchers", 64, "connections that send batches of 100")
	flags.StringVar(&o.only, "only", "", "only this shape: single or batch")
	flags.StringVar(&o.profiles, "profiles", "", "a folder for CPU profiles of ingest")
	flags.BoolVar(&o.bounds, "bounds", true, "also measure memory under what would fill it")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // the flag package has said all
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(b.measure(ctx), b.close())
}
