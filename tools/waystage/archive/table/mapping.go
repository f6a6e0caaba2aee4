package table

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// Mapping says which messages a row gives. Of its texts those of type and event are meant as they
// stand, all others name columns; a mapping with column or value says the other.
type Mapping struct {
	// Type of message: track, page, screen, identify, group or alias; nil is track.
	Type *Source `yaml:"type"`
	// Event is its name, that of the page or screen for those.
	Event *Source `yaml:"event"`

	UserID      *Source `yaml:"userId"`
	AnonymousID *Source `yaml:"anonymousId"`
	GroupID     *Source `yaml:"groupId"`
	PreviousID  *Source `yaml:"previousId"`
	// MessageID is the same for what happened once. nil, or empty: it is made of the row.
	MessageID *Source `yaml:"messageId"`
	// Timestamp is when it happened.
	Timestamp *Source `yaml:"timestamp"`

	// Properties, Traits and Context by name; names in Context are paths, as "campaign.source".
	// Traits of a row that is no identify or group message are sent by one more, before it.
	Properties map[string]*Source `yaml:"properties"`
	Traits     map[string]*Source `yaml:"traits"`
	Context    map[string]*Source `yaml:"context"`

	// Rest says what becomes of columns that are not named: RestProperties, RestTraits, RestDrop,
	// or "": there must be none.
	Rest string `yaml:"rest"`
	// Values is the type of columns that have none: text, the default, or auto.
	Values string `yaml:"values"`
	// Decimal is the sign in numbers: point or comma.
	Decimal string `yaml:"decimal"`
	// Empty are cells that mean nothing, besides empty ones.
	Empty Texts `yaml:"empty"`
	// Delimiter between cells: a character, or "tab"; "": the header tells.
	Delimiter string `yaml:"delimiter"`
}

// What becomes of columns that are not named.
const (
	RestProperties = "properties"
	RestTraits     = "traits"
	RestDrop       = "drop"
)

// Parse reads a mapping from YAML. What a file may leave to flags, Check asks
// for. Errors are one a line, each with its place in the file of that name.
func Parse(file string, text []byte) (Mapping, error) {
	var m Mapping
	if !utf8.Valid(text) {
		return m, fmt.Errorf("%s: the text is not UTF-8: save it as UTF-8", file)
	}
	err := yaml.UnmarshalWithOptions(text, &m, yaml.Strict())
	if err != nil {
		return m, inFile(file, err)
	}
	for name, s := range m.named() {
		s.settle(name)
	}
	var mistakes []error
	for _, found := range m.inPlaces() {
		place := file
		if found.at != "" {
			place += ":" + found.at
		}
		mistakes = append(mistakes, fmt.Errorf("%s: %s", place, found.text))
	}
	return m, errors.Join(mistakes...)
}

// inFile is an error of the YAML library in one line with its place.
func inFile(file string, err error) error {
	var placed yaml.Error
	if !errors.As(err, &placed) || placed.GetToken() == nil {
		return fmt.Errorf("%s: the text is no mapping: %w", file, err)
	}
	at := placed.GetToken().Position
	return fmt.Errorf("%s:%d:%d: %s; there are %s", file, at.Line, at.Column, placed.GetMessage(),
		"the names in docs/importing.md")
}

// settle makes a word what it means in its place.
func (s *Source) settle(name string) {
	if s.word == nil {
		return
	}
	if name == "type" || name == "event" {
		s.Value = *s.word
	} else {
		s.Column = *s.word
	}
}

// fixed are the sources of the envelope by name.
func (m *Mapping) fixed() map[string]**Source {
	return map[string]**Source{
		"type": &m.Type, "event": &m.Event, "userId": &m.UserID, "anonymousId": &m.AnonymousID,
		"groupId": &m.GroupID, "previousId": &m.PreviousID, "messageId": &m.MessageID,
		"timestamp": &m.Timestamp,
	}
}

// named are all sources there are by the names of flags: "userId", "properties.price".
func (m *Mapping) named() map[string]*Source {
	all := make(map[string]*Source)
	for name, s := range m.fixed() {
		if *s != nil {
			all[name] = *s
		}
	}
	for group, sources := range map[string]map[string]*Source{
		"properties": m.Properties, "traits": m.Traits, "context": m.Context,
	} {
		for name, s := range sources {
			if s != nil {
				all[group+"."+name] = s
			}
		}
	}
	return all
}

// Take makes columns the source of a name such as "userId" or "properties.price". Several are
// joined for messageId and timestamp. Errors: there is no such name.
func (m *Mapping) Take(name string, columns ...string) error {
	s := Column(columns[0])
	if len(columns) > 1 {
		if name != "messageId" && name != "timestamp" {
			return fmt.Errorf("%s has two columns, %s and %s: only messageId and timestamp are "+
				"joined of several", name, columns[0], columns[1])
		}
		s = &Source{Columns: columns}
	}
	if old := m.named()[name]; old != nil { // a column of another name, read as the file says
		s.Type, s.Decimal, s.Format, s.Zone = old.Type, old.Decimal, old.Format, old.Zone
		s.Table, s.Otherwise, s.Prefix = old.Table, old.Otherwise, old.Prefix
	}
	return m.put(name, s)
}

func (m *Mapping) put(name string, s *Source) error {
	if fixed, ok := m.fixed()[name]; ok {
		*fixed = s
		return nil
	}
	group, rest, _ := strings.Cut(name, ".")
	into := map[string]*map[string]*Source{
		"properties": &m.Properties, "traits": &m.Traits, "context": &m.Context,
	}[group]
	if into == nil || rest == "" {
		return fmt.Errorf("%q is no part of a message: there are %s, properties.NAME, traits.NAME "+
			"and context.NAME", name, strings.Join(slices.Sorted(maps.Keys(m.fixed())), ", "))
	}
	if *into == nil {
		*into = make(map[string]*Source)
	}
	(*into)[rest] = s
	return nil
}

