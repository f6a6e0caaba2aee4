package command

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/picture"
)

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
