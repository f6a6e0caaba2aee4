// Command tell prints what the people of a synthetic world do in a time, as lines of JSON that
// "waystage import" reads. docs/worlds.md lists the true numbers of one such time.
//
//	tell --demo airline --from 2026-01-30T12:30:00Z --to 2026-03-01T12:30:00Z > airline.ndjson
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/waystage/waystage/services/world"
	"github.com/waystage/waystage/tools/waystage/demo"
)

func main() {
	err := tell(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "tell:", err)
		os.Exit(1)
	}
}

// tell reads the arguments and writes the messages from --from on and before --to.
func tell(args []string, to, help io.Writer) error {
	flags := flag.NewFlagSet("tell", flag.ContinueOnError)
	flags.SetOutput(help)
	which := flags.String("demo", string(world.Grocery), "`which` world: grocery, airline or tiles")
	seed := flags.Uint64("seed", demo.Seed, "`number` that decides everything")
	from := flags.String("from", "", "`instant` of the first message, such as 2026-01-30T12:30:00Z")
	until := flags.String("to", "", "`instant` before which the last message is")
	if err := flags.Parse(args); err != nil {
		return err
	}
	scenario := world.Scenario(*which)
	if !slices.Contains(world.Scenarios(), scenario) {
		return fmt.Errorf("--demo %q: there are %v", *which, world.Scenarios())
	}
	start, err := time.Parse(time.RFC3339, *from)
	if err != nil {
		return fmt.Errorf("--from: give an instant: %w", err)
	}
	end, err := time.Parse(time.RFC3339, *until)
	if err != nil {
		return fmt.Errorf("--to: give an instant: %w", err)
	}
	out := bufio.NewWriter(to)
	return errors.Join(
		demo.Write(out, world.NewLive(scenario, *seed).Between(start, end)), out.Flush(),
	)
}
