// Package archive sends a file of messages through ingest: several requests at a time, the
// messages of one person in file order, and with an exact account of what became of every line.
// A file holds one JSON object a line, sent as it stands, or rows that package table makes
// messages of. An import that ended early goes on from its checkpoint.
package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"

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
	// Before is what became of the lines before FromLine in an earlier run; the report goes on
	// from it.
	Before Report
	// Refused hears of every refused message, one at a time, in no order. May be nil. Its error
	// ends the run.
	Refused func(Refusal) error
	// Progress hears of every batch that was answered, one at a time. May be nil.
	Progress func(Report)
	// Checkpoint hears now and then what became of the lines before ResumeLine and of no other
	// line: of what a next run need not send again. All of its refusals were told to Refused. It
	// is called at least once when the run ends early. May be nil. Its error ends the run.
	Checkpoint func(Report) error
	// CheckpointPause is the time between two calls of Checkpoint; 0 means 2 s.
	CheckpointPause time.Duration
}

const (
	defaultWorkers = 4
	defaultPause   = 2 * time.Second
)

// Run sends the messages of a file of one JSON object a line, which may be gzip, as RunEntries
// does.
func (i Import) Run(ctx context.Context, r io.Reader) (Report, error) {
	plain, err := Unpack(r)
	if err != nil {
		return newAccount(i).report(), err
	}
	return i.RunEntries(ctx, Lines(plain))
}

// RunEntries sends all entries and reports what became of them, also along with an error. It ends
// early when ctx does, when ingest refuses the write key or stays away, and when reading fails;
// Report.ResumeLine then says where to go on.
func (i Import) RunEntries(ctx context.Context, entries Entries) (Report, error) {
	a := newAccount(i)
	workers := i.Workers
	if workers <= 0 {
		workers = defaultWorkers
	}
	group, running := errgroup.WithContext(ctx)
	defer context.AfterFunc(running, a.wake)()
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
		d := dealer{account: a, queues: queues, open: make([]batch, len(queues)), from: i.FromLine}
		return d.deal(running, entries)
	})
	err := group.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		err = errors.Join(err, a.saveNow())
	}
	return a.report(), err
}

// Try is a run that sends nothing: what would be sent counts as accepted. show gets the entries
// that have messages, as many as there are up to the first n; it may be nil.
func Try(
	ctx context.Context, entries Entries, n int, show func(Entry) error, refused func(Refusal) error,
) (Report, error) {
	a := newAccount(Import{Refused: refused})
	for e, err := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && len(e.Messages) > 0 && n > 0 {
			n--
			err = show(e)
		}
		if err == nil {
			err = a.try(e)
		}
		if err != nil {
			return a.report(), err
		}
	}
	return a.report(), nil
}

// batch is what goes into one request.
type batch struct {
	messages []message
	bytes    int
	// first is the number of the first message's entry, counted as they were dealt.
	first int
}

// message is one message of an entry under way.
type message struct {
	text []byte
	of   *pending
}

// full tells whether a message must go into the next batch.
func (b batch) full(m message) bool {
	const envelope = 64
	return len(b.messages) == collect.MaxMessages ||
		b.bytes+len(m.text)+1 > collect.MaxBodyBytes-envelope
}

func (b *batch) add(m message) {
	b.messages = append(b.messages, m)
	b.bytes += len(m.text) + 1
}

// dealer hands entries to the workers, those of one person always to the same.
type dealer struct {
	account *account
	queues  []chan batch
	// open are the batches that are being filled, by worker.
	open []batch
	from int
	// dealt counts the entries from that line on, also blank and refused ones.
	dealt int
}

const (
	// sweepEvery is how many entries there are between two looks for batches that wait too long.
	sweepEvery = 1000
	// maxWait is how many entries of any sort may be dealt while a batch waits to be full: the
	// line to go on from is never far behind, although some worker has little to do.
	maxWait = maxAhead / 2
)

func (d *dealer) deal(ctx context.Context, entries Entries) error {
	for e, err := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = d.take(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	return d.sweep(ctx, 0)
}

func (d *dealer) take(ctx context.Context, e Entry) error {
	if e.Line < d.from {
		d.account.pass(e.Line)
		return nil
	}
	d.dealt++
	var err error
	switch {
	case e.blank():
		d.account.pass(e.Line)
	case e.Refusal != nil:
		err = d.account.refuse(ctx, e)
	default:
		err = d.fill(ctx, e)
	}
	if err == nil && d.dealt%sweepEvery == 0 {
		err = d.sweep(ctx, maxWait)
	}
	return err
}

// fill puts the messages of an entry into the open batch of its person's worker.
func (d *dealer) fill(ctx context.Context, e Entry) error {
	p, err := d.account.begin(ctx, e)
	if err != nil {
		return err
	}
	n := shard(e.Person, len(d.queues))
	for _, text := range e.Messages {
		m := message{text: text, of: p}
		if d.open[n].full(m) {
			if err := d.hand(ctx, n); err != nil {
				return err
			}
		}
		if len(d.open[n].messages) == 0 {
			d.open[n].first = d.dealt
		}
		d.open[n].add(m)
	}
	return nil
}

// sweep hands over the batches whose first entry was dealt that many entries ago or earlier.
func (d *dealer) sweep(ctx context.Context, ago int) error {
	for n := range d.open {
		if d.dealt-d.open[n].first < ago {
			continue
		}
		if err := d.hand(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (d *dealer) hand(ctx context.Context, n int) error {
	b := d.open[n]
	d.open[n] = batch{}
	if len(b.messages) == 0 {
		return nil
	}
	select {
	case d.queues[n] <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shard is a number below n, the same for all entries of one person.
func shard(person string, n int) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(person))    // never fails
	return int(hash.Sum32() % uint32(n)) //nolint:gosec // n is a few workers
}

func (i Import) work(ctx context.Context, a *account, queue <-chan batch) error {
	for b := range queue {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := i.send(ctx, a, b.messages); err != nil {
			return err
		}
	}
	return nil
}

// send sends messages in one request. One that is refused as a whole although it cannot be the
// key's fault is halved until the message is found that spoils it.
func (i Import) send(ctx context.Context, a *account, messages []message) error {
	texts := make([][]byte, len(messages))
	for n, m := range messages {
		texts[n] = m.text
	}
	answer, err := i.Sender.Batch(ctx, i.Endpoint, texts)
	refused, whole := errors.AsType[*collect.Error](err)
	switch {
	case err == nil:
		return a.settle(messages, answer)
	case !whole || !aboutMessages(refused):
		return err
	case len(messages) == 1:
		reason := refused.Code
		if reason == "" {
			reason = fmt.Sprintf("http_%d", refused.Status)
		}
		return a.settle(messages, collect.Answer{Refused: []collect.Refusal{{
			Reason: reason, Detail: refused.Message,
		}}})
	}
	half := len(messages) / 2
	if err := i.send(ctx, a, messages[:half]); err != nil {
		return err
	}
	return i.send(ctx, a, messages[half:])
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
