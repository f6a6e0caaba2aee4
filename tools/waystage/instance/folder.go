// Package instance is the data folder of a Waystage that runs on one machine: the lock that lets
// one process have it, where that process can be reached, and the tokens that open it. The
// commands beside "up" find the running one by it.
package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DefaultDir is the data folder where nobody says another.
const DefaultDir = ".data"

// Folder is a data folder by its path.
type Folder string

func (f Folder) path(name string) string { return filepath.Join(string(f), name) }

// ClickHouse and Kafka are where the embedded engines keep their data.
func (f Folder) ClickHouse() string { return f.path("clickhouse") }

// Kafka is the directory of the embedded broker's log.
func (f Folder) Kafka() string { return f.path("kafka") }

// RootTokenFile holds the operator's token.
func (f Folder) RootTokenFile() string { return f.path("root.token") }

// CredentialsFile holds the keys of sites.
func (f Folder) CredentialsFile() string { return f.path("credentials.json") }

// DemoFile holds how far the synthetic world has been told.
func (f Folder) DemoFile() string { return f.path("demo.json") }

func (f Folder) lockFile() string { return f.path("lock") }
func (f Folder) runFile() string  { return f.path("run.json") }

// Make makes the folder, for its owner alone.
func (f Folder) Make() error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	return nil
}

// Run says where a running instance can be reached.
type Run struct {
	PID int `json:"pid"`
	// Ingest and HTTP are base URLs, IngestGRPC and GRPC are host:port.
	Ingest     string `json:"ingest"`
	IngestGRPC string `json:"ingest_grpc"`
	HTTP       string `json:"http"`
	GRPC       string `json:"grpc"`
	// ClickHouse is a DSN, Kafka are host:port.
	ClickHouse string   `json:"clickhouse"`
	Kafka      []string `json:"kafka"`
}

// SaveRun writes where this process can be reached.
func (f Folder) SaveRun(r Run) error { return f.save(f.runFile(), r) }

// EndRun removes it.
func (f Folder) EndRun() error {
	if err := os.Remove(f.runFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", f.runFile(), err)
	}
	return nil
}

// ErrNotRunning says that no instance runs on a folder.
var ErrNotRunning = errors.New("no `waystage up` is running there")

// FindRun says where the instance that runs on the folder can be reached. Errors: ErrNotRunning.
func (f Folder) FindRun() (Run, error) {
	var r Run
	found, err := f.load(f.runFile(), &r)
	if err != nil {
		return Run{}, err
	}
	if !found || !f.locked() {
		return Run{}, fmt.Errorf("looking for an instance on %s: %w", f, ErrNotRunning)
	}
	return r, nil
}

// save writes a file that only its owner may read, whole or not at all.
func (f Folder) save(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return replace(path, append(text, '\n'))
}

func replace(path string, text []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// load reads a file if it is there.
func (f Folder) load(path string, v any) (found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("reading %s: %w; remove the file if it cannot be mended", path, err)
	}
	return true, nil
}

// SaveState and LoadState keep how far something has come, in a file of the folder.
func (f Folder) SaveState(path string, v any) error { return f.save(path, v) }

// LoadState reads what SaveState wrote; found is false where there is nothing.
func (f Folder) LoadState(path string, v any) (found bool, err error) { return f.load(path, v) }
