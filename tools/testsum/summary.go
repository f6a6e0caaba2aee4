package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	Elapsed    float64 // seconds
	ImportPath string
}

// summary counts tests, subtests among them. A package that failed without a failed test counts
// as one failed test.
type summary struct {
	passed, failed, skipped int
}

func (s summary) String() string {
	return fmt.Sprintf("tests: %d passed, %d failed, %d skipped", s.passed, s.failed, s.skipped)
}

// reporter follows the tests of all packages.
type reporter struct {
	summary

	out    io.Writer
	output map[string]*strings.Builder // of running tests, by package and test
	broken map[string]int              // failed tests by package
}

// summarize reads events and writes the report as packages end. Lines that are no events are
// written as they are. Its error is that of reading.
func summarize(in io.Reader, out io.Writer) (summary, error) {
	r := reporter{out: out, output: map[string]*strings.Builder{}, broken: map[string]int{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		r.take(e)
	}
	return r.summary, lines.Err()
}

func (r *reporter) take(e event) {
	switch {
	case e.Action == "build-output":
		fmt.Fprint(r.out, e.Output)
	case e.Action == "output":
		r.keep(e)
	case e.Test != "":
		r.endTest(e)
	default:
		r.endPackage(e)
	}
}

func (r *reporter) keep(e event) {
	if strings.HasPrefix(e.Output, "=== ") {
		return
	}
	key := e.Package + " " + e.Test
	if r.output[key] == nil {
		r.output[key] = &strings.Builder{}
	}
	r.output[key].WriteString(e.Output)
}

func (r *reporter) endTest(e event) {
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.broken[e.Package]++
		fmt.Fprintf(r.out, "FAIL %s %s\n%s", e.Package, e.Test, r.drop(e))
	case "skip":
		r.skipped++
		fmt.Fprintf(r.out, "SKIP %s %s\n%s", e.Package, e.Test, r.drop(e))
	default:
		return
	}
	r.drop(e)
}

func (r *reporter) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok   %s %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		if r.broken[e.Package] == 0 {
			r.failed++
			r.flush(e.Package)
		}
		fmt.Fprintf(r.out, "FAIL %s %.1fs\n", e.Package, e.Elapsed)
	default:
		return
	}
	r.drop(e)
}

// flush writes what a package and its unfinished tests said.
func (r *reporter) flush(pkg string) {
	for key, output := range r.output {
		if strings.HasPrefix(key, pkg+" ") {
			fmt.Fprint(r.out, output.String())
			delete(r.output, key)
		}
	}
}

// drop gives what a test said and forgets it.
func (r *reporter) drop(e event) string {
	key := e.Package + " " + e.Test
	output := r.output[key]
	delete(r.output, key)
	if output == nil {
		return ""
	}
	return output.String()
}
