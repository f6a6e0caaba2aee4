// Command openapi finishes the generated OpenAPI document: it reads it from its input and writes
// it to its output with path parameters that are named for what they hold. The generator makes
// /v1/sites/{name}/keys/{name_1} of the resource name sites/*/keys/*, which tells a caller to put
// the whole name into the first one; this makes it /v1/sites/{site}/keys/{key}.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	document, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, err = os.Stdout.WriteString(finish(string(document)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}
