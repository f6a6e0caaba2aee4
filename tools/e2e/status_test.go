//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// retryAfterSeconds is longer than any SDK waits by itself before its first retry, on a machine
// that has much to do.
const retryAfterSeconds = 10

// quiet is how long an SDK for pages that has dropped a message is watched: longer than any waits
// before its first retry.
const quiet = 4 * time.Second

// statusRow is a row of the table in docs/errors.md that tells what SDKs do with an answer.
type statusRow struct {
	// status is a number, or "closed".
	status string
	// does is what each SDK does, by its name in the head of the table.
	does map[string]string
}

// statusTable reads the table.
func statusTable(t *testing.T) []statusRow {
	t.Helper()
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var head []string
	var rows []statusRow
	for line := range strings.Lines(string(text)) {
		cells := cellsOf(line)
		switch {
		case len(cells) == 0:
			head = nil
		case slices.Contains(cells, "analytics-node"):
			head = cells
		case head != nil && !strings.HasPrefix(cells[0], "---"):
			row := statusRow{status: cells[0], does: make(map[string]string)}
			for n, cell := range cells {
				row.does[head[n]] = cell
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatal("docs/errors.md has no table with a column analytics-node")
	}
	return rows
}

func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for n := range cells {
		cells[n] = strings.TrimSpace(cells[n])
	}
	return cells
}

// mishapOf is what happens to a request that gets the answer of a row.
func (r statusRow) mishapOf(t *testing.T) mishap {
	t.Helper()
	if r.status == "closed" {
		return mishap{cut: true}
	}
	status, err := strconv.Atoi(r.status)
	if err != nil {
		t.Fatalf("the table names a status %q: want a number or closed", r.status)
	}
	switch status {
	case http.StatusOK:
		return mishap{}
	case http.StatusTooManyRequests:
		return mishap{status: status, retryAfter: retryAfterSeconds}
	case http.StatusServiceUnavailable:
		return mishap{status: status, retryAfter: 1}
	default:
		return mishap{status: status}
	}
}

// columns are the SDKs of the table, each in the ways that are tried.
var columns = map[string]struct {
	program string
	pages   []string
}{
	"analytics-node": {program: "analytics-node"},
	"rudder-node":    {program: "rudder-sdk-node"},
	"analytics-go":   {program: "analytics-go"},
	"analytics-next": {pages: []string{"analytics-next", "analytics-next batching"}},
	"rudder-js":      {pages: []string{"rudder-js"}},
}

// statuses: each SDK does with each answer what the table says. The answer comes once, then
// ingest gets the messages.
func (i *instance) statuses(t *testing.T, b *browser, k keys) {
	table := statusTable(t)
	for column, sdk := range columns {
		if sdk.program != "" {
			t.Run(column, func(t *testing.T) {
				t.Parallel()
				i.programStatuses(t, programs[sdk.program], k, table, column)
			})
		}
		for _, way := range sdk.pages {
			for _, row := range table {
				t.Run(way+"/"+row.status, func(t *testing.T) {
					t.Parallel()
					i.pageStatus(t, b, webPages[way], k, row, row.does[column])
				})
			}
		}
	}
}

// onceOnly does it to the first try alone.
func onceOnly(m mishap) fault {
	return func(earlier int) mishap {
		if earlier == 0 {
			return m
		}
		return mishap{}
	}
}

func oneCall() []call { return story()[1:2] }

// programStatuses gives all answers to one process, each at a gate of its own.
func (i *instance) programStatuses(
	t *testing.T, p program, k keys, table []statusRow, column string,
) {
	var gates []*gate
	var scripts []script
	for _, row := range table {
		g := i.newGate(t, onceOnly(row.mishapOf(t)))
		gates = append(gates, g)
		scripts = append(scripts, script{Host: g.url, Calls: oneCall()})
	}
	said := p.runAll(t, k.Write, scripts)
	for n, row := range table {
		t.Run(row.status, func(t *testing.T) {
			does, want := row.does[column], outcome{Delivered: 1}
			if does == "dropped" {
				want = outcome{Failed: 1}
			}
			if said[n] != want {
				t.Errorf("it says %+v, want %+v", said[n], want)
			}
			gates[n].checkDoes(t, does, row.mishapOf(t))
		})
	}
}

func (i *instance) pageStatus(
	t *testing.T, b *browser, w webPage, k keys, row statusRow, does string,
) {
	g := i.newGate(t, onceOnly(row.mishapOf(t)))
	b.newVisitor(t).open(t, w, g.url, k.Write).play(t, oneCall())
	if does == "dropped" {
		g.awaitTries(t, 1)
		time.Sleep(quiet) // that nothing comes cannot be waited for
	} else {
		g.awaitSettled(t, 1)
	}
	g.checkDoes(t, does, row.mishapOf(t))
}

func (g *gate) awaitTries(t *testing.T, want int) {
	t.Helper()
	eventually(t, patience, func() error {
		if n := len(g.seenTries()); n < want {
			return fmt.Errorf("%d tries, want %d: %s", n, want, g.describe())
		}
		return nil
	})
}

// checkDoes checks that what was seen after a mishap is what a cell of the table says.
func (g *gate) checkDoes(t *testing.T, does string, m mishap) {
	t.Helper()
	tries := g.judgedTries()
	switch does {
	case "done", "dropped":
		if len(tries) != 1 {
			t.Errorf("the table says %s; the gate saw %s", does, g.describe())
		}
		return
	case "retried", "waits":
		if len(tries) < 2 {
			t.Fatalf("the table says %s; the gate saw %s", does, g.describe())
		}
	default:
		t.Fatalf("the table says %q: want done, dropped, retried or waits", does)
	}
	pause := tries[1].at.Sub(tries[0].at)
	waited := pause >= time.Duration(m.retryAfter)*time.Second-clockSlack
	if does == "waits" && !waited || does == "retried" && m.retryAfter == retryAfterSeconds && waited {
		t.Errorf("the table says %s; it tried again after %v, told to wait %d s", does, pause,
			m.retryAfter)
	}
}
