package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/waystage/waystage/services/internal/fault"
)

// Query is a SELECT whose result is read by columns.
type Query struct {
	SQL string
	// Params are bound by the server where the SQL says {name:Type}. Texts are plain, not escaped.
	Params map[string]string
	// Settings hold for this query alone.
	Settings map[string]string
	// Columns of the result in their order. The SQL must give exactly these types.
	Columns []Column
}

// Column is a column of a result.
type Column struct {
	Name string
	Type ColumnType
}

// ColumnType is one of the types that a result may have.
type ColumnType uint8

// The types.
const (
	UInt64 ColumnType = iota
	Int64
	UInt32
	String
	UInt64s
)

// Block is some rows of a result, by columns. It belongs to whom it is given.
type Block struct {
	Rows    int
	columns []proto.ColResult
}

// UInt64 is the column at that place.
func (b *Block) UInt64(i int) []uint64 { return *b.columns[i].(*proto.ColUInt64) }

// Int64 is the column at that place.
func (b *Block) Int64(i int) []int64 { return *b.columns[i].(*proto.ColInt64) }

// UInt32 is the column at that place.
func (b *Block) UInt32(i int) []uint32 { return *b.columns[i].(*proto.ColUInt32) }

// UInt64s is the column of lists at that place: the elements of all rows one after the other, and
// where each row's end.
func (b *Block) UInt64s(i int) (elements, ends []uint64) {
	c := b.columns[i].(*proto.ColArr[uint64])
	return *c.Data.(*proto.ColUInt64), c.Offsets
}

// Bytes is one text of the column at that place.
func (b *Block) Bytes(i, row int) []byte { return b.columns[i].(*proto.ColStr).RowBytes(row) }

func newBlock(columns []Column) (*Block, proto.Results) {
	b := &Block{}
	results := make(proto.Results, len(columns))
	for i, c := range columns {
		data := newColumn(c.Type)
		b.columns = append(b.columns, data)
		results[i] = proto.ResultColumn{Data: data} // named by the first block
	}
	return b, results
}

func newColumn(t ColumnType) proto.ColResult {
	switch t {
	case Int64:
		return new(proto.ColInt64)
	case UInt32:
		return new(proto.ColUInt32)
	case String:
		return new(proto.ColStr)
	case UInt64s:
		return proto.NewArrUInt64()
	default:
		return new(proto.ColUInt64)
	}
}

// Stream runs a query and calls each with every block of its result, in no order. It stops at the
// first error of each and gives it back. A result that broke off is an error, never a short one.
// Errors: Exhausted (memory), Expired (time), Unavailable, Internal.
func (s *Store) Stream(ctx context.Context, q Query, each func(*Block) error) error {
	if s.stream == nil {
		return s.streamRows(ctx, q, each)
	}
	body, err := s.stream.open(ctx, q)
	if err != nil {
		return s.broken(err, "asking for touchpoints")
	}
	defer body.Close() //nolint:errcheck // read to its end or given up
	reader := proto.NewReader(body)
	for {
		var head proto.Block
		block, results := newBlock(q.Columns)
		err := head.DecodeBlock(reader, 0, results)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return s.broken(err, "reading touchpoints")
		}
		if block.Rows = head.Rows; block.Rows == 0 {
			continue
		}
		if err := each(block); err != nil {
			return err
		}
	}
}

// stream is ClickHouse's HTTP interface, read column by column: 60 times faster than scanning
// rows (BenchmarkStream beside BenchmarkStreamRows).
type stream struct {
	client   *http.Client
	base     url.URL
	user     *url.Userinfo
	database string
}

func (st *stream) open(ctx context.Context, q Query) (io.ReadCloser, error) {
	u := st.base
	values := url.Values{"default_format": {"Native"}}
	if st.database != "" {
		values.Set("database", st.database)
	}
	for name, value := range q.Params {
		values.Set("param_"+name, escaped.Replace(value))
	}
	for name, value := range q.Settings {
		values.Set(name, value)
	}
	u.RawQuery = values.Encode()
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, u.String(), strings.NewReader(q.SQL))
	if err != nil {
		return nil, fmt.Errorf("making a request to ClickHouse: %w", err)
	}
	if st.user != nil {
		password, _ := st.user.Password()
		request.SetBasicAuth(st.user.Username(), password)
	}
	response, err := st.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking ClickHouse: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close() //nolint:errcheck // an error answer
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return nil, exception(string(text))
	}
	return response.Body, nil
}

var codePattern = regexp.MustCompile(`Code: (\d+)\.`)

// exception reads ClickHouse's own error text.
func exception(text string) error {
	m := codePattern.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("an answer that is not ClickHouse's: %q", text)
	}
	code, _ := strconv.ParseInt(m[1], 10, 32)
	return &clickhouse.Exception{Code: int32(code), Message: text}
}

// streamRows does the same by scanning rows, for the native protocol, whose columns the driver
// keeps to itself.
func (s *Store) streamRows(ctx context.Context, q Query, each func(*Block) error) error {
	settings := clickhouse.Settings{}
	for name, value := range q.Settings {
		settings[name] = value
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings),
		clickhouse.WithParameters(escapedAll(q.Params)))
	rows, err := s.conn.Query(ctx, q.SQL)
	if err != nil {
		return s.broken(err, "asking for touchpoints")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	return s.scanBlocks(rows, q.Columns, each)
}

func subdir(files fs.FS, name string) (fs.FS, error) { return fs.Sub(files, name) }

func database0(path string) string { return strings.Trim(path, "/") }

func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

var errShort = fault.New(fault.Internal, "a result had other columns than asked for")
