package engine

import (
	"encoding/binary"
	"errors"
	"io"
)

// Revisions of ClickHouse's protocol from which a Native block looks different.
const (
	revisionBlockInfo           = 1
	revisionCustomSerialization = 54454
)

// blockInfo is what precedes a block for clients with a revision: not an overflow row (field 1), no
// bucket (field 2), end.
var blockInfo = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

// upgrader turns Native blocks of revision 0, which is all libchdb writes, into those of a client's
// revision. The columns' bytes are the same in both, so it only finds where each column ends and
// copies; types whose bytes do differ, or cannot be measured, are refused.
type upgrader struct {
	revision uint64
	layouts  map[string]layout
	head     []byte
}

// newUpgrader makes an upgrader for a client that announced revision.
func newUpgrader(revision uint64) *upgrader {
	return &upgrader{revision: revision, layouts: map[string]layout{}}
}

// write upgrades the blocks in data, which must be whole, and writes them to w in few calls.
func (u *upgrader) write(w io.Writer, data []byte) error {
	read := &nativeReader{data: data}
	for len(read.data) > 0 {
		if err := u.writeBlock(w, read); err != nil {
			return err
		}
	}
	return nil
}

// writeBlock upgrades one block.
func (u *upgrader) writeBlock(w io.Writer, read *nativeReader) error {
	columns, rows := read.count(), read.count()
	if read.err != nil {
		return read.err
	}
	u.head = u.head[:0]
	if u.revision >= revisionBlockInfo {
		u.head = append(u.head, blockInfo...)
	}
	u.head = binary.AppendUvarint(u.head, uint64(columns))
	u.head = binary.AppendUvarint(u.head, uint64(rows))
	for range columns {
		if err := u.writeColumn(w, read, rows); err != nil {
			return err
		}
	}
	return u.flush(w)
}

// writeColumn upgrades one column: its name and type go to the head, its bytes straight to w.
func (u *upgrader) writeColumn(w io.Writer, read *nativeReader, rows int) error {
	name, kind := read.text(), read.text()
	if read.err != nil {
		return read.err
	}
	u.head = appendText(appendText(u.head, name), kind)
	if u.revision >= revisionCustomSerialization {
		u.head = append(u.head, 0)
	}
	if rows == 0 {
		return nil
	}
	shape, err := u.layout(string(kind))
	if err != nil {
		return err
	}
	bytes, err := read.column(shape, rows)
	if err != nil {
		return err
	}
	if err := u.flush(w); err != nil {
		return err
	}
	_, err = w.Write(bytes)
	return err
}

// flush writes what has gathered in the head.
func (u *upgrader) flush(w io.Writer) error {
	_, err := w.Write(u.head)
	u.head = u.head[:0]
	return err
}

// layout gives the layout of a type, parsed once per stream.
func (u *upgrader) layout(kind string) (layout, error) {
	if known, ok := u.layouts[kind]; ok {
		return known, nil
	}
	shape, err := parseLayout(kind)
	if err != nil {
		return layout{}, err
	}
	u.layouts[kind] = shape
	return shape, nil
}

func appendText(to, text []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

var errBlockEnds = errors.New("a Native block of libchdb ends in the middle of a column")

// nativeReader walks over Native bytes. After an error it gives zeros.
type nativeReader struct {
	data []byte // what is left
	err  error
}

// column passes the bytes of a whole column and gives them.
func (r *nativeReader) column(shape layout, rows int) ([]byte, error) {
	all := r.data
	shape.skipPrefix(r)
	shape.skip(r, rows)
	if r.err != nil {
		return nil, r.err
	}
	return all[:len(all)-len(r.data)], nil
}

// take passes size bytes and gives them.
func (r *nativeReader) take(size int) []byte {
	if r.err != nil {
		return nil
	}
	if size < 0 || size > len(r.data) {
		r.err = errBlockEnds
		return nil
	}
	taken := r.data[:size]
	r.data = r.data[size:]
	return taken
}

// skipRows passes rows values of width bytes each.
func (r *nativeReader) skipRows(rows, width int) {
	if width > 0 && rows > len(r.data)/width {
		r.err = errBlockEnds
		return
	}
	r.take(rows * width)
}

// skipTexts passes rows texts, each a length and its bytes.
func (r *nativeReader) skipTexts(rows int) {
	data := r.data
	for range rows {
		length, read := binary.Uvarint(data)
		if read <= 0 || length > uint64(len(data)-read) {
			r.err = errBlockEnds
			return
		}
		data = data[read+int(length):]
	}
	r.data = data
}

// count reads a number that counts things in memory.
func (r *nativeReader) count() int {
	n, read := binary.Uvarint(r.data)
	if read <= 0 || n > 1<<40 {
		r.err = errBlockEnds
		return 0
	}
	r.take(read)
	return int(n)
}

// number reads a UInt64.
func (r *nativeReader) number() uint64 {
	if bytes := r.take(8); bytes != nil {
		return binary.LittleEndian.Uint64(bytes)
	}
	return 0
}

func (r *nativeReader) text() []byte { return r.take(r.count()) }
