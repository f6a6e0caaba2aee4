package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/google/go-cmp/cmp"
)

// revision is one that real clients announce; blocks of it look as those of newer ones.
const revision = 54485

// normalize reads Native blocks of a revision with clickhouse-go and writes them without one.
func normalize(t *testing.T, data string, revision uint64) []byte {
	t.Helper()
	read := chproto.NewReader(strings.NewReader(data))
	var written chproto.Buffer
	for {
		block := proto.NewBlock()
		err := block.Decode(read, revision)
		if errors.Is(err, io.EOF) {
			return written.Buf
		}
		if err == nil {
			err = block.Encode(&written, 0)
		}
		if err != nil {
			t.Fatalf("reading at revision %d: %v", revision, err)
		}
	}
}

func TestUpgradeKeepsValues(t *testing.T) {
	for _, expression := range []string{
		"number", "toString(number)", "toInt8(-number)", "toInt256(number)", "number / 3",
		"toUInt128(number) * 12345678901234567890", "number % 2 = 0",
		"toDate(number)", "toDate32('1950-01-01') + number", "toDateTime(number)",
		"toDateTime64(number / 7, 6)", "toDateTime64(number, 3, 'Europe/Berlin')",
		"toUUIDOrZero(toString(number))", "toIPv4('10.0.0.1')", "toIPv6('::1')",
		"toFixedString(leftPad(toString(number), 5, '0'), 5)", "toBool(number)",
		"toDecimal32(number, 2)", "toDecimal64(number, 4)", "toDecimal128(number, 9)",
		"toDecimal256(number, 20)", "CAST(number % 2 + 1, 'Enum8(\\'a, (b\\' = 1, \\'c\\' = 2)')",
		"toIntervalDay(number)", "NULL", "toNullable(number)", "nullIf(number, 3)",
		"nullIf(toString(number), '4')", "range(number % 5)", "CAST([], 'Array(String)')",
		"arrayMap(x -> range(x), range(number % 4))", "arrayMap(x -> nullIf(x, 2), range(number % 4))",
		"toLowCardinality(toString(number % 3))", "toLowCardinality(nullIf(toString(number % 3), '1'))",
		"arrayMap(x -> toLowCardinality(toString(x)), range(number % 4))",
		"CAST([], 'Array(LowCardinality(String))')",
		"CAST(number, 'LowCardinality(UInt64)')", "toLowCardinality(toString(number))",
		"(number, toString(number), [number])",
		"CAST((number, 'x', [toLowCardinality('y')]), 'Tuple(n UInt64, b String, l Array(LowCardinality(String)))')",
		"map('a', number, 'b', number + 1)", "CAST(map(), 'Map(LowCardinality(String), Array(UInt8))')",
		"CAST([(1, 'x')], 'Nested(a UInt8, b String)')",
		"CAST((number, 1.5), 'Point')", "CAST([[(1., 2.), (3., 4.)]], 'Polygon')",
		"number, range(number % 3), toLowCardinality('z'), toString(number)",
	} {
		t.Run(expression, func(t *testing.T) {
			for _, rows := range []string{"10", "0", "70000"} {
				text := "SELECT " + expression + " FROM numbers(" + rows + ") FORMAT Native"
				values := url.Values{
					"allow_suspicious_low_cardinality_types": {"1"}, "max_threads": {"1"},
				}
				plain := query(t, values, text)
				values.Set("client_protocol_version", fmt.Sprint(revision))
				upgraded := query(t, values, text)
				want, got := normalize(t, plain, 0), normalize(t, upgraded, revision)
				if !bytes.Equal(want, got) || len(plain) > 0 && len(want) == 0 {
					t.Errorf("%s rows: %d bytes without revision, %d with", rows, len(want), len(got))
				}
			}
		})
	}
}

func TestTypesThatCannotBeUpgraded(t *testing.T) {
	conn := connect(t)
	for _, expression := range []string{
		"uniqState(1)", "CAST(toUInt64(1), 'Variant(UInt64, String)')", "CAST(1, 'Dynamic')",
	} {
		checkCode(t, readAll(t.Context(), conn, "SELECT "+expression), 48)
	}
}

func TestJSONComesAsText(t *testing.T) {
	conn := connect(t, func(options *clickhouse.Options) {
		options.Settings = clickhouse.Settings{"allow_experimental_json_type": 1}
	})
	mustExec(t, conn, "CREATE TABLE j (n UInt64, j JSON, s String) ENGINE = MergeTree ORDER BY n",
		`INSERT INTO j VALUES (1, '{"a": {"b": 2}}', 'x')`)
	if got := one[string](t, conn, "SELECT j FROM j"); got != `{"a":{"b":2}}` {
		t.Errorf("got %s", got)
	}
}

func TestDateTimeLosesZone(t *testing.T) {
	conn := connect(t)
	rows, err := conn.Query(t.Context(),
		"SELECT toDateTime(0, 'Asia/Tokyo') AS a, toDateTime64(0, 3, 'Asia/Tokyo') AS b")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var types []string
	for _, column := range rows.ColumnTypes() {
		types = append(types, column.DatabaseTypeName())
	}
	want := []string{"DateTime", "DateTime64(3, 'Asia/Tokyo')"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("if DateTime keeps its zone now, the comment of the package is wrong:\n%s", diff)
	}
}
