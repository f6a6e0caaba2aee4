// Package table makes messages of the rows of a table by a mapping of its columns.
package table
