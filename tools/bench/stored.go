package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// printStored tells what each layout costs on disk.
func (b *bench) printStored(ctx context.Context, out io.Writer) error {
	var rows [][]string
	for _, l := range layouts() {
		for _, s := range b.states() {
			row, err := b.stored(ctx, l.table+s.suffix)
			if err != nil {
				return err
			}
			if row != nil && s.suffix != "" {
				row[3], row[4] = "–", "–" // small parts do not tell the sizes of their columns
			}
			if row != nil {
				rows = append(rows, append([]string{l.table, strings.ToLower(s.title)}, row...))
			}
		}
	}
	printTable(out, "On disk", []string{
		"table", "state", "parts", "rows", "bytes per touchpoint",
		"of these read without a condition", "of these the property array",
	}, rows)
	return nil
}

// stored gives parts, rows and bytes of a table; nil if there is none.
func (b *bench) stored(ctx context.Context, table string) ([]string, error) {
	text, err := b.client.exec(ctx, fmt.Sprintf(`
		SELECT p.parts, p.rows, round(p.bytes / %[2]d, 1), round(c.read / %[2]d, 1),
			round(c.devices / %[2]d, 1)
		FROM (SELECT count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
			FROM system.parts WHERE active AND database = currentDatabase() AND table = '%[1]s'
			HAVING parts > 0) AS p,
		(SELECT sumIf(column_data_compressed_bytes,
				column IN ('identity', 'at', 'stage', 'touches')) AS read,
			sumIf(column_data_compressed_bytes, column = 'devices') AS devices
			FROM system.parts_columns
			WHERE active AND database = currentDatabase() AND table = '%[1]s') AS c`,
		table, b.rows))
	if err != nil || text == "" {
		return nil, err
	}
	return strings.Fields(text), nil
}

// printReading tells what the questions without a condition read, and the most memory that the
// question over everything took beyond what the process had before.
func (b *bench) printReading(
	ctx context.Context, s state, list []candidate, out io.Writer,
) error {
	all := questions()[:4]
	heads := []string{"", "candidate"}
	for _, q := range all {
		heads = append(heads, "rows read, "+q.name)
	}
	var rows [][]string
	for _, c := range list {
		row := []string{c.key, c.name}
		for _, q := range all {
			n, err := b.rowsRead(ctx, c.sql(q, c.table+s.suffix))
			if err != nil {
				return err
			}
			row = append(row, n)
		}
		memory, err := b.memoryOf(ctx, c, all[len(all)-1], s)
		if err != nil {
			return err
		}
		rows = append(rows, append(row, memory))
	}
	printTable(out, s.title+": rows and memory", append(heads, "peak memory, 3 years"), rows)
	return nil
}

// rowsRead is the estimate of the engine, from the index.
func (b *bench) rowsRead(ctx context.Context, sql string) (string, error) {
	text, err := b.client.exec(ctx, "EXPLAIN ESTIMATE "+sql)
	if err != nil {
		return "", err
	}
	rows := 0
	for line := range strings.Lines(text) {
		fields := strings.Fields(line) // database, table, parts, rows, marks
		if len(fields) < 5 {
			return "", fmt.Errorf("reading the estimate %q: want 5 fields", line)
		}
		n, err := strconv.Atoi(fields[3])
		if err != nil {
			return "", fmt.Errorf("reading the estimate %q: %w", line, err)
		}
		rows += n
	}
	return fmt.Sprintf("%.3g M", float64(rows)/1e6), nil
}

// memoryOf runs a question from rest and gives how much the resident memory grew at its peak. It
// is known on Linux alone.
func (b *bench) memoryOf(
	ctx context.Context, c candidate, q question, s state,
) (string, error) {
	b.kernel.forget()
	debug.FreeOSMemory()
	if err := b.exec(ctx, "SYSTEM JEMALLOC PURGE"); err != nil {
		return "", err
	}
	before := resetPeak()
	if _, _, err := b.measure(ctx, c, q, s); err != nil {
		return "", err
	}
	if before == 0 {
		return "–", nil
	}
	return fmt.Sprintf("%d MB", (statusBytes("VmHWM:")-before)>>20), nil
}

// resetPeak makes the present memory the peak, and gives it in bytes; 0 if that cannot be done.
func resetPeak() int {
	if os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) != nil {
		return 0
	}
	return statusBytes("VmRSS:")
}

// statusBytes reads a size from the kernel's account of this process; 0 if there is none.
func statusBytes(name string) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if i := slices.Index(fields, name); i == 0 && len(fields) > 1 {
			n, _ := strconv.Atoi(fields[1]) // 0 tells that it is unknown
			return n << 10
		}
	}
	return 0
}
