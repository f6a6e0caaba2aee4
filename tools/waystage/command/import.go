package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/waystage/waystage/tools/waystage/archive"
)

// importing is the flags of an import.
type importing struct {
	target

	columns columns

	fromLine, workers int
	retryFor, every   time.Duration
	format, report    string
	asJSON, quiet     bool
	dryRun, resume    bool
}

func newImport(w *World) *cobra.Command {
	i := &importing{target: target{world: w}}
	c := &cobra.Command{
		Use: "import FILE|-", GroupID: groupSend,
		Short: "Send a file of messages or rows: NDJSON, CSV or TSV, also gzip",
		Long: `Sends a file through ingest's /v1/import. It is

  NDJSON: one message of Segment's API a line (track, page, screen, identify, group or alias,
  named by "type"), sent as it stands; or

  a table, CSV or TSV with a header, of which every row gives a message: --mapping, or
  --event, --column and --rest, say which. docs/importing.md shows calls, store visits and
  deliveries. A row is dated by when it happened; one without a readable time is refused.
  --dry-run shows the first messages and counts what would be refused, and sends nothing.

A message without a messageId gets one from its content, so that importing a file twice
counts nothing twice. Several requests are under way at a time; the messages of one user id
(else anonymous id) keep their order. When ingest is busy or away the import waits and tries
again. How far it is stands in FILE.waystage-import.json until it is done: after Ctrl-C or a
crash, --resume goes on from there.

At the end it reports how many lines were accepted, and those that were not by reason, with
the first lines of each; --report FILE gets every one of them. Exit code 3 says that some
were not accepted.`,
		Example: `  waystage import export.ndjson.gz --site shop --report refused.ndjson
  waystage import visits.csv --mapping visits.yaml --dry-run
  waystage import a.csv --event Called --column userId=who --column timestamp=at --rest drop
  waystage import visits.csv --mapping visits.yaml --resume
  zstd -dc export.zst | waystage import - --ingest https://in.example --write-key wk_…`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return i.run(c.Context(), args[0]) },
	}
	i.addIngest(c)
	f := c.Flags()
	f.StringVar(&i.format, "format", "",
		"ndjson or csv (default: the name tells, else how the file begins)")
	i.columns.add(f)
	f.BoolVar(&i.dryRun, "dry-run", false, "show the first messages, count, and send nothing")
	f.BoolVar(&i.resume, "resume", false, "go on where an import of this file ended early")
	f.IntVar(&i.fromLine, "from-line", 1, "first `line` to send, from 1")
	f.IntVar(&i.workers, "workers", 4, "`requests` under way at a time")
	f.DurationVar(&i.retryFor, "retry-for", 5*time.Minute,
		"how `long` one request is tried again that ingest cannot take now")
	f.DurationVar(&i.every, "checkpoint-every", 2*time.Second,
		"`time` between two notes of how far it is")
	f.StringVar(&i.report, "report", "", "`FILE` that gets every refused line as NDJSON")
	f.BoolVar(&i.quiet, "quiet", false, "show no progress")
	f.BoolVar(&i.asJSON, "json", false, "print the report as JSON")
	return c
}

func (i *importing) run(ctx context.Context, name string) error {
	if i.fromLine < 1 || i.workers < 1 {
		return usage("--from-line and --workers: give 1 or more")
	}
	if i.resume && (i.fromLine > 1 || i.dryRun) {
		return usage("--resume: leave --from-line and --dry-run out")
	}
	in, size, err := i.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	p := newProgress(i.world, size, i.quiet || i.dryRun)
	if i.dryRun {
		return i.try(ctx, name, p.counted(in))
	}
	return i.send(ctx, name, in, p)
}

// send is a run that sends.
func (i *importing) send(ctx context.Context, name string, in io.Reader, p *progress) error {
	began := time.Now()
	// What becomes of a row does not depend on where the run begins, which the checkpoint tells.
	from := i.fromLine
	entries, settings, err := i.entries(name, p.counted(in), &from)
	if err != nil {
		return err
	}
	sender, err := i.sender(i.retryFor)
	if err != nil {
		return err
	}
	sender.OnRetry = p.waiting
	keep := &keeper{world: i.world}
	if file, ok := in.(*os.File); ok && name != "-" {
		if keep, err = i.keeper(file, settings, sender); err != nil {
			return err
		}
	}
	before, err := keep.earlier(i.resume)
	if err != nil {
		return err
	}
	from = max(from, before.ResumeLine)
	if keep.refused, err = openRefused(i.report, before.ResumeLine); err != nil {
		return err
	}
	sum, err := archive.Import{
		Sender: sender, Endpoint: "import", Workers: i.workers, FromLine: from, Before: before,
		Refused: keep.refused.add, Progress: p.told,
		Checkpoint: keep.save, CheckpointPause: i.every,
	}.RunEntries(ctx, entries)
	p.end()
	err = errors.Join(err, keep.refused.close())
	if err == nil {
		err = keep.done()
	}
	return i.conclude(ctx, sum, time.Since(began), keep, err)
}

// conclude prints the report and settles the exit code.
func (i *importing) conclude(
	ctx context.Context, sum archive.Report, took time.Duration, keep *keeper, err error,
) error {
	if i.asJSON {
		if err := writeJSON(i.world.Stdout, sum); err != nil {
			return err
		}
	} else {
		printReport(i.world.Stdout, sum, took)
	}
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return &exitError{ExitStopped, fmt.Errorf("stopped; %s", keep.again(sum))}
	case err != nil:
		return fmt.Errorf("%w\n%s", explainSending(&i.target, err), keep.again(sum))
	case sum.RefusedLines > 0:
		return &exitError{code: ExitRefused}
	}
	return nil
}

// shownMessages is how many entries a dry run shows.
const shownMessages = 5

// try is a run that sends nothing.
func (i *importing) try(ctx context.Context, name string, in io.Reader) error {
	from := i.fromLine
	entries, _, err := i.entries(name, in, &from)
	if err != nil {
		return err
	}
	refused, err := openRefused(i.report, 1)
	if err != nil {
		return err
	}
	shown := []json.RawMessage{}
	sum, err := archive.Try(ctx, after(entries, from), shownMessages, func(e archive.Entry) error {
		for _, text := range e.Messages {
			shown = append(shown, text)
			if i.asJSON {
				continue
			}
			fmt.Fprintf(i.world.Stdout, "line %d\n", e.Line)
			if err := writeJSON(i.world.Stdout, json.RawMessage(text)); err != nil {
				return err
			}
		}
		return nil
	}, refused.add)
	if err = errors.Join(err, refused.close()); err != nil {
		return err
	}
	if i.asJSON {
		err = writeJSON(i.world.Stdout, struct {
			Messages []json.RawMessage `json:"messages"`
			Report   archive.Report    `json:"report"`
		}{shown, sum})
	} else {
		printTry(i.world.Stdout, sum)
	}
	if err == nil && sum.RefusedLines > 0 {
		err = &exitError{code: ExitRefused}
	}
	return err
}

// after gives the entries from a line on.
func after(entries archive.Entries, from int) archive.Entries {
	return func(yield func(archive.Entry, error) bool) {
		for e, err := range entries {
			if err == nil && e.Line < from {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// open opens the file; its size is -1 where it is not known.
func (i *importing) open(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(i.world.Stdin), -1, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return file, -1, nil //nolint:nilerr // only the progress bar needs the size
	}
	return file, info.Size(), nil
}
