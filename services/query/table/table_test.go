package table_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/query/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestColumnsAreAPromise: tools are set up by the names and the order of columns, so a change here
// breaks somebody's dashboard. New columns go to the end.
func TestColumnsAreAPromise(t *testing.T) {
	t.Parallel()
	for name, c := range answers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			laid, err := table.Of(c.answer, c.table, c.by)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".csv")
			if *update {
				if err := os.WriteFile(path, laid.CSV(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(laid.CSV())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

// TestEveryTableIsHeld: no table is without a golden file, and every list of the API is a table.
func TestEveryTableIsHeld(t *testing.T) {
	t.Parallel()
	held := make(map[string]bool)
	for _, c := range answers() {
		name := c.table
		full := c.answer.ProtoReflect().Descriptor().FullName()
		if name == "" {
			name = table.Names(full)[0]
		}
		held[string(full)+" "+name] = true
	}
	paged := 0
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		d := m.Descriptor()
		names := table.Names(d.FullName())
		for _, name := range names {
			if !held[string(d.FullName())+" "+name] {
				t.Errorf("the table %s of %s has no golden file", name, d.FullName())
			}
		}
		if strings.HasPrefix(string(d.Name()), "List") && d.Fields().ByName("next_page_token") != nil {
			paged++
			if len(names) == 0 {
				t.Errorf("%s is no table", d.FullName())
			}
		}
		return true
	})
	if paged < 8 {
		t.Errorf("only %d lists were looked at", paged)
	}
}

func TestTablesThatAreNone(t *testing.T) {
	t.Parallel()
	c := answers()["drop offs"]
	if _, err := table.Of(c.answer, "steps", nil); fault.Of(err) != fault.Invalid ||
		!strings.Contains(fault.Message(err)+fault.ViolationsOf(err)[0].Description,
			"drop_offs or departures") {
		t.Errorf("an unknown table: %v", err)
	}
	first := proto.Clone(c.answer).ProtoReflect().Get(
		c.answer.ProtoReflect().Descriptor().Fields().ByName("facts")).Message().Interface()
	if _, err := table.Of(first, "", nil); fault.Of(err) != fault.Unsupported {
		t.Errorf("an answer that is no table: %v", err)
	}
}

// TestNamesOfGroupsThatNobodyTold: an answer without the names of its breakdowns loses none.
func TestNamesOfGroupsThatNobodyTold(t *testing.T) {
	t.Parallel()
	c := answers()["steps by two"]
	laid, err := table.Of(c.answer, "", c.by[:1])
	if err != nil {
		t.Fatal(err)
	}
	if got := laid.Columns[2].Name + " " + laid.Columns[4].Name; got != c.by[0]+" group_2" {
		t.Errorf("columns %s", got)
	}
}

// TestFormulas: texts that a spreadsheet would calculate are none any more; numbers stay numbers.
func TestFormulas(t *testing.T) {
	t.Parallel()
	for cell, want := range map[any]string{
		"=1+1": "'=1+1", "+49 30": "'+49 30", "-": "'-", "@cmd": "'@cmd", "\tx": "'\tx",
		"\rx": "\"'\rx\"", "\nx": "\"'\nx\"", "＝1": "'＝1", "a=b": "a=b", "'x": "'x",
		`=HYPERLINK("http://x","y")`: `"'=HYPERLINK(""http://x"",""y"")"`,
		-1.5:                         "-1.5", int64(-3): "-3", 1e-7: "0.0000001", true: "true",
		"": `""`, nil: "", " =1": `" =1"`, "a,b": `"a,b"`, "ä\r\nö": "\"ä\r\nö\"",
		time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.FixedZone("", 3600)): "2026-03-04T04:06:07.891234Z",
	} {
		laid := table.Table{Columns: []table.Column{{Name: "=x"}}, Rows: [][]any{{cell}}}
		if got, want := string(laid.CSV()), "'=x\r\n"+want+"\r\n"; got != want {
			t.Errorf("%q is written %q, want %q", cell, got, want)
		}
	}
}

