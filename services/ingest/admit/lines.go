package admit

import "bytes"

// NDJSON reads a body of one message a line. Lines may end in CRLF; blank ones are no messages.
// No body is refused: a line that is no JSON is a message that Admit refuses.
func NDJSON(body []byte) (Body, *Refusal) {
	var messages [][]byte
	for line := range bytes.Lines(bytes.TrimPrefix(body, []byte("\uFEFF"))) {
		if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
			messages = append(messages, line)
		}
		if len(messages) > MaxMessages {
			break
		}
	}
	return Body{Messages: messages}, nil
}
