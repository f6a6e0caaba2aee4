package engine

import (
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// textArray is a list of texts as C wants it: pointers and lengths side by side.
type textArray struct {
	starts []unsafe.Pointer
	sizes  []uint64
	pinner runtime.Pinner
}

// newTextArray takes one text of each setting.
func newTextArray(settings []setting, text func(setting) string) *textArray {
	array := &textArray{}
	for _, each := range settings {
		chosen := text(each)
		start := textPointer(chosen)
		array.pinner.Pin(start)
		array.starts = append(array.starts, start)
		array.sizes = append(array.sizes, uint64(len(chosen)))
	}
	return array
}

func (a *textArray) pointers() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(a.starts)) }
func (a *textArray) lengths() unsafe.Pointer  { return unsafe.Pointer(unsafe.SliceData(a.sizes)) }
func (a *textArray) unpin()                   { a.pinner.Unpin() }

// setting is a name with a value, in ClickHouse's text form.
type setting struct{ name, value string }

// quoteName writes an identifier so that every name is one.
func quoteName(name string) string {
	return "`" + escape(name, '`') + "`"
}

// quoteText writes a string literal.
func quoteText(text string) string {
	return "'" + escape(text, '\'') + "'"
}

// escape puts a backslash before backslashes and quotes.
func escape(text string, quote byte) string {
	if !strings.ContainsAny(text, `\`+string(quote)) {
		return text
	}
	escaped := slices.Grow([]byte(nil), len(text)+8)
	for i := range len(text) {
		if text[i] == '\\' || text[i] == quote {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, text[i])
	}
	return string(escaped)
}
