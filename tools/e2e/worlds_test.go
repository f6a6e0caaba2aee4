//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
	"github.com/waystage/waystage/services/world"
	"github.com/waystage/waystage/tools/waystage/demo"
)

// The month of docs/worlds.md.
var (
	worldFrom = time.Date(2026, time.January, 30, 12, 30, 0, 0, time.UTC)
	worldTo   = time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC)
)

// worldFlags ask about the whole map as docs/worlds.md does.
func worldFlags(more ...string) []string {
	return append([]string{
		"--stages", "--window", "14d", "--from", worldFrom.Format(time.RFC3339),
		"--to", worldTo.Format(time.RFC3339), "--as-of", worldTo.Format(time.RFC3339), "--json",
	}, more...)
}

// TestWorlds imports a month of each synthetic world and holds the answers to the true numbers.
func TestWorlds(t *testing.T) {
	t.Parallel()
	i := start(t, filepath.Join(t.TempDir(), "data"), "--demo", "none")
	for _, s := range world.Scenarios() {
		t.Run(string(s), func(t *testing.T) {
			i.createSite(t, string(s))
			i.importWorld(t, s)
			i.checkWorld(t, s)
		})
	}
}

func (i *instance) importWorld(t *testing.T, s world.Scenario) {
	t.Helper()
	source, _ := maps.ByName(string(s))
	file := filepath.Join(t.TempDir(), "map.yaml")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	i.do(t, "map", "publish", file, "--site", string(s)).want(t, 0)
	var lines bytes.Buffer
	messages := world.NewLive(s, demo.Seed).Between(worldFrom, worldTo)
	if err := demo.Write(&lines, messages); err != nil {
		t.Fatal(err)
	}
	waystage(t, &lines, "import", "-", "--site", string(s), "--data", i.data).want(t, 0)
}

func (i *instance) checkWorld(t *testing.T, s world.Scenario) {
	l := world.NewLive(s, demo.Seed)
	ask := world.Ask{
		Since: worldFrom, From: worldFrom, To: worldTo, AsOf: worldTo, Window: 14 * 24 * time.Hour,
		Stages: l.Stages(),
	}
	for _, by := range []struct {
		word      string
		dimension world.Dimension
	}{
		{"persona", world.ByPersona},
		{"variant:" + l.Experiment() + "@person", world.ByVariant},
		{"channel@first", world.ByFirstChannel},
		{"campaign@first", world.ByFirstCampaign},
		{"device@first", world.ByFirstDevice},
	} {
		ask.By = by.dimension
		want := l.True(ask)
		eventually(t, patience, func() error {
			answer := new(funnelv1.AskFunnelResponse)
			if err := i.tryAsk(t, answer, string(s), "funnel", worldFlags("--by", by.word)...); err != nil {
				return err
			}
			if diff := cmp.Diff(want, countsOf(answer)); diff != "" {
				return fmt.Errorf("by %s (-true +got):\n%s", by.word, diff)
			}
			return nil
		})
	}
	i.checkBarriers(t, s, l.Barriers(ask))
	for _, groupType := range l.GroupTypes() {
		answer := new(funnelv1.AskFunnelResponse)
		i.ask(t, answer, string(s), "funnel", worldFlags("--unit", "group:"+groupType)...)
		var got []int
		for _, step := range answer.GetSteps() {
			got = append(got, int(step.GetCount()))
		}
		if diff := cmp.Diff(l.TrueGroups(ask, groupType), got); diff != "" {
			t.Errorf("by %s as a unit (-true +got):\n%s", groupType, diff)
		}
	}
}

// countsOf are the counts of each group, "" being that of no value.
func countsOf(answer *funnelv1.AskFunnelResponse) map[string][]int {
	counts := make(map[string][]int)
	for _, g := range answer.GetGroups() {
		value := g.GetValues()[0].GetValue()
		for _, s := range g.GetSteps() {
			counts[value] = append(counts[value], int(s.GetCount()))
		}
	}
	return counts
}

// checkBarriers compares the barriers met by those who dropped off, whatever their outcome. An
// answer lists no more than ten a step and outcome; none of the worlds has more.
func (i *instance) checkBarriers(
	t *testing.T, s world.Scenario, met []map[journey.TouchpointID]int,
) {
	t.Helper()
	answer := new(funnelv1.AskDropOffResponse)
	i.ask(t, answer, string(s), "dropoff", worldFlags()...)
	got := make([]map[journey.TouchpointID]int, len(met))
	for k, d := range answer.GetDropOffs() {
		got[k] = make(map[journey.TouchpointID]int)
		for _, departed := range d.GetDepartures() {
			for _, b := range departed.GetBarriers() {
				got[k][journey.TouchpointID(b.GetName())] += int(b.GetCount())
			}
		}
	}
	if diff := cmp.Diff(met, got); diff != "" {
		t.Errorf("barriers (-true +got):\n%s", diff)
	}
}