// TestCSVReadsBack: whatever the texts are, a reader of RFC 4180 finds them, and the lines end in
// CRLF.
func TestCSVReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 4).Draw(t, "width")
		laid := table.Table{Columns: make([]table.Column, width)}
		var want [][]string
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			row, texts := make([]any, width), make([]string, width)
			for k := range row {
				s := rapid.StringOf(rapid.SampledFrom([]rune("aä,\"\n\r =;\t'x"))).Draw(t, "cell")
				row[k], texts[k] = s, s
				if s != "" && strings.ContainsRune("=\t\r\n", rune(s[0])) {
					texts[k] = "'" + s
				}
			}
			laid.Rows, want = append(laid.Rows, row), append(want, texts)
		}
		written := laid.CSV()
		if !bytes.HasSuffix(written, []byte("\r\n")) {
			t.Errorf("%q does not end in CRLF", written)
		}
		if got := parse(string(written))[1:]; !cmp.Equal(got, want) && len(want) > 0 {
			t.Errorf("%q is read back as %q, want %q", written, got, want)
		}
		// The library's reader takes it too; it makes CRLF within texts LF.
		if _, err := csv.NewReader(bytes.NewReader(written)).ReadAll(); err != nil {
			t.Error(err)
		}
	})
}

// parse reads CSV by the grammar of RFC 4180, as its own text says it.
func parse(text string) [][]string {
	var lines [][]string
	var line []string
	for text != "" {
		var field strings.Builder
		if strings.HasPrefix(text, `"`) {
			for text = text[1:]; ; {
				at := strings.IndexByte(text, '"')
				field.WriteString(text[:at])
				text = text[at+1:]
				if !strings.HasPrefix(text, `"`) {
					break
				}
				field.WriteByte('"')
				text = text[1:]
			}
		} else {
			at := strings.IndexAny(text, ",\r")
			field.WriteString(text[:at])
			text = text[at:]
		}
		line = append(line, field.String())
		if strings.HasPrefix(text, ",") {
			text = text[1:]
			continue
		}
		text = strings.TrimPrefix(text, "\r\n")
		lines, line = append(lines, line), nil
	}
	return lines
}

// TestArrow: the stream holds the columns and cells of the table, texts as they are.
func TestArrow(t *testing.T) {
	t.Parallel()
	for name, c := range answers() {
		laid, err := table.Of(c.answer, c.table, c.by)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := laid.Arrow()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(laid), readArrow(t, stream)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// plain is a table with instants cut to microseconds.
func plain(laid table.Table) table.Table {
	rows := make([][]any, 0)
	for _, row := range laid.Rows {
		cells := make([]any, len(row))
		for k, cell := range row {
			if at, is := cell.(time.Time); is {
				cell = at.Truncate(time.Microsecond)
			}
			cells[k] = cell
		}
		rows = append(rows, cells)
	}
	return table.Table{Columns: laid.Columns, Rows: rows}
}

func readArrow(t *testing.T, stream []byte) table.Table {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	kinds := map[arrow.Type]table.Kind{
		arrow.STRING: table.Text, arrow.INT64: table.Count, arrow.FLOAT64: table.Number,
		arrow.BOOL: table.Flag, arrow.TIMESTAMP: table.Instant,
	}
	got := table.Table{Rows: [][]any{}}
	for _, f := range r.Schema().Fields() {
		got.Columns = append(got.Columns, table.Column{Name: f.Name, Kind: kinds[f.Type.ID()]})
	}
	for r.Next() {
		batch := r.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := make([]any, batch.NumCols())
			for k := range row {
				row[k] = cellOf(batch.Column(k), i)
			}
			got.Rows = append(got.Rows, row)
		}
	}
	return got
}

func cellOf(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch column := column.(type) {
	case *array.String:
		return column.Value(i)
	case *array.Int64:
		return column.Value(i)
	case *array.Float64:
		return column.Value(i)
	case *array.Boolean:
		return column.Value(i)
	case *array.Timestamp:
		return column.Value(i).ToTime(arrow.Microsecond)
	}
	return column.ValueStr(i)
}
