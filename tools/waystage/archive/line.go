package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

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

// Lines gives the entries of a file of one JSON value a line.
func Lines(r io.Reader) Entries {
	return func(yield func(Entry, error) bool) {
		for l, err := range linesOf(r) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(l.entry(), nil) {
				return
			}
		}
	}
}

// entry is the line with what is known of it before it is sent.
func (l line) entry() Entry {
	e := Entry{Line: l.number, Text: l.text}
	switch {
	case l.long:
		return e.Refuse(TooLong, fmt.Sprintf("the line has more than %d bytes: a message has "+
			"32 KB at most", maxLineBytes))
	case len(bytes.TrimSpace(l.text)) == 0:
		return e
	case !json.Valid(l.text):
		return e.Refuse(NotJSON,
			"the line is not JSON: write one message a line, as RFC 8259 has it")
	}
	e.Messages = [][]byte{l.text}
	e.Person, e.Untimed = facts(l.text)
	return e
}

// facts are a message's user id, else anonymous id, and whether it states no time.
func facts(text []byte) (person string, untimed bool) {
	var m struct {
		User      any `json:"userId"`
		Anonymous any `json:"anonymousId"`
		At        any `json:"timestamp"`
		Original  any `json:"originalTimestamp"`
	}
	_ = json.Unmarshal(text, &m) // what is no object has neither
	person, _ = m.User.(string)
	if person == "" {
		person, _ = m.Anonymous.(string)
	}
	stated := func(at any) bool { return at != nil && at != "" }
	return person, !stated(m.At) && !stated(m.Original)
}

// Reasons of lines that never got as far as ingest.
const (
	NotJSON = "not_json"
	TooLong = "line_too_long"
)
