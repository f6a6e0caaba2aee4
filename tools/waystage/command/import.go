package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/picture"
)

// importing is the flags of an import.
type importing struct {
	target

	fromLine, workers int
	retryFor          time.Duration
	report            string
	asJSON, quiet     bool
}

func newImport(w *World) *cobra.Command {
	i := &importing{target: target{world: w}}
	c := &cobra.Command{
		Use: "import FILE|-", GroupID: groupSend,
		Short: "Send a file of messages, one JSON object a line",
		Long: `Sends every line of FILE, a message of Segment's API (track, page, screen, identify, group
or alias, named by "type"), through ingest's /v1/import. The file may be gzip. Messages are
sent as they stand; one without a messageId gets one from its content, so that importing a
file twice counts nothing twice.

Several requests are under way at a time; the messages of one user id (else anonymous id)
keep their order. When ingest is busy or away the import waits and tries again.

At the end it reports how many lines were accepted, and those that were not by reason, with
the first lines of each; --report FILE gets every one of them. Exit code 3 says that some
were not accepted. Ctrl-C ends it cleanly and says where to go on.`,
		Example: `  waystage import export.ndjson
  waystage import export.ndjson.gz --site shop --report refused.ndjson
  waystage import export.ndjson --from-line 120001
  zstd -dc export.zst | waystage import - --ingest https://in.example --write-key wk_…`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return i.run(c.Context(), args[0]) },
	}
	i.addIngest(c)
	f := c.Flags()
	f.IntVar(&i.fromLine, "from-line", 1, "first `line` to send, from 1")
	f.IntVar(&i.workers, "workers", 4, "`requests` under way at a time")
	f.DurationVar(&i.retryFor, "retry-for", 5*time.Minute,
		"how `long` one request is tried again that ingest cannot take now")
	f.StringVar(&i.report, "report", "", "`FILE` that gets every refused line as NDJSON")
	f.BoolVar(&i.quiet, "quiet", false, "show no progress")
	f.BoolVar(&i.asJSON, "json", false, "print the report as JSON")
	return c
}

func (i *importing) run(ctx context.Context, name string) error {
	if i.fromLine < 1 || i.workers < 1 {
		return usage("--from-line and --workers: give 1 or more")
	}
	sender, err := i.sender(i.retryFor)
	if err != nil {
		return err
	}
	in, size, err := i.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	refused, err := i.refusals()
	if err != nil {
		return err
	}
	p := newProgress(i.world, size, i.quiet)
	sender.OnRetry = p.waiting
	began := time.Now()
	sum, err := archive.Import{
		Sender: sender, Endpoint: "import", Workers: i.workers, FromLine: i.fromLine,
		Refused: refused.add, Progress: p.told,
	}.Run(ctx, p.counted(in))
	p.end()
	err = errors.Join(err, refused.close())
	return i.conclude(ctx, sum, time.Since(began), err)
}

// conclude prints the report and settles the exit code.
func (i *importing) conclude(
	ctx context.Context, sum archive.Report, took time.Duration, err error,
) error {
	if i.asJSON {
		if err := writeJSON(i.world.Stdout, sum); err != nil {
			return err
		}
	} else {
		printReport(i.world.Stdout, sum, took)
	}
	resume := fmt.Sprintf("go on by the same command with --from-line %d", sum.ResumeLine)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return &exitError{ExitStopped, fmt.Errorf("stopped; %s", resume)}
	case err != nil:
		return fmt.Errorf("%w\n%s", explainSending(&i.target, err), resume)
	case sum.RefusedLines > 0:
		return &exitError{code: ExitRefused}
	}
	return nil
}

