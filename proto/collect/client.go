// Package collect sends messages to Waystage from servers, over gRPC.
//
// A Client gathers messages to batches and sends them in lanes. All messages of a user id (of an
// anonymous id where there is no user id) go by the same lane, one batch at a time, so that they
// arrive in the order in which they were sent. A batch that did not arrive is sent again until it
// does, after growing pauses or after the time that the server asks for; every message has an id
// from the beginning, so that one that arrives twice counts once. What waits takes bounded memory:
// Send waits for room.
//
// Nothing is lost silently: a message is delivered, or the function given by WithRefused hears that
// the server refused it (and keeps it in quarantine), or Send, Flush or Close gives an error, and
// Close the messages that were not delivered.
package collect

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// ErrClosed is the error of a Client that was closed.
var ErrClosed = errors.New("the client is closed: make a new one")

// Client sends messages. Make it with New; it must be Closed. It is safe for concurrent use.
type Client struct {
	settings settings
	writeKey string
	conn     *grpc.ClientConn
	service  collectv1.CollectServiceClient
	// room is what messages that wait take, in bytes.
	room  *semaphore.Weighted
	lanes []*lane
	seed  maphash.Seed
	// ending ends when nothing more is taken, cutting when nothing more is sent.
	ending, cutting context.Context
	end, cut        context.CancelFunc
	running         sync.WaitGroup

	mutex sync.RWMutex
	// over is why nothing more is taken, failure why the server took no more.
	over, failure error
	// changed is closed, and replaced, when messages were settled.
	changed chan struct{}
}

// New makes a client of a server at host:port, such as "waystage.example.com:8083", for a write
// key. It connects when there is something to send. The connection is encrypted, unless the host is
// this machine or WithoutTLS says otherwise. Errors: an address or a setting that cannot be.
func New(address, writeKey string, options ...Option) (*Client, error) {
	s := usual
	for _, option := range options {
		option(&s)
	}
	if err := s.check(address, writeKey); err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(address, s.dialOptions(address)...)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %s: %w", address, err)
	}
	c := &Client{
		settings: s, writeKey: writeKey, conn: conn,
		service: collectv1.NewCollectServiceClient(conn),
		room:    semaphore.NewWeighted(s.queueBytes), seed: maphash.MakeSeed(),
		changed: make(chan struct{}),
	}
	c.ending, c.end = context.WithCancel(context.Background())
	c.cutting, c.cut = context.WithCancel(context.Background())
	for range s.lanes {
		l := &lane{client: c, wake: make(chan struct{}, 1)}
		c.lanes = append(c.lanes, l)
		c.running.Go(l.run)
	}
	return c, nil
}

// Send hands over messages: all of them, or none and an error. It waits while there is no room for
// them, until ctx ends. A message without an id is given one, and one that does not say when it
// occurred has occurred now. The messages are copied: the caller may use them again.
//
// Errors: a message that no server could take, ctx's, ErrClosed, and that of the server once it
// takes nothing more, such as an unknown write key.
func (c *Client) Send(ctx context.Context, messages ...*collectv1.Message) error {
	total, err := c.measure(messages)
	if err != nil {
		return err
	}
	if err := c.reserve(ctx, total); err != nil {
		return err
	}
	now := time.Now()
	items := make([]*item, len(messages))
	for i, m := range messages {
		items[i] = newItem(m, now)
	}
	if err := c.enqueue(items); err != nil {
		c.room.Release(total)
		return err
	}
	return nil
}

// measure is what messages take while they wait, in bytes.
func (c *Client) measure(messages []*collectv1.Message) (total int64, err error) {
	for i, m := range messages {
		if err := check(m); err != nil {
			return 0, fmt.Errorf("message %d: %w", i, err)
		}
		total += weight(m)
	}
	if total > c.settings.queueBytes {
		return 0, fmt.Errorf("the messages take %d bytes, more than the %d that may wait: "+
			"send fewer at a time", total, c.settings.queueBytes)
	}
	return total, nil
}

// reserve waits for room.
func (c *Client) reserve(ctx context.Context, bytes int64) error {
	if c.room.TryAcquire(bytes) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ending, cancel)()
	if err := c.room.Acquire(ctx, bytes); err != nil {
		if over := c.ended(); over != nil {
			return over
		}
		return fmt.Errorf("waiting for room to send: %w", err)
	}
	return nil
}

// enqueue gives items to their lanes.
func (c *Client) enqueue(items []*item) error {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	if c.over != nil {
		return c.over
	}
	for _, it := range items {
		c.laneOf(it.message).add(it)
	}
	return nil
}

func (c *Client) laneOf(m *collectv1.Message) *lane {
	who := m.GetUserId()
	if who == "" {
		who = m.GetAnonymousId()
	}
	return c.lanes[maphash.String(c.seed, who)%uint64(len(c.lanes))]
}

// Flush sends what waits at once, and waits until all that was handed over before is delivered or
// refused. Errors: ctx's; why the server takes nothing more; ErrClosed where Close has given up.
func (c *Client) Flush(ctx context.Context) error {
	marks := make([]uint64, len(c.lanes))
	for i, l := range c.lanes {
		marks[i] = l.hasten()
	}
	return c.await(ctx, func() bool {
		for i, l := range c.lanes {
			if l.settledCount() < marks[i] {
				return false
			}
		}
		return true
	})
}

// await waits until something holds that settling messages can bring about.
func (c *Client) await(ctx context.Context, holds func() bool) error {
	for {
		c.mutex.RLock()
		changed, failure := c.changed, c.failure
		c.mutex.RUnlock()
		switch {
		case holds():
			return nil
		case failure != nil:
			return failure
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for messages to be delivered: %w", context.Cause(ctx))
		case <-c.cutting.Done():
			return c.ended()
		}
	}
}

// Close takes nothing more, delivers what waits, and ends the client. When ctx ends first, or the
// server takes nothing more, it gives up, and gives what was not delivered, with the ids that the
// messages have: of the last batches it is not known whether they arrived, and sent again by those
// ids they count once. The error is nil if all was delivered or refused. Closing again gives the
// same messages.
func (c *Client) Close(ctx context.Context) (undelivered []*collectv1.Message, err error) {
	c.stop(ErrClosed, nil)
	err = c.Flush(ctx)
	c.cut()
	c.running.Wait()
	_ = c.conn.Close()
	for _, l := range c.lanes {
		undelivered = append(undelivered, l.left()...)
	}
	if len(undelivered) == 0 {
		return nil, nil
	}
	return undelivered, fmt.Errorf("%d messages were not delivered: %w", len(undelivered), err)
}

// stop takes nothing more. failure is not nil if the server is to blame.
func (c *Client) stop(why, failure error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.over == nil {
		c.over = why
	}
	if c.failure == nil {
		c.failure = failure
	}
	c.end()
}

// fail ends what the server takes no more of.
func (c *Client) fail(err error) {
	c.stop(err, err)
	c.cut()
	c.tell()
}

// ended is why nothing more is taken, nil if it is.
func (c *Client) ended() error {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.over
}

// tell wakes those who await.
func (c *Client) tell() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}
