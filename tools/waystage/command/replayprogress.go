package command

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/tools/waystage/picture"
)

// replayProgress tells on stderr how far a replay is: a bar on a terminal, a line now and then
// elsewhere.
type replayProgress struct {
	world *World
	quiet bool
	bar   *progressbar.ProgressBar
	last  time.Time
}

func newReplayProgress(w *World, quiet bool) *replayProgress {
	p := &replayProgress{world: w, quiet: quiet, last: time.Now()}
	if w.StderrTerminal && !quiet {
		p.bar = newBar(w, -1, "replaying")
	}
	return p
}

// tried hears of the sum of what was tried.
func (p *replayProgress) tried(sum *collectv1.ReplayQuarantinedMessagesResponse) {
	text := fmt.Sprintf("%s tried, %s accepted", picture.Number(picture.Tried(sum)),
		picture.Number(sum.GetAccepted()))
	switch {
	case p.bar != nil:
		p.bar.Describe(text)
		_ = p.bar.Set64(int64(picture.Tried(sum))) //nolint:gosec // far from its bounds
	case !p.quiet && time.Since(p.last) >= progressPause:
		p.last = time.Now()
		fmt.Fprintln(p.world.Stderr, text)
	}
}

func (p *replayProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish() // only drawing can fail
	}
}
