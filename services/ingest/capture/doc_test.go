package capture

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
)

// statusRows are the rows of the table of statuses in docs/errors.md, by status.
func statusRows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| status | when | code |")
	if !found {
		t.Fatal("docs/errors.md has no table of statuses")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) == 8 {
			rows[cells[0]] = cells
		}
	}
	return rows
}

// TestStatusesAreDocumented: every status and code stands in the table, each status once; only
// those are retried that may be taken another time.
func TestStatusesAreDocumented(t *testing.T) {
	t.Parallel()
	rows := statusRows(t)
	problems := []*problem{
		{status: 200, code: "ok"},
		{status: 405, code: "method_not_allowed"},
		notFound, missingKey, badAuthorization, originNotAllowed, bodyTooLarge, tooManyMessages,
		contextTooLarge, unsupportedEncoding, badGzip, bodyCut, tooSlow, busy, notReady, internal,
		problemOf(fault.Exhaust(1, "slower")),
		problemOfMessage(refusal{Reason: admit.TooLarge}),
		problemOf(&admit.Refusal{Reason: admit.MalformedJSON}),
		problemOf(&admit.Refusal{Reason: admit.WrongType}),
		problemOf(&admit.Refusal{Reason: admit.MissingField}),
	}
	for _, m := range meanings {
		problems = append(problems, problemOf(fault.New(m.kind, "x")))
	}
	for _, p := range problems {
		row := rows[strconv.Itoa(p.status)]
		if row == nil || !strings.Contains(row[2], "`"+p.code+"`") {
			t.Errorf("%d %s is not in the table", p.status, p.code)
			continue
		}
		for _, does := range row[3:7] { // analytics-go looks at no status
			retries := does == "retried" || does == "waits"
			if retries != (p.status >= 500 || p.status == 429) {
				t.Errorf("%d: an SDK has %s them", p.status, does)
			}
		}
	}
}
