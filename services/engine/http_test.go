package engine_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/waystage/waystage/services/engine/enginetest"
)

// reply is an answer of the HTTP interface, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// ask sends a request; values become the parameters of the address.
func ask(t *testing.T, method string, values url.Values, body io.Reader, header ...string) reply {
	t.Helper()
	return askURL(t, method, enginetest.ClickHouse(t)+"/?"+values.Encode(), body, header...)
}

func askURL(t *testing.T, method, url string, body io.Reader, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, string(text), err}
}

// query asks with a POST whose body is the statement.
func query(t *testing.T, values url.Values, text string) string {
	t.Helper()
	got := ask(t, http.MethodPost, values, strings.NewReader(text))
	if got.status != http.StatusOK || got.err != nil {
		t.Fatalf("%s: status %d, %v\n%s", text, got.status, got.err, got.body)
	}
	return got.body
}

func TestHTTPForms(t *testing.T) {
	server := enginetest.ClickHouse(t)
	post := func(values url.Values, body string) reply {
		return ask(t, http.MethodPost, values, strings.NewReader(body))
	}
	for name, test := range map[string]struct {
		got    reply
		status int
		body   string
	}{
		"ping":          {askURL(t, "GET", server+"/ping", nil), 200, "Ok.\n"},
		"root":          {askURL(t, "GET", server+"/", nil), 200, "Ok.\n"},
		"other paths":   {askURL(t, "GET", server+"/nowhere", nil), 404, "There is no handle /nowhere\n"},
		"GET":           {ask(t, "GET", url.Values{"query": {"SELECT 1"}}, nil), 200, "1\n"},
		"POST":          {post(nil, "SELECT 1;\n"), 200, "1\n"},
		"in two halves": {post(url.Values{"query": {"SELECT 1 +"}}, "2"), 200, "3\n"},
		"FORMAT":        {post(nil, "SELECT 1 AS a FORMAT JSONEachRow"), 200, "{\"a\":1}\n"},
		"default_format": {post(url.Values{"default_format": {"CSVWithNames"}}, "SELECT 1 AS a"),
			200, "\"a\"\n1\n"},
		"FORMAT wins": {post(url.Values{"default_format": {"CSV"}}, "SELECT 'a' FORMAT TSV"), 200, "a\n"},
		"no rows":     {post(nil, "SELECT 1 WHERE 0"), 200, ""},
		"names of no rows": {post(nil, "SELECT 1 AS a WHERE 0 FORMAT TSVWithNames"), 200,
			"a\n"},
		"database":   {post(url.Values{"database": {"system"}}, "SELECT currentDatabase()"), 200, "system\n"},
		"with":       {post(nil, "WITH 2 AS a SELECT a"), 200, "2\n"},
		"brackets":   {post(nil, "(SELECT 1) UNION ALL (SELECT 1)"), 200, "1\n1\n"},
		"comment":    {post(nil, "-- hm\n/* ( */ SELECT 1 # done"), 200, "1\n"},
		"explain":    {post(nil, "EXPLAIN SYNTAX SELECT 1 FROM system.one"), 200, "SELECT 1\nFROM system.one\n"},
		"exists":     {post(nil, "EXISTS TABLE system.one"), 200, "1\n"},
		"decimals":   {post(url.Values{"param_a": {"1.50"}}, "SELECT {a:Decimal(9, 2)}"), 200, "1.5\n"},
		"setting":    {post(url.Values{"max_threads": {"3"}}, "SELECT getSetting('max_threads')"), 200, "3\n"},
		"identifier": {post(url.Values{"param_t": {"one"}}, "SELECT * FROM system.{t:Identifier}"), 200, "0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.got.status != test.status || test.got.body != test.body {
				t.Errorf("got %d %q, want %d %q", test.got.status, test.got.body, test.status, test.body)
			}
		})
	}
}

func TestHTTPErrors(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		values url.Values
		body   string
		header []string
		status int
		code   string
	}{
		"unknown table":    {body: "SELECT * FROM nope", status: 404, code: "60"},
		"syntax":           {body: "SELEKT", status: 400, code: "62"},
		"writing by GET":   {method: "GET", values: url.Values{"query": {"CREATE DATABASE no"}}, status: 500, code: "164"},
		"unknown database": {values: url.Values{"database": {"nope"}}, body: "SELECT 1", status: 404, code: "81"},
		"unknown setting":  {values: url.Values{"nope": {"1"}}, body: "SELECT 1", status: 404, code: "115"},
		"other hosts":      {body: "SELECT 1", header: []string{"Host", "example.com"}, status: 403, code: "497"},
		"other sites":      {body: "SELECT 1", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, code: "497"},
		"sessions":         {values: url.Values{"session_id": {"1"}}, body: "SELECT 1", status: 501, code: "48"},
		"bad gzip":         {body: "SELECT 1", header: []string{"Content-Encoding", "gzip"}, status: 400, code: "117"},
		"bad frames":       {values: url.Values{"decompress": {"1"}}, body: "SELECT 1", status: 400, code: "117"},
		"held back": {values: url.Values{"wait_end_of_query": {"1"}},
			body: "SELECT throwIf(number = 3000000) FROM numbers(4000000)", status: 500, code: "395"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = http.MethodPost
			}
			got := ask(t, test.method, test.values, strings.NewReader(test.body), test.header...)
			if code := got.header.Get("X-ClickHouse-Exception-Code"); got.status != test.status || code != test.code {
				t.Errorf("got the status %d and the code %s, want %d and %s\n%s",
					got.status, code, test.status, test.code, got.body)
			}
			if !strings.HasPrefix(got.body, "Code: "+test.code+". DB::Exception: ") {
				t.Errorf("the text is %q", got.body)
			}
		})
	}
}

