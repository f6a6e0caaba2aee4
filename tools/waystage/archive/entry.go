package archive

import (
	"iter"
	"strings"
)

// Entries gives what a file holds, in file order, by rising line. An error ends it.
type Entries = iter.Seq2[Entry, error]

// Entry is what one line of a file holds, or one row of a table, which may be of several lines. It
// has messages, or a refusal, or is blank.
type Entry struct {
	// Line is where it begins, from 1.
	Line int
	// Text is the line or row as it stands in the file, cut where it is very long.
	Text []byte
	// Messages are JSON values in the order in which they are to be sent; the entry's own.
	Messages [][]byte
	// Person is the same for all entries whose order matters to each other.
	Person string
	// Untimed tells that a message states no time: it will be dated by its receipt.
	Untimed bool
	// Refusal says why there is nothing to send.
	Refusal *Refusal
}

func (e Entry) blank() bool { return len(e.Messages) == 0 && e.Refusal == nil }

// Refuse makes an entry without messages.
func (e Entry) Refuse(reason, detail string) Entry {
	e.Messages = nil
	e.Refusal = &Refusal{Line: e.Line, Reason: reason, Detail: detail, Message: e.excerpt()}
	return e
}

const excerptBytes = 64 << 10

func (e Entry) excerpt() string {
	return strings.ToValidUTF8(string(e.Text[:min(len(e.Text), excerptBytes)]), "\uFFFD")
}

// Refusal is a message that did not enter.
type Refusal struct {
	// Line from 1.
	Line int `json:"line"`
	// Reason is a word of a closed set; Detail says what is wrong and what to do.
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	MessageID string `json:"message_id,omitempty"`
	// Message is the line or row, cut where it is very long.
	Message string `json:"message"`
}
