//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// clicks is how many equal touchpoints end a story.
const clicks = 5

// story is what a person does: she looks around as a visitor, signs in as ann, takes the name
// anna, and goes on. Its touchpoints are numbered by the property n, from 1.
func story() []call {
	n := 0
	number := func() map[string]any {
		n++
		return map[string]any{"n": n}
	}
	calls := []call{
		{Type: "page", Name: "Home", AnonymousID: "cookie", Properties: number()},
		{Type: "track", Event: "Looked", AnonymousID: "cookie", Properties: number()},
		{
			Type: "identify", UserID: "ann", AnonymousID: "cookie",
			Traits: map[string]any{"plan": "pro"},
		},
		{Type: "track", Event: "Joined", UserID: "ann", Properties: number()},
		{Type: "group", GroupID: "acme", UserID: "ann"},
		{Type: "alias", UserID: "anna", PreviousID: "ann"},
		{Type: "track", Event: "Renamed", UserID: "anna", Properties: number()},
	}
	for range clicks {
		calls = append(calls, call{
			Type: "track", Event: "Clicked", UserID: "anna", Properties: number(),
		})
	}
	return calls
}

// touchpointsOf counts the calls that are touchpoints.
func touchpointsOf(calls []call) int {
	n := 0
	for _, c := range calls {
		if c.Type == "track" || c.Type == "page" {
			n++
		}
	}
	return n
}

// person is somebody as the API tells.
type person struct {
	// Names are the user ids in order; VISITOR is one that a page has made up.
	Names    string
	Visitors int
	Persona  string
}

