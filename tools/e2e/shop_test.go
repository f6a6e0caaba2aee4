//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// keys are those of a site, as site create prints them.
type keys struct {
	Write string `json:"write_key"`
	Read  string `json:"read_token"`
	Admin string `json:"admin_token"`
}

// createSite makes a site with the map of testdata/shop.yaml.
func (i *instance) createSite(t *testing.T, id string) keys {
	t.Helper()
	i.creating.Lock()
	made := i.do(t, "site", "create", id, "--json")
	i.creating.Unlock()
	made.want(t, 0)
	var k keys
	if err := json.Unmarshal([]byte(made.stdout), &k); err != nil || k.Write == "" ||
		k.Read == "" || k.Admin == "" {
		t.Fatalf("site create printed %s: %v", made.stdout, err)
	}
	published := i.do(t, "map", "publish", "testdata/shop.yaml", "--site", id)
	published.want(t, 0)
	if !strings.Contains(published.stdout, "Version 1 of sites/"+id+" is in force") {
		t.Fatalf("map publish printed %q", published.stdout)
	}
	return k
}

// shopFile writes the messages of testdata/shop.ndjson and one that is too large to a new file.
// They tell of eight persons, in March 2024:
//
//	ann  searches as a visitor, signs in, and buys: one person only if the visitor is she
//	bob  orders nothing in time, and something after the window of 3 days
//	cid  searches once, told twice
//	dan  never signs in; orders after the instant at which the question looks
//	eve  searches with one device and buys with another
//	fay  orders under the id of another message: a copy, which does not count
//	gil  buys under another user id, joined by an alias
//	hal  signs in on ann's device: another person
func shopFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	large := fmt.Sprintf(`{"messageId":"large","type":"track","event":"Order Completed",`+
		`"userId":"bob","properties":{"total":5,"note":%q},"timestamp":"2024-03-04T11:00:00Z"}`,
		strings.Repeat("x", 33<<10))
	file := filepath.Join(t.TempDir(), "shop.ndjson")
	if err := os.WriteFile(file, append(text, large+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// report is what an import says with --json.
type report struct {
	Lines        int               `json:"lines"`
	Accepted     int               `json:"accepted"`
	RefusedLines int               `json:"refused_lines"`
	Unsettled    int               `json:"unsettled"`
	ResumeLine   int               `json:"resume_line"`
	Refused      map[string]reason `json:"refused"`
}

type reason struct {
	Count      int   `json:"count"`
	FirstLines []int `json:"first_lines"`
}

func (r result) report(t *testing.T) report {
	t.Helper()
	var sum report
	if err := json.Unmarshal([]byte(r.stdout), &sum); err != nil {
		t.Fatalf("import printed %s: %v", r.stdout, err)
	}
	return sum
}

// importShop imports the file and checks the report.
func (i *instance) importShop(t *testing.T, site string) {
	t.Helper()
	refused := filepath.Join(t.TempDir(), "refused.ndjson")
	done := i.do(t, "import", shopFile(t), "--site", site, "--report", refused, "--json")
	done.want(t, 3)
	want := report{
		Lines: 33, Accepted: 28, RefusedLines: 5, ResumeLine: 35,
		Refused: map[string]reason{
			"not_json":          {1, []int{14}},
			"no_identity":       {1, []int{20}},
			"unknown_type":      {1, []int{32}},
			"time_out_of_range": {1, []int{33}},
			"too_large":         {1, []int{34}},
		},
	}
	if diff := cmp.Diff(want, done.report(t)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	text, err := os.ReadFile(refused)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != 5 {
		t.Errorf("%d refused lines are told, want 5:\n%.2000s", lines, text)
	}
	for _, name := range []string{`"line":20,"reason":"no_identity"`, `"message_id":"far"`} {
		if !strings.Contains(string(text), name) {
			t.Errorf("the refused lines lack %s:\n%.2000s", name, text)
		}
	}
}

// asOf is when the question looks: two persons can be told from that.
var asOf = time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC)

// shopQuestion is how persons travel through the shop's three stages, by persona.
func shopQuestion() *funnelv1.FunnelQuestion {
	q := &funnelv1.FunnelQuestion{
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromDate{FromDate: "2024-03-01"},
			To:   &funnelv1.TimeRange_ToDate{ToDate: "2024-04-01"},
		},
		AsOf: timestamppb.New(asOf), WindowSeconds: proto.Float64(3 * 24 * 60 * 60),
		Breakdowns: []*funnelv1.Breakdown{{By: &funnelv1.Breakdown_Persona{Persona: true}}},
	}
	for _, id := range []string{"search", "cart", "purchase"} {
		q.Steps = append(q.Steps, &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: id}})
	}
	return q
}

