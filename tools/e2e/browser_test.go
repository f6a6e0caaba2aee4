//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a Chromium, driven by sdk/browser.mjs. It is safe for concurrent use.
type browser struct {
	// origin is the site whose pages it opens: another one than ingest's.
	origin string
	stdin  io.Writer
	stderr *screen

	mutex   sync.Mutex
	last    int
	waiting map[int]chan told
	ended   error
}

// told is the answer to a command.
type told struct {
	ID     int      `json:"id"`
	Error  string   `json:"error"`
	Strays []string `json:"strays"`
	Said   []string `json:"said"`
	Posts  []int    `json:"posts"`
	Cut    bool     `json:"cut"`
}

// startBrowser starts a Chromium and the site of its pages, both until the test ends.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	dir := sdkDir(t)
	b := &browser{origin: pageSite(t, dir), stderr: &screen{}, waiting: make(map[int]chan told)}
	command := exec.Command("node", "browser.mjs") // it ends with its stdin
	command.Dir, command.Stderr = dir, b.stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.stdin = stdin
	ready := b.expect(0)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b.read(stdout)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		hangs := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer hangs.Stop()
		<-read
		_ = command.Wait() // how it ended shows in the tests
	})
	b.await(t, ready)
	return b
}

// pageSite serves the pages and what they load, on a host of their own.
func pageSite(t *testing.T, dir string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(filepath.Join(dir, "pages"))))
	mux.Handle("/modules/", http.StripPrefix("/modules/",
		http.FileServer(http.Dir(filepath.Join(dir, "node_modules")))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// expect makes room for an answer.
func (b *browser) expect(id int) <-chan told {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	answer := make(chan told, 1)
	if b.ended != nil {
		answer <- told{Error: b.ended.Error()}
		return answer
	}
	b.waiting[id] = answer
	return answer
}

func (b *browser) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var answer told
		if json.Unmarshal(lines.Bytes(), &answer) != nil {
			continue
		}
		b.mutex.Lock()
		if waits := b.waiting[answer.ID]; waits != nil {
			waits <- answer
			delete(b.waiting, answer.ID)
		}
		b.mutex.Unlock()
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.ended = errors.New("the browser has ended")
	for _, waits := range b.waiting {
		waits <- told{Error: b.ended.Error()}
	}
}

func (b *browser) await(t *testing.T, answer <-chan told) told {
	t.Helper()
	select {
	case a := <-answer:
		if a.Error != "" {
			t.Fatalf("the browser says %s\n%s", a.Error, b.stderr)
		}
		return a
	case <-time.After(patience):
		t.Fatalf("the browser says nothing for %v\n%s", patience, b.stderr)
	}
	return told{}
}

// do runs a command and gives its number and answer.
func (b *browser) do(t *testing.T, command map[string]any) (int, told) {
	t.Helper()
	b.mutex.Lock()
	b.last++
	id := b.last
	b.mutex.Unlock()
	answer := b.expect(id)
	command["id"] = id
	line, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	b.mutex.Lock()
	_, err = b.stdin.Write(append(line, '\n'))
	b.mutex.Unlock()
	if err != nil {
		t.Fatalf("telling the browser: %v\n%s", err, b.stderr)
	}
	return id, b.await(t, answer)
}

// visitor is a profile of the browser: one person's storage.
type visitor struct {
	browser *browser
	profile string
}

// newVisitor makes an empty profile, which ends with the test. The test fails if a page of it
// wanted something from beyond this machine.
func (b *browser) newVisitor(t *testing.T) *visitor {
	t.Helper()
	v := &visitor{browser: b, profile: t.Name()}
	t.Cleanup(func() {
		_, end := b.do(t, map[string]any{"do": "end", "profile": v.profile})
		if len(end.Strays) > 0 {
			t.Errorf("requests left the machine: %v", end.Strays)
		}
		if t.Failed() {
			t.Logf("the pages said:\n%s", strings.Join(end.Said, "\n"))
		}
	})
	return v
}

// page is an open page with an SDK in it.
type page struct {
	browser *browser
	id      int
}

// webPage is an SDK for pages, set up in one of its ways.
type webPage struct {
	file    string
	options map[string]any
}

// open opens a page whose SDK sends to a host.
func (v *visitor) open(t *testing.T, w webPage, host, key string) page {
	t.Helper()
	settings := w.options
	if settings == nil {
		settings = map[string]any{}
	}
	fragment, err := json.Marshal(map[string]any{"host": host, "key": key, "options": settings})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := v.browser.do(t, map[string]any{
		"do": "open", "profile": v.profile,
		"url": v.browser.origin + "/" + w.file + "#" + url.PathEscape(string(fragment)),
	})
	return page{browser: v.browser, id: id}
}

// play makes calls to the SDK of the page; they go on after it returns.
func (p page) play(t *testing.T, calls []call) {
	t.Helper()
	p.browser.do(t, map[string]any{"do": "play", "page": p.id, "calls": calls})
}

// playOut makes calls and waits until the SDK is done with each: it has sent it, or keeps it.
func (p page) playOut(t *testing.T, calls []call) {
	t.Helper()
	p.browser.do(t, map[string]any{"do": "play", "page": p.id, "calls": calls, "out": true})
}

// close closes the page as a user does, leave goes on to an empty one. They tell whether the
// page could do its last: Chromium ends a page that a busy machine keeps from it for too long.
func (p page) close(t *testing.T) bool {
	t.Helper()
	_, closed := p.browser.do(t, map[string]any{"do": "close", "page": p.id})
	return !closed.Cut
}

func (p page) leave(t *testing.T) bool {
	t.Helper()
	p.browser.do(t, map[string]any{"do": "leave", "page": p.id})
	return true
}

// chromium tells whether there is a browser to drive, as sdk/browser.mjs looks for it.
func chromium(t *testing.T) {
	t.Helper()
	path := os.Getenv("CHROME")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing: install Debian's chromium, or name another in CHROME", path)
	}
}

// batching is analytics-next's strategy of batches, with a short wait.
var batching = map[string]any{
	"deliveryStrategy": map[string]any{
		"strategy": "batching", "config": map[string]any{"timeout": 300},
	},
}

// webPages are the ways in which pages load an SDK.
var webPages = map[string]webPage{
	"analytics-next":          {file: "analytics-next.html"},
	"analytics-next batching": {file: "analytics-next.html", options: batching},
	"snippet":                 {file: "snippet.html"},
	"snippet batching":        {file: "snippet.html", options: batching},
	"rudder-js":               {file: "rudderstack.html"},
	"rudder-js batch": {file: "rudderstack.html", options: map[string]any{
		"queueOptions": map[string]any{
			"batch": map[string]any{"enabled": true, "flushInterval": 300},
		},
	}},
	"rudder-js beacon": {file: "rudderstack.html", options: map[string]any{
		"useBeacon": true, "beaconQueueOptions": map[string]any{"flushQueueInterval": 300},
	}},
}
