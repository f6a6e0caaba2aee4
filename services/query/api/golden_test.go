package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// goldenFile is the published one: see docs/golden.md.
var goldenFile = filepath.Join("..", "..", "..", "docs", "golden", "vectors.json")

// goldenVectors is what the file holds.
type goldenVectors struct {
	Format  int            `json:"format"`
	Worlds  []goldenWorld  `json:"worlds"`
	Vectors []goldenVector `json:"vectors"`
}

// goldenVector is a question of the API about a world, what it answers, and who is counted.
type goldenVector struct {
	Name     string          `json:"name"`
	World    string          `json:"world"`
	Title    string          `json:"title"`
	Question json.RawMessage `json:"question"`
	Answer   goldenAnswer    `json:"answer"`
	// Units has, for each step, who filled it, once for each attempt counted, in the order of names.
	Units [][]string `json:"units"`
	// DropOffs is the answer for drop-offs, nil where they are not asked.
	DropOffs *goldenDropOffs `json:"dropOffs,omitempty"`
}

type goldenAnswer struct {
	Steps         []goldenStep        `json:"steps"`
	Groups        []goldenGroup       `json:"groups,omitempty"`
	Trend         []goldenBucket      `json:"trend,omitempty"`
	TimeToConvert *goldenDistribution `json:"timeToConvert,omitempty"`
	Comparison    *goldenComparison   `json:"comparison,omitempty"`
}

// goldenComparison is the other answer that a question compares with.
type goldenComparison struct {
	FromTime      time.Time           `json:"fromTime"`
	ToTime        time.Time           `json:"toTime"`
	AsOf          time.Time           `json:"asOf"`
	Steps         []goldenStep        `json:"steps"`
	Groups        []goldenGroup       `json:"groups,omitempty"`
	Trend         []goldenBucket      `json:"trend,omitempty"`
	TimeToConvert *goldenDistribution `json:"timeToConvert,omitempty"`
}

type goldenDropOffs struct {
	DropOffs []goldenDropOff     `json:"dropOffs"`
	Groups   []goldenGroupLosses `json:"groups,omitempty"`
}

type goldenGroupLosses struct {
	Values   []goldenValue   `json:"values,omitempty"`
	Other    bool            `json:"other,omitempty"`
	DropOffs []goldenDropOff `json:"dropOffs"`
}

type goldenDropOff struct {
	Reached    int               `json:"reached,omitempty"`
	WentOn     int               `json:"wentOn,omitempty"`
	Lost       int               `json:"lost,omitempty"`
	InWindow   int               `json:"inWindow,omitempty"`
	Worst      bool              `json:"worst,omitempty"`
	Departures []goldenDeparture `json:"departures,omitempty"`
}

type goldenDeparture struct {
	Outcome         string             `json:"outcome"`
	Count           int                `json:"count"`
	Silent          goldenNamed        `json:"silent"`
	WentBack        goldenNamed        `json:"wentBack"`
	Diverted        goldenNamed        `json:"diverted"`
	LastTouchpoints []goldenTouchpoint `json:"lastTouchpoints,omitempty"`
	NextTouchpoints []goldenTouchpoint `json:"nextTouchpoints,omitempty"`
	Channels        []goldenNamed      `json:"channels,omitempty"`
	Barriers        []goldenNamed      `json:"barriers,omitempty"`
}

type goldenNamed struct {
	Name    string `json:"name,omitempty"`
	Missing bool   `json:"missing,omitempty"`
	Count   int    `json:"count,omitempty"`
}

type goldenTouchpoint struct {
	Touchpoint string `json:"touchpoint,omitempty"`
	Stage      string `json:"stage,omitempty"`
	Event      string `json:"event,omitempty"`
	Count      int    `json:"count"`
}

type goldenStep struct {
	Count        int          `json:"count"`
	Lost         int          `json:"lost,omitempty"`
	InWindow     int          `json:"inWindow,omitempty"`
	FromPrevious *goldenSpans `json:"fromPrevious,omitempty"`
	FromEntry    *goldenSpans `json:"fromEntry,omitempty"`
}

type goldenSpans struct {
	MeanSeconds   float64 `json:"meanSeconds"`
	MedianSeconds float64 `json:"medianSeconds"`
	P90Seconds    float64 `json:"p90Seconds"`
}

type goldenGroup struct {
	Values        []goldenValue       `json:"values,omitempty"`
	Other         bool                `json:"other,omitempty"`
	Steps         []goldenStep        `json:"steps"`
	Trend         []goldenBucket      `json:"trend,omitempty"`
	TimeToConvert *goldenDistribution `json:"timeToConvert,omitempty"`
}

type goldenValue struct {
	Value   string `json:"value"`
	Missing bool   `json:"missing,omitempty"`
}

type goldenBucket struct {
	FromTime time.Time    `json:"fromTime"`
	ToTime   time.Time    `json:"toTime"`
	Steps    []goldenStep `json:"steps"`
}

