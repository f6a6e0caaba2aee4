package engine

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// errNoConnection is all that libchdb says when it opens no connection: it names no cause.
var errNoConnection = errors.New("libchdb opened no connection; the directory may be in use by " +
	"another process, lack permissions, or come from a newer version of the engine")

// session is one connection of libchdb: its own settings, current database and temporary tables.
// It is cheap to open (0.2 ms) once the engine runs, so a request gets a new one and leaves
// nothing behind. Calls must not overlap.
type session struct {
	lib    *library
	handle unsafe.Pointer // what libchdb gave, and closes
	conn   unsafe.Pointer // what the handle points at, which calls take
}

// openSession connects to the data in dir. Args are settings in the form "name=value".
func (l *library) openSession(dir string, args ...string) (*session, error) {
	// On a terminal the library would write there: errors come back as answers.
	texts := []string{"clickhouse\x00", "--path=" + dir + "\x00", "--log-level=none\x00"}
	for _, arg := range args {
		texts = append(texts, "--"+arg+"\x00")
	}
	argv := make([]unsafe.Pointer, len(texts)+1)
	var pinner runtime.Pinner
	defer pinner.Unpin()
	for i, text := range texts {
		argv[i] = textPointer(text)
		pinner.Pin(argv[i])
	}
	handle := l.connect(int32(len(texts)), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(texts)
	if handle == nil {
		return nil, errNoConnection
	}
	return &session{lib: l, handle: handle, conn: *(*unsafe.Pointer)(handle)}, nil
}

// close ends the session; an unfinished query or insert of it is abandoned.
func (s *session) close() {
	s.lib.closeConn(s.handle)
}

// apply sets settings for the rest of the session. The error is ClickHouse's, for an unknown name
// as for a value that does not fit.
func (s *session) apply(settings []setting) error {
	if len(settings) == 0 {
		return nil
	}
	var changes []string
	for _, change := range settings {
		changes = append(changes, quoteName(change.name)+" = "+quoteText(change.value))
	}
	return s.exec("SET " + strings.Join(changes, ", "))
}

// use makes database the current one.
func (s *session) use(database string) error {
	return s.exec("USE " + quoteName(database))
}

// exec runs a statement whose result nobody wants.
func (s *session) exec(query string) error {
	found, err := s.run(statement{text: query, format: "Null"})
	if err != nil {
		return err
	}
	found.free()
	return nil
}

// statement is one SQL statement with the format of its result (or of its data, for an insert) and
// the values of its {name:Type} placeholders.
type statement struct {
	text   string
	format string
	params []setting
}

// call hands a statement to one of libchdb's functions.
func (s *session) call(fn queryFunc, stmt statement) unsafe.Pointer {
	names := newTextArray(stmt.params, func(p setting) string { return p.name })
	values := newTextArray(stmt.params, func(p setting) string { return p.value })
	defer names.unpin()
	defer values.unpin()
	result := fn(s.conn,
		textPointer(stmt.text), uint64(len(stmt.text)),
		textPointer(stmt.format), uint64(len(stmt.format)),
		names.pointers(), names.lengths(), values.pointers(), values.lengths(),
		uint64(len(stmt.params)))
	runtime.KeepAlive(stmt)
	return result
}

// run executes a statement and gives its whole result, held by libchdb.
func (s *session) run(stmt statement) (*result, error) {
	return s.lib.resultOf(s.call(s.lib.query, stmt))
}

// stream starts a SELECT whose result is fetched block by block. Other statements are refused with
// an error that notStreamable recognises.
func (s *session) stream(stmt statement) (*stream, error) {
	handle := s.call(s.lib.streamQuery, stmt)
	if err := exceptionFrom(textAt(s.lib.resultError(handle))); err != nil {
		s.lib.resultDestroy(handle)
		return nil, err
	}
	return &stream{session: s, handle: handle}, nil
}

// notStreamable tells whether libchdb refused to stream a statement, without running it.
func notStreamable(err error) bool {
	const refusal = "Code: 36. DB::Exception: Streaming query is not supported for query"
	return err != nil && strings.HasPrefix(err.Error(), refusal)
}

// analysis mirrors chdb_query_analysis_v1.
type analysis struct {
	structSize, statements, flags, class uint32
}

// statements counts the statements in a text; 0 when it does not parse.
func (s *session) statements(query string) int {
	found := &analysis{}
	found.structSize = uint32(unsafe.Sizeof(*found))
	if s.lib.classify(s.conn, textPointer(query), uint64(len(query)), nil, 0,
		unsafe.Pointer(found)) != 0 {
		return 0
	}
	runtime.KeepAlive(query)
	return int(found.statements)
}

// versionAndZone asks the engine for its version and its time zone.
func (s *session) versionAndZone() (version, zone string, err error) {
	found, err := s.run(statement{text: "SELECT version(), timezone()", format: "TSVRaw"})
	if err != nil {
		return "", "", fmt.Errorf("asking the engine for its version: %w", err)
	}
	defer found.free()
	version, zone, _ = strings.Cut(strings.TrimSpace(string(found.bytes())), "\t")
	return version, zone, nil
}
