package engine_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
)

// wide is a row with a column of each kind that Waystage stores.
type wide struct {
	Number uint64
	Text   string
	At     time.Time
	Low    string
	List   []uint64
	Maybe  *string
	Fixed  string
	Tags   map[string]string
}

const wideTable = `CREATE TABLE wide (
	number UInt64, text String, at DateTime64(3, 'UTC'), low LowCardinality(String),
	list Array(UInt64), maybe Nullable(String), fixed FixedString(4),
	tags Map(LowCardinality(String), String)
) ENGINE = MergeTree ORDER BY number`

// wideRow makes a row that depends on i alone.
func wideRow(i int) wide {
	row := wide{
		Number: uint64(i), Text: strings.Repeat("é", i%7), Low: fmt.Sprint("low", i%5),
		At:    time.UnixMilli(1_700_000_000_000 + int64(i)).UTC(),
		List:  make([]uint64, i%4),
		Fixed: fmt.Sprintf("%04d", i%10000),
		Tags:  map[string]string{},
	}
	for j := range row.List {
		row.List[j] = uint64(i) << j
	}
	if i%3 == 0 {
		row.Maybe = &row.Text
		row.Tags["k"] = row.Fixed
	}
	return row
}

// insertWide adds rows in one batch.
func insertWide(t *testing.T, conn driver.Conn, rows int) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO wide")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		row := wideRow(i)
		if err := batch.Append(row.Number, row.Text, row.At, row.Low, row.List, row.Maybe,
			row.Fixed, row.Tags); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, method := range map[string]clickhouse.CompressionMethod{
		"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4,
		"zstd": clickhouse.CompressionZSTD, "gzip": clickhouse.CompressionGZIP,
		"deflate": clickhouse.CompressionDeflate, "br": clickhouse.CompressionBrotli,
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, func(options *clickhouse.Options) {
				options.Compression = &clickhouse.Compression{Method: method, Level: 3}
				options.Settings = clickhouse.Settings{"enable_http_compression": 1}
			})
			rows := 5_000
			if name == "lz4" || name == "none" {
				rows = 100_000
			}
			checkRoundTrip(t, conn, rows)
		})
	}
}

// checkRoundTrip writes rows in one batch and reads all of them back.
func checkRoundTrip(t *testing.T, conn driver.Conn, count int) {
	t.Helper()
	mustExec(t, conn, wideTable)
	insertWide(t, conn, count)
	rows, err := conn.Query(t.Context(), "SELECT * FROM wide ORDER BY number")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	read := 0
	for ; rows.Next(); read++ {
		var got wide
		if err := rows.Scan(&got.Number, &got.Text, &got.At, &got.Low, &got.List, &got.Maybe,
			&got.Fixed, &got.Tags); err != nil {
			t.Fatal(err)
		}
		if want := wideRow(read); !reflect.DeepEqual(want, got) { // cmp takes a minute for all
			t.Fatalf("row %d (-want +got):\n%s", read, cmp.Diff(want, got))
		}
	}
	if err := rows.Err(); err != nil || read != count {
		t.Errorf("read %d rows and %v, want %d", read, err, count)
	}
}

func TestBatchIsOnePart(t *testing.T) {
	conn := connect(t)
	mustExec(t, conn, wideTable)
	insertWide(t, conn, 100_000)
	parts := one[uint64](t, conn, "SELECT count() FROM system.parts "+
		"WHERE database = currentDatabase() AND table = 'wide'")
	if parts != 1 {
		t.Errorf("a batch made %d parts, want 1", parts)
	}
}

func TestErrors(t *testing.T) {
	conn := connect(t)
	for name, test := range map[string]struct {
		query string
		code  int32
	}{
		"unknown table":     {"SELECT * FROM nope", 60},
		"unknown column":    {"SELECT nope", 47},
		"unknown database":  {"SELECT * FROM nope.nope", 81},
		"unknown function":  {"SELECT nope(1)", 46},
		"syntax":            {"SELECT FROM WHERE", 62},
		"no SQL":            {"Lorem ipsum", 62},
		"two statements":    {"SELECT 1; SELECT 2", 62},
		"two definitions":   {"CREATE DATABASE x1; CREATE DATABASE x2", 62},
		"unknown setting":   {"SELECT 1 SETTINGS nope = 1", 115},
		"late":              {"SELECT throwIf(number = 5000000) FROM numbers(10000000)", 395},
		"missing parameter": {"SELECT {p:UInt8}", 456},
	} {
		t.Run(name, func(t *testing.T) {
			checkCode(t, readAll(t.Context(), conn, test.query), test.code)
		})
	}
}

// checkCode compares the number of a ClickHouse error.
func checkCode(t *testing.T, err error, code int32) {
	t.Helper()
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		t.Fatalf("got %v, want an exception with the code %d", err, code)
	}
	if exception.Code != code {
		t.Errorf("got the code %d (%s), want %d", exception.Code, exception.Message, code)
	}
}

