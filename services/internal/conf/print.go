package conf

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Print writes the configuration that cfg points to as NAME=value, one a line, in the order of
// its fields. Secrets are shown as "***", empty where they are not set.
func Print(w io.Writer, cfg any) error {
	settings, err := settingsOf(cfg)
	if err != nil {
		return err
	}
	for _, s := range settings {
		if _, err := fmt.Fprintf(w, "%s=%s\n", s.name, s.text()); err != nil {
			return fmt.Errorf("printing the configuration: %w", err)
		}
	}
	return nil
}

// text is the value as it would stand in the environment.
func (s setting) text() string {
	switch {
	case s.secret && s.value.IsZero():
		return ""
	case s.secret:
		return "***"
	case s.value.Kind() == reflect.Slice:
		items := make([]string, s.value.Len())
		for i := range items {
			items[i] = textOf(s.value.Index(i))
		}
		return strings.Join(items, ",")
	default:
		return textOf(s.value)
	}
}

func textOf(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v.Interface())
}

// Document writes a Markdown section with a table of all settings of the configuration that cfg
// points to, in the order of its fields. Values do not matter.
func Document(w io.Writer, title string, cfg any) error {
	settings, err := settingsOf(cfg)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n", title)
	b.WriteString("| variable | meaning | unit | default | secret |\n")
	b.WriteString("| --- | --- | --- | --- | --- |\n")
	for _, s := range settings {
		b.WriteString(s.row())
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("documenting the configuration: %w", err)
	}
	return nil
}

func (s setting) row() string {
	fallback, secret := "", "no"
	switch {
	case s.required:
		fallback = "required"
	case s.fallback != "":
		fallback = "`" + s.fallback + "`"
	}
	if s.secret {
		secret = fmt.Sprintf("yes, or `%s%s`", s.name, fileSuffix)
	}
	cells := []string{"`" + s.name + "`", s.doc, s.unitText(), fallback, secret}
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func (s setting) unitText() string {
	if s.unit == "" && s.field.Type.Kind() == reflect.Int64 {
		return "time, such as `1m30s`"
	}
	return s.unit
}
