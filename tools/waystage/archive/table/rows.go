package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// maxRowBytes is the longest row. Ingest takes messages of 32 KiB; a row that is longer is one
// whose quote is not closed.
const maxRowBytes = 256 << 10

// rows reads rows by encoding/csv and knows where in the file each stands. After one that cannot
// be read it goes on with the next line of the file: a quote that is not closed costs its own line
// and no other.
type rows struct {
	comma  rune
	in     *window
	reader *csv.Reader
	// lines is how many line ends of the file were read.
	lines int
}

// row is one row of the file.
type row struct {
	// line is where it begins, from 1.
	line int
	// raw is how it stands in the file. It is good until the next row is read, as are the cells.
	raw   []byte
	cells []string
	// wrong says why it has no cells.
	wrong error
}

var errLongRow = fmt.Errorf("the row has more than %d bytes", maxRowBytes)

// newRows reads r, of which some lines were read.
func newRows(r io.Reader, comma rune, lines int) *rows {
	rs := &rows{comma: comma, in: &window{in: r}, lines: lines}
	rs.restart()
	return rs
}

func (r *rows) restart() {
	r.reader = csv.NewReader(r.in)
	r.reader.Comma = r.comma
	r.reader.FieldsPerRecord = -1
	r.reader.ReuseRecord = true
}

// next reads the next row that is not an empty line. Errors: io.EOF at the end, and those of
// reading the file.
func (r *rows) next() (row, error) {
	cells, err := r.reader.Read()
	raw := r.in.since(r.reader.InputOffset())
	blank := blankLines(raw)
	at := row{line: r.lines + bytes.Count(raw[:blank], []byte("\n")) + 1, raw: raw[blank:]}
	parse, wrong := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, errLongRow):
		at.raw = r.in.kept[blank:]
		return r.skipLine(at, blank, errLongRow)
	case wrong:
		return r.skipLine(at, blank, parse.Err)
	case err != nil:
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("reading the row on line %d: %w", at.line, err)
		}
		return at, err
	}
	at.cells = cells
	r.lines += bytes.Count(raw, []byte("\n"))
	r.in.drop(len(raw))
	return at, nil
}

// skipLine leaves a row that cannot be read behind, by its first line alone.
func (r *rows) skipLine(at row, blank int, wrong error) (row, error) {
	at.wrong = wrong
	at.raw, _, _ = bytes.Cut(at.raw, []byte("\n"))
	at.raw = bytes.Clone(at.raw)
	r.lines = at.line
	length := blank + len(at.raw) + 1
	if length > len(r.in.kept) { // its end is not read yet, or the file ends without one
		r.in.kept = nil
		if err := r.in.passLine(); err != nil {
			return at, err
		}
	} else {
		r.in.rewind(length)
	}
	r.restart()
	return at, nil
}

// blankLines is the length of the empty lines that raw begins with, which encoding/csv passes
// over.
func blankLines(raw []byte) int {
	n := 0
	for {
		switch {
		case bytes.HasPrefix(raw[n:], []byte("\n")):
			n++
		case bytes.HasPrefix(raw[n:], []byte("\r\n")):
			n += 2
		default:
			return n
		}
	}
}

// window is a reader that keeps what was read of it since a row began.
type window struct {
	in io.Reader
	// kept was read and not dropped; the first byte is at offset start for the reader above.
	kept  []byte
	start int64
	// again is to be read again before more of in.
	again []byte
}

func (w *window) Read(p []byte) (int, error) {
	if len(w.kept) > maxRowBytes+len(p) {
		return 0, errLongRow
	}
	if len(w.again) > 0 {
		n := copy(p, w.again)
		w.again = w.again[n:]
		w.kept = append(w.kept, p[:n]...)
		return n, nil
	}
	n, err := w.in.Read(p)
	w.kept = append(w.kept, p[:n]...)
	return n, err
}

// since gives what was read up to an offset.
func (w *window) since(offset int64) []byte { return w.kept[:offset-w.start] }

// drop forgets the first n bytes kept.
func (w *window) drop(n int) {
	w.start += int64(n)
	w.kept = w.kept[n:]
}

// rewind forgets the first n bytes kept and lets a new reader read the others again.
func (w *window) rewind(n int) {
	again := make([]byte, 0, len(w.kept)-n+len(w.again))
	again = append(again, w.kept[n:]...)
	w.again = append(again, w.again...)
	w.kept, w.start = nil, 0
}

// passLine reads to the end of the line under way.
func (w *window) passLine() error {
	w.start = 0
	if at := bytes.IndexByte(w.again, '\n'); at >= 0 {
		w.again = w.again[at+1:]
		return nil
	}
	w.again = nil
	var buffer [4096]byte
	for {
		n, err := w.in.Read(buffer[:])
		if at := bytes.IndexByte(buffer[:n], '\n'); at >= 0 {
			w.again = bytes.Clone(buffer[at+1 : n])
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