func printReport(w io.Writer, sum archive.Report, took time.Duration) {
	rate := float64(sum.Accepted) / max(took.Seconds(), 0.001)
	fmt.Fprintf(w, "%s lines: %s accepted", picture.Number(sum.Lines), picture.Number(sum.Accepted))
	if sum.RefusedLines > 0 {
		fmt.Fprintf(w, ", %s refused", picture.Number(sum.RefusedLines))
	}
	if sum.Unsettled > 0 {
		fmt.Fprintf(w, ", %s without an answer", picture.Number(sum.Unsettled))
	}
	fmt.Fprintf(w, ", in %s (%s/s)\n", picture.Span(took.Seconds()), picture.Number(int(rate)))
	for _, name := range sum.Names() {
		r := sum.Refused[name]
		fmt.Fprintf(w, "\n  %s: %s\n    %s\n    lines %s\n", name, picture.Number(r.Count),
			r.Detail, numbers(r.FirstLines, r.Count))
	}
}

// numbers are the first of some lines, with dots where there are more.
func numbers(lines []int, of int) string {
	text := ""
	for i, n := range lines {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	if of > len(lines) {
		text += ", …"
	}
	return text
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

// refusals writes refused lines to a file, if there is one.
type refusals struct {
	file   *os.File
	buffer *bufio.Writer
	write  *json.Encoder
}

func (i *importing) refusals() (*refusals, error) {
	if i.report == "" {
		return &refusals{}, nil
	}
	file, err := os.Create(i.report)
	if err != nil {
		return nil, err
	}
	r := &refusals{file: file, buffer: bufio.NewWriter(file)}
	r.write = json.NewEncoder(r.buffer)
	r.write.SetEscapeHTML(false)
	return r, nil
}

func (r *refusals) add(refusal archive.Refusal) error {
	if r.file == nil {
		return nil
	}
	if err := r.write.Encode(refusal); err != nil {
		return fmt.Errorf("writing to %s: %w", r.file.Name(), err)
	}
	return nil
}

func (r *refusals) close() error {
	if r.file == nil {
		return nil
	}
	if err := errors.Join(r.buffer.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("writing to %s: %w", r.file.Name(), err)
	}
	return nil
}

// progress shows how far an import is: a bar on a terminal, else a line now and then.
type progress struct {
	world *World
	bar   *progressbar.ProgressBar
	quiet bool
	size  int64
	read  counter
	began time.Time
	last  time.Time
}

// progressPause is how often a line tells the progress where there is no terminal.
const progressPause = 10 * time.Second

func newProgress(w *World, size int64, quiet bool) *progress {
	now := time.Now()
	p := &progress{world: w, quiet: quiet, size: size, began: now, last: now}
	if w.StderrTerminal && !quiet {
		p.bar = newBar(w, size, "importing")
	}
	return p
}

func newBar(w *World, size int64, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w.Stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetPredictTime(size > 0),
	)
}

// counted counts what is read of the file.
func (p *progress) counted(r io.Reader) io.Reader {
	p.read.Reader = r
	return &p.read
}

// told hears of an answered batch.
func (p *progress) told(sum archive.Report) {
	if p.quiet {
		return
	}
	now := time.Now()
	text := fmt.Sprintf("%s accepted, %s refused, %.0f/s", picture.Number(sum.Accepted),
		picture.Number(sum.RefusedLines),
		float64(sum.Accepted+sum.RefusedLines)/max(now.Sub(p.began).Seconds(), 0.001))
	if p.bar != nil {
		p.bar.Describe(text)
		_ = p.bar.Set64(p.read.load()) // only drawing can fail
		return
	}
	if now.Sub(p.last) < progressPause {
		return
	}
	p.last = now
	if p.size > 0 {
		text = fmt.Sprintf("%d %%: %s", p.read.load()*100/p.size, text)
	}
	fmt.Fprintln(p.world.Stderr, text)
}

// waiting tells that ingest cannot take messages now.
func (p *progress) waiting(err error, wait time.Duration) {
	if p.bar != nil {
		_ = p.bar.Clear() // only drawing can fail
	}
	fmt.Fprintf(p.world.Stderr, "waiting %s: %v\n", wait.Round(100*time.Millisecond), err)
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish() // only drawing can fail
	}
}
