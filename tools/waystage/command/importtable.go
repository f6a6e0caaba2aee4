package command

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/archive/table"
)

// columns are the flags that say what becomes of the columns of a table.
type columns struct {
	mapping             string
	pairs               []string
	kind, event, column string
	format, zone        string
	rest, decimal       string
	delimiter           string
}

func (c *columns) add(f *pflag.FlagSet) {
	f.StringVar(&c.mapping, "mapping", "", "YAML `FILE` that says what becomes of the columns")
	f.StringArrayVar(&c.pairs, "column", nil, "`NAME=COLUMN`: userId, anonymousId, groupId, "+
		"previousId, messageId, timestamp, properties.X, traits.X or context.X of a column; may be "+
		"repeated, for messageId and timestamp with the same name")
	f.StringVar(&c.kind, "type", "", "`kind` of message of all rows (default track)")
	f.StringVar(&c.event, "event", "", "`name` of what happened, in all rows")
	f.StringVar(&c.column, "event-column", "", "`COLUMN` with the name of what happened")
	f.StringVar(&c.format, "time-format", "", "how instants are written: iso, unix, unix-ms, or a "+
		"`pattern` such as \"%d.%m.%Y %H:%M\" (default iso)")
	f.StringVar(&c.zone, "time-zone", "", "IANA `zone` of instants that state none "+
		"(default UTC)")
	f.StringVar(&c.rest, "rest", "", "what becomes of all other columns: `properties`, traits or drop")
	f.StringVar(&c.decimal, "decimal", "", "decimal `sign` in numbers: point or comma")
	f.StringVar(&c.delimiter, "delimiter", "", "`character` between cells, or tab "+
		"(default: the header tells)")
}

// given tells whether anything is said of columns.
func (c *columns) given() bool { return c.mapping != "" || len(c.flags()) > 0 }

// flags are those that are set, for messages.
func (c *columns) flags() []string {
	var names []string
	for _, f := range []struct{ name, value string }{
		{"--column", strings.Join(c.pairs, "")},
		{"--type", c.kind},
		{"--event", c.event},
		{"--event-column", c.column},
		{"--time-format", c.format},
		{"--time-zone", c.zone},
		{"--rest", c.rest},
		{"--decimal", c.decimal},
		{"--delimiter", c.delimiter},
	} {
		if f.value != "" {
			names = append(names, f.name)
		}
	}
	return names
}

// read is the mapping of the file, over which flags go.
func (c *columns) read() (table.Mapping, error) {
	var m table.Mapping
	if c.mapping != "" {
		text, err := os.ReadFile(c.mapping)
		if err != nil {
			return m, err
		}
		if m, err = table.Parse(c.mapping, text); err != nil {
			return m, err
		}
	}
	if err := c.name(&m); err != nil {
		return m, err
	}
	for _, f := range []struct {
		value string
		into  *string
	}{
		{c.rest, &m.Rest}, {c.decimal, &m.Decimal}, {c.delimiter, &m.Delimiter},
	} {
		if f.value != "" {
			*f.into = f.value
		}
	}
	return m, c.date(&m)
}

// name applies the flags of columns and names.
func (c *columns) name(m *table.Mapping) error {
	if c.event != "" && c.column != "" {
		return usage("--event and --event-column: give one of them")
	}
	if c.kind != "" {
		m.Type = table.Constant(c.kind)
	}
	if c.event != "" {
		m.Event = table.Constant(c.event)
	}
	pairs := c.pairs
	if c.column != "" {
		pairs = append(pairs, "event="+c.column)
	}
	var names []string
	of := make(map[string][]string)
	for _, pair := range pairs {
		name, column, found := strings.Cut(pair, "=")
		if !found || name == "" || column == "" {
			return usage("--column %q: write NAME=COLUMN, as userId=customer_id", pair)
		}
		if of[name] == nil {
			names = append(names, name)
		}
		of[name] = append(of[name], column)
	}
	for _, name := range names {
		if err := m.Take(name, of[name]...); err != nil {
			return usage("--column: %w", err)
		}
	}
	return nil
}

func (c *columns) date(m *table.Mapping) error {
	if c.format == "" && c.zone == "" {
		return nil
	}
	if m.Timestamp == nil {
		return usage("--time-format and --time-zone: name the column of the timestamp, too, by " +
			"--column timestamp=COLUMN")
	}
	if c.format != "" {
		m.Timestamp.Format = c.format
	}
	if c.zone != "" {
		m.Timestamp.Zone = c.zone
	}
	return nil
}

// entries reads a file in its format; settings are the hash of what becomes of its rows.
func (i *importing) entries(
	name string, in io.Reader, from *int,
) (entries archive.Entries, settings string, err error) {
	plain, err := archive.Unpack(in)
	if err != nil {
		return nil, "", err
	}
	format, plain := i.formatOf(name, plain)
	switch format {
	case archive.NDJSON:
		if i.columns.given() {
			return nil, "", usage("the messages of NDJSON are sent as they stand: leave %s out, or "+
				"say --format csv", strings.Join(append(i.columns.flags(), i.mappingFlag()...), ", "))
		}
		return archive.Lines(plain), string(archive.NDJSON), nil
	case archive.CSV:
	default:
		return nil, "", usage("--format %q: there are ndjson and csv", i.format)
	}
	if !i.columns.given() {
		return nil, "", usage("this is a table: say what becomes of its columns by --mapping, or by " +
			"--event, --column and --rest; if it is one JSON object a line, say --format ndjson")
	}
	m, err := i.columns.read()
	if err != nil {
		return nil, "", err
	}
	if m.Delimiter == "" && i.format == "" && isTabbed(name) {
		m.Delimiter = "tab"
	}
	t, err := table.Open(plain, m, i.world.Now())
	if err != nil {
		return nil, "", fmt.Errorf("nothing was sent: %w", err)
	}
	return t.Entries(from), m.Hash(), nil
}

func (i *importing) mappingFlag() []string {
	if i.columns.mapping == "" {
		return nil
	}
	return []string{"--mapping"}
}

// isTabbed tells names that promise tabs.
func isTabbed(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	return strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".tab")
}

// formatOf is the format that was stated, else that of the name, else that of the beginning.
func (i *importing) formatOf(name string, in io.Reader) (archive.Format, io.Reader) {
	switch i.format {
	case "tsv":
		return archive.CSV, in
	case "jsonl":
		return archive.NDJSON, in
	case "":
	default:
		return archive.Format(i.format), in
	}
	if format := archive.FormatOf(name); format != "" {
		return format, in
	}
	if i.columns.given() {
		return archive.CSV, in
	}
	return archive.Sniff(in)
}
