package stream

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// fetchWait is how long a broker may hold back an answer while there are no records.
	fetchWait = time.Second
	// fetchTimeout bounds an answer, or a part of it, beyond that.
	fetchTimeout = 10 * time.Second
	// lookupTimeout bounds the search for a partition's leader.
	lookupTimeout = 10 * time.Second
)

// cursor reads one partition, in order. It is used by one goroutine.
type cursor struct {
	brokers   []string
	topic     string
	partition int
	// next is the offset to be read next; kafka.FirstOffset and kafka.LastOffset until the
	// partition was reached for the first time.
	next int64
	// fetchBytes is asked for at once, chunkRecords and chunkBytes are given at once.
	fetchBytes   int
	chunkRecords int
	chunkBytes   int64

	conn   *kafka.Conn
	answer *kafka.Batch
	unbind func() bool
	// spare was read and did not fit into the last chunk; next is its offset.
	spare *Record
}

// open connects to the partition's leader and settles where to begin.
func (c *cursor) open(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err := eachBroker(c.brokers, func(address string) (err error) {
		c.conn, err = dialer().DialLeader(lookup, "tcp", address, c.topic, c.partition)
		return err
	})
	if err != nil {
		return err
	}
	conn := c.conn
	c.unbind = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if c.next < 0 {
		first, last, err := c.ends()
		if err != nil {
			return err
		}
		if c.next == kafka.LastOffset {
			first = last
		}
		c.next = first
	}
	return nil
}

// ends gives the first offset there is and the one after the last.
func (c *cursor) ends() (first, last int64, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(fetchTimeout)); err != nil {
		return 0, 0, err
	}
	return c.conn.ReadOffsets()
}

// read gives the next records, or none when there are none yet. After an error the cursor is
// closed, and the next read connects again and goes on where this one ended.
func (c *cursor) read(ctx context.Context) (chunk, error) {
	if err := c.open(ctx); err != nil {
		c.close()
		return chunk{}, err
	}
	got, err := c.take()
	switch {
	case err == nil:
		return got, nil
	case errors.Is(err, io.EOF), errors.Is(err, kafka.RequestTimedOut):
		// The answer was read to its end; RequestTimedOut is an empty one.
		c.next = max(c.next, c.answer.Offset())
		err = c.answer.Close()
		c.answer = nil
	}
	if err != nil && !errors.Is(err, kafka.RequestTimedOut) {
		c.close()
		if len(got.records) == 0 {
			return chunk{}, err
		}
	}
	return got, nil
}

// take reads up to a chunk from the present answer, and asks for one where there is none.
func (c *cursor) take() (chunk, error) {
	var got chunk
	if err := c.conn.SetDeadline(time.Now().Add(fetchWait + fetchTimeout)); err != nil {
		return got, err
	}
	if c.answer == nil {
		_, _ = c.conn.Seek(c.next, kafka.SeekAbsolute|kafka.SeekDontCheck)
		c.answer = c.conn.ReadBatchWith(kafka.ReadBatchConfig{
			MinBytes: 1,
			MaxBytes: c.fetchBytes,
			MaxWait:  fetchWait,
		})
	}
	for len(got.records) < c.chunkRecords {
		r, err := c.one()
		if err != nil {
			return got, err
		}
		if len(got.records) > 0 && got.bytes+r.bytes() > c.chunkBytes {
			c.spare = &r
			return got, nil
		}
		got.records = append(got.records, r)
		got.bytes += r.bytes()
		c.next = r.Offset + 1
	}
	return got, nil
}

// one gives the next record of the present answer.
func (c *cursor) one() (Record, error) {
	if c.spare != nil {
		r := *c.spare
		c.spare = nil
		return r, nil
	}
	m, err := c.answer.ReadMessage()
	return recordOf(m), err
}

// rewind goes to the first offset there is, when the next one is not among those there are. It
// gives both.
func (c *cursor) rewind(ctx context.Context) (from, to int64, err error) {
	c.close()
	if err := c.open(ctx); err != nil {
		c.close()
		return 0, 0, err
	}
	from = c.next
	first, last, err := c.ends()
	c.close()
	if err == nil && (c.next < first || c.next > last) {
		c.next = first
	}
	return from, c.next, err
}

// close leaves the connection; next stays.
func (c *cursor) close() {
	if c.unbind != nil {
		c.unbind()
	}
	if c.conn != nil {
		_ = c.conn.Close()
	}
	if c.answer != nil {
		_ = c.answer.Close()
	}
	c.conn, c.answer, c.unbind, c.spare = nil, nil, nil, nil
}

func recordOf(m kafka.Message) Record {
	return Record{
		Topic:      m.Topic,
		Partition:  m.Partition,
		Offset:     m.Offset,
		Key:        m.Key,
		Value:      m.Value,
		Headers:    headersIn(m.Headers),
		AppendedAt: m.Time,
	}
}
