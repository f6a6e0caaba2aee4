package stream

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Batch is what a Handler gets: records of all partitions that this member owns.
type Batch struct {
	Topic string
	// Records are sorted by partition, then offset. Each partition's records follow on those of
	// the batch before, without a gap. The Handler may keep the slice.
	Records []Record
	// Spans tell, per partition in the batch, ascending, which of its offsets are contained.
	Spans []Span
	// Bytes is the size of all records together: keys, values, headers and a little for each.
	Bytes int64
	// ReceivedAt is when the first record came from Kafka, by this process's clock.
	ReceivedAt time.Time
}

// Span is a range of offsets in one partition, both ends contained.
type Span struct {
	Partition   int
	FirstOffset int64
	LastOffset  int64
}

// Handler does what is to be done with the records, durably.
type Handler interface {
	// Handle gives nil when all records of the batch are safe: only then are they committed. After
	// an error the same batch comes again, after a pause, for as long as its partitions are owned.
	//
	// It is called by one goroutine at a time. ctx ends some time (FinishTimeout) after the
	// partitions are lost or the Consumer is told to stop. A batch may contain records that were
	// handled before, here or by another member.
	Handle(ctx context.Context, batch Batch) error
}

// HandlerFunc is a Handler made of a function.
type HandlerFunc func(ctx context.Context, batch Batch) error

// Handle calls the function.
func (f HandlerFunc) Handle(ctx context.Context, batch Batch) error { return f(ctx, batch) }

// chunk is some records of one partition, one after the other, at least one.
type chunk struct {
	records []Record
	bytes   int64
}

func (c *chunk) partition() int { return c.records[0].Partition }

// limits bound a batch.
type limits struct {
	records int
	bytes   int64
	age     time.Duration
}

// pile is a batch being gathered.
type pile struct {
	chunks  []chunk
	records int
	bytes   int64
	firstAt time.Time
}

// fits tells whether the chunk may be added. The first one always may.
func (p *pile) fits(c chunk, l limits) bool {
	return p.records == 0 || p.records+len(c.records) <= l.records && p.bytes+c.bytes <= l.bytes
}

func (p *pile) full(l limits) bool { return p.records >= l.records || p.bytes >= l.bytes }

func (p *pile) add(c chunk) {
	if p.records == 0 {
		p.firstAt = time.Now()
	}
	p.chunks = append(p.chunks, c)
	p.records += len(c.records)
	p.bytes += c.bytes
}

// batch puts the chunks in order; those of one partition are in order already.
func (p *pile) batch(topic string) Batch {
	slices.SortStableFunc(p.chunks, func(a, b chunk) int {
		return cmp.Compare(a.partition(), b.partition())
	})
	b := Batch{
		Topic:      topic,
		Records:    make([]Record, 0, p.records),
		Bytes:      p.bytes,
		ReceivedAt: p.firstAt,
	}
	for _, c := range p.chunks {
		b.Records = append(b.Records, c.records...)
		b.span(c)
	}
	return b
}

func (b *Batch) span(c chunk) {
	first, last := c.records[0].Offset, c.records[len(c.records)-1].Offset
	if n := len(b.Spans); n > 0 && b.Spans[n-1].Partition == c.partition() {
		b.Spans[n-1].LastOffset = last
		return
	}
	b.Spans = append(b.Spans, Span{c.partition(), first, last})
}

// gather makes piles of chunks until ctx ends. A pile is offered when it is full or old enough,
// and grows on while nobody takes it. At most one pile and one chunk are held here.
func gather(ctx context.Context, l limits, in <-chan chunk, out chan<- *pile) {
	timer := time.NewTimer(l.age)
	defer timer.Stop()
	held, late := &pile{}, false
	var waiting *chunk
	for {
		source, target := in, out
		if waiting != nil || held.full(l) {
			source = nil
		} else if !late || held.records == 0 {
			target = nil
		}
		select {
		case c := <-source:
			if held.records == 0 {
				timer.Reset(l.age)
				late = false
			}
			if held.fits(c, l) {
				held.add(c)
			} else {
				waiting = &c
			}
		case target <- held:
			held, late = &pile{}, false
			if waiting != nil {
				held.add(*waiting)
				waiting = nil
				timer.Reset(l.age)
			}
		case <-timer.C:
			late = true
		case <-ctx.Done():
			return
		}
	}
}
