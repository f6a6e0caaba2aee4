package engine

import (
	"strconv"
	"strings"
)

// layout tells how the values of a type lie in a Native column of revision 0, as far as it takes to
// find their end.
type layout struct {
	kind  layoutKind
	width int      // of layoutFixed, in bytes
	inner []layout // of the others: the types inside
}

type layoutKind int

const (
	layoutFixed    layoutKind = iota // width bytes a row
	layoutText                       // a length and bytes
	layoutArray                      // an end offset a row, then all elements
	layoutNullable                   // a mark a row, then values
	layoutTuple                      // one column after the other
	layoutLow                        // LowCardinality: dictionary and indexes
	layoutJSON                       // JSON written as text, by a setting
)

// jsonAsText is the version number before a JSON column that holds plain text.
const jsonAsText = 1

// skipPrefix passes what stands before all values of a column.
func (l layout) skipPrefix(r *nativeReader) {
	switch l.kind {
	case layoutLow:
		r.take(8)
	case layoutJSON:
		if version := r.number(); r.err == nil && version != jsonAsText {
			r.err = notImplemented.raise("The embedded engine gives JSON columns as text only; " +
				"leave output_format_native_write_json_as_string alone")
		}
	default:
		for _, each := range l.inner {
			each.skipPrefix(r)
		}
	}
}

// skip passes the values of rows rows.
func (l layout) skip(r *nativeReader, rows int) {
	if r.err != nil || rows == 0 {
		return
	}
	switch l.kind {
	case layoutFixed:
		r.skipRows(rows, l.width)
	case layoutText, layoutJSON:
		r.skipTexts(rows)
	case layoutArray:
		r.skipRows(rows-1, 8)
		l.inner[0].skip(r, int(r.number()))
	case layoutNullable:
		r.skipRows(rows, 1)
		l.inner[0].skip(r, rows)
	case layoutTuple:
		for _, each := range l.inner {
			each.skip(r, rows)
		}
	case layoutLow:
		l.skipLow(r, rows)
	}
}

// Bits of the number before each part of a LowCardinality column.
const (
	lowIndexType      = 0xff
	lowGlobal         = 1 << 8
	lowAdditionalKeys = 1 << 9
)

// skipLow passes the parts of a LowCardinality column: keys and, per row, the number of a key.
func (l layout) skipLow(r *nativeReader, rows int) {
	for rows > 0 && r.err == nil {
		flags := r.number()
		if flags&lowGlobal != 0 || flags&lowIndexType > 3 {
			r.err = notImplemented.raise("LowCardinality with a shared dictionary in a result")
			return
		}
		if flags&lowAdditionalKeys != 0 {
			l.inner[0].skip(r, int(r.number()))
		}
		part := int(r.number())
		if part <= 0 || part > rows {
			r.err = errBlockEnds
			return
		}
		r.skipRows(part, 1<<(flags&lowIndexType))
		rows -= part
	}
}

// widths are the sizes of the types that have one, in bytes a row.
var widths = map[string]int{
	"UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "UInt128": 16, "UInt256": 32,
	"Int8": 1, "Int16": 2, "Int32": 4, "Int64": 8, "Int128": 16, "Int256": 32,
	"BFloat16": 2, "Float32": 4, "Float64": 8, "Bool": 1,
	"Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "Time": 4, "Time64": 8,
	"UUID": 16, "IPv4": 4, "IPv6": 16, "Enum8": 1, "Enum16": 2, "Nothing": 1,
	"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32,
}

// geometries are names for arrays and tuples.
var geometries = map[string]string{
	"Point":           "Tuple(Float64, Float64)",
	"Ring":            "Array(Point)",
	"LineString":      "Array(Point)",
	"MultiLineString": "Array(LineString)",
	"Polygon":         "Array(Ring)",
	"MultiPolygon":    "Array(Polygon)",
}

