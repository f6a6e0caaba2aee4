package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/picture"
)

func printReport(w io.Writer, sum archive.Report, took time.Duration) {
	rate := float64(sum.Accepted) / max(took.Seconds(), 0.001)
	fmt.Fprintf(w, "%s lines: %s accepted", picture.Number(sum.Lines), picture.Number(sum.Accepted))
	if sum.RefusedLines > 0 {
		fmt.Fprintf(w, ", %s refused", picture.Number(sum.RefusedLines))
	}
	if sum.Unsettled > 0 {
		fmt.Fprintf(w, ", %s without an answer", picture.Number(sum.Unsettled))
	}
	fmt.Fprintf(w, ", in %s (%s/s)\n", picture.Span(took.Seconds()), picture.Number(int(rate)))
	printUntimed(w, sum)
	printReasons(w, sum)
}

// printTry is the report of a run that sent nothing.
func printTry(w io.Writer, sum archive.Report) {
	fmt.Fprintf(w, "%s lines: %s would be sent", picture.Number(sum.Lines),
		picture.Number(sum.Accepted))
	if sum.RefusedLines > 0 {
		fmt.Fprintf(w, ", %s refused", picture.Number(sum.RefusedLines))
	}
	fmt.Fprint(w, "; nothing was sent\n")
	printUntimed(w, sum)
	printReasons(w, sum)
}

func printUntimed(w io.Writer, sum archive.Report) {
	if sum.Untimed > 0 {
		fmt.Fprintf(w, "%s state no time: they are dated by their receipt, and sent again count "+
			"again\n", picture.Number(sum.Untimed))
	}
}

func printReasons(w io.Writer, sum archive.Report) {
	for _, name := range sum.Names() {
		r := sum.Refused[name]
		fmt.Fprintf(w, "\n  %s: %s\n    %s\n    lines %s\n", name, picture.Number(r.Count),
			r.Detail, numbers(r.FirstLines, r.Count))
	}
}

// numbers are the first of some lines, with dots where there are more.
func numbers(lines []int, of int) string {
	text := ""
	for i, n := range lines {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	if of > len(lines) {
		text += ", …"
	}
	return text
}

// refusedFile writes refused lines to a file, if there is one.
type refusedFile struct {
	file   *os.File
	buffer *bufio.Writer
	write  *json.Encoder
}

// openRefused opens the file of that name, "" for none. Of an earlier run it keeps the lines
// before one, 1 for nothing.
func openRefused(name string, before int) (*refusedFile, error) {
	if name == "" {
		return &refusedFile{}, nil
	}
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return nil, err
	}
	r := &refusedFile{file: file, buffer: bufio.NewWriter(file)}
	r.write = json.NewEncoder(r.buffer)
	r.write.SetEscapeHTML(false)
	if before > 1 {
		err = r.keep(name, before)
	}
	if err == nil {
		err = errors.Join(r.flush(), file.Chmod(0o644), os.Rename(file.Name(), name))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the reason is told already
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// keep copies what an earlier run wrote of the lines before one. What a run wrote last before it
// was killed may be cut.
func (r *refusedFile) keep(name string, before int) error {
	earlier, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer earlier.Close()
	for in := bufio.NewReader(earlier); ; {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var refusal archive.Refusal
		if json.Unmarshal(text, &refusal) != nil || refusal.Line >= before {
			continue
		}
		if _, err := r.buffer.Write(text); err != nil {
			return err
		}
	}
}

func (r *refusedFile) add(refusal archive.Refusal) error {
	if r.file == nil {
		return nil
	}
	if err := r.write.Encode(refusal); err != nil {
		return fmt.Errorf("writing to %s: %w", r.file.Name(), err)
	}
	return nil
}

// flush brings all that was added to the disk.
func (r *refusedFile) flush() error {
	if r.file == nil {
		return nil
	}
	if err := errors.Join(r.buffer.Flush(), r.file.Sync()); err != nil {
		return fmt.Errorf("writing the refused lines: %w", err)
	}
	return nil
}

func (r *refusedFile) close() error {
	if r.file == nil {
		return nil
	}
	if err := errors.Join(r.buffer.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("writing the refused lines: %w", err)
	}
	return nil
}
