package table

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Source is where a value comes from: one of Column, Columns, First and Value.
type Source struct {
	Column string `yaml:"column" json:",omitempty"`
	// Columns are joined by Join where they are not empty.
	Columns []string `yaml:"columns" json:",omitempty"`
	Join    *string  `yaml:"join" json:",omitempty"`
	// First gives the first column that is not empty.
	First []string `yaml:"first" json:",omitempty"`
	// Value is the same for all rows.
	Value any `yaml:"value" json:",omitempty"`

	// Table replaces texts; Otherwise says what becomes of those it does not have.
	Table     map[string]string `yaml:"table" json:",omitempty"`
	Otherwise string            `yaml:"otherwise" json:",omitempty"`
	// Prefix is put before what is not empty.
	Prefix string `yaml:"prefix" json:",omitempty"`

	// Type and Decimal are those of properties, traits and context.
	Type    string `yaml:"type" json:",omitempty"`
	Decimal string `yaml:"decimal" json:",omitempty"`
	// Format and Zone are those of the timestamp.
	Format string `yaml:"format" json:",omitempty"`
	Zone   string `yaml:"zone" json:",omitempty"`

	// word is a text that stands alone in the file: a column or a value, by where it stands.
	word *string
	// at is where it stands in the file, "" if it comes from a flag.
	at string
}

// Column is a source of one column.
func Column(name string) *Source { return &Source{Column: name} }

// Constant is a source that is the same for all rows.
func Constant(value string) *Source { return &Source{Value: value} }

// Texts are texts of YAML as they are written: NULL is one, too.
type Texts []string

// UnmarshalYAML reads what stands there.
func (t *Texts) UnmarshalYAML(node ast.Node) error {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return errors.New("empty: write a list of texts, as [NULL, \"-\"]")
	}
	for _, value := range list.Values {
		*t = append(*t, value.GetToken().Value)
	}
	return nil
}

// otherwiseKeep and otherwiseRefuse say what becomes of a text that a table does not have.
const (
	otherwiseKeep   = "keep"
	otherwiseRefuse = "refuse"
)

// UnmarshalYAML reads a text, or a mapping with the names of the fields.
func (s *Source) UnmarshalYAML(node ast.Node) error {
	position := node.GetToken().Position
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		type plain Source
		if err := yaml.NodeToValue(n, (*plain)(s), yaml.Strict()); err != nil {
			return err
		}
		if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
			position = m.Values[0].Key.GetToken().Position
		}
	default:
		var word string
		if err := yaml.NodeToValue(n, &word); err != nil {
			return err
		}
		s.word = &word
	}
	s.at = fmt.Sprintf("%d:%d", position.Line, position.Column)
	return nil
}
