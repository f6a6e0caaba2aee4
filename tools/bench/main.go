// Command bench measures Waystage on this machine and prints Markdown.
//
//	go run ./tools/bench [layout|flow|query] [flags]
//
// layout compares the ways of storing touchpoints for funnel questions, on the benchmark world:
// the table of docs/decisions/0001-touchpoint-layout.md. flow measures the way from HTTP to a row
// that questions see. query measures the questions themselves, asked of the query service: the
// tables of docs/performance.md. Without any of them layout and flow are measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	what := "all"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	switch what {
	case "all":
		if len(args) > 0 {
			return errors.New("flags go behind layout, flow or query")
		}
		return errors.Join(runLayout(ctx, nil), runFlow(ctx, nil))
	case "layout":
		return runLayout(ctx, args)
	case "flow":
		return runFlow(ctx, args)
	case "query":
		return runQuery(ctx, args)
	default:
		return fmt.Errorf("there is no %q to measure; there are: layout, flow, query", what)
	}
}

func runLayout(ctx context.Context, args []string) error {
	o, err := layoutOptions(args)
	if err != nil {
		return err
	}
	return compareLayouts(ctx, o, os.Stdout, os.Stderr)
}

func runFlow(ctx context.Context, args []string) error {
	o, err := readFlowOptions(args)
	if err != nil {
		return err
	}
	return measureFlow(ctx, o, os.Stdout, os.Stderr)
}

func runQuery(ctx context.Context, args []string) error {
	o, err := readQueryOptions(args)
	if err != nil {
		return err
	}
	return measureQueries(ctx, o, os.Stdout, os.Stderr)
}
