// Package stream writes records to Kafka and reads them back. It is the only package that knows
// the client library; records are bytes to it.
//
// Writing: a Producer answers nil only after every in-sync replica has the record. Reading: a
// Consumer is a member of a group, hands out batches and commits a batch only after the Handler
// said yes. Both deliver at least once: a record may come twice, and after a retried write two
// records of one key may have changed places. What is stored from them must not depend on it.
package stream

import "time"

// Record is one entry of a topic.
//
// A Producer takes Topic, Key, Value and Headers; the rest is given by the log and ignored when
// writing. Records of one key are in one partition, the same one that a Java client would choose;
// a nil Key spreads records at random.
type Record struct {
	Topic     string
	Partition int
	// Offset numbers the records of a partition from 0, rising, with gaps.
	Offset  int64
	Key     []byte
	Value   []byte
	Headers []Header
	// AppendedAt is the writer's clock at the moment of writing, in whole milliseconds.
	AppendedAt time.Time
}

// Header is a named value beside a record's value. Names may repeat; their order is kept.
type Header struct {
	Name  string
	Value []byte
}

// Bounds of what a record adds to its key, value and headers on the wire; a little more than what
// the client library counts, so that it never refuses what was admitted here.
const (
	recordOverheadBytes = 32
	headerOverheadBytes = 20
)

// bytes is the size that a record is counted with wherever sizes are bounded.
func (r *Record) bytes() int64 {
	n := recordOverheadBytes + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += headerOverheadBytes + len(r.Headers[i].Name) + len(r.Headers[i].Value)
	}
	return int64(n)
}
