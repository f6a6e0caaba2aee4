// Command openapi finishes the generated OpenAPI document: it reads it from its input and writes
// it to its output with what the generator cannot know.
//
// Path parameters are named for what they hold: of the resource name sites/*/keys/* the generator
// makes /v1/sites/{name}/keys/{name_1}, which tells a caller to put the whole name into the first
// one; this makes it /v1/sites/{site}/keys/{key}. Methods that a GET may ask get that GET, with the
// words of a question as its parameters. Answers that are tables get their other formats. All get
// their errors, and reads their entity tags. Members of answers that hold messages may be null.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var d object
	read := json.NewDecoder(in)
	read.UseNumber()
	if err := read.Decode(&d); err != nil {
		return fmt.Errorf("reading the generated document: %w", err)
	}
	finish(d)
	var b bytes.Buffer
	write := json.NewEncoder(&b)
	write.SetEscapeHTML(false)
	write.SetIndent("", "  ")
	if err := write.Encode(d); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	_, err := out.Write(b.Bytes())
	return err
}

// finish changes a document in place.
func finish(d object) {
	renameParameters(d)
	stateRequired(d)
	addComponents(d)
	addGets(d)
	eachOperation(d, func(o operation) {
		describe(o)
		addFormats(o)
		addErrors(o)
		addTags(o)
	})
	addExamples(d)
	allowNulls(d)
}
