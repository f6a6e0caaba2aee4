package engine

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// answer writes the result of a statement: from the engine's bytes over ClickHouse's frames and the
// HTTP encoding to the client. Its beginning is held back, so that an error found early still
// becomes an HTTP status.
type answer struct {
	held    *holder
	top     io.Writer
	closers []io.Closer // from the outermost to the innermost
	tag     string      // marks an exception in the middle of a result
}

// newAnswer prepares an answer to req; tag is a random text of 16 bytes.
func newAnswer(w http.ResponseWriter, req *request, tag string) *answer {
	held := &holder{w: w, limit: req.holdBytes}
	a := &answer{held: held, top: held, tag: tag}
	if encoder := newEncoder(req.encoding, a.top); encoder != nil {
		w.Header().Set("Content-Encoding", req.encoding)
		a.push(encoder)
	}
	if req.compress {
		a.push(newFramer(a.top, req.frames, req.framesLevel))
	}
	w.Header().Set("X-ClickHouse-Exception-Tag", tag)
	return a
}

// push puts a writer before the others.
func (a *answer) push(w io.WriteCloser) {
	a.top = w
	a.closers = append([]io.Closer{w}, a.closers...)
}

// Write sends result bytes.
func (a *answer) Write(p []byte) (int, error) { return a.top.Write(p) }

// finish ends a good answer.
func (a *answer) finish(read counters) error {
	if !a.held.sent {
		a.held.w.Header().Set("X-ClickHouse-Summary", summary(read))
	}
	for _, each := range a.closers {
		if err := each.Close(); err != nil {
			return err
		}
	}
	return a.held.release(true)
}

// fail ends an answer with an exception: as its status and text while nothing was sent, else as a
// marked block behind the result, after which the connection breaks.
func (a *answer) fail(e *exception) {
	if !a.held.sent {
		a.held.w.Header().Del("Content-Encoding")
		writeException(a.held.w, e)
		return
	}
	text := strings.TrimRight(e.text, "\n")
	fmt.Fprintf(a.top, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n",
		a.tag, text, len(text)+1, a.tag)
	for _, each := range a.closers {
		_ = each.Close() // the client is told of the exception, not of this
	}
	_ = http.NewResponseController(a.held.w).Flush()
	panic(http.ErrAbortHandler)
}

// writeException answers with the exception alone.
func writeException(w http.ResponseWriter, e *exception) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
	w.Header().Del("X-ClickHouse-Exception-Tag")
	w.WriteHeader(e.status())
	_, _ = io.WriteString(w, e.text+"\n") // a client that went away needs no answer
}

// summary is the value of X-ClickHouse-Summary.
func summary(c counters) string {
	return fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d",`+
		`"written_bytes":"%d"}`, c.readRows, c.readBytes, c.writtenRows, c.writtenBytes)
}

// holder keeps the first bytes of an answer until there are more than limit or it is released.
type holder struct {
	w     http.ResponseWriter
	held  []byte
	limit int
	sent  bool
}

// Write holds p or, once more than limit came, passes it on.
func (h *holder) Write(p []byte) (int, error) {
	if !h.sent && len(h.held)+len(p) <= h.limit {
		h.held = append(h.held, p...)
		return len(p), nil
	}
	if err := h.release(false); err != nil {
		return 0, err
	}
	return h.w.Write(p)
}

// release sends what is held; complete means nothing follows, so the length is known.
func (h *holder) release(complete bool) error {
	if h.sent {
		return nil
	}
	h.sent = true
	if complete {
		h.w.Header().Set("Content-Length", strconv.Itoa(len(h.held)))
	}
	h.w.WriteHeader(http.StatusOK)
	_, err := h.w.Write(h.held)
	h.held = nil
	return err
}

// newEncoder packs for a Content-Encoding; nil for none.
func newEncoder(encoding string, w io.Writer) io.WriteCloser {
	switch encoding {
	case "gzip":
		return gzip.NewWriter(w)
	case "deflate":
		return zlib.NewWriter(w)
	case "br":
		return brotli.NewWriterLevel(w, brotli.BestSpeed)
	case "lz4":
		return lz4.NewWriter(w)
	case "zstd":
		encoder, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil // only wrong options make it fail
		}
		return encoder
	}
	return nil
}

// framer packs bytes into ClickHouse's compressed frames of up to 1 MiB.
type framer struct {
	*bufio.Writer
}

// newFramer makes a framer that writes to w.
func newFramer(w io.Writer, method compress.Method, level compress.Level) *framer {
	pack := &frameWriter{w: w, compressor: compress.NewWriter(level, method)}
	return &framer{bufio.NewWriterSize(pack, frameBytes)}
}

// Close writes the last frame.
func (f *framer) Close() error { return f.Flush() }

// frameBytes is the most a frame holds, unpacked.
const frameBytes = 1 << 20

// frameWriter makes a frame, or several, of every write.
type frameWriter struct {
	w          io.Writer
	compressor *compress.Writer
}

// Write packs p.
func (f *frameWriter) Write(p []byte) (int, error) {
	for start := 0; start < len(p); start += frameBytes {
		part := p[start:min(start+frameBytes, len(p))]
		if err := f.compressor.Compress(part); err != nil {
			return start, fmt.Errorf("compressing a part of the result: %w", err)
		}
		if _, err := f.w.Write(f.compressor.Data); err != nil {
			return start, err
		}
	}
	return len(p), nil
}

// contentType is the media type a server gives for a format.
func contentType(format string) string {
	switch {
	case format == "JSONEachRow", format == "JSONLines", format == "NDJSON",
		strings.HasPrefix(format, "JSON") && strings.Contains(format, "EachRow"):
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(format, "JSON"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "TabSeparated"), strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(format, "CSVWithNames"):
		return "text/csv; charset=UTF-8; header=present"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8; header=absent"
	case format == "Native", strings.HasPrefix(format, "RowBinary"), format == "Parquet",
		strings.HasPrefix(format, "Arrow"), format == "ORC":
		return "application/octet-stream"
	}
	return "text/plain; charset=UTF-8"
}