func TestLateErrorBreaksTheAnswer(t *testing.T) {
	got := ask(t, http.MethodPost, nil,
		strings.NewReader("SELECT throwIf(number = 5000000) FROM numbers(9000000)"))
	tag := got.header.Get("X-ClickHouse-Exception-Tag")
	mark := "\r\n__exception__\r\n" + tag + "\r\nCode: 395. DB::Exception: "
	if got.status != http.StatusOK || !strings.Contains(got.body, mark) {
		t.Errorf("the status is %d, the text ends with %q", got.status, got.body[max(0, len(got.body)-200):])
	}
	if !errors.Is(got.err, io.ErrUnexpectedEOF) {
		t.Errorf("reading the answer ends with %v, want ErrUnexpectedEOF", got.err)
	}
}

func TestHeaders(t *testing.T) {
	got := ask(t, http.MethodPost, url.Values{"query_id": {"mine"}}, strings.NewReader("SELECT 1 FORMAT JSON"))
	want := map[string]string{
		"X-ClickHouse-Query-Id": "mine", "X-ClickHouse-Format": "JSON",
		"Content-Type": "application/json; charset=UTF-8",
	}
	for name, value := range want {
		if got := got.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestLongResultsAreOneDocument(t *testing.T) {
	for format, head := range map[string]string{
		"CSVWithNames": "\"n\"", "TSVWithNames": "n", "TSVWithNamesAndTypes": "n",
		"JSONCompactEachRowWithNames": "[\"n\"]",
	} {
		text := query(t, nil, "SELECT number AS n FROM numbers(200000) FORMAT "+format)
		if heads := strings.Count("\n"+text, "\n"+head+"\n"); heads != 1 {
			t.Errorf("%s has %d heads, want 1", format, heads)
		}
	}
	got := query(t, url.Values{"output_format_json_array_of_rows": {"1"}},
		"SELECT number FROM numbers(200000) FORMAT JSONEachRow")
	if rows := []any{}; json.Unmarshal([]byte(got), &rows) != nil || len(rows) != 200_000 {
		t.Errorf("an array of rows is none, or has %d rows", len(rows))
	}
}

func TestLongJSON(t *testing.T) {
	for name, text := range map[string]string{
		"blocks": "SELECT number FROM numbers(200000) FORMAT JSON",
		"totals": "SELECT count() FROM numbers(9) GROUP BY number WITH TOTALS FORMAT JSON",
	} {
		t.Run(name, func(t *testing.T) {
			var answer struct {
				Data []any
				Rows int
			}
			if err := json.Unmarshal([]byte(query(t, nil, text)), &answer); err != nil {
				t.Fatal(err)
			}
			if len(answer.Data) != answer.Rows {
				t.Errorf("there are %d rows, and %d are announced", len(answer.Data), answer.Rows)
			}
		})
	}
}

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
		"values":             {"", "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "3 2"},
		"values in address":  {"INSERT INTO t VALUES", "(1, 'a;b'), (2, 'VALUES')", "3 2"},
		"values in two":      {"INSERT INTO t VALUES (1, 'a'),", "(2, 'b')", "3 2"},
		"values by address":  {"INSERT INTO t VALUES (1, 'a')", "", "1 1"},
		"computed values":    {"", "INSERT INTO t VALUES (1 + 1, concat('a', 'b'))", "2 1"},
		"JSON rows":          {"", "INSERT INTO t FORMAT JSONEachRow\n{\"n\":1}\n{\"n\":2,\"s\":\"b\"}\n", "3 2"},
		"JSON in address":    {"INSERT INTO t FORMAT JSONEachRow", "{\"n\":1}\n{\"n\":2,\"s\":\"b\"}", "3 2"},
		"TSV":                {"INSERT INTO t (n, s) FORMAT TSV", "1\ta\n2\tb\n", "3 2"},
		"CSV of one column":  {"INSERT INTO t (n) FORMAT CSV", "1\n2\n", "3 2"},
		"settings":           {"INSERT INTO t SETTINGS input_format_null_as_default = 1 FORMAT CSV", "1,a\n", "1 1"},
		"SELECT":             {"", "INSERT INTO t SELECT number, 'x' FROM numbers(3)", "3 3"},
		"WITH SELECT":        {"", "INSERT INTO t WITH 5 AS f SELECT f, 'x'", "5 1"},
		"table called so":    {"INSERT INTO TABLE t (n) FORMAT TSV", "4\n", "4 1"},
		"much":               {"INSERT INTO t FORMAT TSV", big, "3500000 500000"},
		"much, in the body":  {"", "INSERT INTO t FORMAT TSV\n" + big, "3500000 500000"},
		"nothing":            {"INSERT INTO t FORMAT TSV", "", "0 0"},
		"comment before":     {"", "/* load */ INSERT INTO t -- the table\nVALUES (1, 'a')", "1 1"},
		"as async insert":    {"INSERT INTO t SETTINGS async_insert = 1, wait_for_async_insert = 1 VALUES", "(1,'a')", "1 1"},
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
	if err := waitFor(func() bool { return queriesLike(conn, "INSERT INTO "+table+"%") == 0 }); err != nil {
		t.Fatal(err)
	}
	if rows := one[uint64](t, conn, "SELECT count() FROM "+table); rows != 0 {
		t.Errorf("there are %d rows, want 0", rows)
	}
}

func TestNativeWithoutRevision(t *testing.T) {
	got := query(t, nil, "SELECT number, [number, number + 1] AS pair FROM numbers(150000) FORMAT Native")
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
			if diff := cmp.Diff([]uint64{n, n, n + 1}, append([]uint64{numbers.Row(i)}, pairs.Row(i)...)); diff != "" {
				t.Fatalf("row %d (-want +got):\n%s", n, diff)
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
