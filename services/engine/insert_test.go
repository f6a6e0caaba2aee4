package engine_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// insertTable makes an empty table and gives its name.
func insertTable(t *testing.T) (driver.Conn, string) {
	t.Helper()
	conn := connect(t)
	mustExec(t, conn, "CREATE TABLE rows (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	return conn, one[string](t, conn, "SELECT currentDatabase()") + ".rows"
}

func TestInsertForms(t *testing.T) {
	big := strings.Repeat("7\tseven\n", 500_000) // several pieces
	for name, test := range map[string]struct {
		query string // in the address, if not empty
		body  string
		want  string
	}{
		"values":            {"", "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "3 2"},
		"values in address": {"INSERT INTO t VALUES", "(1, 'a;b'), (2, 'VALUES')", "3 2"},
		"values in two":     {"INSERT INTO t VALUES (1, 'a'),", "(2, 'b')", "3 2"},
		"values by address": {"INSERT INTO t VALUES (1, 'a')", "", "1 1"},
		"computed values":   {"", "INSERT INTO t VALUES (1 + 1, concat('a', 'b'))", "2 1"},
		"JSON rows": {
			"", "INSERT INTO t FORMAT JSONEachRow\n{\"n\":1}\n{\"n\":2,\"s\":\"b\"}\n", "3 2",
		},
		"JSON in address": {
			"INSERT INTO t FORMAT JSONEachRow", "{\"n\":1}\n{\"n\":2,\"s\":\"b\"}", "3 2",
		},
		"TSV":               {"INSERT INTO t (n, s) FORMAT TSV", "1\ta\n2\tb\n", "3 2"},
		"CSV of one column": {"INSERT INTO t (n) FORMAT CSV", "1\n2\n", "3 2"},
		"settings": {
			"INSERT INTO t SETTINGS input_format_null_as_default = 1 FORMAT CSV", "1,a\n", "1 1",
		},
		"SELECT":            {"", "INSERT INTO t SELECT number, 'x' FROM numbers(3)", "3 3"},
		"WITH SELECT":       {"", "INSERT INTO t WITH 5 AS f SELECT f, 'x'", "5 1"},
		"table called so":   {"INSERT INTO TABLE t (n) FORMAT TSV", "4\n", "4 1"},
		"much":              {"INSERT INTO t FORMAT TSV", big, "3500000 500000"},
		"much, in the body": {"", "INSERT INTO t FORMAT TSV\n" + big, "3500000 500000"},
		"nothing":           {"INSERT INTO t FORMAT TSV", "", "0 0"},
		"comment before":    {"", "/* load */ INSERT INTO t -- the table\nVALUES (1, 'a')", "1 1"},
		"as async insert": {
			"INSERT INTO t SETTINGS async_insert = 1, wait_for_async_insert = 1 VALUES",
			"(1,'a')", "1 1",
		},
		"names in backticks": {"INSERT INTO t (`n`, `s`) FORMAT Values", "(1, 'a')", "1 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, table := insertTable(t)
			named := func(text string) string {
				return strings.Replace(text, " t", " "+table, 1)
			}
			values := url.Values{}
			if test.query != "" {
				values.Set("query", named(test.query))
			} else {
				test.body = named(test.body)
			}
			query(t, values, test.body)
			got := query(t, nil, "SELECT sum(n), count() FROM "+table+" FORMAT CustomSeparated"+
				" SETTINGS format_custom_field_delimiter = ' '")
			if got != test.want+"\n" {
				t.Errorf("the table holds %q, want %q", got, test.want)
			}
		})
	}
}

func TestPackedBodies(t *testing.T) {
	rows := []byte("1\ta\n2\tb\n")
	pack := func(w func(io.Writer) io.WriteCloser) []byte {
		var packed bytes.Buffer
		to := w(&packed)
		_, err := to.Write(rows)
		if err := errors.Join(err, to.Close()); err != nil {
			t.Fatal(err)
		}
		return packed.Bytes()
	}
	frames := compress.NewWriter(0, compress.LZ4)
	if err := frames.Compress(rows); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"gzip": pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"lz4":  pack(func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }),
		"zstd": pack(func(w io.Writer) io.WriteCloser {
			encoder, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return encoder
		}),
		"frames": frames.Data,
	} {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cut %v", name, cut), func(t *testing.T) {
				conn, table := insertTable(t)
				values := url.Values{"query": {"INSERT INTO " + table + " FORMAT TSV"}}
				header := []string{"Content-Encoding", name}
				if name == "frames" {
					values.Set("decompress", "1")
					header = nil
				}
				want := uint64(2)
				if cut {
					body, want = body[:len(body)-3], 0
				}
				got := ask(t, http.MethodPost, values, bytes.NewReader(body), header...)
				if (got.status == http.StatusOK) == cut {
					t.Errorf("the status is %d: %s", got.status, got.body)
				}
				if rows := one[uint64](t, conn, "SELECT count() FROM "+table); rows != want {
					t.Errorf("there are %d rows, want %d", rows, want)
				}
			})
		}
	}
}

