package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// measureUpkeep times what has to be done to stored touchpoints, on clones of the merged tables.
func (b *bench) measureUpkeep(ctx context.Context, out io.Writer) error {
	if !b.upkeep {
		return nil
	}
	tables := []struct{ name, month string }{}
	for _, t := range []struct{ name, month string }{
		{"plain", "toYYYYMM(at)"}, {"narrow_month", "toYYYYMM(at)"}, {"packed_month", "period"},
	} {
		if found, err := b.client.exec(ctx, "EXISTS TABLE "+t.name); err != nil {
			return err
		} else if found == "1\n" {
			tables = append(tables, t)
		}
	}
	var rows [][]string
	for _, t := range tables {
		if err := b.exec(ctx, "CREATE TABLE clone CLONE AS "+t.name); err != nil {
			return err
		}
		row, err := b.upkeepOf(ctx, "clone", t.month)
		if err != nil {
			return err
		}
		if err := b.exec(ctx, "DROP TABLE clone SYNC"); err != nil {
			return err
		}
		rows = append(rows, append([]string{t.name}, row...))
	}
	printTable(out, "Upkeep: seconds", []string{
		"table", "erase one person of few touchpoints", "erase the person of most touchpoints",
		"replace one month by a copy", "drop one month",
	}, rows)
	return nil
}

func (b *bench) upkeepOf(ctx context.Context, table, month string) ([]string, error) {
	few, most, err := b.extremes(ctx)
	if err != nil {
		return nil, err
	}
	const erase = "DELETE FROM %s WHERE site = 'bench' AND identity = %s"
	var row []string
	for _, statements := range [][]string{
		{fmt.Sprintf(erase, table, few)},
		{fmt.Sprintf(erase, table, most)},
		{
			"CREATE TABLE again AS " + table,
			fmt.Sprintf("INSERT INTO again SELECT * FROM %s WHERE %s = 202503", table, month),
			fmt.Sprintf("ALTER TABLE %s REPLACE PARTITION 202503 FROM again", table),
			"DROP TABLE again SYNC",
		},
		{fmt.Sprintf("ALTER TABLE %s DROP PARTITION 202304", table)},
	} {
		began := time.Now()
		for _, sql := range statements {
			if err := b.exec(ctx, sql); err != nil {
				return nil, err
			}
		}
		row = append(row, seconds(time.Since(began)))
	}
	return row, nil
}

// extremes are an identity of few touchpoints and the one of most.
func (b *bench) extremes(ctx context.Context) (few, most string, err error) {
	text, err := b.client.exec(ctx, `SELECT argMin(identity, (c, identity)), argMax(identity, c)
		FROM (SELECT identity, count() AS c FROM staged GROUP BY identity HAVING c > 5)`)
	if err != nil {
		return "", "", err
	}
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return "", "", fmt.Errorf("looking for identities: got %q", text)
	}
	return fields[0], fields[1], nil
}
