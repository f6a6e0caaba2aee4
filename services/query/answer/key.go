package answer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// key stands for a question of a site.
type key [sha256.Size]byte

// keyOf is the key of a question of a site, but for its AsOf, and of what more is asked of it. It
// goes field by field through all that there is, also what is added some day, so that two have the
// same key only if they are the same. Errors: something of which that cannot be told.
func keyOf(site journey.SiteID, q funnel.Question, more ...any) (key, error) {
	q.AsOf = time.Time{}
	var w writer
	w.write(reflect.ValueOf(site), 0)
	w.write(reflect.ValueOf(q), 0)
	for _, m := range more {
		w.write(reflect.ValueOf(&m).Elem(), 0)
	}
	return sha256.Sum256(w.bytes), w.err
}

// sizeOf is about how many bytes an answer takes in memory, as far as can be told.
func sizeOf(answer any) (int, error) {
	var w writer
	w.write(reflect.ValueOf(&answer).Elem(), 0)
	return 2 * len(w.bytes), w.err
}

// writer writes values so that different ones are written differently.
type writer struct {
	bytes []byte
	err   error
}

// maxDepth is deeper than any question goes: what goes deeper may be a circle.
const maxDepth = 64

var (
	errUnclear = errors.New("a value cannot be told from others by its fields")
	instants   = reflect.TypeFor[time.Time]()
)

func (w *writer) write(v reflect.Value, depth int) {
	if w.err != nil || depth > maxDepth {
		w.err = errUnclear
		return
	}
	w.bytes = append(w.bytes, byte(v.Kind()))
	switch v.Kind() {
	case reflect.Bool:
		w.flag(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.number(uint64(v.Int())) //nolint:gosec // bits are kept
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		w.number(v.Uint())
	case reflect.Float32, reflect.Float64:
		w.number(math.Float64bits(v.Float()))
	case reflect.String:
		w.number(uint64(v.Len()))
		w.bytes = append(w.bytes, v.String()...)
	default:
		w.writeMany(v, depth+1)
	}
}

// writeMany writes what holds other values.
func (w *writer) writeMany(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		w.writeStruct(v, depth)
	case reflect.Slice, reflect.Array:
		w.flag(v.Kind() == reflect.Slice && v.IsNil())
		w.number(uint64(v.Len()))
		for i := range v.Len() {
			w.write(v.Index(i), depth)
		}
	case reflect.Pointer, reflect.Interface:
		w.flag(v.IsNil())
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Interface {
			name := v.Elem().Type().String()
			w.number(uint64(len(name)))
			w.bytes = append(w.bytes, name...)
		}
		w.write(v.Elem(), depth)
	default:
		w.err = errUnclear
	}
}

func (w *writer) writeStruct(v reflect.Value, depth int) {
	if v.Type() == instants {
		if !v.CanInterface() {
			w.err = errUnclear
			return
		}
		at, _ := v.Interface().(time.Time)
		w.number(uint64(at.Unix())) //nolint:gosec // bits are kept
		w.number(uint64(at.Nanosecond()))
		return
	}
	for i := range v.NumField() {
		w.write(v.Field(i), depth)
	}
}

func (w *writer) flag(is bool) {
	if is {
		w.bytes = append(w.bytes, 1)
		return
	}
	w.bytes = append(w.bytes, 0)
}

func (w *writer) number(n uint64) { w.bytes = binary.LittleEndian.AppendUint64(w.bytes, n) }
