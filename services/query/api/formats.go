package api

import (
	"google.golang.org/protobuf/proto"

	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/query/table"
)

// Formats are those that answers have over HTTP besides JSON.
func Formats() []rpc.Format {
	return []rpc.Format{
		{
			Name: "csv", Type: "text/csv; charset=utf-8; header=present", Tables: table.Names,
			Write: func(answer proto.Message, name string, by []string) ([]byte, error) {
				laid, err := table.Of(answer, name, by)
				return laid.CSV(), err //nolint:wrapcheck // a fault
			},
		},
		{
			Name: "arrow", Type: "application/vnd.apache.arrow.stream", Tables: table.Names,
			Write: func(answer proto.Message, name string, by []string) ([]byte, error) {
				laid, err := table.Of(answer, name, by)
				if err != nil {
					return nil, err //nolint:wrapcheck // a fault
				}
				return laid.Arrow() //nolint:wrapcheck // its only error is internal
			},
		},
	}
}
