package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	freshSuffix = "_fresh"
	fillRows    = 2_000_000
)

// build makes every layout that a candidate needs, twice: merged as a whole, and with its newest
// touchpoints in parts of their own.
func (b *bench) build(ctx context.Context) error {
	for _, l := range layouts() {
		used := func(c candidate) bool { return c.table == l.table }
		if !slices.ContainsFunc(b.wanted(), used) {
			continue
		}
		found, err := b.client.exec(ctx, "EXISTS TABLE "+l.table)
		if err != nil {
			return err
		}
		if found == "1\n" {
			b.say("%s is there", l.table)
			continue
		}
		if err := b.buildLayout(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) buildLayout(ctx context.Context, l layout) error {
	began := time.Now()
	cut := max(b.rows-b.batches*b.batchRows, 0)
	if err := b.exec(ctx, l.create(l.table)); err != nil {
		return err
	}
	if err := b.fill(ctx, l, 0, cut); err != nil {
		return err
	}
	merge := "OPTIMIZE TABLE " + l.table + " FINAL"
	if err := b.exec(ctx, merge); err != nil {
		return err
	}
	if b.batches > 0 {
		if err := b.buildFresh(ctx, l, cut); err != nil {
			return err
		}
		if err := b.fill(ctx, l, cut, b.rows); err != nil {
			return err
		}
		if err := b.exec(ctx, merge); err != nil {
			return err
		}
	}
	b.say("%s laid out in %.0f s", l.table, time.Since(began).Seconds())
	return nil
}

// buildFresh clones the table and adds the touchpoints from cut on in batches that stay apart.
func (b *bench) buildFresh(ctx context.Context, l layout, cut int) error {
	fresh := l.table + freshSuffix
	for _, sql := range []string{
		fmt.Sprintf("CREATE TABLE %s CLONE AS %s", fresh, l.table),
		"SYSTEM STOP MERGES " + fresh,
	} {
		if err := b.exec(ctx, sql); err != nil {
			return err
		}
	}
	for from := cut; from < b.rows; from += b.batchRows {
		if err := b.exec(ctx, l.fill(fresh, from, min(from+b.batchRows, b.rows))); err != nil {
			return err
		}
	}
	return nil
}

// fill copies the touchpoints numbered from from to to.
func (b *bench) fill(ctx context.Context, l layout, from, to int) error {
	for ; from < to; from += fillRows {
		if err := b.exec(ctx, l.fill(l.table, from, min(from+fillRows, to))); err != nil {
			return err
		}
	}
	return nil
}
