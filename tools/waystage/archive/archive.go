// Package archive sends a file of messages, one JSON object a line, through ingest: several
// requests at a time, the messages of one person in file order, and with an exact account of what
// became of every line. Messages are sent as they stand; ids are ingest's matter.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/tools/waystage/collect"
)

// Sender sends a batch of messages in their order. Errors: *collect.Error where the batch is
// refused as a whole.
type Sender interface {
	Batch(ctx context.Context, endpoint string, messages [][]byte) (collect.Answer, error)
}

// Import is one run over a file.
type Import struct {
	Sender Sender
	// Endpoint is "import", or "batch" for messages that happen now.
	Endpoint string
	// Workers is how many requests are under way at a time; 0 means 4.
	Workers int
	// FromLine is the first line to send, from 1; those before are passed over. 0 means 1.
	FromLine int
	// Refused hears of every refused line, one at a time, in no order. May be nil. Its error ends
	// the run.
	Refused func(Refusal) error
	// Progress hears of every batch that was answered, one at a time. May be nil.
	Progress func(Report)
}

// Refusal is a line that did not enter.
type Refusal struct {
	// Line from 1.
	Line int `json:"line"`
	// Reason is a word of a closed set; Detail says what is wrong and what to do.
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	MessageID string `json:"message_id,omitempty"`
	// Message is the line, cut where it is very long.
	Message string `json:"message"`
}

// Reasons of lines that never got as far as ingest.
const (
	NotJSON = "not_json"
	TooLong = "line_too_long"
)

const defaultWorkers = 4

// Run sends all lines of r and reports what became of them, also along with an error. It ends
// early when ctx does, when ingest refuses the write key or stays away, and when reading fails;
// Report.ResumeLine then says where to go on.
func (i Import) Run(ctx context.Context, r io.Reader) (Report, error) {
	a := newAccount(i.Refused, i.Progress)
	input, err := unpacked(r)
	if err != nil {
		return a.report(), err
	}
	workers := i.Workers
	if workers <= 0 {
		workers = defaultWorkers
	}
	group, running := errgroup.WithContext(ctx)
	queues := make([]chan batch, workers)
	for n := range queues {
		queues[n] = make(chan batch, 1)
		group.Go(func() error { return i.work(running, a, queues[n]) })
	}
	group.Go(func() error {
		defer func() {
			for _, q := range queues {
				close(q)
			}
		}()
		return i.deal(running, a, input, queues)
	})
	err = group.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return a.report(), err
}

// batch is what goes into one request.
type batch struct {
	lines []line
	bytes int
}

// full tells whether a line must go into the next batch.
func (b batch) full(l line) bool {
	const envelope = 64
	return len(b.lines) == collect.MaxMessages ||
		b.bytes+len(l.text)+1 > collect.MaxBodyBytes-envelope
}

func (b *batch) add(l line) {
	b.lines = append(b.lines, l)
	b.bytes += len(l.text) + 1
}

// deal reads lines and hands them to the workers, those of one identity always to the same.
func (i Import) deal(ctx context.Context, a *account, r io.Reader, queues []chan batch) error {
	open := make([]batch, len(queues))
	hand := func(n int) error {
		b := open[n]
		open[n] = batch{}
		if len(b.lines) == 0 {
			return nil
		}
		select {
		case queues[n] <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for l, err := range linesOf(r) {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if l.number < i.FromLine || l.blank() {
			a.pass(l.number)
			continue
		}
		if refusal, wrong := l.wrong(); wrong {
			if err := a.refuse(refusal); err != nil {
				return err
			}
			continue
		}
		a.begin(l.number)
		n := l.shard(len(queues))
		if open[n].full(l) {
			if err := hand(n); err != nil {
				return err
			}
		}
		open[n].add(l)
	}
	for n := range open {
		if err := hand(n); err != nil {
			return err
		}
	}
	return nil
}

func (i Import) work(ctx context.Context, a *account, queue <-chan batch) error {
	for b := range queue {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := i.send(ctx, a, b.lines); err != nil {
			return err
		}
	}
	return nil
}

// send sends lines in one request. One that is refused as a whole although it cannot be the key's
// fault is halved until the line is found that spoils it.
func (i Import) send(ctx context.Context, a *account, lines []line) error {
	messages := make([][]byte, len(lines))
	for n, l := range lines {
		messages[n] = l.text
	}
	answer, err := i.Sender.Batch(ctx, i.Endpoint, messages)
	refused, whole := errors.AsType[*collect.Error](err)
	switch {
	case err == nil:
		return a.settle(lines, answer)
	case !whole || !aboutMessages(refused):
		return err
	case len(lines) == 1:
		reason := refused.Code
		if reason == "" {
			reason = fmt.Sprintf("http_%d", refused.Status)
		}
		return a.settle(lines, collect.Answer{Refused: []collect.Refusal{{
			Reason: reason, Detail: refused.Message,
		}}})
	}
	half := len(lines) / 2
	if err := i.send(ctx, a, lines[:half]); err != nil {
		return err
	}
	return i.send(ctx, a, lines[half:])
}

// aboutMessages tells refusals of what was sent from those of who sent it, and where to.
func aboutMessages(e *collect.Error) bool {
	switch e.Status {
	case 400, 413, 422:
		return true
	default:
		return false
	}
}

// account keeps what became of the lines. It is safe for concurrent use.
type account struct {
	refused  func(Refusal) error
	progress func(Report)

	mutex sync.Mutex
	sum   Report
	// open are the lines that were dealt and are not answered.
	open map[int]bool
	last int
}

func newAccount(refused func(Refusal) error, progress func(Report)) *account {
	return &account{
		refused: refused, progress: progress, open: make(map[int]bool),
		sum: Report{Refused: make(map[string]*Reason)},
	}
}

// pass counts a line that is not sent.
func (a *account) pass(line int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last = line
}

func (a *account) begin(line int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last = line
	a.sum.Lines++
	a.open[line] = true
}

// refuse counts a line that was not worth sending.
func (a *account) refuse(r Refusal) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last = r.Line
	a.sum.Lines++
	return a.count(r)
}

// settle counts an answered batch.
func (a *account) settle(lines []line, answer collect.Answer) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, l := range lines {
		delete(a.open, l.number)
	}
	for _, r := range answer.Refused {
		if r.Index < 0 || r.Index >= len(lines) {
			return fmt.Errorf("ingest refused message %d of a batch of %d", r.Index, len(lines))
		}
		l := lines[r.Index]
		err := a.count(Refusal{
			Line: l.number, Reason: r.Reason, Detail: r.Detail, MessageID: r.MessageID,
			Message: l.excerpt(),
		})
		if err != nil {
			return err
		}
	}
	a.sum.Accepted += len(lines) - len(answer.Refused)
	if a.progress != nil {
		a.progress(a.sum)
	}
	return nil
}

func (a *account) count(r Refusal) error {
	reason := a.sum.Refused[r.Reason]
	if reason == nil {
		reason = &Reason{Detail: r.Detail}
		a.sum.Refused[r.Reason] = reason
	}
	reason.add(r.Line)
	a.sum.RefusedLines++
	if a.refused == nil {
		return nil
	}
	return a.refused(r)
}

// report is the account at its end.
func (a *account) report() Report {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	sum := a.sum
	sum.ResumeLine = a.last + 1
	for line := range a.open {
		sum.ResumeLine = min(sum.ResumeLine, line)
	}
	sum.Unsettled = len(a.open)
	return sum
}
