package journey

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Effect says what a change of a map changes once it is published.
type Effect string

// The effects, the strongest first.
const (
	// ForMessages changes the attribution of what is received from then on: touchpoints, their
	// stages and channels.
	ForMessages Effect = "messages"
	// ForPersons changes at once what is told of everything, past and future: personas, repeats, who
	// is lost, the order of stages, what is a barrier.
	ForPersons Effect = "persons"
	// OnPaper changes nothing but what the map shows.
	OnPaper Effect = "paper"
)

// Change is a difference of two maps.
type Change struct {
	Effect Effect
	// Path names entries of lists by their ids, or by their titles in quotes where they have none:
	// touchpoints[order].when. The path of a list alone is the order of its entries.
	Path string
	// Old and New values in one line; empty where there is none.
	Old, New string
}

// Diff gives what changes from one map to another, in the order of the file: nothing where the two
// mean the same, however they are written. Versions are not compared.
func Diff(old, changed *Map) []Change {
	d := differ{old: old, new: changed}
	d.structs(step{}, reflect.ValueOf(*old), reflect.ValueOf(*changed))
	return d.changes
}

// differ compares two maps.
type differ struct {
	old, new *Map
	changes  []Change
}

// step is a place that is compared: its path, the same without keys of entries, and the key of the
// outermost one.
type step struct{ path, kind, id string }

func (s step) to(name string) step {
	return step{joinedPath(s.path, name), joinedPath(s.kind, name), s.id}
}

func (s step) at(key string) step {
	to := s
	to.path = s.path + "[" + key + "]"
	if to.id == "" {
		to.id = key
	}
	return to
}

func joinedPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d *differ) add(s step, old, changed string) {
	d.changes = append(d.changes, Change{d.effectOf(s, old, changed), s.path, old, changed})
}

// structs compares field by field.
func (d *differ) structs(s step, a, b reflect.Value) {
	for field, value := range a.Fields() {
		if !field.IsExported() || field.Name == "Version" {
			continue
		}
		other := b.FieldByIndex(field.Index)
		name := nameOf(field.Name)
		if f, is := reflect.TypeAssert[*Formula](value); is {
			name = formulaName(f, other.Interface().(*Formula))
		}
		d.values(s.to(name), value, other)
	}
}

// formulaName is the function of a KPI, by which the file names its formula.
func formulaName(old, changed *Formula) string {
	if changed != nil {
		return string(changed.Function)
	}
	if old != nil {
		return string(old.Function)
	}
	return "formula"
}

func (d *differ) values(s step, a, b reflect.Value) {
	switch {
	case a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct:
		d.lists(s, a, b)
	case a.Kind() == reflect.Map:
		d.maps(s, a, b)
	case a.Kind() == reflect.Struct:
		d.structs(s, a, b)
	case a.Kind() == reflect.Pointer && a.Type().Elem().Kind() == reflect.Struct &&
		!a.IsNil() && !b.IsNil():
		d.structs(s, a.Elem(), b.Elem())
	default:
		if old, changed := written(a), written(b); old != changed {
			d.add(s, old, changed)
		}
	}
}

// lists compares lists of entries by their keys: what is gone, what is new, the order of the
// others, and each with its counterpart.
func (d *differ) lists(s step, a, b reflect.Value) {
	old, changed := keysOf(a), keysOf(b)
	for i, key := range old {
		if !slices.Contains(changed, key) {
			d.add(s.at(key), written(a.Index(i)), "")
		}
	}
	stayed := shared(old, changed)
	if moved := shared(changed, old); !slices.Equal(stayed, moved) {
		d.add(s, strings.Join(stayed, ", "), strings.Join(moved, ", "))
	}
	for i, key := range changed {
		j := slices.Index(old, key)
		if j < 0 {
			d.add(s.at(key), "", written(b.Index(i)))
			continue
		}
		d.structs(s.at(key), a.Index(j), b.Index(i))
	}
}

// maps compares values by their names.
func (d *differ) maps(s step, a, b reflect.Value) {
	for _, key := range sortedKeys(a, b) {
		old, changed := writtenOrNone(a.MapIndex(key)), writtenOrNone(b.MapIndex(key))
		if old != changed {
			d.add(s.to(key.String()), old, changed)
		}
	}
}

func sortedKeys(values ...reflect.Value) []reflect.Value {
	var keys []reflect.Value
	for _, v := range values {
		keys = append(keys, v.MapKeys()...)
	}
	byText := func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(keys, byText)
	return slices.CompactFunc(keys, func(a, b reflect.Value) bool { return byText(a, b) == 0 })
}

// shared are the keys that others have too, in their own order.
func shared(keys, others []string) []string {
	var both []string
	for _, key := range keys {
		if slices.Contains(others, key) {
			both = append(both, key)
		}
	}
	return both
}

// keysOf are the ids of entries, else what else tells them apart: stages of overrides, days of
// points, titles. An entry whose key was taken gets a number behind it.
func keysOf(list reflect.Value) []string {
	keys := make([]string, list.Len())
	times := map[string]int{}
	for i := range keys {
		key := keyOf(list.Index(i))
		if times[key]++; times[key] > 1 {
			key += " " + strconv.Itoa(times[key])
		}
		keys[i] = key
	}
	return keys
}

func keyOf(entry reflect.Value) string {
	for _, name := range []string{"ID", "Date"} {
		if f := entry.FieldByName(name); f.IsValid() {
			return f.String()
		}
	}
	if f := entry.FieldByName("Title"); f.IsValid() {
		return strconv.Quote(f.String())
	}
	return entry.FieldByName("Stage").String()
}

// nameOf is the name that the file has for a field.
func nameOf(field string) string {
	var name strings.Builder
	for i, c := range field {
		upper := c >= 'A' && c <= 'Z'
		if upper && i > 0 && field[i-1] >= 'a' && field[i-1] <= 'z' {
			name.WriteByte('_')
		}
		name.WriteRune(c)
	}
	return strings.ToLower(name.String())
}

func writtenOrNone(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	return scalar(v)
}

// written is a value in one line, as one might write it in the file; empty where nothing is there.
func written(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	switch v.Kind() {
	case reflect.Pointer:
		return writtenOrScalar(v.Elem())
	case reflect.Struct:
		return writtenStruct(v)
	case reflect.Slice:
		entries := make([]string, v.Len())
		for i := range entries {
			entries[i] = writtenOrScalar(v.Index(i))
		}
		return "[" + strings.Join(entries, ", ") + "]"
	case reflect.Map:
		var members []string
		for _, key := range sortedKeys(v) {
			members = append(members, key.String()+": "+scalar(v.MapIndex(key)))
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return scalar(v)
}

// writtenOrScalar writes a zero that is there.
func writtenOrScalar(v reflect.Value) string {
	if text := written(v); text != "" || v.Kind() == reflect.Struct {
		return text
	}
	return scalar(v)
}

func writtenStruct(v reflect.Value) string {
	var members []string
	for field, value := range v.Fields() {
		if text := written(value); text != "" {
			members = append(members, nameOf(field.Name)+": "+text)
		}
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func scalar(v reflect.Value) string {
	if d, is := v.Interface().(time.Duration); is {
		return spanText(d)
	}
	return fmt.Sprint(v.Interface())
}

// spanText writes a span as a map does, in its largest whole unit.
func spanText(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return strconv.Itoa(int(d/time.Second)) + "s"
}

// Attributes tells whether some of the changes change attribution, of messages or persons.
func Attributes(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Effect != OnPaper })
}