type goldenDistribution struct {
	Count       int          `json:"count"`
	Spans       *goldenSpans `json:"spans,omitempty"`
	Percentiles []struct {
		Percent float64 `json:"percent"`
		Seconds float64 `json:"seconds"`
	} `json:"percentiles,omitempty"`
	Bins []struct {
		FromSeconds float64 `json:"fromSeconds"`
		ToSeconds   float64 `json:"toSeconds"`
		Count       int     `json:"count"`
	} `json:"bins,omitempty"`
}

// goldenBackend answers by the reference, from what was sent to a world.
type goldenBackend struct {
	api.Answers

	facts map[journey.SiteID][]funnel.AttributedFact
	m     *journey.Map
}

func (g *goldenBackend) Funnel(
	_ context.Context, site journey.SiteID, q funnel.Question,
) (api.Funnel, error) {
	answer, _, err := funnel.Reference(g.facts[site], g.m, q)
	return api.Funnel{Answer: answer}, err
}

func (g *goldenBackend) FunnelAs(
	_ context.Context, site journey.SiteID, q funnel.Question, groups []funnel.Group,
) (api.Funnel, error) {
	_, results, err := funnel.Reference(g.facts[site], g.m, q)
	tally := funnel.NewTally(q)
	for i := range results {
		tally.Add(&results[i].Counted)
	}
	return api.Funnel{Answer: tally.AnswerAs(groups)}, err
}

func (g *goldenBackend) Persons(
	_ context.Context, site journey.SiteID, q funnel.Question, page api.Page,
) (api.Persons, error) {
	_, results, err := funnel.Reference(g.facts[site], g.m, q)
	if err != nil {
		return api.Persons{}, err
	}
	var list api.Persons
	for _, s := range funnel.Select(q, results, page.Selection) {
		p := api.Person{ID: s.Person, Unit: s.Unit, Outcome: s.Outcome()}
		if p.Unit == "" {
			p.Users = []journey.UserID{g.user(site, s.Person)}
		}
		list.Persons = append(list.Persons, p)
	}
	list.Total = len(list.Persons)
	return list, nil
}

// user is the user id of a person: each has one, and at most one visitor beside.
func (g *goldenBackend) user(site journey.SiteID, id journey.PersonID) journey.UserID {
	for _, f := range g.facts[site] {
		if f.User == "" {
			continue
		}
		person := journey.UserIdentity(site, f.User)
		if f.Visitor != "" {
			person = min(person, journey.VisitorIdentity(site, f.Visitor))
		}
		if journey.PersonID(person) == id {
			return f.User
		}
	}
	return ""
}

// goldenFacts are the messages of a world as they are kept.
func goldenFacts(w goldenWorld, m *journey.Map) []funnel.AttributedFact {
	received := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	facts := make([]funnel.AttributedFact, len(w.Messages))
	for i, sent := range w.Messages {
		f := &facts[i]
		f.Fact = journey.Fact{
			Site: journey.SiteID(w.Name), Message: journey.MessageID(sent.MessageID), Kind: journey.Track,
			User: journey.UserID(sent.UserID), Visitor: journey.VisitorID(sent.AnonymousID),
			Event: sent.Event, OccurredAt: sent.Timestamp, OriginalAt: sent.Timestamp,
			ReceivedAt: received, Index: uint32(i),
			Properties: goldenObject(sent.Properties), Traits: goldenObject(sent.Traits),
		}
		if sent.Type == "identify" {
			f.Kind = journey.Identify
		}
		for _, t := range m.Touchpoints {
			if slices.Contains(t.Events, sent.Event) {
				f.Touchpoint, f.Stage = t.ID, t.Stage
			}
		}
	}
	return facts
}

func goldenObject(members map[string]any) journey.Object {
	if members == nil {
		return ""
	}
	b, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return journey.Object(b)
}

// answerGolden asks every question over HTTP, as anyone would.
func answerGolden(t *testing.T, worlds []goldenWorld, questions []goldenVector) []goldenVector {
	t.Helper()
	m, err := journey.ParseMap(goldenMap)
	if err != nil {
		t.Fatal(err)
	}
	backend := &goldenBackend{facts: make(map[journey.SiteID][]funnel.AttributedFact), m: m}
	h := open(t, func(s *settings) { s.answers = backend })
	for _, w := range worlds {
		id := journey.SiteID(w.Name)
		h.store.sites[id] = journey.Site{ID: id, TimeZone: w.TimeZone, CreatedAt: now}
		if _, err := h.store.Publish(t.Context(), id, w.Map, m.Title); err != nil {
			t.Fatal(err)
		}
		backend.facts[id] = goldenFacts(w, m)
	}
	for i := range questions {
		v := &questions[i]
		v.Answer, v.Units = goldenAnswer{}, nil
		askGolden(t, h, v.World, "ask", v.Question, nil, &v.Answer)
		if v.DropOffs != nil {
			v.DropOffs = &goldenDropOffs{}
			askGolden(t, h, v.World, "askDropOff", v.Question, nil, v.DropOffs)
		}
		for k, step := range v.Answer.Steps {
			units := make([]string, 0, step.Count)
			if step.Count > 0 {
				units = listGolden(t, h, *v, k+1)
			}
			if len(units) != step.Count {
				t.Errorf("%s: step %d counts %d and lists %d", v.Name, k+1, step.Count, len(units))
			}
			v.Units = append(v.Units, units)
		}
	}
	return questions
}

