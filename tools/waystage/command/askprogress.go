package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"google.golang.org/grpc"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// askFunnel asks a funnel; on a terminal it shows how far a long question is.
func (a *asking) askFunnel(
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
	return watched(a.world, stream, err, (*funnelv1.StreamFunnelResponse).GetAnswer)
}

// askDropOff asks for drop-offs, as askFunnel does.
func (a *asking) askDropOff(
	ctx context.Context, client *remote.Client, in inquiry,
) (*funnelv1.AskDropOffResponse, error) {
	if !a.world.StderrTerminal {
		return client.Funnels.AskDropOff(ctx, &funnelv1.AskDropOffRequest{
			Parent: a.parent(), Question: in.question, Words: in.words, Saved: in.saved,
			SummaryOnly: a.summaryOnly, Reasons: a.reasons, ReasonProperties: a.reasonProperties,
		})
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream, err := client.Funnels.StreamDropOff(ctx, &funnelv1.StreamDropOffRequest{
		Parent: a.parent(), Question: in.question, Words: in.words, Saved: in.saved,
		SummaryOnly: a.summaryOnly, Reasons: a.reasons, ReasonProperties: a.reasonProperties,
	})
	return watched(a.world, stream, err, (*funnelv1.StreamDropOffResponse).GetAnswer)
}

// askPersons asks for a page of persons, as askFunnel does.
func (a *asking) askPersons(
	ctx context.Context, client *remote.Client, m *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	if !a.world.StderrTerminal {
		return client.Funnels.ListFunnelPersons(ctx, m)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream, err := client.Funnels.StreamFunnelPersons(ctx, &funnelv1.StreamFunnelPersonsRequest{
		Parent: m.GetParent(), Question: m.GetQuestion(), Words: m.GetWords(), Saved: m.GetSaved(),
		Step: m.GetStep(), Selection: m.GetSelection(), Group: m.GetGroup(), Other: m.GetOther(),
		Bucket: m.GetBucket(), PageSize: m.GetPageSize(), PageToken: m.GetPageToken(),
	})
	return watched(a.world, stream, err, (*funnelv1.StreamFunnelPersonsResponse).GetAnswer)
}

// telling is a message that may tell how far a question is.
type telling[M any] interface {
	*M
	GetProgress() *funnelv1.Progress
}

// watched shows how far a question is, until the stream has its answer.
func watched[M, A any, T telling[M]](
	w *World, stream grpc.ServerStreamingClient[M], err error, answerOf func(T) *A,
) (*A, error) {
	watch := watch{world: w, began: w.Now()}
	defer watch.end()
	for err == nil {
		var m T
		if m, err = stream.Recv(); err != nil {
			break
		}
		if answer := answerOf(m); answer != nil {
			return answer, nil
		}
		if m.GetProgress() == nil {
			return nil, errors.New("the server tells what this version cannot read: update it")
		}
		watch.told(m.GetProgress())
	}
	return nil, err
}

// watch shows how far a question is.
type watch struct {
	world *World
	began time.Time
	bar   *progressbar.ProgressBar
}

// watchFrom is how long a question takes before anything is shown.
const watchFrom = 500 * time.Millisecond

// told shows how far the server is.
func (w *watch) told(p *funnelv1.Progress) {
	text := fmt.Sprintf("%s of %s rows read", picture.Number(int64(p.GetRowsRead())),
		picture.Number(int64(p.GetRowsToRead())))
	if n := p.GetWaitingBehind(); n > 0 {
		text = fmt.Sprintf("waiting behind %s", counting(n, "question"))
	}
	w.show(text, int64(p.GetRowsRead()), int64(p.GetRowsToRead()))
}

// listed shows how many of a list of several pages are there.
func (w *watch) listed(n, of int) {
	if w.world.StderrTerminal {
		w.show(fmt.Sprintf("%s of %s listed", picture.Number(int64(n)), picture.Number(int64(of))),
			int64(n), int64(of))
	}
}

func (w *watch) show(text string, done, of int64) {
	if w.world.Now().Sub(w.began) < watchFrom {
		return
	}
	if w.bar == nil {
		w.bar = newBar(w.world, 1, "asking")
	}
	w.bar.Describe(text)
	w.bar.ChangeMax64(max(of, 1))
	_ = w.bar.Set64(done) // only drawing can fail
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
