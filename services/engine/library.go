package engine

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// queryFunc is the shape of libchdb's calls that take a statement, a format and parameters.
type queryFunc func(
	conn, query unsafe.Pointer, queryLen uint64, format unsafe.Pointer, formatLen uint64,
	names, nameLens, values, valueLens unsafe.Pointer, count uint64,
) unsafe.Pointer

// library is libchdb's C interface, bound to Go without cgo. Texts and bytes pass as pointer and
// length; the library copies them before it returns. Calls on one connection must not overlap,
// calls on different connections may.
type library struct {
	setSignalHandlers func(enabled int32)
	connect           func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn         func(conn unsafe.Pointer)
	classify          func(
		conn, query unsafe.Pointer, queryLen uint64,
		database unsafe.Pointer, databaseLen uint64, analysis unsafe.Pointer,
	) int32

	query        queryFunc
	streamQuery  queryFunc
	streamFetch  func(conn, stream unsafe.Pointer) unsafe.Pointer
	streamCancel func(conn, stream unsafe.Pointer)

	resultBuffer  func(result unsafe.Pointer) unsafe.Pointer
	resultLength  func(result unsafe.Pointer) uint64
	resultError   func(result unsafe.Pointer) unsafe.Pointer
	resultDestroy func(result unsafe.Pointer)
	rowsRead      func(result unsafe.Pointer) uint64
	bytesRead     func(result unsafe.Pointer) uint64
	rowsWritten   func(result unsafe.Pointer) uint64
	bytesWritten  func(result unsafe.Pointer) uint64

	insertStart   queryFunc
	insertAppend  func(stream, data unsafe.Pointer, length uint64) int32
	insertDone    func(stream unsafe.Pointer) unsafe.Pointer
	insertCancel  func(stream unsafe.Pointer)
	insertError   func(stream unsafe.Pointer) unsafe.Pointer
	insertDestroy func(stream unsafe.Pointer)
}

// loadLibrary maps the shared library at path into the process and binds its functions. It stays
// mapped for the life of the process.
func loadLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("loading the ClickHouse library %s: %w", path, err)
	}
	lib := &library{}
	for name, fn := range lib.symbols() {
		address, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("finding %s in the ClickHouse library %s: %w", name, path, err)
		}
		purego.RegisterFunc(fn, address)
	}
	// Without this libchdb would replace the signal handlers of the Go runtime.
	lib.setSignalHandlers(0)
	return lib, nil
}

// symbols maps the names libchdb exports to the fields that call them.
func (l *library) symbols() map[string]any {
	return map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_classify_query_n":            &l.classify,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_query_with_params_n":  &l.streamQuery,
		"chdb_stream_fetch_result":         &l.streamFetch,
		"chdb_stream_cancel_query":         &l.streamCancel,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_destroy_query_result":        &l.resultDestroy,
		"chdb_result_storage_rows_read":    &l.rowsRead,
		"chdb_result_storage_bytes_read":   &l.bytesRead,
		"chdb_result_rows_written":         &l.rowsWritten,
		"chdb_result_bytes_written":        &l.bytesWritten,
		"chdb_stream_insert_with_params_n": &l.insertStart,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_cancel_insert":        &l.insertCancel,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.insertDestroy,
	}
}

// emptyText stands for empty texts: libchdb refuses null pointers.
var emptyText byte

// textPointer points at the bytes of s; never nil. The caller keeps s alive during the call.
func textPointer(s string) unsafe.Pointer {
	if s == "" {
		return unsafe.Pointer(&emptyText)
	}
	return unsafe.Pointer(unsafe.StringData(s))
}

// bytesAt views length bytes of the library's memory; nil for a null pointer.
func bytesAt(p unsafe.Pointer, length uint64) []byte {
	if p == nil || length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(p), length)
}

// textAt copies the zero-terminated text at p; empty for a null pointer.
func textAt(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	length := 0
	for *(*byte)(unsafe.Add(p, length)) != 0 {
		length++
	}
	return string(unsafe.Slice((*byte)(p), length))
}
