package store

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// Condition is what a server says of itself and of our database on it.
type Condition struct {
	// Version is ClickHouse's, such as "25.8.1.1"; TimeZone is the server's.
	Version, TimeZone string
	// Now is the server's clock.
	Now time.Time
	// Schema is the last migration that was done, 0 if none was; WantedSchema is the last that this
	// program knows.
	Schema, WantedSchema int64
	Disks                []Disk
	// Tables of the database, largest first.
	Tables []Table
	// Failing are changes of tables that do not get done, as "table: reason".
	Failing []string
	// ReadOnly are replicated tables that cannot be written.
	ReadOnly []string
}

// Disk is one that the server writes to.
type Disk struct {
	Name                  string
	FreeBytes, TotalBytes uint64
}

// Table is a table of the database.
type Table struct {
	Name  string
	Rows  uint64
	Bytes uint64
	// MostParts is the largest number of active parts of a partition.
	MostParts uint64
}

// Condition asks the server how it is. Errors: Unavailable.
func (s *Store) Condition(ctx context.Context) (Condition, error) {
	var c Condition
	err := s.conn.QueryRow(ctx, "SELECT version(), serverTimezone(), now64(3, 'UTC')").
		Scan(&c.Version, &c.TimeZone, &c.Now)
	if err != nil {
		return c, s.broken(err, "asking ClickHouse for its version")
	}
	if c.WantedSchema, err = newestMigration(); err != nil {
		return c, err
	}
	for _, part := range []struct {
		sql  string
		read func(scan func(...any) error) error
	}{
		{"SELECT name, free_space, total_space FROM system.disks WHERE total_space > 0", c.readDisk},
		{`SELECT table, sum(rows), sum(bytes_on_disk), max(parts) FROM (
				SELECT table, partition, sum(rows) AS rows, sum(bytes_on_disk) AS bytes_on_disk,
					count() AS parts
				FROM system.parts WHERE database = currentDatabase() AND active
				GROUP BY table, partition)
			GROUP BY table ORDER BY 3 DESC`, c.readTable},
	} {
		if err := s.readAll(ctx, part.sql, part.read); err != nil {
			return c, err
		}
	}
	err = s.conn.QueryRow(ctx, `SELECT
		(SELECT groupArray(table || ': ' || substring(latest_fail_reason, 1, 300))
			FROM system.mutations
			WHERE database = currentDatabase() AND is_done = 0 AND latest_fail_reason != ''),
		(SELECT groupArray(table) FROM system.replicas
			WHERE database = currentDatabase() AND is_readonly)`).Scan(&c.Failing, &c.ReadOnly)
	if err != nil {
		return c, s.broken(err, "asking for what is stuck")
	}
	c.Schema, err = s.schema(ctx)
	return c, err
}

// schema is the number of the last migration that was done, 0 if none was.
func (s *Store) schema(ctx context.Context) (version int64, err error) {
	const doing = "asking for the version of the schema"
	var begun uint64
	err = s.conn.QueryRow(ctx, `SELECT count() FROM system.tables
		WHERE database = currentDatabase() AND name = 'goose_db_version'`).Scan(&begun)
	if err != nil || begun == 0 {
		return 0, s.broken(err, doing)
	}
	err = s.conn.QueryRow(ctx,
		"SELECT toInt64(max(version_id)) FROM goose_db_version WHERE is_applied = 1").Scan(&version)
	return version, s.broken(err, doing)
}

func (c *Condition) readDisk(scan func(...any) error) error {
	var d Disk
	err := scan(&d.Name, &d.FreeBytes, &d.TotalBytes)
	c.Disks = append(c.Disks, d)
	return err
}

func (c *Condition) readTable(scan func(...any) error) error {
	var t Table
	err := scan(&t.Name, &t.Rows, &t.Bytes, &t.MostParts)
	c.Tables = append(c.Tables, t)
	return err
}

func (s *Store) readAll(
	ctx context.Context, sql string, read func(scan func(...any) error) error,
) error {
	const doing = "asking ClickHouse how it is"
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return s.broken(err, doing)
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	for rows.Next() {
		if err := read(rows.Scan); err != nil {
			return s.broken(err, doing)
		}
	}
	return s.broken(rows.Err(), doing)
}

// newestMigration is the number of the last embedded migration.
func newestMigration() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, fmt.Errorf("listing the embedded migrations: %w", err)
	}
	newest := int64(0)
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the number of migration %s: %w", file, err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}
