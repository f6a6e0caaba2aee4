// Package table lays answers out as flat tables of named columns, for tools that take CSV or Arrow.
// It reads messages and counts nothing: every cell is a field of the answer, or says which part of
// it a row belongs to. The names and order of columns are a promise, held by golden tests; new ones
// are added at the end of those there are. docs/bi.md lists them.
package table

import "time"

// Kind is what the cells of a column hold.
type Kind uint8

// The kinds, with the Go types of their cells. Every cell may be nil: there is no value.
const (
	Text    Kind = iota // string
	Count               // int64: how many, whole
	Number              // float64
	Flag                // bool
	Instant             // time.Time
)

// Column is a column's name and what it holds.
type Column struct {
	Name string
	Kind Kind
}

// Table is a flat table. Every row has a cell per column, in the order of the columns.
type Table struct {
	Columns []Column
	Rows    [][]any
}

// column is a column of a table whose rows are made of T.
type column[T any] struct {
	name string
	kind Kind
	of   func(T) any
}

// lay makes a table of a row per T.
func lay[T any](columns []column[T], rows []T) Table {
	t := Table{Columns: make([]Column, len(columns)), Rows: make([][]any, len(rows))}
	for i, c := range columns {
		t.Columns[i] = Column{Name: c.name, Kind: c.kind}
	}
	for i, row := range rows {
		t.Rows[i] = make([]any, len(columns))
		for k, c := range columns {
			t.Rows[i][k] = c.of(row)
		}
	}
	return t
}

func text[T any](name string, of func(T) string) column[T] {
	return column[T]{name, Text, func(row T) any { return of(row) }}
}

// filled is a column of texts of which the empty one is no value.
func filled[T any](name string, of func(T) string) column[T] {
	return column[T]{name, Text, func(row T) any {
		if value := of(row); value != "" {
			return value
		}
		return nil
	}}
}

// number is a column of counts.
func number[T any, N uint32 | uint64 | int](name string, of func(T) N) column[T] {
	return column[T]{name, Count, func(row T) any {
		return int64(of(row)) //nolint:gosec // nothing is counted beyond it
	}}
}

func flag[T any](name string, of func(T) bool) column[T] {
	return column[T]{name, Flag, func(row T) any { return of(row) }}
}

// stamp is the form of a protobuf instant.
type stamp interface {
	comparable
	AsTime() time.Time
}

// instant is a column of instants, absent ones among them.
func instant[T any, S stamp](name string, of func(T) S) column[T] {
	return column[T]{name, Instant, func(row T) any {
		var none S
		if at := of(row); at != none {
			return at.AsTime()
		}
		return nil
	}}
}

// under gives columns the rows of another type, which hold what the columns are made of.
func under[T, U any](of func(T) U, columns ...column[U]) []column[T] {
	list := make([]column[T], len(columns))
	for i, c := range columns {
		list[i] = column[T]{c.name, c.kind, func(row T) any { return c.of(of(row)) }}
	}
	return list
}

// all puts lists of columns one after another.
func all[T any](lists ...[]column[T]) []column[T] {
	var columns []column[T]
	for _, list := range lists {
		columns = append(columns, list...)
	}
	return columns
}
