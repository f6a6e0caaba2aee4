package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"strings"

	"github.com/waystage/waystage/tools/waystage/collect"
)

// line is one line of the file.
type line struct {
	// number from 1.
	number int
	// text without the line end. It is the line's own.
	text []byte
	// long tells that the line has more bytes than text.
	long bool
}

// maxLineBytes is the longest line that can be sent; ingest takes far less.
const maxLineBytes = collect.MaxBodyBytes - 64

// linesOf gives the lines of a file. An error ends it.
func linesOf(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		buffered := bufio.NewReaderSize(r, 256<<10)
		for number := 1; ; number++ {
			l, err := readLine(buffered, number)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{}, fmt.Errorf("reading line %d: %w", number, err))
				return
			}
			if number == 1 {
				l.text = bytes.TrimPrefix(l.text, []byte("\uFEFF"))
			}
			end := err != nil
			if end && len(l.text) == 0 && !l.long {
				return
			}
			if !yield(l, nil) || end {
				return
			}
		}
	}
}

// readLine reads to the next line end; io.EOF comes with what there was before it.
func readLine(r *bufio.Reader, number int) (line, error) {
	l := line{number: number}
	for {
		part, err := r.ReadSlice('\n')
		room := maxLineBytes + 2 - len(l.text) // two more for the line end
		l.long = l.long || len(part) > room
		l.text = append(l.text, part[:min(len(part), room)]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.text = bytes.TrimRight(l.text, "\r\n")
		l.long = l.long || len(l.text) > maxLineBytes
		return l, err
	}
}

func (l line) blank() bool { return !l.long && len(bytes.TrimSpace(l.text)) == 0 }

// wrong finds what is not worth sending.
func (l line) wrong() (Refusal, bool) {
	r := Refusal{Line: l.number, Message: l.excerpt()}
	switch {
	case l.long:
		r.Reason = TooLong
		r.Detail = fmt.Sprintf("the line has more than %d bytes: a message has 32 KB at most",
			maxLineBytes)
	case !json.Valid(l.text):
		r.Reason = NotJSON
		r.Detail = "the line is not JSON: write one message a line, as RFC 8259 has it"
	default:
		return Refusal{}, false
	}
	return r, true
}

const excerptBytes = 64 << 10

func (l line) excerpt() string {
	return strings.ToValidUTF8(string(l.text[:min(len(l.text), excerptBytes)]), "\uFFFD")
}

// shard is a number below n, the same for all lines of one user id, else anonymous id.
func (l line) shard(n int) int {
	var ids struct {
		User      any `json:"userId"`
		Anonymous any `json:"anonymousId"`
	}
	_ = json.Unmarshal(l.text, &ids) // what is no object has no ids
	id, _ := ids.User.(string)
	if id == "" {
		id, _ = ids.Anonymous.(string)
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id))        // never fails
	return int(hash.Sum32() % uint32(n)) //nolint:gosec // n is a few workers
}

// unpacked reads through gzip where the file begins like one.
func unpacked(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 256<<10)
	begin, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	if !bytes.Equal(begin, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("reading the file as gzip: %w", err)
	}
	return unzipped, nil
}
