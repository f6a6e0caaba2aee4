// Package store keeps facts, profiles, sites, keys and maps in ClickHouse. It is the only package
// that speaks rows and the dialect of the driver; the schema stands in migrations, nowhere else.
//
// A Store is safe for concurrent use. Every method returns fault.Unavailable while the server is
// away: the call may be retried as it is, because every insert may run twice.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/waystage/waystage/services/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a database of Waystage.
type Store struct {
	conn    driver.Conn
	options *clickhouse.Options
	// stream is nil where the address is of the native protocol.
	stream *stream
	labels labelMemory
	// unsaid is what LastUnsaid tells.
	unsaid atomic.Bool
}

// Open prepares a store without asking the server anything. The DSN decides the protocol:
// clickhouse://user:password@host:9000/database is native, http:// and https:// are ClickHouse's
// HTTP interface. Errors: Invalid (DSN).
func Open(dsn string) (*Store, error) {
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err,
			"the ClickHouse address cannot be read; write it as http://host:8123/database")
	}
	options.DialTimeout = 5 * time.Second
	options.MaxOpenConns = 16
	options.MaxIdleConns = 8
	options.ReadTimeout = 10 * time.Minute
	if options.Settings == nil {
		options.Settings = clickhouse.Settings{}
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the ClickHouse address cannot be used")
	}
	s := &Store{conn: conn, options: options}
	s.labels.forget()
	if options.Protocol == clickhouse.HTTP {
		s.stream, err = newStream(dsn)
	}
	return s, err
}

// Close gives the connections back.
func (s *Store) Close() error {
	if s.stream != nil {
		s.stream.client.CloseIdleConnections()
	}
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("closing connections to ClickHouse: %w", err)
	}
	return nil
}

// Ping tells whether the server answers.
func (s *Store) Ping(ctx context.Context) error {
	var one uint8
	if err := s.conn.QueryRow(ctx, "SELECT 1").Scan(&one); err != nil {
		return s.broken(err, "asking ClickHouse whether it is there")
	}
	return nil
}

// Migrate brings the schema up to date. Several services may call it at once.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.createDatabase(ctx); err != nil {
		return err
	}
	db := clickhouse.OpenDB(s.options)
	defer db.Close() //nolint:errcheck // nothing is lost with it
	files, err := subdir(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading the embedded migrations: %w", err)
	}
	provider, err := goose.NewProvider(database.DialectClickHouse, db, files)
	if err != nil {
		return s.broken(err, "preparing the migrations")
	}
	if _, err := provider.Up(ctx); err != nil {
		return s.broken(err, "migrating the database")
	}
	return nil
}

func (s *Store) createDatabase(ctx context.Context) error {
	name := s.options.Auth.Database
	if name == "" || name == "default" {
		return nil
	}
	options := *s.options
	options.Auth.Database = "default"
	conn, err := clickhouse.Open(&options)
	if err != nil {
		return fmt.Errorf("opening the default database: %w", err)
	}
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(name)); err != nil {
		return s.broken(err, "creating database "+name)
	}
	return nil
}

// broken turns an error of the driver into a fault: what the server refused is Internal, anything
// else means that it is away.
func (s *Store) broken(err error, doing string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var refused *clickhouse.Exception
	if errors.As(err, &refused) {
		return refusal(refused, doing)
	}
	if _, known := errors.AsType[*fault.Error](err); known {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("%s: %w", doing, err),
		"the store is away; try again in a few seconds")
}

// Codes of ClickHouse that are no mistake of ours.
const (
	codeTooManyQueries  = 202
	codeMemoryLimit     = 241
	codeTimeoutExceeded = 159
	codeTooManyParts    = 252
	codeCannotSchedule  = 439
	codeReadOnly        = 242
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
	// Columns that a migration is about to add.
	codeNoSuchColumn      = 16
	codeUnknownIdentifier = 47
)

func refusal(e *clickhouse.Exception, doing string) error {
	cause := fmt.Errorf("%s: %w", doing, e)
	switch e.Code {
	case codeMemoryLimit:
		return fault.Wrap(fault.Exhausted, cause,
			"the question needs more memory than one question may use; ask about a shorter range")
	case codeTimeoutExceeded:
		return fault.Wrap(fault.Expired, cause,
			"the question took too long; ask about a shorter range")
	case codeTooManyQueries, codeTooManyParts, codeCannotSchedule, codeReadOnly:
		return fault.Wrap(fault.Unavailable, cause, "the store is busy; try again in a few seconds")
	case codeUnknownTable, codeUnknownDatabase, codeNoSuchColumn, codeUnknownIdentifier:
		return fault.Wrap(fault.Unavailable, cause,
			"the store is not set up yet; it will be once query or processor have reached it")
	default:
		return fault.Wrap(fault.Internal, cause, "the store refused a query of ours")
	}
}

// newStream reads the address of the HTTP interface out of the DSN.
func newStream(dsn string) (*stream, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the ClickHouse address cannot be read")
	}
	st := &stream{client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, DisableCompression: true,
		ReadBufferSize: 1 << 18,
	}}}
	st.base = url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
	st.user = u.User
	st.database = database0(u.Path)
	return st, nil
}