// shopFlags are the same question on a command line.
var shopFlags = []string{
	"--stages", "--from", "2024-03-01", "--to", "2024-04-01", "--as-of", "2024-03-10T12:00:00Z",
	"--window", "3d", "--by", "persona", "--json",
}

// ask runs an ask command and reads the JSON that it prints.
func (i *instance) ask(t *testing.T, into proto.Message, site, what string, flags ...string) {
	t.Helper()
	if err := i.tryAsk(t, into, site, what, flags...); err != nil {
		t.Fatal(err)
	}
}

func (i *instance) tryAsk(
	t *testing.T, into proto.Message, site, what string, flags ...string,
) error {
	t.Helper()
	r := i.do(t, append([]string{"ask", what, "--site", site}, flags...)...)
	if r.code != 0 {
		return fmt.Errorf("ask %s: exit code %d: %s", what, r.code, r.stderr)
	}
	return protojson.Unmarshal([]byte(r.stdout), into)
}

// row are the counts of a step.
type row struct{ Count, Lost, InWindow uint32 }

func rowsOf(steps []*funnelv1.StepResult) []row {
	var rows []row
	for _, s := range steps {
		rows = append(rows, row{s.GetCount(), s.GetLost(), s.GetInWindow()})
	}
	return rows
}

// table are the rows of all persons and of each group.
func table(answer *funnelv1.AskFunnelResponse) map[string][]row {
	rows := map[string][]row{"all": rowsOf(answer.GetSteps())}
	for _, g := range answer.GetGroups() {
		rows[g.GetValues()[0].GetValue()] = rowsOf(g.GetSteps())
	}
	return rows
}

// shopTable is what the question must give.
var shopTable = map[string][]row{
	"all":        {{8, 2, 0}, {6, 2, 1}, {3, 0, 0}},
	"pro":        {{2, 0, 0}, {2, 0, 0}, {2, 0, 0}},
	"basic":      {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}},
	"unassigned": {{5, 2, 0}, {3, 2, 1}, {0, 0, 0}},
}

// awaitShop waits until everything imported is counted as it must be.
func (i *instance) awaitShop(t *testing.T, site string) {
	t.Helper()
	eventually(t, patience, func() error {
		answer := new(funnelv1.AskFunnelResponse)
		if err := i.tryAsk(t, answer, site, "funnel", shopFlags...); err != nil {
			return err
		}
		if diff := cmp.Diff(shopTable, table(answer)); diff != "" {
			return fmt.Errorf("funnel (-want +got):\n%s", diff)
		}
		return nil
	})
}

// answers are everything that can be asked of the shop, by the command line.
type answers struct {
	funnel  *funnelv1.AskFunnelResponse
	dropOff *funnelv1.AskDropOffResponse
	persons map[string]*funnelv1.ListFunnelPersonsResponse
}

// lists are the numbers whose persons are listed, by the flags that name them.
var lists = map[string]struct {
	step      uint32
	selection funnelv1.PersonSelection
	flags     []string
}{
	"searched": {
		1, funnelv1.PersonSelection_PERSON_SELECTION_REACHED, []string{"--step-number", "1"},
	},
	"lost at the cart": {
		2, funnelv1.PersonSelection_PERSON_SELECTION_LOST,
		[]string{"--step-number", "2", "--part", "lost"},
	},
	"can still buy": {
		2, funnelv1.PersonSelection_PERSON_SELECTION_IN_WINDOW,
		[]string{"--step-number", "2", "--part", "in-window"},
	},
	"bought": {
		3, funnelv1.PersonSelection_PERSON_SELECTION_REACHED, []string{"--step-number", "3"},
	},
}

func (i *instance) askAll(t *testing.T, site string) answers {
	t.Helper()
	a := answers{
		funnel: new(funnelv1.AskFunnelResponse), dropOff: new(funnelv1.AskDropOffResponse),
		persons: make(map[string]*funnelv1.ListFunnelPersonsResponse),
	}
	i.ask(t, a.funnel, site, "funnel", shopFlags...)
	i.ask(t, a.dropOff, site, "dropoff", shopFlags...)
	for name, l := range lists {
		a.persons[name] = new(funnelv1.ListFunnelPersonsResponse)
		i.ask(t, a.persons[name], site, "persons", append(l.flags, shopFlags...)...)
	}
	return a
}
