package engine_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
		"ping": {askURL(t, "GET", server+"/ping", nil), 200, "Ok.\n"},
		"root": {askURL(t, "GET", server+"/", nil), 200, "Ok.\n"},
		"other paths": {
			askURL(t, "GET", server+"/nowhere", nil), 404, "There is no handle /nowhere\n",
		},
		"GET":           {ask(t, "GET", url.Values{"query": {"SELECT 1"}}, nil), 200, "1\n"},
		"POST":          {post(nil, "SELECT 1;\n"), 200, "1\n"},
		"in two halves": {post(url.Values{"query": {"SELECT 1 +"}}, "2"), 200, "3\n"},
		"FORMAT":        {post(nil, "SELECT 1 AS a FORMAT JSONEachRow"), 200, "{\"a\":1}\n"},
		"default_format": {
			post(url.Values{"default_format": {"CSVWithNames"}}, "SELECT 1 AS a"),
			200, "\"a\"\n1\n",
		},
		"FORMAT wins": {
			post(url.Values{"default_format": {"CSV"}}, "SELECT 'a' FORMAT TSV"), 200, "a\n",
		},
		"no rows": {post(nil, "SELECT 1 WHERE 0"), 200, ""},
		"names of no rows": {
			post(nil, "SELECT 1 AS a WHERE 0 FORMAT TSVWithNames"), 200,
			"a\n",
		},
		"database": {
			post(url.Values{"database": {"system"}}, "SELECT currentDatabase()"), 200,
			"system\n",
		},
		"with":     {post(nil, "WITH 2 AS a SELECT a"), 200, "2\n"},
		"brackets": {post(nil, "(SELECT 1) UNION ALL (SELECT 1)"), 200, "1\n1\n"},
		"comment":  {post(nil, "-- hm\n/* ( */ SELECT 1 # done"), 200, "1\n"},
		"explain": {
			post(nil, "EXPLAIN SYNTAX SELECT 1 FROM system.one"), 200,
			"SELECT 1\nFROM system.one\n",
		},
		"exists": {post(nil, "EXISTS TABLE system.one"), 200, "1\n"},
		"decimals": {
			post(url.Values{"param_a": {"1.50"}}, "SELECT {a:Decimal(9, 2)}"), 200, "1.5\n",
		},
		"setting": {
			post(url.Values{"max_threads": {"3"}}, "SELECT getSetting('max_threads')"), 200,
			"3\n",
		},
		"identifier": {
			post(url.Values{"param_t": {"one"}}, "SELECT * FROM system.{t:Identifier}"), 200,
			"0\n",
		},
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
		"unknown table": {body: "SELECT * FROM nope", status: 404, code: "60"},
		"syntax":        {body: "SELEKT", status: 400, code: "62"},
		"writing by GET": {
			method: "GET", values: url.Values{"query": {"CREATE DATABASE no"}}, status: 500,
			code: "164",
		},
		"unknown database": {
			values: url.Values{"database": {"nope"}}, body: "SELECT 1", status: 404, code: "81",
		},
		"unknown setting": {
			values: url.Values{"nope": {"1"}}, body: "SELECT 1", status: 404, code: "115",
		},
		"other hosts": {
			body: "SELECT 1", header: []string{"Host", "example.com"}, status: 403, code: "497",
		},
		"other sites": {
			body: "SELECT 1", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403,
			code: "497",
		},
		"sessions": {
			values: url.Values{"session_id": {"1"}}, body: "SELECT 1", status: 501, code: "48",
		},
		"bad gzip": {
			body: "SELECT 1", header: []string{"Content-Encoding", "gzip"}, status: 400,
			code: "117",
		},
		"bad frames": {
			values: url.Values{"decompress": {"1"}}, body: "SELECT 1", status: 400, code: "117",
		},
		"held back": {
			values: url.Values{"wait_end_of_query": {"1"}},
			body:   "SELECT throwIf(number = 3000000) FROM numbers(4000000)", status: 500, code: "395",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = http.MethodPost
			}
			got := ask(t, test.method, test.values, strings.NewReader(test.body), test.header...)
			code := got.header.Get("X-ClickHouse-Exception-Code")
			if got.status != test.status || code != test.code {
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
		end := got.body[max(0, len(got.body)-200):]
		t.Errorf("the status is %d, the text ends with %q", got.status, end)
	}
	if !errors.Is(got.err, io.ErrUnexpectedEOF) {
		t.Errorf("reading the answer ends with %v, want ErrUnexpectedEOF", got.err)
	}
}

func TestHeaders(t *testing.T) {
	got := ask(t, http.MethodPost, url.Values{"query_id": {"mine"}},
		strings.NewReader("SELECT 1 FORMAT JSON"))
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
