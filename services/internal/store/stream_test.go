package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
)

// everyType is a query with a column of each type.
func everyType(rows int) store.Query {
	return store.Query{
		SQL: fmt.Sprintf(`SELECT number * 1000000007 * 1000000007, -toInt64(number),
			toUInt32(number), concat({text:String}, toString(number)),
			arrayMap(x -> x * number, range(number %% 4)) FROM numbers(%d)`, rows),
		Params: map[string]string{"text": "a\x00b\t\\'\"\n\réü😀"},
		Columns: []store.Column{
			{Name: "u", Type: store.UInt64},
			{Name: "i", Type: store.Int64},
			{Name: "w", Type: store.UInt32},
			{Name: "t", Type: store.String},
			{Name: "l", Type: store.UInt64s},
		},
	}
}

type streamer func(context.Context, store.Query, func(*store.Block) error) error

// read gathers the rows of everyType as texts.
func read(t *testing.T, stream streamer, q store.Query) []string {
	t.Helper()
	var rows []string
	err := stream(t.Context(), q, func(b *store.Block) error {
		elements, ends := b.UInt64s(4)
		from := uint64(0)
		for i := range b.Rows {
			rows = append(rows, fmt.Sprintf("%d %d %d %q %v", b.UInt64(0)[i], b.Int64(1)[i],
				b.UInt32(2)[i], b.Bytes(3, i), elements[from:ends[i]]))
			from = ends[i]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// TestStream: by columns and by rows the same comes, of all types, over several blocks.
func TestStream(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const rows = 100_000
	got := read(t, d.Stream, everyType(rows))
	want := make([]string, rows)
	for n := range uint64(rows) {
		list := []uint64{}
		for x := range n % 4 {
			list = append(list, x*n)
		}
		want[n] = fmt.Sprintf("%d %d %d %q %v", n*1000000007*1000000007, -int64(n), n,
			fmt.Sprint("a\x00b\t\\'\"\n\réü😀", n), list)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("by columns: %d rows, want %d; the first differs: %s", len(got), len(want),
			cmp.Diff(want[:1], got[:min(1, len(got))]))
	}
	byRows := read(t, d.StreamRows, everyType(rows))
	if !slices.Equal(byRows, want) {
		t.Errorf("by rows: %d rows, want %d; the first differs: %s", len(byRows), len(want),
			cmp.Diff(want[:1], byRows[:min(1, len(byRows))]))
	}
	if got := read(t, d.Stream, everyType(0)); len(got) > 0 {
		t.Errorf("an empty result gives %d rows", len(got))
	}
	if got := read(t, d.StreamRows, everyType(0)); len(got) > 0 {
		t.Errorf("an empty result gives %d rows", len(got))
	}
}

// TestWords: words come as they are, and are numbered alike where they are alike, of whatever width
// their numbers are.
func TestWords(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for name, stream := range ways(d) {
		for _, distinct := range []int{1, 7, 1000, 90_000} {
			rows, q := 0, store.Query{
				SQL: fmt.Sprintf(`SELECT number, toLowCardinality(if(number %% %[1]d = 0, '',
					'word ' || toString(number %% %[1]d))) FROM numbers(100000)`, distinct),
				Settings: map[string]string{"max_block_size": "100000"},
				Columns: []store.Column{
					{Name: "n", Type: store.UInt64}, {Name: "w", Type: store.Words},
				},
			}
			err := stream(t.Context(), q, func(b *store.Block) error {
				checkWords(t, b, uint64(distinct))
				rows += b.Rows
				return nil
			})
			if err != nil || rows != 100_000 {
				t.Errorf("%d by %s: %d rows, %v", distinct, name, rows, err)
			}
		}
	}
}

func checkWords(t *testing.T, b *store.Block, distinct uint64) {
	t.Helper()
	numbers, above := b.Words(1)
	number, text := make(map[uint64]uint32), make(map[uint32]uint64)
	for row, n := range b.UInt64(0) {
		n %= distinct
		want := ""
		if n > 0 {
			want = fmt.Sprint("word ", n)
		}
		if got := string(b.Bytes(1, row)); got != want {
			t.Fatalf("row %d is %q, want %q", row, got, want)
		}
		of := numbers[row]
		if was, known := number[n]; known && was != of {
			t.Fatalf("%q has the numbers %d and %d", want, was, of)
		}
		if was, known := text[of]; known && was != n || of >= above {
			t.Fatalf("%d of %d stands for %d and %d", of, above, was, n)
		}
		number[n], text[of] = of, n
	}
}

// ways are the two ways to the same.
func ways(d database) map[string]streamer {
	return map[string]streamer{"columns": d.Stream, "rows": d.StreamRows}
}

func one(sql string) store.Query {
	return store.Query{SQL: sql, Columns: []store.Column{{Name: "n", Type: store.UInt64}}}
}

func ignore(*store.Block) error { return nil }

// TestStreamErrors: what the server refuses is told by its kind, before the first row or after
// many.
func TestStreamErrors(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	limited := one("SELECT length(groupArray(number)) FROM numbers(10000000)")
	limited.Settings = map[string]string{"max_memory_usage": "1000000"}
	slow := one("SELECT sleepEachRow(0.1) + number FROM numbers(100)")
	slow.Settings = map[string]string{"max_execution_time": "1", "max_block_size": "1"}
	late := one("SELECT throwIf(number = 3000000, 'later') + number FROM numbers(4000000)")
	late.Settings = map[string]string{"max_threads": "1"}
	twoColumns := one("SELECT number, number FROM numbers(3)")
	for _, c := range []struct {
		name string
		q    store.Query
		want fault.Kind
	}{
		{name: "an unknown table: not migrated yet", q: one("SELECT n FROM nowhere"), want: fault.Unavailable},
		{name: "no SQL", q: one("SELEKT 1"), want: fault.Internal},
		{name: "too much memory", q: limited, want: fault.Exhausted},
		{name: "too slow", q: slow, want: fault.Expired},
		{name: "an error after many rows", q: late, want: fault.Internal},
		{name: "a parameter that is missing", q: one("SELECT {n:UInt64}"), want: fault.Internal},
		{name: "other columns", q: twoColumns, want: fault.Internal},
	} {
		for name, stream := range ways(d) {
			t.Run(c.name+" by "+name, func(t *testing.T) {
				t.Parallel()
				if err := stream(t.Context(), c.q, ignore); fault.Of(err) != c.want {
					t.Errorf("error of kind %v: %v, want %v", fault.Of(err), err, c.want)
				}
			})
		}
	}
}

var errEnough = errors.New("enough")

// TestStreamStops: at the first error of the reader, which comes back as it is, and when the
// context ends.
func TestStreamStops(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	endless := one("SELECT number FROM system.numbers")
	for name, stream := range ways(d) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := stream(t.Context(), endless, func(*store.Block) error {
				calls++
				return errEnough
			})
			if !errors.Is(err, errEnough) || calls != 1 {
				t.Errorf("error %v after %d calls, want the reader's after 1", err, calls)
			}
			ctx, cancel := context.WithCancel(t.Context())
			err = stream(ctx, endless, func(*store.Block) error {
				cancel()
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want that of the context", err)
			}
		})
	}
}

// TestStreamBrokenOff: wherever an answer ends too early, also if its end looks like an end, the
// result is an error.
func TestStreamBrokenOff(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	q := everyType(20)
	whole := answerOf(t, d, q)
	for end := 1; end < len(whole); end++ {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(whole[:end])
		}))
		err := open(t, server.URL+"/x").Stream(t.Context(), q, ignore)
		server.Close()
		if err == nil {
			t.Errorf("cut off after %d of %d bytes, no error", end, len(whole))
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(whole)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	err := open(t, server.URL+"/x").Stream(t.Context(), q, ignore)
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("a connection that broke off after the last block gives %v, want Unavailable", err)
	}
}

