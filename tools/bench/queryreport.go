package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/query"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// report measures the states one after the other and prints each.
func (b *queryBench) report(ctx context.Context) error {
	fmt.Fprintf(b.out, "%d processors, %s/%s, %s, load average before: %s. Engine, query service and "+
		"asker share one process.\n\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), load())
	fmt.Fprintf(b.out, "World: %d touchpoints, %d of them on the map, of %d persons in three "+
		"years.\n\n", b.rows, b.touchpoints, b.persons)
	if err := b.printBytes(ctx); err != nil {
		return err
	}
	if b.merged {
		all, err := b.measureForms(ctx, true)
		printForms(b.out, "Merged, nothing else going on", all)
		if err != nil {
			return err
		}
		b.keepPoint(all)
		if err := b.draw(); err != nil {
			return err
		}
	}
	if b.flowing > 0 {
		if err := b.reportFlow(ctx); err != nil {
			return err
		}
	}
	if err := b.printFirst(ctx); err != nil {
		return err
	}
	return b.printMemory(ctx)
}

// printForms prints what was measured of a state.
func printForms(out interface{ Write([]byte) (int, error) }, title string, all []runs) {
	var rows [][]string
	for _, r := range all {
		if r.err != nil {
			rows = append(rows, []string{
				r.form, r.span, fmt.Sprintf("not answered: %.80s", r.err),
				"", "", "", "", "", "", "",
			})
			continue
		}
		way, _, _ := strings.Cut(r.way, ":")
		rows = append(rows, []string{
			r.form, r.span, secondsOf(r.ours), secondsOf(r.plain), secondsOf(r.limit),
			ratioOf(r.plain, r.ours, wallOf), ratioOf(r.plain, r.ours, cpuOf),
			ratioOf(r.ours, r.limit, wallOf), fmt.Sprintf("%d, %d", r.first, r.last), way,
		})
	}
	printTable(out, title, []string{
		"question", "range", "Waystage, s", "plain, s", "scan limit, s", "faster than plain",
		"by processor time", "times the limit", "reach first, last step", "way",
	}, rows)
}

// printBytes tells what a touchpoint takes on disk.
func (b *queryBench) printBytes(ctx context.Context) error {
	text, err := b.client.exec(ctx, `SELECT concat(database, '.', table), count(), sum(rows),
			sum(bytes_on_disk)
		FROM system.parts WHERE active AND (database = 'waystage' OR table = 'plain')
		GROUP BY 1 HAVING sum(bytes_on_disk) > 1000000 ORDER BY 4 DESC`)
	if err != nil {
		return err
	}
	var rows [][]string
	sum := 0.0
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		bytes, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return fmt.Errorf("reading sizes of tables: %w", err)
		}
		each := bytes / float64(b.rows)
		if strings.HasPrefix(f[0], "waystage.") {
			sum += each
		}
		rows = append(rows, []string{f[0], f[1], f[2], fmt.Sprintf("%.1f", each)})
	}
	rows = append(rows, []string{"all of Waystage", "", "", fmt.Sprintf("%.1f", sum)})
	printTable(b.out, "On disk, with properties and context",
		[]string{"table", "parts", "rows", "bytes per touchpoint"}, rows)
	return nil
}

// printFirst asks query services that have just been started: what they keep in memory they have
// yet to read.
func (b *queryBench) printFirst(ctx context.Context) error {
	var rows [][]string
	for _, f := range forms() {
		if !slices.Contains(keepers, f.key) {
			continue
		}
		for i, s := range spans() {
			if f.spans != nil && !slices.Contains(f.spans, i) {
				continue
			}
			row, err := b.first(ctx, f, s)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	printTable(b.out, "The first question after a start, which reads who is whom and the touchpoints "+
		"of its range, and the second", []string{
		"question", "range", "first, s", "second, s", "plain, s",
	}, rows)
	return nil
}

// keepers are the forms each of which needs something else to be kept in memory, or more of it.
var keepers = []string{"funnel", "conditions", "departures", "exclusion"}

func (b *queryBench) first(ctx context.Context, f form, s span) (row []string, err error) {
	var config query.Config
	if err := b.services.configure(&config, nil); err != nil {
		return nil, err
	}
	service, err := query.New(config, zerolog.Nop(), unregistered{})
	if err != nil {
		return nil, fmt.Errorf("making a query service: %w", err)
	}
	stop, err := serve(ctx, "another query service", service.Run)
	if err != nil {
		return nil, err
	}
	defer func() { err = joined(err, stop()) }()
	other := *b
	services := *b.services
	other.services = &services
	if services.client, err = remote.New(service.GRPCAddr(), config.RootToken); err != nil {
		return nil, err //nolint:wrapcheck // it says what it connects to
	}
	defer func() { err = joined(err, services.client.Close()) }()
	row = []string{f.title, s.name}
	for range 2 {
		_, took, err := timed(func() (answered, error) { return other.askProduct(ctx, f, s) })
		if err != nil {
			return nil, err
		}
		row = append(row, seconds(took.wall))
	}
	if f.plain == nil {
		return append(row, "–"), nil
	}
	_, took, err := timed(func() (answered, error) { return b.askPlain(ctx, f.plain(s), stepCount) })
	return append(row, seconds(took.wall)), err
}

// unregistered keeps no metrics: a registry has room for those of one query service.
type unregistered struct{}

func (unregistered) Register(prometheus.Collector) error  { return nil }
func (unregistered) MustRegister(...prometheus.Collector) {}
func (unregistered) Unregister(prometheus.Collector) bool { return true }

// printMemory asks over everything from rest, and tells how much the resident memory of the process
// grew at most, and what it was before. It is known on Linux alone.
func (b *queryBench) printMemory(ctx context.Context) error {
	before := statusBytes("VmRSS:")
	if before == 0 {
		return nil
	}
	var rows [][]string
	for _, f := range forms() {
		if !slices.Contains(keepers, f.key) {
			continue
		}
		debug.FreeOSMemory()
		if err := b.exec(ctx, "SYSTEM JEMALLOC PURGE"); err != nil {
			return err
		}
		rest := resetPeak()
		if _, err := b.askProduct(ctx, f, spans()[everything]); err != nil {
			rows = append(rows, []string{f.title, "not answered: " + err.Error(), ""})
			continue
		}
		rows = append(rows, []string{
			f.title, fmt.Sprintf("%d MB", rest>>20),
			fmt.Sprintf("%d MB", (statusBytes("VmHWM:")-rest)>>20),
		})
	}
	printTable(b.out, "Resident memory of the whole process, asked over everything", []string{
		"question", "before", "more at the peak",
	}, rows)
	return nil
}
