package store

import (
	"bufio"
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
	"sync"

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
	// Words are a LowCardinality(String): texts of which each block names every one once.
	Words
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
func (b *Block) Bytes(i, row int) []byte {
	if c, is := b.columns[i].(*words); is {
		return c.text(row)
	}
	return b.columns[i].(*proto.ColStr).RowBytes(row)
}

// Words are the numbers of the texts of a column of Words, which are the same where these are, and
// a number above them all.
func (b *Block) Words(i int) (numbers []uint32, above uint32) {
	return b.columns[i].(*words).numbers()
}

// Release gives the block's memory to blocks to come. What it gave must not be used any more.
func (b *Block) Release() {
	for _, c := range b.columns {
		switch c := c.(type) {
		case *proto.ColUInt64:
			c.Reset()
			freeNumbers.Put(c)
		case *proto.ColArr[uint64]:
			c.Reset()
			freeLists.Put(c)
		}
	}
	b.columns = nil
}

// Columns of released blocks.
var (
	freeNumbers = sync.Pool{New: func() any { return new(proto.ColUInt64) }}
	freeLists   = sync.Pool{New: func() any { return proto.NewArrUInt64() }}
)

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
	case Words:
		return newWords()
	case UInt64s:
		return freeLists.Get().(*proto.ColArr[uint64])
	default:
		return freeNumbers.Get().(*proto.ColUInt64)
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
		return s.broken(err, "asking for rows")
	}
	defer body.Close() //nolint:errcheck // read to its end or given up
	blocks := newBlocks(body)
	defer blocks.release()
	for {
		block, err := blocks.next(q.Columns)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return s.broken(err, "reading rows")
		}
		if block.Rows == 0 {
			continue
		}
		if err := each(block); err != nil {
			return err
		}
	}
}

// blocks are the blocks of an answer.
type blocks struct {
	buffered *bufio.Reader
	reader   *proto.Reader
}

// readerBytes is more than what proto.Reader buffers by itself, so that it takes the buffer that
// it is given, and the end of the answer can be told from an end inside a block.
const readerBytes = 1 << 20

// freeBuffers are those of answers that were read: making one costs more than a small answer.
var freeBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readerBytes) }}

func newBlocks(body io.Reader) *blocks {
	buffered := freeBuffers.Get().(*bufio.Reader) //nolint:forcetypeassert // of one type
	buffered.Reset(body)
	return &blocks{buffered, proto.NewReader(buffered)}
}

// release gives the buffer to answers to come.
func (b *blocks) release() {
	b.buffered.Reset(nil)
	freeBuffers.Put(b.buffered)
}

// next reads a block. Errors: io.EOF after the last one.
func (b *blocks) next(columns []Column) (*Block, error) {
	if _, err := b.buffered.Peek(1); err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it was reading
	}
	var head proto.Block
	block, results := newBlock(columns)
	if err := head.DecodeBlock(b.reader, 0, results); err != nil {
		return nil, fmt.Errorf("decoding a block: %w", b.cause(err))
	}
	block.Rows = head.Rows
	return block, nil
}

// maxExceptionBytes bounds what is searched for an exception.
const maxExceptionBytes = 1 << 16

// cause is why a block could not be decoded: an exception of ClickHouse that came in its place, or
// the error itself, which is no end of the answer.
func (b *blocks) cause(err error) error {
	rest, broken := io.ReadAll(io.LimitReader(b.buffered, maxExceptionBytes))
	m := exceptionPattern.Find(rest)
	switch {
	case m != nil:
		return exception(string(m))
	case broken != nil:
		return broken //nolint:wrapcheck // the caller says what it was reading
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	default:
		return fault.Wrap(fault.Internal, err, "a result had other columns than asked for")
	}
}

var exceptionPattern = regexp.MustCompile(`(?s)Code: \d+\. DB::.*`)

// stream is ClickHouse's HTTP interface, read column by column: twice as fast as scanning
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
	for name, value := range tagged(ctx, nil) {
		values.Set(name, fmt.Sprint(value))
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(tagged(ctx, settings)),
		clickhouse.WithParameters(escapedAll(q.Params)))
	rows, err := s.conn.Query(ctx, q.SQL)
	if err != nil {
		return s.broken(err, "asking for rows")
	}
	err = s.scanBlocks(rows, q.Columns, each)
	if err != nil {
		cancel() // closing reads all that is still to come
	}
	_ = rows.Close()
	return err
}

func subdir(files fs.FS, name string) (fs.FS, error) { return fs.Sub(files, name) }

func database0(path string) string { return strings.Trim(path, "/") }

func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

var errShort = fault.New(fault.Internal, "a result had other columns than asked for")
