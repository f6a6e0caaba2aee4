package table

import (
	"bytes"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowTypes are what the kinds are in Arrow. Instants are UTC; what is finer is cut off.
var arrowTypes = map[Kind]arrow.DataType{
	Text:    arrow.BinaryTypes.String,
	Count:   arrow.PrimitiveTypes.Int64,
	Number:  arrow.PrimitiveTypes.Float64,
	Flag:    arrow.FixedWidthTypes.Boolean,
	Instant: arrow.FixedWidthTypes.Timestamp_us,
}

// Arrow writes a table as an Arrow IPC stream of one batch, all columns nullable. Texts are as they
// are: no spreadsheet reads this.
func (t Table) Arrow() ([]byte, error) {
	fields := make([]arrow.Field, len(t.Columns))
	for i, c := range t.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowTypes[c.Kind], Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	batch := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer batch.Release()
	for _, row := range t.Rows {
		for i, cell := range row {
			appendCell(batch.Field(i), cell)
		}
	}
	record := batch.NewRecordBatch()
	defer record.Release()
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(schema))
	if err := w.Write(record); err != nil {
		return nil, fmt.Errorf("writing %d rows as Arrow: %w", len(t.Rows), err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("ending an Arrow stream: %w", err)
	}
	return b.Bytes(), nil
}

// appendCell adds a cell to a column of its kind.
func appendCell(to array.Builder, cell any) {
	switch cell := cell.(type) {
	case string:
		to.(*array.StringBuilder).Append(cell)
	case int64:
		to.(*array.Int64Builder).Append(cell)
	case float64:
		to.(*array.Float64Builder).Append(cell)
	case bool:
		to.(*array.BooleanBuilder).Append(cell)
	case time.Time:
		to.(*array.TimestampBuilder).Append(arrow.Timestamp(cell.UnixMicro()))
	default:
		to.AppendNull()
	}
}
