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

// Sizes of the first buffer of a body: of one whose length is not stated, and the most that is
// taken on a sender's word.
const (
	firstBytes     = 4 << 10
	mostFirstBytes = 64 << 10
)

// unpackers are *gzip.Reader, each with some 40 KB of tables.
var unpackers sync.Pool

// readBody gives the decompressed body, at most MaxBodyBytes of it: no more than a byte over that
// is ever decompressed. Memory is taken from the hold as bytes arrive, so that a sender who only
// announces much holds little.
func readBody(w http.ResponseWriter, r *http.Request, hold *hold) ([]byte, error) {
	if r.ContentLength > MaxBodyBytes {
		return nil, bodyTooLarge
	}
	raw := http.MaxBytesReader(w, r.Body, MaxBodyBytes)
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		first := firstBytes
		if r.ContentLength >= 0 {
			// One byte more, to meet the end without growing.
			first = min(int(r.ContentLength)+1, mostFirstBytes)
		}
		return readAll(raw, hold, first, badBody)
	case "gzip", "x-gzip":
		return unpack(raw, hold)
	default:
		return nil, unsupportedEncoding
	}
}

func unpack(raw io.Reader, hold *hold) ([]byte, error) {
	if err := hold.grow(firstBytes); err != nil {
		return nil, err
	}
	unpacker, _ := unpackers.Get().(*gzip.Reader)
	if unpacker == nil {
		unpacker = new(gzip.Reader)
	}
	defer unpackers.Put(unpacker)
	if err := unpacker.Reset(raw); err != nil {
		return nil, readError(err, badGzip)
	}
	return readAll(unpacker, hold, firstBytes, badGzip)
}

// readAll reads to the end, at most MaxBodyBytes. broken is what errors of the reader mean.
func readAll(r io.Reader, hold *hold, first int, broken error) ([]byte, error) {
	if err := hold.grow(first); err != nil {
		return nil, err
	}
	body := make([]byte, 0, first)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if len(body) > MaxBodyBytes {
			return nil, bodyTooLarge
		}
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, readError(err, broken)
		}
		if len(body) < cap(body) {
			continue
		}
		size := min(2*cap(body), MaxBodyBytes+1)
		if err := hold.grow(size); err != nil {
			return nil, err
		}
		body = append(make([]byte, 0, size), body...)
	}
}

func readError(err, broken error) error {
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return bodyTooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return tooSlow
	}
	return broken
}
