// Command bench measures Waystage.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/world"
)

type bench struct {
	client *client
	kernel kernel
	rounds int
	only   []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := perform(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func perform(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench layout", flag.ContinueOnError)
	touchpoints := flags.Int("touchpoints", 1_000_000, "touchpoints on the map")
	rounds := flags.Int("rounds", 5, "runs of each question")
	only := flags.String("only", "", "comma-separated beginnings of candidates' names")
	dir := flags.String("dir", filepath.Join(os.TempDir(), "bench"), "where the data go")
	reuse := flags.Bool("reuse", false, "use loaded data")
	fresh := flags.Int("fresh", 300, "freshly streamed batches")
	batch := flags.Int("batch", 20000, "touchpoints in a batch")
	if len(args) > 0 {
		args = args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	ch, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{Dir: *dir})
	if err != nil {
		return err
	}
	defer ch.Close(context.Background())
	b := &bench{client: &client{url: ch.URL()}, rounds: *rounds}
	if *only != "" {
		b.only = strings.Split(*only, ";")
	}
	w := world.NewBenchmark(1, *touchpoints/world.TouchpointsPerPerson)
	if err := b.prepare(ctx, w, *reuse, *fresh, *batch); err != nil {
		return err
	}
	for _, state := range []string{"", "_fresh"} {
		if state != "" && *fresh == 0 {
			continue
		}
		if err := b.measure(ctx, state); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) wanted(c candidate) bool {
	if b.only == nil {
		return true
	}
	return slices.ContainsFunc(b.only, func(p string) bool { return strings.HasPrefix(c.name, p) })
}

func (b *bench) prepare(ctx context.Context, w *world.Benchmark, reuse bool, fresh, batch int) error {
	c := b.client
	x := func(sql string) error { _, err := c.exec(ctx, sql); return err }
	t0 := time.Now()
	var n int
	var err error
	if reuse {
		b.kernel.persons = newTable(w.Persons(), 0)
		for p := range w.Persons() {
			all := w.Identities(p)
			if len(all) > 1 {
				for _, id := range all {
					b.kernel.persons.set(uint64(id), uint64(slices.Min(all)))
				}
			}
		}
		s, err := c.exec(ctx, "SELECT count() FROM staged")
		if err != nil {
			return err
		}
		n, _ = strconv.Atoi(strings.TrimSpace(s))
	} else {
		n, b.kernel.persons, err = load(ctx, c, w)
		if err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr, "staged", n, time.Since(t0))
	for _, sql := range []string{
		`CREATE DICTIONARY IF NOT EXISTS person_of (identity UInt64, person UInt64) PRIMARY KEY identity
			SOURCE(CLICKHOUSE(QUERY 'SELECT identity, person FROM links WHERE identity IN (SELECT arrayJoin(g) FROM (SELECT groupArray(identity) g FROM links GROUP BY first HAVING count() > 1))'))
			LAYOUT(HASHED()) LIFETIME(0)`,
		`CREATE DICTIONARY IF NOT EXISTS first_of (dense UInt64, first UInt32) PRIMARY KEY dense
			SOURCE(CLICKHOUSE(QUERY 'SELECT toUInt64(dense) AS dense, first FROM links'))
			LAYOUT(FLAT(INITIAL_ARRAY_SIZE 65536 MAX_ARRAY_SIZE 50000000)) LIFETIME(0)`,
	} {
		if err := x(sql); err != nil {
			return err
		}
	}
	cut := n - fresh*batch
	if cut < 0 {
		cut = n / 2
		batch = (n - cut) / max(fresh, 1)
	}
	for _, l := range layouts() {
		used := false
		for _, cand := range candidates() {
			if cand.table == l.table && b.wanted(cand) {
				used = true
			}
		}
		if !used {
			continue
		}
		if s, _ := c.exec(ctx, "EXISTS TABLE "+l.table); strings.TrimSpace(s) == "1" {
			continue
		}
		t0 := time.Now()
		if err := x(l.create); err != nil {
			return err
		}
		const step = 2_000_000
		for from := 0; from < cut; from += step {
			if err := x(fmt.Sprintf(l.fill, fmt.Sprintf("n >= %d AND n < %d", from, min(from+step, cut)))); err != nil {
				return err
			}
		}
		t1 := time.Now()
		if err := x("OPTIMIZE TABLE " + l.table + " FINAL"); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, l.table, "filled", t1.Sub(t0), "optimized", time.Since(t1))
		if fresh > 0 {
			if err := x("CREATE TABLE " + l.table + "_fresh CLONE AS " + l.table); err != nil {
				return err
			}
			if err := x("SYSTEM STOP MERGES " + l.table + "_fresh"); err != nil {
				return err
			}
			t0 := time.Now()
			for i := range fresh {
				from := cut + i*batch
				if err := x(fmt.Sprintf(strings.Replace(l.fill, "INSERT INTO "+l.table, "INSERT INTO "+l.table+"_fresh", 1), fmt.Sprintf("n >= %d AND n < %d", from, from+batch))); err != nil {
					return err
				}
			}
			fmt.Fprintln(os.Stderr, l.table, "fresh", time.Since(t0))
			for from := cut; from < n; from += step {
				if err := x(fmt.Sprintf(l.fill, fmt.Sprintf("n >= %d AND n < %d", from, min(from+step, n)))); err != nil {
					return err
				}
			}
			if err := x("OPTIMIZE TABLE " + l.table + " FINAL"); err != nil {
				return err
			}
		}
		s, _ := c.exec(ctx, "SELECT table, count(), sum(rows), sum(bytes_on_disk), sum(bytes_on_disk)/sum(rows) FROM system.parts WHERE active AND table LIKE '"+l.table+"%' GROUP BY table")
		fmt.Fprint(os.Stderr, s)
	}
	return nil
}

func (b *bench) measure(ctx context.Context, state string) error {
	if state == "_fresh" {
		for _, l := range layouts() {
			b.client.exec(ctx, "SYSTEM STOP MERGES "+l.table+"_fresh")
		}
	}
	var list []candidate
	for _, c := range candidates() {
		if b.wanted(c) {
			list = append(list, c)
		}
	}
	for _, q := range questions() {
		wall := make([][]float64, len(list))
		cpu := make([][]float64, len(list))
		var want *counts
		for r := range b.rounds + 1 {
			for i, c := range list {
				sql := c.sql(q, c.table+state)
				u := used()
				t := time.Now()
				got, err := c.ask(ctx, b, q, sql)
				d := time.Since(t)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", c.name, q.name, err)
				}
				if want == nil && !strings.HasPrefix(c.name, "A0") {
					want = &got
					fmt.Println(q.name+state, got)
				}
				if want != nil && got != *want && r == 0 {
					fmt.Println("  DIFFERS", c.name, got)
				}
				if r > 0 {
					wall[i] = append(wall[i], d.Seconds())
					cpu[i] = append(cpu[i], used()-u)
				}
			}
		}
		for i, c := range list {
			slices.Sort(wall[i])
			slices.Sort(cpu[i])
			fmt.Printf("  %-48s median %.4f min %.4f cpu %.4f  x%.2f cpu x%.2f\n", c.name, wall[i][len(wall[i])/2], wall[i][0], cpu[i][len(cpu[i])/2],
				wall[0][len(wall[0])/2]/wall[i][len(wall[i])/2], cpu[0][len(cpu[0])/2]/cpu[i][len(cpu[i])/2])
		}
	}
	return nil
}

func used() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
