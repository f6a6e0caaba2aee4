package capture

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Snippet is Segment's browser SDK as pages load it by a script tag. It lies in memory whole:
// some 300 KB.
type Snippet struct {
	main    *script
	bundles map[string]*script
}

// script is a file as it is served.
type script struct {
	plain, packed []byte
	etag          string
	// lasting tells that the name stands for this content for ever.
	lasting bool
}

// mainScript is the name of the build that is loaded by a script tag alone.
const mainScript = "standalone.js"

// hashed are names that hold a hash of their content.
var hashed = regexp.MustCompile(`\.[0-9a-f]{16,}\.js$`)

// ReadSnippet reads the directory dist/umd of the npm package @segment/analytics-next. Errors: it
// is not that, or cannot be read.
func ReadSnippet(directory fs.FS) (*Snippet, error) {
	files, err := fs.ReadDir(directory, ".")
	if err != nil {
		return nil, fmt.Errorf("listing the scripts for pages: %w", err)
	}
	s := &Snippet{bundles: make(map[string]*script)}
	for _, file := range files {
		name := file.Name()
		if !file.Type().IsRegular() || path.Ext(name) != ".js" {
			continue
		}
		content, err := fs.ReadFile(directory, name)
		if err != nil {
			return nil, fmt.Errorf("reading the script %s: %w", name, err)
		}
		if s.bundles[name], err = newScript(name, content); err != nil {
			return nil, err
		}
	}
	if s.main = s.bundles[mainScript]; s.main == nil {
		return nil, errors.New("there is no " + mainScript +
			": name the directory dist/umd of the npm package @segment/analytics-next")
	}
	return s, nil
}

func newScript(name string, content []byte) (*script, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("packing the script %s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	return &script{
		plain: content, packed: packed.Bytes(), etag: hex.EncodeToString(sum[:8]),
		lasting: hashed.MatchString(name),
	}, nil
}

// noSnippet is told where no scripts are served.
var noSnippet = &problem{status: 404, code: "not_found", message: "this server has no script " +
	"for pages: set WAYSTAGE_INGEST_SNIPPET_DIR to the directory dist/umd of the npm package " +
	"@segment/analytics-next, or load the SDK from your own bundle"}

// script serves the SDK itself, for whatever key.
func (s *Snippet) script(w http.ResponseWriter, r *http.Request, _ string) Outcome {
	if s == nil {
		return noSnippet.answer(w)
	}
	return s.main.serve(w, r)
}

// bundle serves a part that the SDK loads when it needs it.
func (s *Snippet) bundle(w http.ResponseWriter, r *http.Request, name string) Outcome {
	if s == nil {
		return noSnippet.answer(w)
	}
	file := s.bundles[name]
	if file == nil {
		return notFound.answer(w)
	}
	return file.serve(w, r)
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) Outcome {
	header := w.Header()
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "public, max-age=300")
	if s.lasting {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, etag := s.plain, s.etag
	if takesGzip(r.Header) {
		content, etag = s.packed, s.etag+"-gzip"
		header.Set("Content-Encoding", "gzip")
	}
	etag = `"` + etag + `"`
	header.Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return Outcome{Status: http.StatusNotModified, Code: ok.Code}
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
	return ok
}

// takesGzip tells whether a client accepts gzip.
func takesGzip(header http.Header) bool {
	for each := range strings.SplitSeq(header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(each, ";")
		if strings.TrimSpace(coding) != "gzip" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		return !found || strings.Trim(q, "0.") != ""
	}
	return false
}
