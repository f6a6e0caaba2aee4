package answer_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
	"github.com/waystage/waystage/services/query/plan"
)

// scribe writes down the queries that ClickHouse is sent.
type scribe struct {
	mutex   sync.Mutex
	queries map[string]url.Values
}

// written is an address of the same database where a scribe writes down what is asked.
func written(t *testing.T, dsn string) (address string, s *scribe) {
	t.Helper()
	s = &scribe{queries: make(map[string]url.Values)}
	return enginetest.Between(t, dsn, func(sql string, r *http.Request, forward func()) {
		s.mutex.Lock()
		s.queries[sql] = r.URL.Query()
		s.mutex.Unlock()
		forward()
	}), s
}

var readTable = regexp.MustCompile(`(?m)^ *TABLE .*table_name: ([^, \n]+)`)

// tables are those of the database that the queries read, as ClickHouse resolves them.
func (s *scribe) tables(t *testing.T, dsn string) map[string]bool {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	tables := make(map[string]bool)
	for sql, values := range s.queries {
		values.Set("default_format", "TabSeparatedRaw")
		values.Del("compress")
		answer, err := http.Post("http://"+u.Host+"/?"+values.Encode(), "text/plain",
			strings.NewReader("EXPLAIN QUERY TREE "+sql))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("explaining %s: %s: %s, %v", sql, answer.Status, text, err)
		}
		for _, m := range readTable.FindAllStringSubmatch(string(text), -1) {
			if name, own := strings.CutPrefix(m[1], strings.Trim(u.Path, "/")+"."); own {
				tables[name] = true
			}
		}
	}
	return tables
}

// everyKind are questions that read all that questions can ask for.
func everyKind() map[string]funnel.Question {
	event := func(name string) funnel.Step {
		return funnel.Step{Target: funnel.Target{Kind: funnel.Event, Name: name}}
	}
	plain := funnel.Question{
		From: noon.AddDate(0, 0, -1), To: noon.AddDate(0, 0, 1), AsOf: noon.Add(2 * time.Hour),
		Window: 2 * time.Hour, Limit: 25, Steps: []funnel.Step{event("A"), event("B")},
	}
	split := func(by funnel.Subject, name string, a funnel.Attribution) funnel.Question {
		q := plain
		q.Breakdowns = []funnel.Breakdown{{By: by, Name: name, Attribution: a}}
		return q
	}
	questions := map[string]funnel.Question{
		"plain":   plain,
		"persona": split(funnel.Persona, "", funnel.OfPerson),
		"trait":   split(funnel.Trait, "x", funnel.OfPerson),
		"group":   split(funnel.OfGroup, "company", funnel.OfPerson),
		"variant": split(funnel.Variant, "button", funnel.OfPerson),
		"channel": split(funnel.OfChannel, "", funnel.FirstTouch),
	}
	conditioned := plain
	conditioned.Steps = []funnel.Step{event("A"), event("B")}
	conditioned.Steps[1].Conditions = []funnel.Condition{{Name: "n", Operator: funnel.IsSet}}
	questions["condition"] = conditioned
	stages := plain
	stages.Steps = []funnel.Step{
		{Target: funnel.Target{Kind: funnel.Stage, Name: "one"}},
		{Target: funnel.Target{Kind: funnel.Stage, Name: "two"}},
	}
	questions["stages"] = stages
	strict := plain
	strict.Order, strict.Count = funnel.Strict, funnel.PerSession
	strict.Departures, strict.Reasons = true, &funnel.Reasons{Properties: []string{"n"}}
	questions["everything"] = strict
	for name, u := range map[string]funnel.Unit{
		"units of a property": {Kind: funnel.PropertyUnit, Name: "n"},
		"units of a trait":    {Kind: funnel.TraitUnit, Name: "x"},
		"groups as units":     {Kind: funnel.GroupUnit, Name: "company"},
	} {
		q := plain
		q.Unit = u
		questions[name] = q
	}
	return questions
}

// TestAnswerTables: the tables whose changes are looked for are those that answers, and what
// questions are read by, are read from, all of them and no other. So leaving one out, or
// reading another one some day, fails here.
func TestAnswerTables(t *testing.T) {
	t.Parallel()
	m := newMarket(t, 1, plainly)
	for _, event := range []string{"A", "B"} {
		r := row("m"+event, event, noon, "u", "v")
		r.Attribution = journey.Attribution{Stage: "one", Touchpoint: "a", Version: 1}
		m.store(t, r)
	}
	m.raw(t, `INSERT INTO maps (site, version, id, title, source, published_at, in_force_at)
		VALUES ('shop', 1, generateUUIDv4(), 'Quiet', $map$`+quietMap+`,
  {id: a2, stage: two, repeat: {of: a}}]
personas: [{id: p1, when: 'count("A") > 1 && traits.x == 1'}]
$map$, now64(9), now64(9))`)
	if err := m.InsertProfiles(t.Context(), site, []store.Profile{
		{Identity: journey.UserIdentity(site, "u"), Person: 1, Version: 1},
		{Identity: journey.VisitorIdentity(site, "v"), Person: 1, Version: 1},
	}, noon); err != nil {
		t.Fatal(err)
	}
	address, s := written(t, m.dsn)
	st, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	for name, q := range everyKind() {
		for _, way := range []plan.Way{plan.Streamed, plan.Inside} {
			a := answer.New(st, answer.NewNewestMaps(st), 0).Go(way, nil)
			groups := []funnel.Group{{Values: make([]funnel.GroupValue, len(q.Breakdowns))}}
			page := api.Page{Limit: 2, Selection: funnel.Selection{Step: 1}}
			_, err := a.Funnel(t.Context(), site, q)
			_, errAs := a.FunnelAs(t.Context(), site, q, groups)
			persons, errPersons := a.Persons(t.Context(), site, q, page)
			if err != nil || errAs != nil || errPersons != nil {
				t.Fatalf("%s: %v, %v, %v", name, err, errAs, errPersons)
			}
			if name == "plain" && persons.Total != 1 {
				t.Errorf("%s: %d persons, want 1", name, persons.Total)
			}
		}
	}
	if err := m.CreateSite(t.Context(), journey.Site{ID: site, TimeZone: "UTC"}); err != nil {
		t.Fatal(err)
	}
	recall := m.cache.Recall(st)
	if _, err := recall.Site(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	if _, err := recall.Publication(t.Context(), site, 0); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]bool)
	for _, table := range store.AnswerTables {
		want[table] = true
	}
	if diff := cmp.Diff(want, s.tables(t, m.dsn)); diff != "" {
		t.Errorf("tables (-whose changes are seen +that are read):\n%s", diff)
	}
}