func listGolden(t *testing.T, h *house, v goldenVector, step int) []string {
	t.Helper()
	var list struct {
		Persons []struct {
			UserIDs []string `json:"userIds"`
			Unit    string   `json:"unit"`
		} `json:"persons"`
	}
	askGolden(t, h, v.World, "listPersons", v.Question, map[string]any{"step": step, "pageSize": 1000}, &list)
	var units []string
	for _, p := range list.Persons {
		units = append(units, append(p.UserIDs, p.Unit)[0])
	}
	slices.Sort(units)
	return units
}

// askGolden calls a method of a world's funnels.
func askGolden(
	t *testing.T, h *house, world, method string, question json.RawMessage, more map[string]any,
	answer any,
) {
	t.Helper()
	fields := map[string]any{"question": question}
	for name, value := range more {
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	r := h.send(t, "POST", "/v1/sites/"+world+"/funnels:"+method, rootToken, string(body))
	if r.status != 200 {
		t.Fatalf("%s of %s is answered with %d %s", method, question, r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), answer); err != nil {
		t.Fatal(err)
	}
}

// whole is the question with what its world usually states, in the order of names.
func (q goldenQuestion) whole(t *testing.T) json.RawMessage {
	t.Helper()
	fields := make(map[string]json.RawMessage)
	for _, part := range []string{goldenUsual[q.world], "{" + q.fields + "}"} {
		if err := json.Unmarshal([]byte(part), &fields); err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
	}
	if _, preset := fields["compat"]; preset {
		delete(fields, "windowSeconds")
	}
	var b bytes.Buffer
	text, err := json.Marshal(fields)
	if err == nil {
		err = json.Compact(&b, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGoldenVectors holds the reference to the published answers. With -update it writes them.
func TestGoldenVectors(t *testing.T) {
	t.Parallel()
	questions := slices.Concat(goldenQuestions, drawnQuestions(), leftQuestions)
	if flag.Lookup("update").Value.String() == "true" {
		want := goldenVectors{Format: 1, Worlds: goldenWorlds()}
		for _, q := range questions {
			v := goldenVector{Name: q.name, World: q.world, Title: q.title, Question: q.whole(t)}
			if slices.Contains(leftQuestions, q) {
				v.DropOffs = &goldenDropOffs{}
			}
			want.Vectors = append(want.Vectors, v)
		}
		want.Vectors = answerGolden(t, want.Worlds, want.Vectors)
		if err := os.WriteFile(goldenFile, want.text(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var want goldenVectors
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if n := len(questions); len(want.Vectors) != n {
		t.Errorf("%d vectors are published of %d; run the test with -update", len(want.Vectors), n)
	}
	got := answerGolden(t, want.Worlds, slices.Clone(want.Vectors))
	for i, v := range want.Vectors {
		if diff := cmp.Diff(v.Answer, got[i].Answer, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-published +reference):\n%s", v.Name, diff)
		}
		if diff := cmp.Diff(v.Units, got[i].Units, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s, units (-published +reference):\n%s", v.Name, diff)
		}
		if diff := cmp.Diff(v.DropOffs, got[i].DropOffs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s, drop-offs (-published +reference):\n%s", v.Name, diff)
		}
	}
}

// text is the file: a line a message, a line a part of a vector.
func (g goldenVectors) text(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	line := func(before string, v any, after string) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(before)
		b.Write(text)
		b.WriteString(after)
	}
	comma := func(i, n int) string {
		if i+1 < n {
			return ",\n"
		}
		return "\n"
	}
	line("{\"format\": ", g.Format, ",\n\"worlds\": [\n")
	for i, w := range g.Worlds {
		line("{\"name\": ", w.Name, ", ")
		line("\"title\": ", w.Title, ", ")
		line("\"timeZone\": ", w.TimeZone, ",\n")
		line("\"map\": ", w.Map, ",\n\"messages\": [\n")
		for j, m := range w.Messages {
			line("  ", m, comma(j, len(w.Messages)))
		}
		b.WriteString("]}" + comma(i, len(g.Worlds)))
	}
	b.WriteString("],\n\"vectors\": [\n")
	for i, v := range g.Vectors {
		line("{\"name\": ", v.Name, ", ")
		line("\"world\": ", v.World, ", ")
		line("\"title\": ", v.Title, ",\n")
		line("  \"question\": ", v.Question, ",\n")
		line("  \"answer\": ", v.Answer, ",\n")
		if v.DropOffs != nil {
			line("  \"dropOffs\": ", v.DropOffs, ",\n")
		}
		line("  \"units\": ", v.Units, "}"+comma(i, len(g.Vectors)))
	}
	b.WriteString("]}\n")
	return b.Bytes()
}
