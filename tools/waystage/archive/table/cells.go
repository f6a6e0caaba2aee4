package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// cells are those of one row.
type cells struct {
	*Table
	values []string
}

// at is a cell without the blanks around it, empty also where it means nothing.
func (c cells) at(column int) string {
	text := strings.TrimSpace(c.values[column])
	if slices.Contains(c.mapping.Empty, text) {
		return ""
	}
	return text
}

// whole is a cell as it stands.
func (c cells) whole(column int) string {
	if c.at(column) == "" {
		return ""
	}
	return c.values[column]
}

// text is what a source gives, "" for nothing.
func (c cells) text(name string, s *Source, separator string) (string, error) {
	if s == nil {
		return "", nil
	}
	text := ""
	switch {
	case s.Value != nil:
		text = fmt.Sprint(s.Value)
	case s.Column != "":
		text = c.at(c.places[s.Column])
	case len(s.Columns) > 0:
		text = c.joined(s, separator)
	default:
		for _, column := range s.First {
			if text = c.at(c.places[column]); text != "" {
				break
			}
		}
	}
	return s.replaced(name, text)
}

// joined are the columns with a separator between. As a message id they are told apart by a sign
// that the columns themselves do not hold: a|b and c are not a and b|c.
func (c cells) joined(s *Source, separator string) string {
	var parts []string
	for _, column := range s.Columns {
		text := c.at(c.places[column])
		if separator == idSeparator && s.Join == nil {
			parts = append(parts, idEscaped.Replace(text))
		} else if text != "" {
			parts = append(parts, text)
		}
	}
	if s.Join != nil {
		separator = *s.Join
	}
	joined := strings.Join(parts, separator)
	if strings.Trim(joined, idSeparator) == "" && separator == idSeparator {
		return ""
	}
	return joined
}

const idSeparator = "|"

var idEscaped = strings.NewReplacer("%", "%25", "|", "%7C")

func (s *Source) replaced(name, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if s.Table != nil {
		replacement, found := s.Table[text]
		switch {
		case found:
			text = replacement
		case s.Otherwise != otherwiseKeep:
			return "", refuse(UnknownValue, "%s: the table does not have %q: add it, or say "+
				"otherwise: keep", name, clipped(text))
		}
	}
	if text == "" {
		return "", nil
	}
	return s.Prefix + text, nil
}

// value is what a source gives as JSON, nil for nothing.
func (c cells) value(name string, s *Source) (any, error) {
	if s.Value != nil && s.Type == "" {
		return s.Value, nil
	}
	text := ""
	if s.Column != "" && s.Table == nil && s.Prefix == "" {
		text = c.whole(c.places[s.Column])
	} else {
		var err error
		if text, err = c.text(name, s, " "); err != nil {
			return nil, err
		}
	}
	if text == "" {
		return nil, nil //nolint:nilnil // nothing is a value here
	}
	kind, decimal := s.Type, s.Decimal
	if kind == "" {
		kind = c.mapping.Values
	}
	if decimal == "" {
		decimal = c.mapping.Decimal
	}
	value, err := valueOf(text, kind, decimal)
	if err != nil {
		return nil, refuse(BadValue, "%s: %v", name, err)
	}
	return value, nil
}

// object is the values of a group of sources by name, those that are nothing left out.
func (c cells) object(group string, sources map[string]*Source) (map[string]any, error) {
	object := make(map[string]any, len(sources))
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		value, err := c.value(group+"."+name, sources[name])
		if err != nil {
			return nil, err
		}
		if value != nil {
			object[name] = value
		}
	}
	return object, nil
}

// nested makes paths as "campaign.source" objects in objects.
func nested(flat map[string]any) map[string]any {
	object := make(map[string]any, len(flat))
	for _, path := range slices.Sorted(maps.Keys(flat)) {
		into := object
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			inner, ok := into[name].(map[string]any)
			if !ok {
				inner = make(map[string]any)
				into[name] = inner
			}
			into = inner
		}
		into[names[len(names)-1]] = flat[path]
	}
	return object
}
