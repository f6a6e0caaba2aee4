package store

import "github.com/ClickHouse/ch-go/proto"

// words is a column of Words.
type words struct {
	proto.ColLowCardinalityRaw

	texts proto.ColStr
	// known are the places of texts, where they are appended one by one.
	known map[string]uint32
}

func newWords() *words {
	w := &words{known: make(map[string]uint32)}
	w.Index, w.Key = &w.texts, proto.KeyUInt32
	return w
}

// Append adds a text.
func (w *words) Append(text string) {
	n, known := w.known[text]
	if !known {
		n = uint32(w.texts.Rows())
		w.texts.Append(text)
		w.known[text] = n
	}
	w.AppendKey(int(n))
}

// text is that of a row. A block has fewer than 2³² texts: there are no wider keys.
func (w *words) text(row int) []byte {
	switch w.Key {
	case proto.KeyUInt8:
		return w.texts.RowBytes(int(w.Keys8[row]))
	case proto.KeyUInt16:
		return w.texts.RowBytes(int(w.Keys16[row]))
	default:
		return w.texts.RowBytes(int(w.Keys32[row]))
	}
}

// numbers are the places of the rows' texts, and how many there are.
func (w *words) numbers() (numbers []uint32, above uint32) {
	above = uint32(w.texts.Rows())
	switch w.Key {
	case proto.KeyUInt8:
		return widened(w.Keys8), above
	case proto.KeyUInt16:
		return widened(w.Keys16), above
	default:
		return w.Keys32, above
	}
}

func widened[N uint8 | uint16](narrow []N) []uint32 {
	wide := make([]uint32, len(narrow))
	for i, n := range narrow {
		wide[i] = uint32(n)
	}
	return wide
}
