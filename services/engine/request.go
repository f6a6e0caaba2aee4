package engine

import (
	"cmp"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// headBytes is how much of a request's body is read to find out what statement it begins with. It
// is max_query_size of a ClickHouse server.
const headBytes = 256 << 10

// request is one call of the HTTP interface, read up to the data of an INSERT.
type request struct {
	statement
	form     form
	data     io.Reader // of an INSERT with data; nil otherwise
	database string
	queryID  string
	settings []setting

	revision    uint64 // client_protocol_version; 0 when the client sent none
	compress    bool   // the answer goes out in ClickHouse's own frames
	encoding    string // Content-Encoding of the answer; empty for none
	frames      compress.Method
	framesLevel compress.Level
	holdBytes   int        // how much of the answer is held back before the status is decided
	values      url.Values // the parameters of the address
}

// parseRequest reads the parameters, the headers and, as far as needed, the body.
func parseRequest(r *http.Request) (*request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badArguments.raise("Reading the parameters of the address: %v", err)
	}
	req := &request{values: values}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, notImplemented.raise("The embedded engine takes no external tables")
	}
	if values.Get("session_id") != "" {
		return nil, notImplemented.raise("The embedded engine keeps no sessions")
	}
	req.readSettings(values, r)
	if err := req.readAnswerForm(values, r); err != nil {
		return nil, err
	}
	body, err := openBody(r, values.Get("decompress") == "1")
	if err != nil {
		return nil, err
	}
	return req, req.readStatement(values.Get("query"), body)
}

// reserved are the parameters that are no settings.
var reserved = []string{
	"query", "database", "default_format", "user", "password", "quota_key", "query_id", "role",
	"session_id", "session_timeout", "session_check", "close_session", "stacktrace",
	"compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version",
}

// readSettings takes settings and placeholders' values out of the parameters, sorted by name.
func (req *request) readSettings(values url.Values, r *http.Request) {
	for name, texts := range values {
		param, isParam := strings.CutPrefix(name, "param_")
		switch value := texts[len(texts)-1]; {
		case isParam:
			req.params = append(req.params, setting{param, value})
		case !slices.Contains(reserved, name):
			req.settings = append(req.settings, setting{name, value})
		}
	}
	slices.SortFunc(req.settings, func(a, b setting) int { return cmp.Compare(a.name, b.name) })
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		// As on a server: a link must not change data.
		req.settings = append(req.settings, setting{"readonly", "2"})
	}
	req.database = cmp.Or(values.Get("database"), r.Header.Get("X-ClickHouse-Database"))
	req.queryID = cmp.Or(values.Get("query_id"), r.Header.Get("X-ClickHouse-Query-Id"))
	req.format = cmp.Or(values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"),
		"TabSeparated")
}

// readAnswerForm finds out how the client wants the answer packed.
func (req *request) readAnswerForm(values url.Values, r *http.Request) error {
	if text := values.Get("client_protocol_version"); text != "" {
		revision, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return badArguments.raise("client_protocol_version is no number: %q", text)
		}
		req.revision = revision
	}
	req.holdBytes = 1 << 20
	if size, err := strconv.Atoi(values.Get("buffer_size")); err == nil && size > 0 {
		req.holdBytes = size
	}
	if values.Get("wait_end_of_query") == "1" {
		req.holdBytes = int(^uint(0) >> 1)
	}
	req.compress = values.Get("compress") == "1"
	req.frames = compress.LZ4
	if strings.EqualFold(values.Get("network_compression_method"), "ZSTD") {
		req.frames = compress.ZSTD
		if level, err := strconv.Atoi(values.Get("network_zstd_compression_level")); err == nil {
			req.framesLevel = compress.Level(level)
		}
	}
	if values.Get("enable_http_compression") == "1" {
		req.encoding = chooseEncoding(r.Header.Get("Accept-Encoding"))
	}
	return nil
}

// readStatement separates the statement from the data that may follow it. The statement is the
// query parameter followed by the body, as on a server.
func (req *request) readStatement(query string, body io.Reader) error {
	text := query
	if query == "" {
		head, err := io.ReadAll(io.LimitReader(body, headBytes))
		if err != nil {
			return bodyError(err)
		}
		text = string(head)
	}
	req.form = formOf(text)
	if req.form.takesData {
		req.text, req.format = text[:req.form.head], req.form.format
		req.data = dataAfter(text[req.form.data:], query != "", body)
		return nil
	}
	rest, err := io.ReadAll(body)
	if err != nil {
		return bodyError(err)
	}
	if query != "" && len(rest) > 0 {
		text += "\n"
	}
	req.text = text + string(rest)
	req.form = formOf(req.text)
	return nil
}

// dataAfter joins the data that stand behind the statement with those in the body.
func dataAfter(inline string, fromAddress bool, body io.Reader) io.Reader {
	if inline == "" {
		return body
	}
	if fromAddress {
		inline += "\n"
	}
	return io.MultiReader(strings.NewReader(inline), body)
}

// openBody unpacks the body of a request.
func openBody(r *http.Request, frames bool) (io.Reader, error) {
	body, err := decode(r.Header.Get("Content-Encoding"), r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	if frames {
		body = compress.NewReader(body)
	}
	return body, nil
}

// decode undoes a Content-Encoding.
func decode(encoding string, body io.Reader) (io.Reader, error) {
	switch encoding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(body)
	case "deflate":
		return zlib.NewReader(body)
	case "br":
		return brotli.NewReader(body), nil
	case "lz4":
		return lz4.NewReader(body), nil
	case "zstd":
		return zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
	}
	return nil, fmt.Errorf("unknown Content-Encoding %q", encoding)
}

// chooseEncoding picks the first encoding of a client that this package can write.
func chooseEncoding(accepted string) string {
	for _, offer := range strings.Split(accepted, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(offer), ";")
		if slices.Contains([]string{"zstd", "gzip", "deflate", "br", "lz4"}, name) {
			return name
		}
	}
	return ""
}

// bodyError tells the client that its body could not be read or unpacked.
func bodyError(err error) error {
	var known *exception
	if errors.As(err, &known) {
		return err
	}
	return incorrectData.raise("Reading the body of the request: %v", err)
}
