package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// ErrNoLibrary says that libchdb is not installed on this machine.
var ErrNoLibrary = errors.New("libchdb is not installed")

// FindLibrary gives the path of libchdb, the ClickHouse engine. A non-empty override is the path
// itself (the program passes WAYSTAGE_LIBCHDB). Otherwise tools/chdb/node_modules is looked for in
// the working directory, in the directory of the executable, and in all directories above them.
// The error wraps ErrNoLibrary and says how to install it.
func FindLibrary(override string) (string, error) {
	if override != "" {
		if !isFile(override) {
			return "", fmt.Errorf("looking for libchdb at %s: %w", override, ErrNoLibrary)
		}
		return filepath.Abs(override)
	}
	for _, start := range searchStarts() {
		if path, ok := searchUpwards(start); ok {
			return path, nil
		}
	}
	return "", fmt.Errorf("looking for tools/chdb/node_modules/@chdb/%s in the working directory, "+
		"beside the program and above both: %w; run `make deps`, or set WAYSTAGE_LIBCHDB to the "+
		"path of libchdb.so", platformPackage(), ErrNoLibrary)
}

// searchStarts gives the directories to search from, the working directory first.
func searchStarts() []string {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if path, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			path = resolved
		}
		starts = append(starts, filepath.Dir(path))
	}
	return starts
}

// searchUpwards looks for the installed library in dir and in every directory above it.
func searchUpwards(dir string) (string, bool) {
	for {
		installed := filepath.Join(dir, "tools", "chdb", "node_modules", "@chdb", platformPackage())
		for _, name := range []string{"libchdb.so", "libchdb.dylib"} {
			if path := filepath.Join(installed, name); isFile(path) {
				return path, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// platformPackage is the last part of the npm package that carries libchdb for this platform.
func platformPackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	name := "lib-" + runtime.GOOS + "-" + arch
	if runtime.GOOS == "linux" {
		name += "-gnu"
	}
	return name
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