// cutReader fails in the middle, as a client that goes away.
type cutReader struct{ rest io.Reader }

func (c *cutReader) Read(p []byte) (int, error) {
	n, err := c.rest.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("gone")
	}
	return n, err
}

func TestInsertOfClientThatGoes(t *testing.T) {
	conn, table := insertTable(t)
	values := url.Values{"query": {"INSERT INTO " + table + " FORMAT TSV"}}
	_, err := http.Post(enginetest.ClickHouse(t)+"/?"+values.Encode(), "",
		&cutReader{strings.NewReader("1\ta\n2\tb\n")})
	if err == nil {
		t.Fatal("the request succeeds")
	}
	over := func() bool { return queriesLike(conn, "INSERT INTO "+table+"%") == 0 }
	if err := waitFor(over); err != nil {
		t.Fatal(err)
	}
	if rows := one[uint64](t, conn, "SELECT count() FROM "+table); rows != 0 {
		t.Errorf("there are %d rows, want 0", rows)
	}
}

func TestNativeWithoutRevision(t *testing.T) {
	got := query(t, nil,
		"SELECT number, [number, number + 1] AS pair FROM numbers(150000) FORMAT Native")
	read := proto.NewReader(strings.NewReader(got))
	var numbers proto.ColUInt64
	pairs := new(proto.ColUInt64).Array()
	columns := proto.Results{{Name: "number", Data: &numbers}, {Name: "pair", Data: pairs}}
	rows := 0
	for {
		var block proto.Block
		err := block.DecodeRawBlock(read, 0, columns)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range block.Rows {
			n := uint64(rows + i)
			row := append([]uint64{numbers.Row(i)}, pairs.Row(i)...)
			if want := []uint64{n, n, n + 1}; !slices.Equal(want, row) {
				t.Fatalf("row %d is %v, want %v", n, row, want)
			}
		}
		rows += block.Rows
	}
	if rows != 150_000 {
		t.Errorf("read %d rows, want 150000", rows)
	}
}

func TestNativeInsertWithoutLibrary(t *testing.T) {
	conn, table := insertTable(t)
	var numbers proto.ColUInt64
	var texts proto.ColStr
	for i := range uint64(1000) {
		numbers.Append(i)
		texts.Append("x")
	}
	var block proto.Buffer
	input := proto.Input{{Name: "n", Data: &numbers}, {Name: "s", Data: &texts}}
	head := proto.Block{Columns: 2, Rows: 1000}
	if err := head.EncodeRawBlock(&block, 0, input); err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{
		append([]byte("INSERT INTO "+table+" FORMAT Native\n"), block.Buf...),
		append([]byte("INSERT INTO "+table+" FORMAT Native "), append(block.Buf, block.Buf...)...),
	} {
		if got := ask(t, http.MethodPost, nil, bytes.NewReader(body)); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
	}
	if rows := one[uint64](t, conn, "SELECT count() FROM "+table); rows != 3000 {
		t.Errorf("there are %d rows, want 3000", rows)
	}
}
