package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waystage/waystage/tools/waystage/archive"
)

// Kinds of messages.
const (
	kindTrack    = "track"
	kindPage     = "page"
	kindScreen   = "screen"
	kindIdentify = "identify"
	kindGroup    = "group"
	kindAlias    = "alias"
)

var kinds = []string{kindTrack, kindPage, kindScreen, kindIdentify, kindGroup, kindAlias}

// happens tells kinds that are touchpoints.
func happens(kind string) bool {
	return kind == kindTrack || kind == kindPage || kind == kindScreen
}

// Reasons of rows that never got as far as ingest; those that ingest knows too are its words.
const (
	Unreadable   = "malformed_row"
	WrongCount   = "wrong_field_count"
	NotUTF8      = "invalid_utf8"
	UnnamedCell  = "unnamed_column"
	UnknownValue = "unknown_value"
	BadValue     = "bad_value"
	UnknownType  = "unknown_type"
	MissingField = "missing_field"
	NoIdentity   = "no_identity"
	BadTime      = "bad_time"
	TimeOutside  = "time_out_of_range"
	TooLarge     = "too_large"
)

// maxMessageBytes is the largest message that ingest takes.
const maxMessageBytes = 32 << 10

// refusal is why a row gives no messages.
type refusal struct{ reason, detail string }

func (r *refusal) Error() string { return r.reason + ": " + r.detail }

