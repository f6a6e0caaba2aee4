//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// sdks: what the SDKs of Segment and RudderStack send is counted.
func (i *instance) sdks(t *testing.T) {
	k := i.createSite(t, "sdks")
	dir := installSDKs(t)
	run(t, dir, "node", "send.mjs", i.ingest, k.Write)
	eventually(t, patience, func() error {
		answer := new(funnelv1.AskFunnelResponse)
		err := i.tryAsk(t, answer, "sdks", "funnel", "--step", "event:page",
			"--step", "stage:search", "--step", "stage:cart", "--step", "stage:purchase",
			"--from", "-1h", "--json")
		if err != nil {
			return err
		}
		want := []row{{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}}
		if diff := cmp.Diff(want, rowsOf(answer.GetSteps())); diff != "" {
			return fmt.Errorf("ann's funnel (-want +got):\n%s", diff)
		}
		return nil
	})
	var got []string
	eventually(t, patience, func() error {
		list := new(funnelv1.ListFunnelPersonsResponse)
		err := i.tryAsk(t, list, "sdks", "persons", "--stages", "cart..purchase",
			"--step-number", "2", "--from", "-1h", "--json")
		if err == nil && list.GetTotalSize() != 2 {
			err = fmt.Errorf("%d persons bought: %v", list.GetTotalSize(), list.GetPersons())
		}
		got = nil
		for _, p := range list.GetPersons() {
			got = append(got, fmt.Sprintf("%v %t %s", p.GetUserIds(),
				slices.Contains(p.GetAnonymousIds(), "cookie-1"), p.GetPersona()))
		}
		return err
	})
	slices.Sort(got)
	want := []string{"[ann] true pro", "[bob] false unassigned"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("persons (-want +got):\n%s", diff)
	}
}

// installSDKs installs the SDKs as sdk/package-lock.json pins them, in a folder of the test.
func installSDKs(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing: install Node.js 20 or newer to try the SDKs", name)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("sdk")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--omit=optional")
	return dir
}

// run runs a program of others to its end.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir, command.Stdout, command.Stderr = dir, &out, &out
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &out)
	}
}