// readAll reads the whole result of a query and drops it.
func readAll(ctx context.Context, conn driver.Conn, query string) error {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

func TestParameters(t *testing.T) {
	conn := connect(t)
	ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{
		"number": "42", "text": `quote ' backslash \\ tab \t`, "list": "['a','b\\'c']", "empty": "",
		"name": "numbers",
	}))
	got := oneIn[string](t, ctx, conn, "SELECT toString({number:UInt64}) || '|' || "+
		"{text:String} || '|' || arrayStringConcat({list:Array(String)}, ',') || '|' || {empty:String}")
	if want := "42|quote ' backslash \\ tab \t|a,b'c|"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	mustExec(t, conn, "CREATE TABLE p (n UInt64) ENGINE = MergeTree ORDER BY n")
	if err := conn.Exec(ctx, "INSERT INTO p SELECT {number:UInt64}"); err != nil {
		t.Fatal(err)
	}
	if got := one[uint64](t, conn, "SELECT sum(n) FROM p"); got != 42 {
		t.Errorf("an INSERT with a parameter wrote %d, want 42", got)
	}
}

func TestSettingsLastForOneRequest(t *testing.T) {
	conn := connect(t)
	heavy := "SELECT uniqExact(number) FROM numbers(1000000)"
	tight := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
		"max_memory_usage": 1_000_000, "max_threads": 1,
	}))
	for range 3 {
		checkCode(t, readAll(tight, conn, heavy), 241)
		if got := one[uint64](t, conn, heavy); got != 1_000_000 {
			t.Errorf("got %d, want 1000000", got)
		}
	}
	threads := oneIn[string](t, tight, conn, "SELECT toString(getSetting('max_threads'))")
	if threads != "1" {
		t.Errorf("max_threads is %s, want 1", threads)
	}
	unknown := clickhouse.Context(t.Context(), clickhouse.WithSettings(
		clickhouse.Settings{"nope": 1}))
	checkCode(t, readAll(unknown, conn, "SELECT 1"), 115)
	wrong := clickhouse.Context(t.Context(), clickhouse.WithSettings(
		clickhouse.Settings{"max_threads": "many"}))
	checkCode(t, readAll(wrong, conn, "SELECT 1"), 27)
}

func TestNothingStaysBehind(t *testing.T) {
	conn := connect(t)
	state := "SELECT toString(getSetting('max_block_size')) || currentDatabase()"
	before := one[string](t, conn, state)
	mustExec(t, conn, "SET max_block_size = 7", "USE system",
		"CREATE TEMPORARY TABLE passing (n UInt8)")
	after := one[string](t, conn, state)
	if before != after {
		t.Errorf("SET and USE stay: %s, before %s", after, before)
	}
	checkCode(t, readAll(t.Context(), conn, "SELECT * FROM passing"), 60)
}

func TestDeduplicationToken(t *testing.T) {
	conn := connect(t)
	mustExec(t, conn, `CREATE TABLE once (n UInt64) ENGINE = MergeTree ORDER BY n
		PARTITION BY n % 3 SETTINGS non_replicated_deduplication_window = 100`)
	for _, token := range []string{"a", "a", "b"} {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(
			clickhouse.Settings{"insert_deduplication_token": token}))
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO once")
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(10) {
			if err := batch.Append(i); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
	if got := one[uint64](t, conn, "SELECT count() FROM once"); got != 20 {
		t.Errorf("there are %d rows, want 20", got)
	}
}

func TestMutationsWaitWhenTold(t *testing.T) {
	conn := connect(t)
	mustExec(t, conn, "CREATE TABLE m (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO m SELECT number FROM numbers(100000)")
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(
		clickhouse.Settings{"mutations_sync": 2}))
	if err := conn.Exec(ctx, "ALTER TABLE m DELETE WHERE n % 2 = 0"); err != nil {
		t.Fatal(err)
	}
	if got := one[uint64](t, conn, "SELECT count() FROM m"); got != 50_000 {
		t.Errorf("there are %d rows right after the mutation, want 50000", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	conn := connect(t, func(options *clickhouse.Options) {
		options.MaxOpenConns, options.MaxIdleConns = 32, 32
	})
	mustExec(t, conn, "CREATE TABLE many (w UInt32, n UInt64) ENGINE = MergeTree ORDER BY (w, n)")
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for round := range 5 {
				if err := writeAndRead(t.Context(), conn, worker, round); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if got := one[uint64](t, conn, "SELECT count() FROM many"); got != 8*5*500 {
		t.Errorf("there are %d rows, want %d", got, 8*5*500)
	}
}

// writeAndRead adds a batch of a worker, then checks that its own rows, and another long result,
// come back whole.
func writeAndRead(ctx context.Context, conn driver.Conn, worker, round int) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO many")
	if err != nil {
		return err
	}
	for i := range 500 {
		if err := batch.Append(uint32(worker), uint64(round*500+i)); err != nil {
			return err
		}
	}
	if err := batch.Send(); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, "SELECT number * {w:UInt64} FROM numbers(200000)",
		clickhouse.Named("w", fmt.Sprint(worker)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for i := uint64(0); rows.Next(); i++ {
		var got uint64
		if err := rows.Scan(&got); err != nil {
			return err
		}
		if want := i * uint64(worker); got != want {
			return fmt.Errorf("worker %d reads %d in row %d, want %d", worker, got, i, want)
		}
	}
	var count uint64
	err = conn.QueryRow(ctx, fmt.Sprint("SELECT count() FROM many WHERE w = ", worker)).Scan(&count)
	if err == nil && count != uint64(round+1)*500 {
		err = fmt.Errorf("worker %d has %d rows after round %d", worker, count, round)
	}
	return errors.Join(err, rows.Err())
}