// whole is the one person of a story: her ids, and the visitor's, which pages make up.
func whole(names string) person {
	visitors := 1
	if strings.Contains(names, ",") {
		visitors++ // an alias gives up an id of either kind
	}
	return person{Names: names, Visitors: visitors, Persona: "pro"}
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// stored is a touchpoint as it lies in ClickHouse.
type stored struct {
	MessageID string `json:"message_id"`
	Event     string `json:"event"`
	N         int    `json:"n"`
	AtMillis  int64  `json:"at_millis"`
	Rows      int    `json:"rows"`
	// Library is the SDK's name for itself; one SDK tells it once for a batch.
	Library string `json:"library"`
}

// query asks the embedded ClickHouse and reads a row of each line.
func query[R any](i *instance, sql, site string) ([]R, error) {
	parameters := url.Values{
		"database": {"waystage"}, "param_site": {site},
		"output_format_json_quote_64bit_integers": {"0"},
	}
	response, err := http.Post("http://"+i.ports[3]+"/?"+parameters.Encode(), "text/plain",
		strings.NewReader(sql+" FORMAT JSONEachRow"))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ClickHouse answers %s: %s", response.Status, text)
	}
	var rows []R
	for line := range bytes.Lines(text) {
		var row R
		if err := json.Unmarshal(line, &row); err != nil {
			return nil, fmt.Errorf("ClickHouse answers %s: %w", line, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// receipts are how many messages of a site there are, and how often they came.
type receipts struct {
	Messages int `json:"messages"`
	Copies   int `json:"copies"`
}

func (i *instance) receipts(site string) (receipts, error) {
	rows, err := query[receipts](i, `SELECT uniqExact(message_key) AS messages, count() AS copies
		FROM receipts FINAL WHERE site = {site:String}`, site)
	if err != nil {
		return receipts{}, err
	}
	return rows[0], nil
}

func (i *instance) touchpoints(site string) ([]stored, error) {
	return query[stored](i, `SELECT message_id, any(event) AS event, count() AS rows,
		any(JSONExtractInt(properties, 'n')) AS n,
		any(JSONExtractString(context, 'library', 'name')) AS library,
		toUnixTimestamp64Milli(any(at)) AS at_millis
		FROM touchpoints FINAL WHERE site = {site:String} GROUP BY message_id ORDER BY n`, site)
}

// passed counts the messages that the gate has passed on, copies too: those that ingest said it
// took, and all of them. The others' senders left before they knew.
func (g *gate) passed() (taken, all int) {
	for _, t := range g.seenTries() {
		if t.taken {
			taken += len(t.messages)
		}
		if t.passed {
			all += len(t.messages)
		}
	}
	return taken, all
}

// awaitOnce waits until all calls have arrived by the gate, and checks that each is stored once,
// at the instant at which it was made.
func (i *instance) awaitOnce(t *testing.T, g *gate, site string, calls []call, began time.Time) {
	t.Helper()
	eventually(t, patience, func() error {
		got, err := i.receipts(site)
		if err != nil {
			return err
		}
		taken, all := g.passed()
		if got.Messages != len(calls) || got.Copies < taken || got.Copies > all {
			return fmt.Errorf("%s: receipts are %+v, want %d messages and from %d to %d copies",
				site, got, len(calls), taken, all)
		}
		rows, err := i.touchpoints(site)
		if err == nil && len(rows) < touchpointsOf(calls) {
			err = fmt.Errorf("%s: the touchpoints are %+v", site, rows)
		}
		return err
	})
	rows, err := i.touchpoints(site)
	if err != nil {
		t.Fatal(err)
	}
	first := g.firstTries()
	var numbers, want []int
	for _, row := range rows {
		numbers = append(numbers, row.N)
		if row.Rows != 1 {
			t.Errorf("%s is stored %d times", row.MessageID, row.Rows)
		}
		if row.Library == "" {
			t.Errorf("the context of touchpoint %d does not name the library", row.N)
		}
		at, tried := time.UnixMilli(row.AtMillis), first[row.MessageID]
		if at.Before(began.Add(-clockSlack)) || at.After(tried.Add(clockSlack)) {
			t.Errorf("touchpoint %d is at %v, want from %v to %v", row.N, at, began, tried)
		}
	}
	for n := range touchpointsOf(calls) {
		want = append(want, n+1)
	}
	if diff := cmp.Diff(want, numbers); diff != "" {
		t.Errorf("numbers of the stored touchpoints (-want +got):\n%s", diff)
	}
}

// clockSlack is what milliseconds that are cut and a clock being set may make.
const clockSlack = 50 * time.Millisecond

// firstTries tells when each message was first seen.
func (g *gate) firstTries() map[string]time.Time {
	first := make(map[string]time.Time)
	for _, t := range g.seenTries() {
		for _, id := range t.messages {
			if _, there := first[id]; !there {
				first[id] = t.at
			}
		}
	}
	return first
}

// awaitPersons waits until those who did one thing and then another are as they must be.
func (i *instance) awaitPersons(
	t *testing.T, k keys, site, from, to string, want ...person,
) {
	t.Helper()
	now := time.Now().UTC()
	request := &funnelv1.ListFunnelPersonsRequest{
		Parent: "sites/" + site, Step: 2,
		Selection: funnelv1.PersonSelection_PERSON_SELECTION_REACHED,
		Question: &funnelv1.FunnelQuestion{
			Range: &funnelv1.TimeRange{
				From: &funnelv1.TimeRange_FromDate{
					FromDate: now.AddDate(0, 0, -1).Format(time.DateOnly),
				},
				To: &funnelv1.TimeRange_ToDate{
					ToDate: now.AddDate(0, 0, 2).Format(time.DateOnly),
				},
			},
			Steps: []*funnelv1.Step{
				{Target: &funnelv1.Step_Event{Event: from}},
				{Target: &funnelv1.Step_Event{Event: to}},
			},
		},
	}
	eventually(t, patience, func() error {
		list := new(funnelv1.ListFunnelPersonsResponse)
		i.postOK(t, "/v1/sites/"+site+"/funnels:listPersons", k.Read, request, list)
		var got []person
		for _, p := range list.GetPersons() {
			names := uuid.ReplaceAllString(strings.Join(p.GetUserIds(), ","), "VISITOR")
			got = append(got, person{
				Names:    strings.Join(slices.Sorted(strings.SplitSeq(names, ",")), ","),
				Visitors: len(p.GetAnonymousIds()), Persona: p.GetPersona(),
			})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("%s: persons (-want +got):\n%s", site, diff)
		}
		return nil
	})
}
