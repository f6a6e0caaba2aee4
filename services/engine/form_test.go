package engine

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormOf(t *testing.T) {
	type seen struct {
		Selects    bool
		Format     string
		TakesData  bool
		Head, Data string // what stands before the FORMAT clause, and the data
	}
	for name, test := range map[string]struct {
		text string
		want seen
	}{
		"select":        {"SELECT 1", seen{Selects: true}},
		"select format": {"select 1 format TSV;", seen{Selects: true, Format: "TSV"}},
		"format settings": {
			"SELECT 1 FORMAT CSV SETTINGS a = 1", seen{Selects: true, Format: "CSV"},
		},
		"a column format":   {"SELECT format FROM t", seen{Selects: true}},
		"a function format": {"SELECT format('FORMAT TSV', 1)", seen{Selects: true}},
		"format in text":    {"SELECT ' FORMAT TSV'", seen{Selects: true}},
		"format inside":     {"SELECT * FROM (SELECT 1 FORMAT TSV)", seen{Selects: true}},
		"format in comment": {"SELECT 1 -- FORMAT TSV", seen{Selects: true}},
		"totals":            {"SELECT 1 GROUP BY a WITH TOTALS FORMAT JSON", seen{Format: "JSON"}},
		"ddl":               {"CREATE TABLE t (a UInt8)", seen{}},
		"show":              {"SHOW TABLES FORMAT JSON", seen{Format: "JSON"}},
		"insert select":     {"INSERT INTO t SELECT 1 FORMAT TSV", seen{}},
		"insert brackets":   {"INSERT INTO t (a) (SELECT 1)", seen{}},
		"insert values": {
			"INSERT INTO t VALUES (1)",
			seen{Format: "Values", TakesData: true, Head: "INSERT INTO t ", Data: " (1)"},
		},
		"insert format": {
			"insert into t (values, format) format TSV \r\n\n1",
			seen{
				Format: "TSV", TakesData: true, Head: "insert into t (values, format) ",
				Data: "\n1",
			},
		},
		"insert into values": {
			"INSERT INTO a.values FORMAT TSV",
			seen{Format: "TSV", TakesData: true, Head: "INSERT INTO a.values "},
		},
		"insert function": {
			"INSERT INTO FUNCTION file('VALUES') VALUES 1",
			seen{Format: "Values", TakesData: true, Head: "INSERT INTO FUNCTION file('VALUES') ", Data: " 1"},
		},
		"empty":        {"", seen{}},
		"open text":    {"SELECT 'a", seen{Selects: true}},
		"open comment": {"SELECT /* a", seen{Selects: true}},
		"escapes": {
			`SELECT 'a\'' || '''' || "b""" FORMAT TSV`, seen{Selects: true, Format: "TSV"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := formOf(test.text)
			got := seen{Selects: found.selects, Format: found.format, TakesData: found.takesData}
			if found.takesData {
				got.Head, got.Data = test.text[:found.head], test.text[found.data:]
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

func FuzzFormOf(f *testing.F) {
	f.Add("INSERT INTO t (a) FORMAT TSV\n1")
	f.Add("SELECT '\\' /* \" FORMAT")
	f.Fuzz(func(t *testing.T, text string) {
		found := formOf(text)
		if found.head < 0 || found.head > found.data || found.data > len(text) {
			t.Errorf("%q: head %d, data %d", text, found.head, found.data)
		}
	})
}

func FuzzUpgrade(f *testing.F) {
	f.Add([]byte("\x01\x01\x011\x05UInt8\x01"))
	f.Add([]byte("\x01\x01\x01a\x16LowCardinality(String)\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00" +
		"\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01a\x01\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte("\xff")) // no number
	f.Add([]byte("\x01\x01\x01a\x0dArray(String)\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = newUpgrader(54485).write(io.Discard, data) // must end, and not panic
	})
}

func TestCutBlocks(t *testing.T) {
	whole := []byte("\x01\x02\x01a\x06UInt64\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00")
	if err := newUpgrader(54485).write(io.Discard, whole); err != nil {
		t.Fatal(err)
	}
	for end := 1; end < len(whole); end++ {
		if err := newUpgrader(54485).write(io.Discard, whole[:end]); err == nil {
			t.Errorf("the first %d bytes of a block pass for a whole one", end)
		}
	}
}

func TestParseLayoutRefuses(t *testing.T) {
	for _, kind := range []string{
		"", "Nope", "Array(", "Array()", "Array(Nope)", "FixedString(x)", "FixedString()",
		"Decimal(100, 2)", "Tuple()", "Map(String)", "AggregateFunction(uniq, UInt8)",
	} {
		if shape, err := parseLayout(kind); err == nil {
			t.Errorf("%q is taken for %+v", kind, shape)
		}
	}
}

func TestParseLayoutOfTuple(t *testing.T) {
	got, err := parseLayout("Tuple(`a (b, ``\\`` UInt8, c LowCardinality(Nullable(String)))")
	if err != nil {
		t.Fatal(err)
	}
	want := layout{kind: layoutTuple, inner: []layout{
		{kind: layoutFixed, width: 1},
		{kind: layoutLow, inner: []layout{{kind: layoutText}}},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(layout{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQueueObeysContext(t *testing.T) {
	c := &ClickHouse{slots: make(chan struct{}, 1)}
	if !c.acquire(t.Context()) {
		t.Fatal("the free place is not given")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c.acquire(ctx) {
		t.Error("a place is given to a request that went away")
	}
}

func TestExceptionFrom(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		code   int
		status int
	}{
		"code":    {"Code: 60. DB::Exception: No (A). (UNKNOWN_TABLE) (version 26.7.2.1)", 60, 404},
		"prefix":  {"Error: Code: 62. DB::Exception: No. (SYNTAX_ERROR)", 62, 400},
		"no code": {"Invalid insert stream", 1002, 500},
		"no name": {"Code: 7. Something", 7, 500},
	} {
		t.Run(name, func(t *testing.T) {
			var e *exception
			if !errors.As(exceptionFrom(test.text), &e) || e.code != test.code ||
				e.status() != test.status {
				t.Errorf("got %+v", e)
			}
		})
	}
	if err := exceptionFrom(" \n"); err != nil {
		t.Errorf("no text gives %v", err)
	}
}
