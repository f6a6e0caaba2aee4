//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// sdkFolder holds sdk with its modules and the client of analytics-go, made once.
var sdkFolder = sync.OnceValues(func() (string, error) {
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			return "", fmt.Errorf("%s is missing: install Node.js 20 or newer to try the SDKs", name)
		}
	}
	dir := filepath.Join(filepath.Dir(binary), "sdk")
	if err := os.CopyFS(dir, os.DirFS("sdk")); err != nil {
		return "", err
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--omit=optional")
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "client"),
		"github.com/waystage/waystage/tools/e2e/sdk/goclient")
	install.Dir = dir
	for _, command := range []*exec.Cmd{install, build} {
		if out, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", command, err, out)
		}
	}
	return dir, nil
})

func sdkDir(t *testing.T) string {
	t.Helper()
	dir, err := sdkFolder()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// call is a message as an SDK for servers takes it. Those for pages take the names and ids and
// know who the visitor is by themselves.
type call struct {
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Name        string         `json:"name,omitempty"`
	UserID      string         `json:"userId,omitempty"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	PreviousID  string         `json:"previousId,omitempty"`
	GroupID     string         `json:"groupId,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
}

// program is an SDK for servers, which runs in a process of its own.
type program struct {
	// command is what to start, by its folder, and sdk how it calls the SDK.
	command []string
	sdk     string
	options map[string]any
}

var programs = map[string]program{
	"analytics-node":  {command: []string{"node", "server.mjs"}, sdk: "analytics-node"},
	"rudder-sdk-node": {command: []string{"node", "server.mjs"}, sdk: "rudder-sdk-node"},
	"rudder-sdk-node without gzip": {
		command: []string{"node", "server.mjs"}, sdk: "rudder-sdk-node",
		options: map[string]any{"gzip": false},
	},
	"analytics-go": {command: []string{"./client"}, sdk: "analytics-go"},
}

// outcome is what an SDK for servers says of its messages.
type outcome struct {
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"`
}

// script is what an SDK is to send to a host.
type script struct {
	Host  string `json:"host"`
	Calls []call `json:"calls"`
}

// run makes calls by the SDK and waits until it is done with them.
func (p program) run(t *testing.T, host, key string, calls []call) outcome {
	t.Helper()
	return p.runAll(t, key, []script{{Host: host, Calls: calls}})[0]
}

// runAll plays several scripts at once, in one process, and gives the outcome of each.
func (p program) runAll(t *testing.T, key string, scripts []script) []outcome {
	t.Helper()
	argument, err := json.Marshal(map[string]any{
		"sdk": p.sdk, "key": key, "options": p.options, "scripts": scripts,
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := sdkDir(t)
	name := p.command[0]
	if strings.HasPrefix(name, "./") {
		name = filepath.Join(dir, name)
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, append(p.command[1:], string(argument))...)
	command.Dir, command.Stdout, command.Stderr = dir, &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", p.sdk, err, &stderr)
	}
	var all []outcome
	if err := json.Unmarshal(stdout.Bytes(), &all); err != nil || len(all) != len(scripts) {
		t.Fatalf("%s printed %s: %v\n%s", p.sdk, &stdout, err, &stderr)
	}
	for n, o := range all {
		if o.Delivered+o.Failed != len(scripts[n].Calls) {
			t.Fatalf("%s forgot a call: %+v of %d", p.sdk, o, len(scripts[n].Calls))
		}
	}
	return all
}
