package store

import (
	"context"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// withParams binds values to the {name:Type} of a query. They are plain: what the server would
// read as an escape is escaped here.
func withParams(ctx context.Context, params map[string]string) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithParameters(escapedAll(params)))
}

// bigQuery binds values to a query that may name as many keys as a batch has.
func bigQuery(ctx context.Context, params map[string]string) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithParameters(escapedAll(params)),
		clickhouse.WithSettings(tagged(ctx, clickhouse.Settings{"max_query_size": maxQueryBytes})))
}

func escapedAll(params map[string]string) clickhouse.Parameters {
	all := make(clickhouse.Parameters, len(params))
	for name, value := range params {
		all[name] = escaped.Replace(value)
	}
	return all
}

// escaped writes a text as the server reads values of parameters: as a field of its format
// TabSeparated (clickhouse.com/docs/interfaces/formats/TabSeparated).
var escaped = strings.NewReplacer(
	"\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r", "\x00", "\\0",
)
