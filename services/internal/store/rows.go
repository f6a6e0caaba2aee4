package store

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// rowsPerBlock is how many scanned rows make a block.
const rowsPerBlock = 16384

// scanBlocks gathers scanned rows into blocks.
func (s *Store) scanBlocks(rows driver.Rows, columns []Column, each func(*Block) error) error {
	block, _ := newBlock(columns)
	row := newScanRow(block)
	for rows.Next() {
		if len(rows.Columns()) != len(columns) {
			return errShort
		}
		if err := rows.Scan(row.targets...); err != nil {
			return s.broken(err, "scanning a row")
		}
		row.append()
		if block.Rows++; block.Rows == rowsPerBlock {
			if err := each(block); err != nil {
				return err
			}
			block, _ = newBlock(columns)
			row = newScanRow(block)
		}
	}
	if err := rows.Err(); err != nil {
		return s.broken(err, "reading rows")
	}
	if block.Rows == 0 {
		return nil
	}
	return each(block)
}

// scanRow is where the driver puts one row.
type scanRow struct {
	targets []any
	appends []func()
}

func (r *scanRow) append() {
	for _, f := range r.appends {
		f()
	}
}

func newScanRow(b *Block) *scanRow {
	r := &scanRow{}
	for _, c := range b.columns {
		switch c := c.(type) {
		case *proto.ColUInt64:
			scanInto(r, c.Append)
		case *proto.ColInt64:
			scanInto(r, c.Append)
		case *proto.ColUInt32:
			scanInto(r, c.Append)
		case *proto.ColStr:
			scanInto(r, c.Append)
		case *words:
			scanInto(r, c.Append)
		case *proto.ColArr[uint64]:
			scanInto(r, c.Append)
		}
	}
	return r
}

func scanInto[T any](r *scanRow, add func(T)) {
	target := new(T)
	r.targets = append(r.targets, target)
	r.appends = append(r.appends, func() { add(*target) })
}