// parseLayout reads the name of a type, such as Array(Nullable(UInt64)).
func parseLayout(kind string) (layout, error) {
	name, arguments := splitType(kind)
	if width, ok := widths[name]; ok {
		return layout{kind: layoutFixed, width: width}, nil
	}
	if strings.HasPrefix(name, "Interval") {
		return layout{kind: layoutFixed, width: 8}, nil
	}
	if meaning, ok := geometries[name]; ok {
		return parseLayout(meaning)
	}
	switch name {
	case "String":
		return layout{kind: layoutText}, nil
	case "JSON":
		return layout{kind: layoutJSON}, nil
	case "FixedString":
		return fixedText(kind, arguments)
	case "Decimal":
		return decimal(kind, arguments)
	}
	return parseComposite(kind, name, arguments)
}

// parseComposite reads a type with types inside.
func parseComposite(kind, name string, arguments []string) (layout, error) {
	switch {
	case name == "Array" && len(arguments) == 1:
		return around(layoutArray, arguments)
	case name == "Nullable" && len(arguments) == 1:
		return around(layoutNullable, arguments)
	case name == "LowCardinality" && len(arguments) == 1:
		key := arguments[0]
		if outer, inside := splitType(key); outer == "Nullable" && len(inside) == 1 {
			key = inside[0] // the dictionary holds no marks: its first key is null
		}
		return around(layoutLow, []string{key})
	case name == "Tuple" && len(arguments) > 0:
		return around(layoutTuple, withoutNames(arguments))
	case name == "Nested" && len(arguments) > 0:
		tuple, err := around(layoutTuple, withoutNames(arguments))
		return layout{kind: layoutArray, inner: []layout{tuple}}, err
	case name == "Map" && len(arguments) == 2:
		pairs, err := around(layoutTuple, arguments)
		return layout{kind: layoutArray, inner: []layout{pairs}}, err
	case name == "SimpleAggregateFunction" && len(arguments) == 2:
		return parseLayout(arguments[1])
	}
	return layout{}, notImplemented.raise("The embedded engine cannot send the type %s to clients "+
		"with client_protocol_version; cast it, or ask for another format", kind)
}

// around makes a layout of the given kind around types.
func around(kind layoutKind, types []string) (layout, error) {
	made := layout{kind: kind}
	for _, each := range types {
		inner, err := parseLayout(each)
		if err != nil {
			return layout{}, err
		}
		made.inner = append(made.inner, inner)
	}
	return made, nil
}

func fixedText(kind string, arguments []string) (layout, error) {
	if len(arguments) == 1 {
		if width, err := strconv.Atoi(arguments[0]); err == nil && width > 0 {
			return layout{kind: layoutFixed, width: width}, nil
		}
	}
	return layout{}, notImplemented.raise("The type %s has no known width", kind)
}

// decimalSizes are the widths of Decimal and the most digits each holds.
var decimalSizes = []struct{ digits, width int }{{9, 4}, {18, 8}, {38, 16}, {76, 32}}

// decimal finds the width of a Decimal by its digits.
func decimal(kind string, arguments []string) (layout, error) {
	if len(arguments) > 0 {
		if digits, err := strconv.Atoi(arguments[0]); err == nil {
			for _, size := range decimalSizes {
				if digits <= size.digits {
					return layout{kind: layoutFixed, width: size.width}, nil
				}
			}
		}
	}
	return layout{}, notImplemented.raise("The type %s has no known width", kind)
}

// splitType cuts "Name(a, b)" into its name and its arguments, which keep what is nested in them.
func splitType(kind string) (string, []string) {
	name, rest, found := strings.Cut(kind, "(")
	if !found {
		return kind, nil
	}
	var arguments []string
	scan := &scanner{text: strings.TrimSuffix(rest, ")")}
	start := 0
	for t := scan.next(); t.kind != tokenEnd; t = scan.next() {
		if t.depth == 0 && scan.word(t) == "," {
			arguments = append(arguments, strings.TrimSpace(scan.text[start:t.start]))
			start = t.end
		}
	}
	return name, append(arguments, strings.TrimSpace(scan.text[start:]))
}

// withoutNames drops the names before the types of a Tuple or Nested.
func withoutNames(elements []string) []string {
	var types []string
	for _, element := range elements {
		scan := &scanner{text: element}
		scan.next()
		if second := scan.next(); second.kind != tokenEnd && scan.word(second) != "(" {
			element = element[second.start:]
		}
		types = append(types, element)
	}
	return types
}
