// Package command is the command line of waystage: flags and help of every subcommand, what they
// do with the packages beside it, and the exit codes.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// Exit codes.
const (
	ExitDone    = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitRefused = 3
	ExitStopped = 130
)

// World is what the commands see of the process and the machine.
type World struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environment    func(name string) string
	Now            func() time.Time
	// Terminal tells whether Stdout and Stderr are terminals, and Width the columns of the first.
	StdoutTerminal, StderrTerminal bool
	Width                          int
	// Self is how to call this command again.
	Self string
	// Registerer and Gatherer are two sides of one registry of metrics.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Variables of the environment that services may read, by name.
	Variables map[string]string
}

// Main runs the command line of the process and gives the exit code. The first SIGINT or SIGTERM
// ends the command in its own order, the second one at once.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Execute(ctx, processWorld(), args)
}

// Execute runs a command line and gives the exit code.
func Execute(ctx context.Context, w World, args []string) int {
	root := newRoot(&w)
	root.SetArgs(args)
	root.SetIn(w.Stdin)
	root.SetOut(w.Stdout)
	root.SetErr(w.Stderr)
	failed, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitDone
	}
	if code, said := errors.AsType[*exitError](err); said {
		if code.err != nil {
			fmt.Fprintf(w.Stderr, "waystage: %s\n", remote.Explain(code.err))
		}
		return code.code
	}
	fmt.Fprintf(w.Stderr, "waystage: %s\n", remote.Explain(err))
	if ctx.Err() != nil {
		return ExitStopped
	}
	if isUsage(err) {
		fmt.Fprintf(w.Stderr, "See `%s --help`.\n", failed.CommandPath())
		return ExitUsage
	}
	return ExitFailed
}

// exitError ends the command with a code, saying err if there is one.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// isUsage knows the errors of flags and arguments, of which cobra's own have no type.
func isUsage(err error) bool {
	if _, ok := errors.AsType[usageError](err); ok {
		return true
	}
	return strings.HasPrefix(err.Error(), "unknown command")
}

func processWorld() World {
	width := 0
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		width = columns
	}
	return World{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environment: os.Getenv, Now: time.Now,
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Width:          width, Self: self(),
		Registerer: prometheus.DefaultRegisterer, Gatherer: prometheus.DefaultGatherer,
		Variables: variables(os.Environ()),
	}
}

// self is how this program was called: "waystage", or through go run.
func self() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(path, "/go-build") {
		return "go run ./tools/waystage"
	}
	return "waystage"
}

// variables are those of ours in an environment.
func variables(environ []string) map[string]string {
	found := make(map[string]string)
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "WAYSTAGE_") && value != "" {
			found[name] = value
		}
	}
	return found
}

// paper is what answers are drawn on.
func (w *World) paper() picture.Paper {
	return picture.Paper{
		Width: w.Width,
		Color: w.StdoutTerminal && w.Environment("NO_COLOR") == "" &&
			w.Environment("TERM") != "dumb",
	}
}

const (
	groupRun    = "run"
	groupSend   = "send"
	groupDefine = "define"
	groupAsk    = "ask"
)

func newRoot(w *World) *cobra.Command {
	root := &cobra.Command{
		Use:   "waystage",
		Short: "Funnel analytics on live customer journey maps",
		Long: `Waystage takes the touchpoints of your customers, attributes each to a person, a persona
and a stage of your journey map as it streams by, and tells who went on and who was lost.

Start with "waystage up": it runs everything on this machine, with a small synthetic shop
in it. The other commands find it by its data folder; --server and --ingest (or
WAYSTAGE_SERVER and WAYSTAGE_INGEST) point them somewhere else.

Exit codes: 0 done; 1 failed, with the reason on stderr; 2 the command line is wrong;
3 an import left lines out; 130 stopped by Ctrl-C.`,
		Example: `  waystage up
  waystage ask funnel --stages search..purchase --by persona
  waystage send "Product Viewed" --user ann --property sku=bread-01
  waystage import export.ndjson.gz
  waystage map publish shop.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupDefine, Title: "Define sites and journey maps:"},
		&cobra.Group{ID: groupSend, Title: "Send touchpoints:"},
		&cobra.Group{ID: groupAsk, Title: "Ask:"},
	)
	root.AddCommand(
		newUp(w), newDoctor(w), newRebuild(w), newVersion(w),
		newSite(w), newMap(w), newSend(w), newImport(w), newQuarantine(w), newCatalogue(w), newAsk(w),
		newPerson(w), newExplain(w),
		newQuestion(w),
	)
	root.SetHelpCommandGroupID(groupRun)
	root.SetCompletionCommandGroupID(groupRun)
	for _, each := range allOf(root) {
		if each.Args == nil && each.RunE != nil {
			each.Args = cobra.NoArgs
		}
		if each.Args != nil {
			each.Args = usageOf(each.Args)
		}
	}
	return root
}

// allOf are a command and all below it.
func allOf(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, each := range c.Commands() {
		all = append(all, allOf(each)...)
	}
	return all
}

func usageOf(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// group makes a command that only holds others.
func group(c *cobra.Command, below ...*cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return usage("unknown command %q for %q", args[0], c.CommandPath())
	}
	c.AddCommand(below...)
	return c
}
