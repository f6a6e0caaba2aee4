package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Format is how a file is written.
type Format string

// Formats there are.
const (
	// NDJSON is one JSON object a line.
	NDJSON Format = "ndjson"
	// CSV is rows of fields, as RFC 4180 has it, with any delimiter.
	CSV Format = "csv"
)

// FormatOf tells the format by a file's name, "" where it says nothing. The end ".gz" is passed
// over.
func FormatOf(name string) Format {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch filepath.Ext(name) {
	case ".csv", ".tsv", ".tab":
		return CSV
	case ".ndjson", ".jsonl":
		return NDJSON
	}
	return ""
}

// Sniff tells the format by how a file begins, which it gives back whole: with a brace it is
// NDJSON.
func Sniff(r io.Reader) (Format, io.Reader) {
	buffered := bufio.NewReaderSize(r, bufferBytes)
	begin, _ := buffered.Peek(sniffBytes) // an error comes again when it is read
	begin = bytes.TrimSpace(bytes.TrimPrefix(begin, []byte("\uFEFF")))
	if len(begin) == 0 || begin[0] == '{' {
		return NDJSON, buffered
	}
	return CSV, buffered
}

const (
	bufferBytes = 256 << 10
	sniffBytes  = 4096
)

// Unpack reads through gzip, of one member or many, where a file begins like one.
func Unpack(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, bufferBytes)
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
