package table

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// instantLayout is fixed in width, so that every tool sees one type in a column. What is finer is
// cut off.
const instantLayout = "2006-01-02T15:04:05.000000Z"

// CSV writes a table by RFC 4180, in UTF-8 without a mark at its beginning: a line of names, then a
// line per row, each ended by CRLF. A cell without a value is empty; an empty text is "". Texts
// that a spreadsheet would take for a formula begin with an apostrophe; numbers, instants and
// flags never do.
//
// The library's writer is not used: it changes line ends within texts.
func (t Table) CSV() []byte {
	var b bytes.Buffer
	for i, c := range t.Columns {
		writeCell(&b, i, quoted(harmless(c.Name)))
	}
	b.WriteString("\r\n")
	for _, row := range t.Rows {
		for i, cell := range row {
			writeCell(&b, i, written(cell))
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

func writeCell(b *bytes.Buffer, column int, cell string) {
	if column > 0 {
		b.WriteByte(',')
	}
	b.WriteString(cell)
}

func written(cell any) string {
	switch cell := cell.(type) {
	case string:
		return quoted(harmless(cell))
	case int64:
		return strconv.FormatInt(cell, 10)
	case float64:
		return strconv.FormatFloat(cell, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(cell)
	case time.Time:
		return cell.UTC().Format(instantLayout)
	}
	return ""
}

// formulaMarks are the beginnings by which spreadsheets know formulas, the wide ones of East Asian
// keyboards among them. Source: OWASP, "CSV Injection".
const formulaMarks = "=+-@\t\r\n＝＋－＠"

// harmless keeps a text from being a formula.
func harmless(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	if text != "" && strings.ContainsRune(formulaMarks, first) {
		return "'" + text
	}
	return text
}

// quoted is a text as a field of RFC 4180.
func quoted(text string) string {
	if text != "" && !strings.ContainsAny(text, "\",\r\n") && strings.TrimSpace(text) == text {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
