package spinetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/plan"
	"github.com/waystage/waystage/services/world"
)

// benchPersons make a world of some 2.5 million touchpoints, 2 million of them on the map.
const benchPersons = 100_000

// BenchmarkQuestions asks a 7-step, 14-day stage funnel of the benchmark world, answered as the
// query service does (streamed, inside ClickHouse, and inside as if spread over two shards), beside
// the usual way: windowFunnel over a table ordered by day. All give the same counts.
func BenchmarkQuestions(b *testing.B) {
	dsn := enginetest.Database(b)
	st, err := store.Open(dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	loadWorld(b, st)
	layPlain(b, dsn)
	ways := []struct {
		name    string
		answers *answer.Answerer
	}{
		{"streamed", answer.New(st, answer.NewNewestMaps(st), 0).Go(plan.Streamed, nil)},
		{"inside", answer.New(st, answer.NewNewestMaps(st), 0).Go(plan.Inside, nil)},
		{"two shards", shardedAnswers(b, st, dsn, 2)},
	}
	end := world.BenchmarkEnd
	edge := end.AddDate(0, -3, 0)
	for _, r := range []struct {
		name     string
		from, to time.Time
	}{
		{"30 days", end.AddDate(0, 0, -30), end},
		{"30 days over an edge", edge.AddDate(0, 0, -15), edge.AddDate(0, 0, 15)},
		{"1 year", end.AddDate(-1, 0, 0), end},
		{"3 years", world.BenchmarkStart, end},
	} {
		q := stageQuestion(r.from, r.to)
		ours, plain := make([][]int, len(ways)), []int(nil)
		for i, way := range ways {
			b.Run(r.name+"/"+way.name, func(b *testing.B) {
				for b.Loop() {
					got, err := way.answers.Funnel(b.Context(), world.BenchmarkSite, q)
					if err != nil {
						b.Fatal(err)
					}
					ours[i] = nil
					for _, s := range got.Steps {
						ours[i] = append(ours[i], s.Count)
					}
				}
			})
		}
		b.Run(r.name+"/windowFunnel", func(b *testing.B) {
			for b.Loop() {
				plain = plainCounts(b, dsn, q)
			}
		})
		for i, way := range ways {
			if ours[i] != nil && plain != nil && !slices.Equal(ours[i], plain) {
				b.Errorf("%s: %s counts %v, windowFunnel %v", r.name, way.name, ours[i], plain)
			}
		}
	}
}

func stageQuestion(from, to time.Time) funnel.Question {
	q := funnel.Question{
		From: from, To: to, AsOf: to.Add(funnel.DefaultWindow), Window: funnel.DefaultWindow, Limit: 25,
	}
	for _, stage := range world.Stages()[:7] {
		q.Steps = append(q.Steps, funnel.Step{
			Target: funnel.Target{Kind: funnel.Stage, Name: string(stage)},
		})
	}
	return q
}

// loadWorld stores the touchpoints and who is whom.
func loadWorld(b *testing.B, st *store.Store) {
	b.Helper()
	w := world.NewBenchmark(1, benchPersons)
	catalogue := world.Catalogue()
	var rows []store.Row
	flush := func() {
		if err := st.InsertFacts(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
		rows = rows[:0]
	}
	for t := range w.Touchpoints() {
		fact := w.Fact(t)
		rows = append(rows, store.Row{
			Fact: &fact, Attribution: catalogue[t.Event].Attribution, LinkKnown: true,
		})
		if len(rows) == 100_000 {
			flush()
		}
	}
	flush()
	var profiles []store.Profile
	for p := range w.Persons() {
		ids := w.Identities(p)
		if len(ids) < 2 {
			continue
		}
		for _, id := range ids {
			profiles = append(profiles, store.Profile{
				Identity: id, Person: journey.PersonID(slices.Min(ids)),
			})
		}
	}
	err := st.InsertProfiles(b.Context(), world.BenchmarkSite, profiles, time.Now())
	if err != nil {
		b.Fatal(err)
	}
}

// layPlain copies the touchpoints into the usual layout, and merges everything.
func layPlain(b *testing.B, dsn string) {
	b.Helper()
	for _, sql := range []string{
		`CREATE TABLE plain ENGINE = MergeTree PARTITION BY toYYYYMM(at)
			ORDER BY (site, toDate(at), event, identity) AS SELECT * FROM touchpoints`,
		`CREATE DICTIONARY person_of (identity UInt64, person UInt64) PRIMARY KEY identity
			SOURCE(CLICKHOUSE(QUERY 'SELECT identity, person FROM ' || currentDatabase() || '.profiles'))
			LAYOUT(HASHED()) LIFETIME(0)`,
		"OPTIMIZE TABLE plain FINAL", "OPTIMIZE TABLE touchpoints FINAL",
		"OPTIMIZE TABLE journeys FINAL",
	} {
		if strings.Contains(sql, "currentDatabase") {
			database := dsn[strings.LastIndex(dsn, "/")+1:]
			sql = strings.Replace(sql, "' || currentDatabase() || '", database, 1)
		}
		ask(b, dsn, sql)
	}
}

func plainCounts(b *testing.B, dsn string, q funnel.Question) []int {
	b.Helper()
	var conditions, names []string
	for i, s := range q.Steps {
		condition := "stage = '" + s.Target.Name + "'"
		names = append(names, "'"+s.Target.Name+"'")
		if i == 0 {
			condition += fmt.Sprintf(" AND at < fromUnixTimestamp64Milli(%d)", q.To.UnixMilli())
		}
		conditions = append(conditions, condition)
	}
	text := ask(b, dsn, fmt.Sprintf(`SELECT level, count() FROM (
		SELECT dictGetOrDefault('person_of', 'person', identity, identity) AS person,
			windowFunnel(%d)(toUInt64(toUnixTimestamp64Milli(at)), %s) AS level
		FROM plain WHERE site = 'bench' AND stage IN (%s)
			AND at >= fromUnixTimestamp64Milli(%d) AND at <= fromUnixTimestamp64Milli(%d)
		GROUP BY person) GROUP BY level`, q.Window.Milliseconds(), strings.Join(conditions, ", "),
		strings.Join(names, ", "), q.From.UnixMilli(), q.AsOf.UnixMilli()))
	counts := make([]int, len(q.Steps))
	for line := range strings.Lines(text) {
		var level, n int
		if _, err := fmt.Sscan(line, &level, &n); err != nil {
			b.Fatal(err)
		}
		for s := range level {
			counts[s] += n
		}
	}
	return counts
}

// ask runs SQL by ClickHouse's HTTP interface.
func ask(b *testing.B, dsn, sql string) string {
	b.Helper()
	base, database, _ := strings.Cut(strings.TrimPrefix(dsn, "http://"), "/")
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		"http://"+base+"/?"+url.Values{"database": {database}}.Encode(), strings.NewReader(sql))
	if err != nil {
		b.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%.80q: %s: %s", sql, response.Status, text)
	}
	return string(text)
}
