package world

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/journey"
)

var update = flag.Bool("update", false, "write docs/worlds.md anew")

const worldsPage = "../../docs/worlds.md"

// publishedSeed is that of the published numbers and of demonstrations.
const publishedSeed = 1

// TestPublishedNumbersAreTrue holds docs/worlds.md to the worlds.
func TestPublishedNumbersAreTrue(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString(worldsIntroduction)
	for _, s := range Scenarios() {
		writeWorld(&page, s)
	}
	if *update {
		if err := os.WriteFile(worldsPage, []byte(page.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(worldsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != page.String() {
		t.Errorf("%s is not of these worlds: run go test ./services/world -run Published -update",
			worldsPage)
	}
}

// TestPublishedNumbersAreTheReferences holds them to the reference evaluator.
func TestPublishedNumbersAreTheReferences(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s Scenario) {
		m, l := mapOf(t, s), NewLive(s, publishedSeed)
		facts := attributed(t, m, l.Between(liveStart, liveEnd))
		for _, by := range []Dimension{ByPersona, ByFirstChannel} {
			ask := published(l)
			ask.By = by
			checkTruth(t, l, m, facts, ask)
		}
		ask := buying(l, 1)
		ask.By = ByVariant
		checkTruth(t, l, m, facts, ask)
		checkGroups(t, l, m, facts, buying(l, 0))
	})
}

const worldsIntroduction = `# Worlds with known numbers

For each of the three journey maps that come with Waystage there is a synthetic world whose people travel by it. Who
they are, and what they did, is decided by a seed, so the true numbers are known: they are counted over the people
themselves, by code that shares nothing with the pipeline. ` + "`waystage up --demo grocery|airline|tiles`" + ` shows
such a world; this page lists the numbers of one fixed month, so that anybody can hold an installation to them. A test
writes it (` + "`go test ./services/world -run Published -update`" + `).

## To check an installation

With an instance running (` + "`waystage up --demo none`" + `), here for the airline:

` + "```sh" + `
waystage site create airline
waystage map publish services/journey/maps/airline.yaml --site airline
go run ./tools/waystage/demo/tell --demo airline \
  --from 2026-01-30T12:30:00Z --to 2026-03-01T12:30:00Z > airline.ndjson
waystage import airline.ndjson --site airline
waystage ask funnel --stages --site airline --by persona --window 14d \
  --from 2026-01-30T12:30:00Z --to 2026-03-01T12:30:00Z --as-of 2026-03-01T12:30:00Z
` + "```" + `

The map must be published before the import: what is received earlier is attributed by no map. *All* are the counts of the
answer's steps, the rows under it those of its groups, *(none)* the group of those without a value. The second table of a
breakdown asks for the stages in its head alone. *First* is the attribution FIRST_TOUCH, which is usual; personas and
variants are those of the person (` + "`--by variant:price_promise@person`" + `). Second and later sales are repeats: they
count at the stage *loyalty*. Barriers are those that ` + "`waystage ask dropoff`" + ` names, lost and in window together.
*Groups together* are counted in place of persons: ` + "`--unit group:company`" + `.
`

func writeWorld(page *strings.Builder, s Scenario) {
	l := NewLive(s, publishedSeed)
	totals := l.Totals(liveStart, liveEnd)
	fmt.Fprintf(page, "\n## %s\n\n", strings.ToUpper(string(s[:1]))+string(s[1:]))
	writeTotals(page, &totals, len(l.Between(liveStart, liveEnd)))
	for _, d := range []struct {
		title string
		by    Dimension
	}{
		{"By persona", ByPersona},
		{"By first channel", ByFirstChannel},
		{"By first campaign", ByFirstCampaign},
		{"By first device", ByFirstDevice},
		{fmt.Sprintf("By variant of the experiment `%s`", l.Experiment()), ByVariant},
	} {
		fmt.Fprintf(page, "\n### %s\n", d.title)
		ask := published(l)
		ask.By = d.by
		writeFunnel(page, l, ask)
		ask = buying(l, 1)
		ask.By = d.by
		writeFunnel(page, l, ask)
	}
	writeGroups(page, l)
	writeBarriers(page, l)
}

func writeGroups(page *strings.Builder, l *Live) {
	page.WriteString("\n### Groups together\n")
	ask := buying(l, 0)
	fmt.Fprintf(page, "\n| | %s |\n|%s\n", join(ask.Stages, " | "),
		strings.Repeat(" --- |", len(ask.Stages)+1))
	for _, t := range l.GroupTypes() {
		fmt.Fprintf(page, "| `%s` | %s |\n", t, join(l.TrueGroups(ask, t), " | "))
	}
}

func writeTotals(page *strings.Builder, t *Totals, messages int) {
	fmt.Fprintf(page, "%d messages of %d persons, %d of them in a group. Money: %.2f EUR came in, "+
		"%.2f EUR were given back.\n\n", messages, t.Persons, t.Members,
		float64(t.IncomeCents)/100, float64(t.RefundCents)/100)
	page.WriteString("| persona | persons |\n| --- | --- |\n")
	for _, p := range slices.Sorted(maps.Keys(t.Personas)) {
		fmt.Fprintf(page, "| `%s` | %d |\n", p, t.Personas[p])
	}
	page.WriteString("\n| touchpoint | times |\n| --- | --- |\n")
	for _, p := range slices.Sorted(maps.Keys(t.Touchpoints)) {
		fmt.Fprintf(page, "| `%s` | %d |\n", p, t.Touchpoints[p])
	}
	fmt.Fprintf(page, "| not on the map | %d |\n", t.OffMap)
}

func writeFunnel(page *strings.Builder, l *Live, ask Ask) {
	counts := l.True(ask)
	fmt.Fprintf(page, "\n| | %s |\n|%s\n", join(ask.Stages, " | "),
		strings.Repeat(" --- |", len(ask.Stages)+1))
	all := make([]int, len(ask.Stages))
	for _, of := range counts {
		for k, n := range of {
			all[k] += n
		}
	}
	fmt.Fprintf(page, "| *all* | %s |\n", join(all, " | "))
	for _, value := range slices.SortedFunc(maps.Keys(counts), noneLast) {
		name := "`" + value + "`"
		if value == "" {
			name = "*(none)*"
		}
		fmt.Fprintf(page, "| %s | %s |\n", name, join(counts[value], " | "))
	}
}

func noneLast(a, b string) int {
	if (a == "") != (b == "") {
		return -cmp.Compare(a, b)
	}
	return cmp.Compare(a, b)
}

func join[T any](values []T, by string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, by)
}

func writeBarriers(page *strings.Builder, l *Live) {
	ask := published(l)
	page.WriteString("\n### Barriers met by those who dropped off\n\n" +
		"| last stage reached | barrier | persons |\n| --- | --- | --- |\n")
	for k, met := range l.Barriers(ask) {
		byCount := func(a, b journey.TouchpointID) int {
			return cmp.Or(cmp.Compare(met[b], met[a]), cmp.Compare(a, b))
		}
		for _, b := range slices.SortedFunc(maps.Keys(met), byCount) {
			fmt.Fprintf(page, "| %s | `%s` | %d |\n", ask.Stages[k], b, met[b])
		}
	}
}
