package engine

import (
	"context"
	"errors"
	"io"
	"strings"
)

// execution is one statement on its way through the engine.
type execution struct {
	engine *ClickHouse
	req    *request
	out    *answer
	tag    string // found again in system.processes, as the end of log_comment
}

// do opens a session, runs the statement and writes its result; the counters tell what it read and
// wrote. When ctx ends, the statement is killed.
func (e *execution) do(ctx context.Context) (counters, error) {
	work, err := e.open()
	if err != nil {
		return counters{}, err
	}
	defer work.close()
	over := e.engine.killWhenDone(ctx, e.tag)
	defer over()
	e.announce()
	switch {
	case e.req.data != nil:
		return e.insert(work)
	case e.req.form.selects && e.streams():
		read, err := e.selects(ctx, work)
		if !notStreamable(err) {
			return read, err
		}
	}
	return e.whole(work)
}

// open makes the session with the settings and the database of the request.
func (e *execution) open() (*session, error) {
	work, err := e.engine.lib.openSession(e.engine.dir, e.sessionSettings()...)
	if err != nil {
		return nil, err
	}
	err = work.apply(e.engine.defaults)
	if err == nil && e.req.database != "" && e.req.database != "default" {
		err = work.use(e.req.database)
	}
	if err == nil {
		err = work.apply(e.withoutComment())
	}
	if err != nil {
		work.close()
		return nil, err
	}
	return work, nil
}

// sessionSettings are those the session is opened with, which costs no statement.
func (e *execution) sessionSettings() []string {
	comment := e.tag
	for _, each := range e.req.settings {
		if each.name == "log_comment" {
			comment = each.value + " " + e.tag
		}
	}
	settings := []string{"log_comment=" + comment, "implicit_select=0"} // 0 as on a server
	if e.req.revision > 0 {
		settings = append(settings, "output_format_native_write_json_as_string=1")
	}
	return settings
}

// withoutComment gives the settings of the request but log_comment, which carries the tag.
func (e *execution) withoutComment() []setting {
	var settings []setting
	for _, each := range e.req.settings {
		if each.name != "log_comment" {
			settings = append(settings, each)
		}
	}
	return settings
}

// resultFormat is the format the result comes in.
func (e *execution) resultFormat() string {
	if e.req.form.format != "" {
		return e.req.form.format
	}
	return e.req.format
}

// announce sets the headers that describe the result.
func (e *execution) announce() {
	if e.req.data != nil {
		e.out.held.w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		return
	}
	format := e.resultFormat()
	e.out.held.w.Header().Set("Content-Type", contentType(format))
	e.out.held.w.Header().Set("X-ClickHouse-Format", format)
}

// writer gives the function that sends result bytes, upgraded for clients that announced a
// revision.
func (e *execution) writer() func([]byte) error {
	if e.req.revision > 0 && strings.EqualFold(e.resultFormat(), "Native") {
		upgrade := newUpgrader(e.req.revision)
		return func(block []byte) error { return upgrade.write(e.out, block) }
	}
	return func(block []byte) error {
		_, err := e.out.Write(block)
		return err
	}
}

// rowFormats are those, in lower case, whose rows can be joined without anything between: libchdb
// writes every block of a stream as a document of its own.
var rowFormats = map[string]bool{
	"native": true, "rowbinary": true, "msgpack": true, "bsoneachrow": true, "rawblob": true,
	"csv": true, "tsv": true, "tabseparated": true, "tsvraw": true, "tabseparatedraw": true,
	"raw": true, "lineasstring": true, "jsoneachrow": true, "jsonlines": true, "ndjson": true,
	"jsonstringseachrow": true, "jsoncompacteachrow": true, "jsoncompactstringseachrow": true,
}

// streams tells whether the result may be fetched block by block.
func (e *execution) streams() bool {
	const array = "output_format_json_array_of_rows" // wraps rows in one pair of brackets
	if strings.Contains(e.req.text, array) || e.req.values.Has(array) {
		return false
	}
	return rowFormats[strings.ToLower(e.resultFormat())]
}

// selects streams the result of a SELECT: no more than one block of it is in memory.
func (e *execution) selects(ctx context.Context, work *session) (counters, error) {
	var read counters
	rows, err := work.stream(e.req.statement)
	if err != nil {
		return read, err
	}
	defer rows.close()
	write := e.writer()
	for {
		block, err := rows.next()
		if err != nil || block == nil {
			return read, err
		}
		read = read.add(block.counters())
		err = write(block.bytes())
		block.free()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return read, err
		}
	}
}

// whole runs a statement whose result cannot be streamed, because of the statement or of its
// format. Libchdb holds all of it in memory.
func (e *execution) whole(work *session) (counters, error) {
	if count := work.statements(e.req.text); count > 1 {
		return counters{}, syntaxError.raise("Multi-statements are not allowed, and "+
			"%d were sent", count)
	}
	found, err := work.run(e.req.statement)
	if err != nil {
		return counters{}, err
	}
	defer found.free()
	return found.counters(), e.writer()(found.bytes())
}

// pieceBytes is how much of an INSERT's data is read at a time.
const pieceBytes = 1 << 20

// insert feeds the data of the request to an INSERT.
func (e *execution) insert(work *session) (counters, error) {
	into, err := work.insert(e.req.statement)
	if err != nil {
		return counters{}, err
	}
	defer into.close()
	piece := make([]byte, pieceBytes)
	for {
		n, readErr := fill(piece, e.req.data)
		if err := into.append(piece[:n]); err != nil {
			return counters{}, err
		}
		if errors.Is(readErr, io.EOF) {
			return into.finish()
		}
		if readErr != nil {
			return counters{}, bodyError(readErr)
		}
	}
}

// fill reads until piece is full or the reader gives an error, which it passes on as it is: unlike
// io.ReadFull it keeps the end of the data apart from data that were cut off.
func fill(piece []byte, from io.Reader) (int, error) {
	n := 0
	for n < len(piece) {
		read, err := from.Read(piece[n:])
		n += read
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