// mistake is something wrong at a place, "" where it is of the whole.
type mistake struct{ at, text string }

// inPlaces are the mistakes of single values, in order of their places.
func (m *Mapping) inPlaces() []mistake {
	var found []mistake
	for name, s := range m.named() {
		for _, text := range s.mistakes(name) {
			found = append(found, mistake{s.at, name + ": " + text})
		}
	}
	for _, c := range []struct {
		name, value string
		known       []string
	}{
		{"rest", m.Rest, []string{RestProperties, RestTraits, RestDrop}},
		{"values", m.Values, []string{typeText, typeAuto}},
		{"decimal", m.Decimal, []string{decimalPoint, decimalComma}},
	} {
		if c.value != "" && !slices.Contains(c.known, c.value) {
			found = append(found, mistake{"", fmt.Sprintf("%s: %q: there are %s", c.name, c.value,
				strings.Join(c.known, ", "))})
		}
	}
	if _, err := commaOf(m.Delimiter); err != nil {
		found = append(found, mistake{"", err.Error()})
	}
	slices.SortFunc(found, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(placeOf(a.at), placeOf(b.at)), cmp.Compare(a.text, b.text))
	})
	return found
}

// Check tells all that is wrong, or missing, without looking at a file of rows.
func (m *Mapping) Check() error {
	var mistakes []error
	add := func(text string) { mistakes = append(mistakes, errors.New(text)) }
	for _, found := range m.inPlaces() {
		add(found.text)
	}
	if m.Timestamp == nil {
		add("timestamp is missing: name the column that says when it happened, or state " +
			`one instant for all rows by {value: "2026-01-31T17:05:00Z"}; rows are never dated ` +
			"by when they are imported")
	}
	if m.UserID == nil && m.AnonymousID == nil {
		add("userId or anonymousId is missing: name the column that says who it was")
	}
	if kind, constant := m.constantType(); constant {
		m.checkKind(kind, add)
	}
	return errors.Join(mistakes...)
}

// placeOf is a number by which places are in order.
func placeOf(at string) int {
	var line, column int
	_, _ = fmt.Sscanf(at, "%d:%d", &line, &column) // "" is line 0
	return line<<16 + column
}

func (m *Mapping) constantType() (string, bool) {
	switch {
	case m.Type == nil:
		return kindTrack, true
	case m.Type.Value != nil && m.Type.Table == nil:
		return m.Type.Prefix + fmt.Sprint(m.Type.Value), true
	}
	return "", false
}

// checkKind finds what messages of a kind cannot hold, or lack.
func (m *Mapping) checkKind(kind string, add func(text string)) {
	if !slices.Contains(kinds, kind) {
		add(fmt.Sprintf("type: %q: there are %s", kind, strings.Join(kinds, ", ")))
		return
	}
	if kind == kindTrack && m.Event == nil {
		add("event is missing: name what happened, or the column that says it")
	}
	if kind == kindGroup && m.GroupID == nil {
		add("groupId is missing: a message of type group needs it")
	}
	if kind == kindAlias && (m.PreviousID == nil || m.UserID == nil) {
		add("previousId and userId: a message of type alias needs both")
	}
	if !happens(kind) && (len(m.Properties) > 0 || m.Rest == RestProperties) {
		add(fmt.Sprintf("a message of type %s has no properties: use traits", kind))
	}
	if kind == kindAlias && (len(m.Traits) > 0 || m.Rest == RestTraits) {
		add("a message of type alias has no traits")
	}
}

// mistakes are those of one source.
func (s *Source) mistakes(name string) []string {
	var found []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	ways := 0
	for _, given := range []bool{
		s.Column != "", len(s.Columns) > 0, len(s.First) > 0, s.Value != nil,
	} {
		if given {
			ways++
		}
	}
	add(ways != 1, "give one of column, columns, first and value")
	add(s.Join != nil && len(s.Columns) == 0, "join: only columns are joined")
	add(s.Otherwise != "" && s.Table == nil, "otherwise: it is for texts that a table does not have")
	add(s.Otherwise != "" && s.Otherwise != otherwiseKeep && s.Otherwise != otherwiseRefuse,
		"otherwise: %q: there are keep and refuse", s.Otherwise)
	_, inside, free := strings.Cut(name, ".")
	add(free && inside == "", "the name is empty")
	add(!free && (s.Type != "" || s.Decimal != ""),
		"type and decimal are for properties, traits and context")
	add(s.Type != "" && !slices.Contains(types, s.Type), "type: %q: there are %s", s.Type,
		strings.Join(types, ", "))
	add(s.Decimal != "" && s.Decimal != decimalPoint && s.Decimal != decimalComma,
		"decimal: %q: there are point and comma", s.Decimal)
	if name != "timestamp" {
		add(s.Format != "" || s.Zone != "", "format and zone are for the timestamp")
		return found
	}
	if _, err := newClock(s.Format, s.Zone); err != nil {
		add(true, "%v", err)
	}
	return found
}

// columns that the source reads.
func (s *Source) columns() []string {
	if s.Column != "" {
		return []string{s.Column}
	}
	return append(slices.Clone(s.Columns), s.First...)
}

// Hash is the same for mappings that say the same.
func (m *Mapping) Hash() string {
	text, err := json.Marshal(m)
	if err != nil { // a value of YAML that JSON has not, such as .inf
		text = fmt.Appendf(nil, "%+v", m)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