// answerOf is the server's answer in bytes.
func answerOf(t *testing.T, d database, q store.Query) []byte {
	t.Helper()
	var whole []byte
	server, name, _ := strings.Cut(strings.TrimPrefix(d.dsn, "http://"), "/")
	recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Post("http://"+server+"/?"+r.URL.RawQuery, "text/plain", r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		whole, err = io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("recording: %s: %s, %v", answer.Status, whole, err)
		}
		_, _ = w.Write(whole)
	}))
	defer recorder.Close()
	if err := open(t, recorder.URL+"/"+name).Stream(t.Context(), q, ignore); err != nil {
		t.Fatal(err)
	}
	return whole
}

// TestStreamAsks: user, password, database, settings and parameters reach the server.
func TestStreamAsks(t *testing.T) {
	t.Parallel()
	var asked url.Values
	var body, name, password string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		name, password, _ = r.BasicAuth()
		text, _ := io.ReadAll(r.Body)
		body = string(text)
	}))
	defer server.Close()
	dsn := strings.Replace(server.URL, "http://", "http://ann:s%40cret@", 1) + "/way"
	q := one("SELECT {p:String}")
	q.Params, q.Settings = map[string]string{"p": "a\tb"}, map[string]string{"max_threads": "3"}
	if err := open(t, dsn).Stream(t.Context(), q, ignore); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"default_format": {"Native"}, "database": {"way"}, "param_p": {`a\tb`}, "max_threads": {"3"},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if body != q.SQL || name != "ann" || password != "s@cret" {
		t.Errorf("asked %q as %q with %q", body, name, password)
	}
}

// TestRefusals: ClickHouse's own errors are told by their codes.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]fault.Kind{
		241: fault.Exhausted, 159: fault.Expired, 202: fault.Unavailable, 252: fault.Unavailable,
		439: fault.Unavailable, 242: fault.Unavailable, 60: fault.Unavailable, 62: fault.Internal,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(
				func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(code))
					w.WriteHeader(http.StatusInternalServerError)
					fmt.Fprintf(w, "Code: %d. DB::Exception: no. (NO) (version 26.7.1.1)", code)
				}))
			defer server.Close()
			d := open(t, server.URL+"/x")
			if err := d.Stream(t.Context(), one("SELECT 1"), ignore); fault.Of(err) != want {
				t.Errorf("streaming: %v, want %v", err, want)
			}
			if err := d.Ping(t.Context()); fault.Of(err) != want {
				t.Errorf("asking by the driver: %v, want %v", err, want)
			}
		})
	}
}

// TestProxyAnswers: an error that is not ClickHouse's, such as a proxy's, means that it is away.
func TestProxyAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write(bytes.Repeat([]byte("no upstream "), 10_000))
	}))
	defer server.Close()
	err := open(t, server.URL+"/x").Stream(t.Context(), one("SELECT 1"), ignore)
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("error %v, want Unavailable", err)
	}
}
