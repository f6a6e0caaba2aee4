package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ClickHouseConfig says where the embedded ClickHouse keeps its data and where it listens.
type ClickHouseConfig struct {
	// Library is the path of libchdb; empty means what FindLibrary finds.
	Library string
	// Dir is the directory of the data, made if it is missing. One process at a time may use it.
	Dir string
	// Addr is the loopback address to listen on, as host:port. Empty means 127.0.0.1:0, which
	// takes a free port.
	Addr string
	// MaxConnections is how many requests run at once; more wait. 0 means 16.
	MaxConnections int
	// Settings are ClickHouse settings for every request, under those the request sends itself.
	Settings map[string]string
}

// ErrOpen says that this process already runs an embedded ClickHouse.
var ErrOpen = errors.New("an embedded ClickHouse is already open in this process")

// engines guards what there is one of in a process: the library, and the directory it works in.
var engines struct {
	sync.Mutex
	lib  *library
	path string // the library's
	dir  string // of the open engine; empty when none is
}

// ClickHouse is a running embedded ClickHouse engine with its HTTP interface.
type ClickHouse struct {
	lib      *library
	dir      string
	address  string
	version  string
	zone     string
	defaults []setting

	slots  chan struct{} // one place taken per running request
	server *http.Server
	served chan struct{}      // closed when the server stopped accepting
	stop   context.CancelFunc // ends the contexts of all requests

	controlMu sync.Mutex
	control   *session // keeps the engine alive between requests and kills queries
}

// OpenClickHouse starts ClickHouse on the data in cfg.Dir and serves its HTTP interface. A process
// can have one open at a time, whatever the directory: a second call gives an error that wraps
// ErrOpen. After Close the same or another directory can be opened. The library stays loaded for
// the life of the process, so cfg.Library must not change between calls. Ctx bounds the opening
// only.
func OpenClickHouse(ctx context.Context, cfg ClickHouseConfig) (*ClickHouse, error) {
	dir, err := prepareDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	lib, err := claim(cfg.Library, dir)
	if err != nil {
		return nil, err
	}
	c, err := start(ctx, cfg, lib, dir)
	if err != nil {
		release()
		return nil, err
	}
	return c, nil
}

// prepareDir makes the directory and gives its full path.
func prepareDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("opening ClickHouse: no directory for its data is given")
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the ClickHouse directory %s: %w", dir, err)
	}
	if err := os.MkdirAll(full, 0o700); err != nil {
		return "", fmt.Errorf("making the ClickHouse directory %s: %w", full, err)
	}
	return full, nil
}

// claim takes the one place of the process for dir and loads the library if that was not done.
func claim(path, dir string) (*library, error) {
	engines.Lock()
	defer engines.Unlock()
	if engines.dir != "" {
		return nil, fmt.Errorf("opening ClickHouse in %s: %w, in %s", dir, ErrOpen, engines.dir)
	}
	if path == "" {
		found, err := FindLibrary("")
		if err != nil {
			return nil, fmt.Errorf("opening ClickHouse in %s: %w", dir, err)
		}
		path = found
	}
	if engines.lib != nil && engines.path != path {
		return nil, fmt.Errorf("opening ClickHouse in %s with the library %s: this process has "+
			"already loaded %s", dir, path, engines.path)
	}
	if engines.lib == nil {
		lib, err := loadLibrary(path)
		if err != nil {
			return nil, err
		}
		engines.lib, engines.path = lib, path
	}
	engines.dir = dir
	return engines.lib, nil
}

// release gives the place of the process back.
func release() {
	engines.Lock()
	defer engines.Unlock()
	engines.dir = ""
}

// start opens the engine and its listener.
func start(
	ctx context.Context, cfg ClickHouseConfig, lib *library, dir string,
) (*ClickHouse, error) {
	listener, err := listenLoopback(ctx, cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("opening ClickHouse in %s: %w", dir, err)
	}
	control, err := lib.openSession(dir)
	if err != nil {
		_ = listener.Close() // nothing was served on it
		return nil, fmt.Errorf("opening ClickHouse in %s: %w", dir, err)
	}
	c := &ClickHouse{
		lib: lib, dir: dir, address: listener.Addr().String(), control: control,
		slots:  make(chan struct{}, max(cfg.MaxConnections, 0)),
		served: make(chan struct{}),
	}
	if cfg.MaxConnections <= 0 {
		c.slots = make(chan struct{}, defaultConnections)
	}
	for name, value := range cfg.Settings {
		c.defaults = append(c.defaults, setting{name, value})
	}
	if err := c.greet(); err != nil {
		control.close()
		_ = listener.Close()
		return nil, fmt.Errorf("opening ClickHouse in %s: %w", dir, err)
	}
	c.serve(listener)
	return c, nil
}

// defaultConnections is how many requests run at once unless the configuration says otherwise.
const defaultConnections = 16

// greet asks the engine who it is and tries the default settings.
func (c *ClickHouse) greet() error {
	version, zone, err := c.control.versionAndZone()
	if err != nil {
		return err
	}
	c.version, c.zone = version, zone
	if err := c.control.apply(c.defaults); err != nil {
		return fmt.Errorf("applying the default settings: %w", err)
	}
	return nil
}

// serve answers HTTP on the listener until Close.
func (c *ClickHouse) serve(listener net.Listener) {
	base, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.server = &http.Server{
		Handler:           http.HandlerFunc(c.handle),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    1 << 20,
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener) // ends with ErrServerClosed, by Close
	}()
}

// listenLoopback listens on addr, which must be on loopback: nobody asks for a password here.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("reading the address %q: %w", addr, err)
	}
	if !isLoopback(host) {
		return nil, fmt.Errorf("listening on %s: embedded engines ask for no password and listen "+
			"on loopback addresses only", addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return listener, nil
}

// isLoopback tells whether a host, as in an address or a Host header, is this machine alone.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// URL is the address of the HTTP interface, without a trailing slash.
func (c *ClickHouse) URL() string { return "http://" + c.address }

// DSN is the address in the form clickhouse-go takes; the database is "default".
func (c *ClickHouse) DSN() string { return c.URL() }

// killWait is how long Close waits for queries to end after it has cancelled them.
const killWait = 10 * time.Second

// Close takes no more requests, waits for the running ones, then closes the engine so that its data
// are on disk. When ctx ends first, the running queries are cancelled; the engine is closed all the
// same, and the error wraps ctx's. Close must be called once.
func (c *ClickHouse) Close(ctx context.Context) error {
	waitErr := c.server.Shutdown(ctx)
	c.stop()
	if waitErr != nil {
		waitErr = fmt.Errorf("waiting for queries of the embedded ClickHouse, now cancelled: %w",
			waitErr)
		_ = c.server.Close() // what it interrupts is what Shutdown waited for
	}
	<-c.served
	if !c.drained(killWait) {
		return errors.Join(waitErr, fmt.Errorf("closing ClickHouse in %s: queries still run %v "+
			"after they were cancelled", c.dir, killWait))
	}
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	c.control.close()
	release()
	return waitErr
}

// drained waits until no request runs, and lets no other begin; false when that takes longer than
// wait.
func (c *ClickHouse) drained(wait time.Duration) bool {
	timeout := time.After(wait)
	for range cap(c.slots) {
		select {
		case c.slots <- struct{}{}:
		case <-timeout:
			return false
		}
	}
	return true
}
