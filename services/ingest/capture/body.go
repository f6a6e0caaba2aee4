package capture

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// budget bounds the memory of all requests together.
type budget struct {
	limit int64
	used  atomic.Int64
}

// hold is what one request has of the budget.
type hold struct {
	budget *budget
	bytes  int64
}

// grow takes more of the budget. It never waits: who cannot be served is better told so.
func (h *hold) grow(bytes int) error {
	n := int64(bytes)
	if h.budget.used.Add(n) > h.budget.limit {
		h.budget.used.Add(-n)
		return busy
	}
	h.bytes += n
	return nil
}

func (h *hold) release() {
	h.budget.used.Add(-h.bytes)
	h.bytes = 0
}

// buffer holds a body. Its bytes are used again after free.
type buffer struct {
	bytes []byte
	class int
}

// classes are the sizes of buffers. The last holds the largest body and a byte more, to see that
// there is more.
var classes = [...]int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, MaxBodyBytes + 1}

// buffers are those not in use, by class.
var buffers [len(classes)]sync.Pool

// classOf is the class of buffers for so many bytes.
func classOf(bytes int) int {
	for class, size := range classes {
		if bytes <= size {
			return class
		}
	}
	return len(classes) - 1
}

func newBuffer(class int) *buffer {
	if b, ok := buffers[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{bytes: make([]byte, 0, classes[class]), class: class}
}

func (b *buffer) free() {
	b.bytes = b.bytes[:0]
	buffers[b.class].Put(b)
}

// Sizes of the first buffer of a body: of one whose length is not stated, and the most that is
// taken on a sender's word.
const (
	firstBytes     = 4 << 10
	mostFirstBytes = 64 << 10
)

// unpackerBytes is what a *gzip.Reader takes: its window and its tables.
const unpackerBytes = 44 << 10

// unpackers are *gzip.Reader that are not in use.
var unpackers sync.Pool

// readBody gives the decompressed body, at most MaxBodyBytes of it: no more than a byte over that
// is ever decompressed. Memory is taken from the hold as bytes arrive, so that a sender who only
// announces much holds little. The buffer is the caller's to free.
func readBody(w http.ResponseWriter, r *http.Request, hold *hold) (*buffer, error) {
	if r.ContentLength > MaxBodyBytes {
		return nil, bodyTooLarge
	}
	encoding := r.Header.Get("Content-Encoding")
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		first := firstBytes
		if r.ContentLength >= 0 {
			// One byte more, to meet the end without growing.
			first = min(int(r.ContentLength)+1, mostFirstBytes)
		}
		return readAll(r.Body, hold, first, bodyCut)
	case "gzip", "x-gzip":
		// Bounded too: packed bytes without end can unpack to nothing.
		return unpack(http.MaxBytesReader(w, r.Body, MaxBodyBytes), hold)
	default:
		return nil, unsupportedEncoding
	}
}

// packed are the bytes of a body that is to be unpacked. It remembers how they ended: what is not
// gzip never will be, but what was cut on its way may come whole the next time.
type packed struct {
	io.Reader

	err error
}

func (p *packed) Read(into []byte) (int, error) {
	n, err := p.Reader.Read(into)
	p.err = err
	return n, err
}

// nothing is what unpackers that are not in use read: they keep no body in memory.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

func unpack(raw io.Reader, hold *hold) (*buffer, error) {
	if err := hold.grow(unpackerBytes); err != nil {
		return nil, err
	}
	unpacker, _ := unpackers.Get().(*gzip.Reader)
	if unpacker == nil {
		unpacker = new(gzip.Reader)
	}
	defer func() {
		_ = unpacker.Reset(nothing{})
		unpackers.Put(unpacker)
	}()
	source := &packed{Reader: raw}
	b, err := (*buffer)(nil), unpacker.Reset(source)
	if err == nil {
		b, err = readAll(unpacker, hold, firstBytes, badGzip)
	}
	if err != nil && source.err != nil && !errors.Is(source.err, io.EOF) {
		return nil, readError(source.err, bodyCut)
	}
	return b, readError(err, badGzip)
}

// readAll reads to the end, at most MaxBodyBytes. broken is what errors of the reader mean.
func readAll(r io.Reader, hold *hold, first int, broken error) (*buffer, error) {
	b := newBuffer(classOf(first))
	if err := hold.grow(cap(b.bytes)); err != nil {
		b.free()
		return nil, err
	}
	for {
		n, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case len(b.bytes) > MaxBodyBytes:
			err = bodyTooLarge
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			err = readError(err, broken)
		case len(b.bytes) == cap(b.bytes):
			b, err = b.grown(hold)
		}
		if err != nil {
			b.free()
			return nil, err
		}
	}
}

// grown gives a buffer of the next class with the same bytes, and frees the old one, or gives the
// old one and an error.
func (b *buffer) grown(hold *hold) (*buffer, error) {
	if err := hold.grow(classes[b.class+1]); err != nil {
		return b, err
	}
	larger := newBuffer(b.class + 1)
	larger.bytes = append(larger.bytes, b.bytes...)
	b.free()
	return larger, nil
}

// readError is what an error of reading means: broken, unless it means something better.
func readError(err, broken error) error {
	if _, known := errors.AsType[*problem](err); known || err == nil {
		return err
	}
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return bodyTooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return tooSlow
	}
	return broken
}