func refuse(reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// entry makes the messages of a row.
func (c cells) entry(e archive.Entry) archive.Entry {
	messages, person, err := c.messages()
	if err != nil {
		return refusedEntry(e, err)
	}
	e.Messages, e.Person = messages, person
	return e
}

func refusedEntry(e archive.Entry, err error) archive.Entry {
	if r, ok := err.(*refusal); ok { //nolint:errorlint // they are never wrapped
		return e.Refuse(r.reason, r.detail)
	}
	return e.Refuse(BadValue, err.Error())
}

// messages are those of a row in their order, and the person it is about.
func (c cells) messages() (messages [][]byte, person string, err error) {
	kind, message, err := c.envelope()
	if err != nil {
		return nil, "", err
	}
	person, _ = message["userId"].(string)
	if person == "" {
		person, _ = message["anonymousId"].(string)
	}
	traits, err := c.object("traits", c.traits)
	if err != nil {
		return nil, "", err
	}
	id, err := c.text("messageId", c.mapping.MessageID, idSeparator)
	if err != nil {
		return nil, "", err
	}
	if kind == kindIdentify || kind == kindGroup {
		if len(traits) > 0 {
			message["traits"] = traits
		}
	} else if len(traits) > 0 {
		text, err := c.sealed(identifying(message, traits), id, "-traits")
		if err != nil {
			return nil, "", err
		}
		messages = append(messages, text)
	}
	if err := c.body(kind, message); err != nil {
		return nil, "", err
	}
	text, err := c.sealed(message, id, "")
	return append(messages, text), person, err
}

// identifying is the identify message beside another one.
func identifying(message, traits map[string]any) map[string]any {
	identify := map[string]any{"type": kindIdentify, "traits": traits}
	for _, name := range []string{"userId", "anonymousId", "timestamp"} {
		if value, ok := message[name]; ok {
			identify[name] = value
		}
	}
	return identify
}

// envelope is who and when.
func (c cells) envelope() (kind string, message map[string]any, err error) {
	m := c.mapping
	kind = kindTrack
	if m.Type != nil {
		if kind, err = c.text("type", m.Type, " "); err != nil {
			return "", nil, err
		}
	}
	if !slices.Contains(kinds, kind) {
		return "", nil, refuse(UnknownType, "type: %q: there are %s; a table can translate",
			clipped(kind), strings.Join(kinds, ", "))
	}
	message = map[string]any{"type": kind}
	for _, each := range []struct {
		name   string
		source *Source
		needed bool
	}{
		{"userId", m.UserID, kind == kindAlias},
		{"anonymousId", m.AnonymousID, false},
		{"groupId", m.GroupID, kind == kindGroup},
		{"previousId", m.PreviousID, kind == kindAlias},
	} {
		id, err := c.text(each.name, each.source, " ")
		switch {
		case err != nil:
			return "", nil, err
		case id != "":
			message[each.name] = id
		case each.needed:
			return "", nil, refuse(MissingField, "%s is empty: a message of type %s needs it",
				each.name, kind)
		}
	}
	if message["userId"] == nil && message["anonymousId"] == nil {
		return "", nil, refuse(NoIdentity, "%s: empty: say who it was",
			c.from(m.UserID, m.AnonymousID))
	}
	at, err := c.instant()
	if err != nil {
		return "", nil, err
	}
	message["timestamp"] = at.Format(time.RFC3339Nano)
	return kind, message, nil
}

// from names the columns of sources, for messages.
func (c cells) from(sources ...*Source) string {
	var names []string
	for _, s := range sources {
		if s != nil {
			names = append(names, s.columns()...)
		}
	}
	if len(names) == 1 {
		return "column " + names[0]
	}
	return "columns " + strings.Join(names, ", ")
}

func (c cells) instant() (time.Time, error) {
	s := c.mapping.Timestamp
	text, err := c.text("timestamp", s, " ")
	if err != nil {
		return time.Time{}, err
	}
	if text == "" {
		return time.Time{}, refuse(BadTime, "%s: empty: state when it happened; a row is never "+
			"dated by when it is imported", c.from(s))
	}
	at, err := c.clock.read(text)
	switch {
	case err != nil:
		return at, refuse(BadTime, "%s: %v", c.from(s), err)
	case at.Year() < firstYear:
		return at, refuse(TimeOutside, "%s: %q is before %d: is the format right?", c.from(s),
			clipped(text), firstYear)
	case at.Sub(c.now) > maxAhead:
		return at, refuse(TimeOutside, "%s: %q is more than 24 h ahead: state when it happened, "+
			"not when it is planned", c.from(s), clipped(text))
	}
	return at, nil
}

const (
	firstYear = 1970
	maxAhead  = 24 * time.Hour
)

// body is what happened.
func (c cells) body(kind string, message map[string]any) error {
	event, err := c.text("event", c.mapping.Event, " ")
	switch {
	case err != nil:
		return err
	case kind == kindTrack && event == "":
		return refuse(MissingField, "event is empty: name what happened")
	case kind == kindTrack:
		message["event"] = event
	case happens(kind) && event != "":
		message["name"] = event
	}
	if happens(kind) {
		properties, err := c.object("properties", c.properties)
		if err != nil {
			return err
		}
		if len(properties) > 0 {
			message["properties"] = properties
		}
	}
	context, err := c.object("context", c.mapping.Context)
	if err != nil {
		return err
	}
	if len(context) > 0 {
		message["context"] = nested(context)
	}
	return nil
}

// sealed is a message as JSON, with its id: the one stated, else one that is the same for the same
// row and the same message of it.
func (c cells) sealed(message map[string]any, id, end string) ([]byte, error) {
	if id != "" {
		message["messageId"] = id + end
	}
	text, err := encoded(message)
	if err != nil {
		return nil, refuse(BadValue, "the message cannot be written as JSON: %v", err)
	}
	if id == "" {
		text = append([]byte(`{"messageId":"`+c.derived(text)+`",`), text[1:]...)
	}
	if len(text) > maxMessageBytes {
		return nil, refuse(TooLarge, "the message has %d bytes; 32 KiB are taken: send fewer columns",
			len(text))
	}
	return text, nil
}

// derived is an id from a message and all cells of the row by the names of their columns, also
// those that are not sent: rows that differ are not one.
func (c cells) derived(message []byte) string {
	all := message[:len(message):len(message)]
	for _, column := range c.byName {
		if text := c.at(column); text != "" {
			for _, part := range []string{c.header[column], text} {
				all = strconv.AppendInt(append(all, '\n'), int64(len(part)), 10)
				all = append(append(all, ' '), part...)
			}
		}
	}
	sum := sha256.Sum256(all)
	return "row-" + hex.EncodeToString(sum[:16])
}

func encoded(message map[string]any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(message); err != nil {
		return nil, err
	}
	return bytes.TrimRight(text.Bytes(), "\n"), nil
}
