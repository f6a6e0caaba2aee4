//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// TestUp lives with one instance as its user does, from the first start on an empty folder to the
// second start on the same, while the demonstration flows.
func TestUp(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	i := start(t, data)
	t.Run("the first question is answered within a minute", i.firstQuestion)
	shop := i.createSite(t, "shop")
	t.Run("maps", i.maps)
	t.Run("import", func(t *testing.T) {
		i.importShop(t, "shop")
		i.awaitShop(t, "shop")
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Run("beside each other", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"numbers":      i.numbers,
			"persons":      i.persons,
			"as of now":    i.asOfNow,
			"doors":        func(t *testing.T) { i.doors(t, shop) },
			"refusals":     func(t *testing.T) { i.refusals(t, shop) },
			"send":         i.send,
			"taken folder": i.takenFolder,
			"taken port":   i.takenPort,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("rebuild", i.rebuild)
	t.Run("restart", i.restart)
}

// promise is how soon a stranger has an answer, the start included.
const promise = time.Minute

func (i *instance) firstQuestion(t *testing.T) {
	eventually(t, time.Until(i.began.Add(promise)), func() error {
		answer := new(funnelv1.AskFunnelResponse)
		err := i.tryAsk(t, answer, "demo", "funnel", "--stages", "--json")
		if err == nil && (len(answer.GetSteps()) != 9 || answer.GetSteps()[0].GetCount() == 0) {
			err = fmt.Errorf("the funnel is %v", rowsOf(answer.GetSteps()))
		}
		return err
	})
	t.Logf("answered %.1f s after the start", time.Since(i.began).Seconds())
	drawn := i.do(t, "ask", "funnel", "--stages")
	drawn.want(t, 0)
	for _, text := range []string{"Awareness", "█"} {
		if !strings.Contains(strings.ToLower(drawn.stdout), strings.ToLower(text)) {
			t.Errorf("the drawing lacks %q:\n%s", text, drawn.stdout)
		}
	}
}

func (i *instance) maps(t *testing.T) {
	bad := i.do(t, "map", "publish", "testdata/bad.yaml", "--site", "shop")
	bad.want(t, 1, "testdata/bad.yaml:10:12: ", `"serch"`, "testdata/bad.yaml:16:29: ")
	again := i.do(t, "map", "publish", "testdata/shop.yaml", "--site", "shop")
	again.want(t, 0)
	if !strings.Contains(again.stdout, "Version 1 ") {
		t.Errorf("publishing the same map again printed %q", again.stdout)
	}
	shown := i.do(t, "map", "show", "--site", "shop")
	shown.want(t, 0)
	if !strings.Contains(shown.stdout, "Basket") {
		t.Errorf("map show lacks the basket:\n%s", shown.stdout)
	}
}

// numbers checks shares and spans of what import has already counted.
func (i *instance) numbers(t *testing.T) {
	a := i.askAll(t, "shop")
	last := a.funnel.GetSteps()[2]
	want := &funnelv1.StepResult{
		Step: 3, Label: "purchase", Count: 3,
		ConversionFromPrevious: &funnelv1.Share{Value: 0.5},
		ConversionFromFirst:    &funnelv1.Share{Value: 0.375},
		FromPrevious: &funnelv1.Spans{
			MeanSeconds: 3300, MedianSeconds: 3000, P90Seconds: 5400,
		},
		FromEntry: &funnelv1.Spans{MeanSeconds: 4200, MedianSeconds: 3600, P90Seconds: 7200},
	}
	ends := protocmp.IgnoreFields(&funnelv1.Share{}, "low", "high")
	if diff := cmp.Diff(want, last, protocmp.Transform(), ends); diff != "" {
		t.Errorf("last step (-want +got):\n%s", diff)
	}
	drops := []*funnelv1.DropOff{
		{
			FromStep: 1, FromLabel: "search", ToStep: 2, ToLabel: "cart", Reached: 8, WentOn: 6,
			Lost: 2, DropOff: &funnelv1.Share{Value: 0.25}, LostShare: &funnelv1.Share{Value: 0.25},
		},
		{
			FromStep: 2, FromLabel: "cart", ToStep: 3, ToLabel: "purchase", Reached: 6, WentOn: 3,
			Lost: 2, InWindow: 1, DropOff: &funnelv1.Share{Value: 0.5},
			LostShare: &funnelv1.Share{Value: 2. / 6}, Worst: true,
		},
	}
	what := protocmp.IgnoreFields(&funnelv1.DropOff{}, "departures")
	if diff := cmp.Diff(drops, a.dropOff.GetDropOffs(), protocmp.Transform(), ends, what); diff != "" {
		t.Errorf("drop-off (-want +got):\n%s", diff)
	}
	for _, d := range a.dropOff.GetDropOffs() {
		checkDepartures(t, d)
	}
}

// checkDepartures: whoever is lost or in window has departed in one of three ways.
func checkDepartures(t *testing.T, d *funnelv1.DropOff) {
	t.Helper()
	counts := map[funnelv1.Outcome]uint32{}
	for _, left := range d.GetDepartures() {
		counts[left.GetOutcome()] = left.GetCount()
		ways := left.GetSilent().GetCount() + left.GetWentBack().GetCount() +
			left.GetDiverted().GetCount()
		if ways != left.GetCount() || len(left.GetLastTouchpoints()) == 0 {
			t.Errorf("step %d: %d ways of %d, last touchpoints %v", d.GetFromStep(), ways,
				left.GetCount(), left.GetLastTouchpoints())
		}
	}
	lost := counts[funnelv1.Outcome_OUTCOME_LOST]
	still := counts[funnelv1.Outcome_OUTCOME_IN_WINDOW]
	if lost != d.GetLost() || still != d.GetInWindow() {
		t.Errorf("step %d: departures of %d lost and %d in window, want %d and %d", d.GetFromStep(),
			lost, still, d.GetLost(), d.GetInWindow())
	}
}

// persons checks who stands behind the numbers.
func (i *instance) persons(t *testing.T) {
	a := i.askAll(t, "shop")
	want := map[string]map[string]string{
		"searched": {
			"ann/dev-a": "pro", "bob/": "unassigned", "cid/": "unassigned",
			"/dev-d": "unassigned", "eve/dev-e1,dev-e2": "basic", "fay/": "unassigned",
			"gil,gil-old/gil-old": "pro", "hal/": "unassigned",
		},
		"lost at the cart": {"bob/": "unassigned", "fay/": "unassigned"},
		"can still buy":    {"/dev-d": "unassigned"},
		// An alias gives up an id of either kind.
		"bought": {
			"ann/dev-a": "pro", "eve/dev-e1,dev-e2": "basic", "gil,gil-old/gil-old": "pro",
		},
	}
	got := make(map[string]map[string]string)
	for name, list := range a.persons {
		got[name] = make(map[string]string)
		for _, p := range list.GetPersons() {
			ids := strings.Join(p.GetUserIds(), ",") + "/" + strings.Join(p.GetAnonymousIds(), ",")
			got[name][ids] = p.GetPersona()
		}
		if int(list.GetTotalSize()) != len(want[name]) {
			t.Errorf("%s: %d in all, want %d", name, list.GetTotalSize(), len(want[name]))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("persons (-want +got):\n%s", diff)
	}
}

// asOfNow sees what happened after the other question's instant: nobody can still buy.
func (i *instance) asOfNow(t *testing.T) {
	answer := new(funnelv1.AskFunnelResponse)
	i.ask(t, answer, "shop", "funnel", "--stages", "search..purchase", "--from", "2024-03-01",
		"--to", "2024-04-01", "--window", "3d", "--json")
	want := []row{{8, 2, 0}, {6, 2, 0}, {4, 0, 0}}
	if diff := cmp.Diff(want, rowsOf(answer.GetSteps())); diff != "" {
		t.Errorf("funnel (-want +got):\n%s", diff)
	}
}

func (i *instance) send(t *testing.T) {
	for _, event := range []string{"Products Searched", "Order Completed"} {
		sent := i.do(t, "send", event, "--user", "ivy", "--site", "shop", "--property", "total=3")
		sent.want(t, 0)
		if !strings.HasPrefix(sent.stdout, "accepted 1: ") {
			t.Errorf("send printed %q", sent.stdout)
		}
	}
	eventually(t, patience, func() error {
		list := new(funnelv1.ListFunnelPersonsResponse)
		err := i.tryAsk(t, list, "shop", "persons", "--stages", "search,purchase",
			"--step-number", "2", "--from", "-1h", "--json")
		if err == nil && (len(list.GetPersons()) != 1 ||
			list.GetPersons()[0].GetUserIds()[0] != "ivy") {
			err = fmt.Errorf("the persons are %v", list.GetPersons())
		}
		return err
	})
	i.do(t, "send", "x", "--site", "shop", "--write-key", "wk_wrong").want(t, 1, "--write-key")
	i.do(t, "send", "--site", "shop").want(t, 2, "send EVENT")
}

func (i *instance) takenFolder(t *testing.T) {
	second := i.do(t, "up", "--ingest-port", "0", "--http-port", "0", "--grpc-port", "0",
		"--ingest-grpc-port", "0")
	second.want(t, 1, i.data, "already runs on this folder",
		fmt.Sprintf("as process %d", i.command.Process.Pid), "--data")
}

func (i *instance) takenPort(t *testing.T) {
	_, port, err := net.SplitHostPort(i.ports[0])
	if err != nil {
		t.Fatal(err)
	}
	second := waystage(t, nil, "up", "--data", filepath.Join(t.TempDir(), "other"),
		"--ingest-port", port, "--http-port", "0", "--grpc-port", "0",
		"--ingest-grpc-port", "0")
	second.want(t, 1, "port "+port, "is taken by another program", "--ingest-port")
}

// same compares answers but for what tells when and how they were found.
var same = cmp.Options{
	protocmp.Transform(),
	protocmp.IgnoreFields(&funnelv1.AnswerFacts{},
		"took_seconds", "fresh_until", "touchpoints_read", "way", "cached"),
	cmp.AllowUnexported(answers{}),
}

// rebuild derives everything anew while the demonstration flows; meanwhile and afterwards the
// answers are those of before.
func (i *instance) rebuild(t *testing.T) {
	before := i.askAll(t, "shop")
	rebuilt := make(chan result, 1)
	go func() { rebuilt <- i.do(t, "rebuild") }()
	for asked := 0; ; asked++ {
		select {
		case r := <-rebuilt:
			r.want(t, 0)
			if !strings.HasPrefix(r.stdout, "Derived ") {
				t.Errorf("rebuild printed %q", r.stdout)
			}
			t.Logf("asked %d times meanwhile", asked)
			if diff := cmp.Diff(before, i.askAll(t, "shop"), same); diff != "" {
				t.Errorf("answers after the rebuild (-before +after):\n%s", diff)
			}
			return
		default:
			answer := new(funnelv1.AskFunnelResponse)
			i.ask(t, answer, "shop", "funnel", shopFlags...)
			if diff := cmp.Diff(before.funnel, answer, same); diff != "" {
				t.Errorf("an answer during the rebuild (-before +after):\n%s", diff)
			}
		}
	}
}

// restart stops the instance as Ctrl-C does and starts another on its folder.
func (i *instance) restart(t *testing.T) {
	before := i.askAll(t, "shop")
	i.signal(t, syscall.SIGINT)
	if code := i.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGINT", code)
	}
	if !strings.Contains(i.out.String(), "nothing is running any more") {
		t.Errorf("the end is not told:\n%s", i.out)
	}
	i.gone(t)
	i.do(t, "ask", "funnel").want(t, 1, "no instance runs on the data folder")

	next := start(t, i.data)
	if diff := cmp.Diff(before, next.askAll(t, "shop"), same); diff != "" {
		t.Errorf("answers after the restart (-before +after):\n%s", diff)
	}
	var sites struct {
		Sites []struct{ Name string }
	}
	listed := next.do(t, "site", "list", "--json")
	listed.want(t, 0)
	if err := json.Unmarshal([]byte(listed.stdout), &sites); err != nil || len(sites.Sites) != 2 {
		t.Errorf("site list printed %s: %v", listed.stdout, err)
	}
	next.signal(t, syscall.SIGINT)
	next.gone(t)
}
