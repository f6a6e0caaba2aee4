package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// askWatched asks a funnel; on a terminal it shows how far a long question is.
func (a *asking) askWatched(
	ctx context.Context, client *remote.Client, in inquiry,
) (*funnelv1.AskFunnelResponse, error) {
	if !a.world.StderrTerminal {
		return client.Funnels.AskFunnel(ctx, &funnelv1.AskFunnelRequest{
			Parent: a.parent(), Question: in.question, Words: in.words, Saved: in.saved,
		})
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream, err := client.Funnels.StreamFunnel(ctx, &funnelv1.StreamFunnelRequest{
		Parent: a.parent(), Question: in.question, Words: in.words, Saved: in.saved,
	})
	if err != nil {
		return nil, err
	}
	watch := watch{world: a.world, began: a.world.Now()}
	defer watch.end()
	for {
		m, err := stream.Recv()
		switch {
		case err != nil:
			return nil, err
		case m.GetAnswer() != nil:
			return m.GetAnswer(), nil
		case m.GetProgress() == nil:
			return nil, errors.New("the server tells what this version cannot read: update it")
		}
		watch.told(m.GetProgress())
	}
}

// watch shows how far a question is.
type watch struct {
	world *World
	began time.Time
	bar   *progressbar.ProgressBar
}

// watchFrom is how long a question takes before anything is shown.
const watchFrom = 500 * time.Millisecond

func (w *watch) told(p *funnelv1.Progress) {
	if w.world.Now().Sub(w.began) < watchFrom {
		return
	}
	if w.bar == nil {
		w.bar = newBar(w.world, 1, "asking")
	}
	if n := p.GetWaitingBehind(); n > 0 {
		w.bar.Describe(fmt.Sprintf("waiting behind %s", counting(n, "question")))
	} else {
		w.bar.Describe(fmt.Sprintf("%s of %s rows read", picture.Number(int64(p.GetRowsRead())),
			picture.Number(int64(p.GetRowsToRead()))))
	}
	w.bar.ChangeMax64(max(int64(p.GetRowsToRead()), 1))
	_ = w.bar.Set64(int64(p.GetRowsRead())) // only drawing can fail
}

func counting(n uint32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (w *watch) end() {
	if w.bar != nil {
		_ = w.bar.Finish() // only drawing can fail
	}
}
