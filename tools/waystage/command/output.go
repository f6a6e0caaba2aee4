package command

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func addJSON(c *cobra.Command, into *bool) {
	c.Flags().BoolVar(into, "json", false, "print JSON, as the HTTP API has it")
}

// writeMessage prints a message as the HTTP API would.
func writeMessage(w io.Writer, m proto.Message) error {
	compact, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return writeJSON(w, json.RawMessage(compact)) // indented by one rule: protojson varies on purpose
}

func writeJSON(w io.Writer, v any) error {
	write := json.NewEncoder(w)
	write.SetEscapeHTML(false)
	write.SetIndent("", "  ")
	if err := write.Encode(v); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}
