package archive

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/waystage/waystage/tools/waystage/collect"
)

// account keeps what became of the entries. It is safe for concurrent use.
type account struct {
	refused  func(Refusal) error
	progress func(Report)
	save     func(Report) error
	pause    time.Duration

	mutex sync.Mutex
	// closer is told when the line to go on from moves, and when the run ends.
	closer *sync.Cond
	// sum counts all entries, settled those before the line to go on from.
	sum, settled Report
	// line are the entries that were dealt from the line to go on from, in file order.
	line []*pending
	open int
	last int
	// saved is when save was called last.
	saved time.Time
}

// pending is an entry that was dealt.
type pending struct {
	Entry

	// left are its messages that are not answered.
	left int
	// refusal is that of the first of its messages that was refused.
	refusal *Refusal
}

// release drops the texts of a settled entry, which may wait long for one before it.
func (p *pending) release() {
	p.Text, p.Messages, p.Refusal = nil, nil, nil
	if p.refusal != nil {
		p.refusal.Message = ""
	}
}

// maxAhead is how many entries may be dealt after one that is not settled: what bounds the memory
// that they take.
const maxAhead = 40_000

func newAccount(i Import) *account {
	a := &account{
		refused: i.Refused, progress: i.Progress, save: i.Checkpoint, pause: i.CheckpointPause,
		sum: i.Before.copied(), settled: i.Before.copied(), saved: time.Now(),
	}
	if a.pause <= 0 {
		a.pause = defaultPause
	}
	a.closer = sync.NewCond(&a.mutex)
	return a
}

func (a *account) wake() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.closer.Broadcast()
}

// pass counts a line that is not sent.
func (a *account) pass(line int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last = line
}

// begin counts an entry that is to be sent. It waits where too many others would overtake one that
// is not answered.
func (a *account) begin(ctx context.Context, e Entry) (*pending, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.room(ctx); err != nil {
		return nil, err
	}
	p := a.put(e)
	a.open++
	return p, nil
}

// room waits while too many entries have overtaken one that is not answered.
func (a *account) room(ctx context.Context) error {
	for len(a.line) >= maxAhead {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.closer.Wait()
	}
	return nil
}

func (a *account) put(e Entry) *pending {
	p := &pending{Entry: e, left: len(e.Messages)}
	a.last = e.Line
	a.sum.Lines++
	a.line = append(a.line, p)
	return p
}

// refuse counts an entry that was not worth sending. It waits as begin does.
func (a *account) refuse(ctx context.Context, e Entry) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.room(ctx); err != nil {
		return err
	}
	p := a.put(e)
	if err := a.tell(p, *e.Refusal); err != nil {
		return err
	}
	p.release()
	a.sum.settle(p)
	a.advance()
	if a.sum.RefusedLines%collect.MaxMessages == 0 {
		return a.answered()
	}
	return nil
}

// try counts an entry that nobody is going to answer.
func (a *account) try(e Entry) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if e.blank() {
		a.last = e.Line
		return nil
	}
	p := a.put(e)
	p.left = 0
	if e.Refusal != nil {
		if err := a.tell(p, *e.Refusal); err != nil {
			return err
		}
	}
	a.sum.settle(p)
	a.advance()
	return nil
}

// settle counts an answered batch.
func (a *account) settle(messages []message, answer collect.Answer) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, r := range answer.Refused {
		if r.Index < 0 || r.Index >= len(messages) {
			return fmt.Errorf("ingest refused message %d of a batch of %d", r.Index, len(messages))
		}
		p := messages[r.Index].of
		err := a.tell(p, Refusal{
			Line: p.Line, Reason: r.Reason, Detail: r.Detail, MessageID: r.MessageID,
			Message: p.excerpt(),
		})
		if err != nil {
			return err
		}
	}
	for _, m := range messages {
		if m.of.left--; m.of.left == 0 {
			a.open--
			m.of.release()
			a.sum.settle(m.of)
		}
	}
	a.advance()
	return a.answered()
}

func (a *account) tell(p *pending, r Refusal) error {
	if p.refusal == nil {
		p.refusal = &r
	}
	if a.refused == nil {
		return nil
	}
	return a.refused(r)
}

// advance moves the line to go on from over what is settled.
func (a *account) advance() {
	n := 0
	for n < len(a.line) && a.line[n].left == 0 {
		a.settled.Lines++
		a.settled.settle(a.line[n])
		a.line[n] = nil
		n++
	}
	if n > 0 {
		a.line = a.line[n:]
		a.closer.Broadcast()
	}
}

// answered tells how far the run is.
func (a *account) answered() error {
	if a.progress != nil {
		a.progress(a.sum)
	}
	if a.save == nil || time.Since(a.saved) < a.pause {
		return nil
	}
	return a.saveLocked()
}

func (a *account) saveNow() error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.save == nil {
		return nil
	}
	return a.saveLocked()
}

func (a *account) saveLocked() error {
	a.settled.ResumeLine = a.resume()
	err := a.save(a.settled)
	a.saved = time.Now()
	return err
}

func (a *account) resume() int {
	if len(a.line) > 0 {
		return a.line[0].Line
	}
	return a.last + 1
}

// report is the account at its end.
func (a *account) report() Report {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	sum := a.sum
	sum.ResumeLine = a.resume()
	sum.Unsettled = a.open
	return sum
}
