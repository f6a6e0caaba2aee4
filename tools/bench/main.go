// Command bench measures Waystage on this machine and prints Markdown.
//
//	go run ./tools/bench [layout] [flags]
//
// layout compares the ways of storing touchpoints for funnel questions, on the benchmark world:
// the table of docs/decisions/0001-touchpoint-layout.md.
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
	what := "layout"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	switch what {
	case "layout":
		o, err := layoutOptions(args)
		if err != nil {
			return err
		}
		return compareLayouts(ctx, o, os.Stdout, os.Stderr)
	default:
		return fmt.Errorf("there is no %q to measure; there is: layout", what)
	}
}
