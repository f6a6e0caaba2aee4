package engine

import "unsafe"

// stream is a running SELECT.
type stream struct {
	session  *session
	handle   unsafe.Pointer
	finished bool
}

// next waits for the next block of the result; nil at the end. The caller frees it.
func (s *stream) next() (*result, error) {
	if s.finished {
		return nil, nil
	}
	lib := s.session.lib
	block, err := lib.resultOf(lib.streamFetch(s.session.conn, s.handle))
	if err != nil {
		s.finished = true
		return nil, err
	}
	if len(block.bytes()) == 0 {
		s.finished = true
		block.free()
		return nil, nil
	}
	return block, nil
}

// close cancels what has not run yet and frees the stream.
func (s *stream) close() {
	lib := s.session.lib
	if !s.finished {
		lib.streamCancel(s.session.conn, s.handle)
	}
	lib.resultDestroy(s.handle)
}

// result is bytes and counters in libchdb's memory.
type result struct {
	lib    *library
	handle unsafe.Pointer
}

// resultOf wraps a handle, or frees it and gives the error it carries.
func (l *library) resultOf(handle unsafe.Pointer) (*result, error) {
	if err := exceptionFrom(textAt(l.resultError(handle))); err != nil {
		l.resultDestroy(handle)
		return nil, err
	}
	return &result{lib: l, handle: handle}, nil
}

// bytes views the result; the view dies with free.
func (r *result) bytes() []byte {
	return bytesAt(r.lib.resultBuffer(r.handle), r.lib.resultLength(r.handle))
}

// counters tells what was read and written for this result.
func (r *result) counters() counters {
	return counters{
		readRows: r.lib.rowsRead(r.handle), readBytes: r.lib.bytesRead(r.handle),
		writtenRows: r.lib.rowsWritten(r.handle), writtenBytes: r.lib.bytesWritten(r.handle),
	}
}

// free gives the memory back to libchdb.
func (r *result) free() { r.lib.resultDestroy(r.handle) }

// counters are the rows and bytes a statement read from tables and wrote to them.
type counters struct {
	readRows, readBytes, writtenRows, writtenBytes uint64
}

// add sums two counts.
func (c counters) add(other counters) counters {
	return counters{
		readRows: c.readRows + other.readRows, readBytes: c.readBytes + other.readBytes,
		writtenRows:  c.writtenRows + other.writtenRows,
		writtenBytes: c.writtenBytes + other.writtenBytes,
	}
}

// insertion is a running INSERT that takes its data piece by piece.
type insertion struct {
	session *session
	handle  unsafe.Pointer
}

// insert starts an INSERT; the statement's text ends before its FORMAT clause.
func (s *session) insert(stmt statement) (*insertion, error) {
	handle := s.call(s.lib.insertStart, stmt)
	if err := exceptionFrom(textAt(s.lib.insertError(handle))); err != nil {
		s.lib.insertDestroy(handle)
		return nil, err
	}
	return &insertion{session: s, handle: handle}, nil
}

// append hands over data, which libchdb copies; it waits while the engine is behind.
func (i *insertion) append(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	lib := i.session.lib
	if lib.insertAppend(i.handle, unsafe.Pointer(&data[0]), uint64(len(data))) == 0 {
		return nil
	}
	err := exceptionFrom(textAt(lib.insertError(i.handle)))
	if err == nil {
		err = unknownException.raise("libchdb took no more data for the insert")
	}
	return err
}

// finish ends the data and waits until they are stored.
func (i *insertion) finish() (counters, error) {
	done, err := i.session.lib.resultOf(i.session.lib.insertDone(i.handle))
	if err != nil {
		return counters{}, err
	}
	defer done.free()
	return done.counters(), nil
}

// close frees the insertion; one that was not finished is cancelled.
func (i *insertion) close() {
	i.session.lib.insertDestroy(i.handle)
}
