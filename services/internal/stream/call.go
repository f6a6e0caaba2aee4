package stream

import (
	"context"
	"errors"
	"sync"

	"github.com/segmentio/kafka-go"

	"github.com/waystage/waystage/services/internal/fault"
)

// call is one Produce: what became of each of its records so far.
type call struct {
	records []Record
	slots   []slot
	done    chan struct{}

	mutex   sync.Mutex
	waiting int
	ended   bool
}

// slot is one record of a call. It goes with the message through the client library, and stays
// valid when the call is over.
type slot struct {
	call  *call
	index int
	bytes int64

	state     state
	err       error
	partition int
	// shared tells that the failed request carried other records too.
	shared bool
}

type state int

const (
	unsettled state = iota
	acknowledged
	failed
)

func newCall(records []Record) *call {
	c := &call{
		records: records,
		slots:   make([]slot, len(records)),
		done:    make(chan struct{}),
	}
	for i := range c.slots {
		c.slots[i] = slot{call: c, index: i, bytes: records[i].bytes()}
	}
	return c
}

// admit gives the messages to be written and their size together. Records over the limit have
// failed by that already.
func (c *call) admit(limit int64) ([]kafka.Message, int64) {
	messages := make([]kafka.Message, 0, len(c.records))
	var size int64
	for i := range c.records {
		s, r := &c.slots[i], &c.records[i]
		if s.bytes > limit {
			s.state, s.err = failed, fault.New(fault.TooLarge,
				"the record has %d bytes, at most %d are allowed", s.bytes, limit)
			continue
		}
		size += s.bytes
		messages = append(messages, kafka.Message{
			Topic:      r.Topic,
			Key:        r.Key,
			Value:      r.Value,
			Headers:    headersOut(r.Headers),
			WriterData: s,
		})
	}
	if c.waiting = len(messages); c.waiting == 0 {
		close(c.done)
	}
	return messages, size
}

// wait returns when all records are settled or ctx ends; those unsettled have failed then.
func (c *call) wait(ctx context.Context) {
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ended = true
	for i := range c.slots {
		if s := &c.slots[i]; s.state == unsettled {
			s.state, s.err = failed, fault.Wrap(fault.Unavailable, ctx.Err(),
				"Kafka did not acknowledge in time; try again")
		}
	}
}

// done notes the outcome of a record, unless its call has ended before.
func (s *slot) done(m *kafka.Message, err error, shared bool) {
	c := s.call
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.ended {
		return
	}
	s.state, s.partition, s.shared = acknowledged, m.Partition, shared
	if err != nil {
		s.state, s.err = failed, classify(err, "writing a record")
	}
	if c.waiting--; c.waiting == 0 {
		close(c.done)
	}
}

// crowded gives the records that failed because their whole request was too large.
func (c *call) crowded() []int {
	var indices []int
	for i := range c.slots {
		s := &c.slots[i]
		if s.shared && s.state == failed && errors.Is(s.err, kafka.MessageSizeTooLarge) {
			indices = append(indices, i)
		}
	}
	return indices
}

// settle notes the outcome of a record of an ended call.
func (c *call) settle(index int, err error) {
	s := &c.slots[index]
	s.state, s.err = acknowledged, err
	if err != nil {
		s.state = failed
	}
}

// err is nil or a *PartialError.
func (c *call) err() error {
	var indices []int
	var causes []error
	for i := range c.slots {
		if s := &c.slots[i]; s.state == failed {
			indices, causes = append(indices, i), append(causes, s.err)
		}
	}
	if len(indices) == 0 {
		return nil
	}
	return newPartialError(indices, causes)
}

func headersOut(headers []Header) []kafka.Header {
	if len(headers) == 0 {
		return nil
	}
	out := make([]kafka.Header, len(headers))
	for i, h := range headers {
		out[i] = kafka.Header{Key: h.Name, Value: h.Value}
	}
	return out
}

func headersIn(headers []kafka.Header) []Header {
	if len(headers) == 0 {
		return nil
	}
	in := make([]Header, len(headers))
	for i, h := range headers {
		in[i] = Header{Name: h.Key, Value: h.Value}
	}
	return in
}
