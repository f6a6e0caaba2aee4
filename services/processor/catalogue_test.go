package processor

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/catalogue"
)

// events are the events of the site's catalogue with their counts.
func (r *running) events(t *testing.T) map[string]uint64 {
	t.Helper()
	seen, err := r.store.CatalogueEvents(t.Context(), site, "")
	if err != nil {
		t.Fatal(err)
	}
	events := make(map[string]uint64)
	for _, s := range seen {
		events[s.Event] = s.Count
	}
	return events
}

func (r *running) overflow(t *testing.T, of journey.SightingType) uint64 {
	t.Helper()
	o, err := r.store.CatalogueOverflow(t.Context(), site, of)
	if err != nil {
		t.Fatal(err)
	}
	return o.Count
}

// TestCatalogue: names are counted once per message, however often it comes; only a batch that was
// cut off before its receipts were stored is counted again.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	r := start(t)
	order, who := fact(1, journey.Track, "u", "v"), fact(2, journey.Identify, "u", "v")
	order.Properties, who.Traits = `{"total":5}`, `{"plan":"pro"}`
	visit := fact(3, journey.Page, "", "v")
	visit.Event = "page"
	for range 3 {
		r.handle(t, order, who, visit)
		r.handler.forget()
	}
	if diff := cmp.Diff(map[string]uint64{"A": 1, "page": 1}, r.events(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	seen, err := r.store.CatalogueProperties(t.Context(), site,
		journey.CatalogueQuery{Properties: true, Traits: true})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range seen {
		names = append(names, fmt.Sprint(s.Event, "/", s.Property, " ", s.Count, s.Examples))
	}
	if diff := cmp.Diff([]string{"A/total 1 [5]", `/plan 1 ["pro"]`}, names); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	// Killed after the catalogue, the batch is done again without a receipt of it.
	late := fact(9, journey.Track, "u", "v")
	late.Event = "B"
	if err := r.handler.catalogue.count(t.Context(), []*journey.Fact{&late}); err != nil {
		t.Fatal(err)
	}
	r.handle(t, late)
	if got := r.events(t)["B"]; got != 2 {
		t.Errorf("a batch done again is counted as %d, want 2", got)
	}
}

// TestCatalogueCountsCopiesOnce: also where the copy that counts comes last.
func TestCatalogueCountsCopiesOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	late := fact(1, journey.Track, "u", "v")
	early := late
	early.ReceivedAt = late.ReceivedAt.Add(-time.Second)
	for _, f := range []journey.Fact{late, early, late, early} {
		r.handle(t, f)
	}
	if got := r.events(t)["A"]; got != 1 {
		t.Errorf("two copies are counted as %d, want 1", got)
	}
	const beaten = `SELECT groupArray(received_at < (SELECT max(received_at) FROM receipts))
		FROM touchpoints FINAL`
	if got := r.raw(t, beaten); got != "[1]" {
		t.Errorf("whether each touchpoint is that of the earlier copy: %s, want [1]", got)
	}
}

// TestCataloguesOfManySites: each keeps to its bounds, although those of all are more than is
// remembered, and they come in one batch.
func TestCataloguesOfManySites(t *testing.T) {
	t.Parallel()
	r := start(t)
	const sites, perSite = 12, 50
	r.raw(t, fmt.Sprintf(`INSERT INTO catalogue (site, event, property, type, count)
		SELECT concat('s', toString(number %% %[1]d)) AS site,
			concat('e', toString(intDiv(number, %[1]d) %% %[2]d)) AS event,
			if(intDiv(number, %[1]d) < %[2]d, '', concat('p', toString(number))) AS property,
			if(property = '', 'event', 'text') AS type, 1 FROM numbers(%[1]d * (%[2]d + %[3]d))`,
		sites, catalogue.MaxEvents, catalogue.MaxSiteProperties))
	for round := range 3 {
		var facts []journey.Fact
		for n := range sites * perSite {
			f := fact(round*sites*perSite+n, journey.Track, "", "v")
			f.Site = journey.SiteID(fmt.Sprint("s", n%sites))
			f.Event, f.Properties = fmt.Sprint("new-", round, "-", n), `{"x":1}`
			facts = append(facts, f)
		}
		r.handle(t, facts...)
	}
	got := r.raw(t, `SELECT groupUniqArray((events, properties, overflow)) FROM (
		SELECT uniqExactIf(event, type = 'event') AS events,
			uniqExactIf((event, property), property != '') AS properties,
			sumIf(count, type = 'overflow_event') AS overflow FROM catalogue GROUP BY site)`)
	want := fmt.Sprintf("[(%d,%d,%d)]", catalogue.MaxEvents, catalogue.MaxSiteProperties, 3*perSite)
	if got != want {
		t.Errorf("events, properties and overflow per site: %s, want %s", got, want)
	}
}

// TestCatalogueIsBounded: 5,000 names of events find 2,000 places, in one batch or many, also when
// the process begins anew; what found a place keeps it.
func TestCatalogueIsBounded(t *testing.T) {
	t.Parallel()
	r := start(t)
	const names, perBatch = 5000, 1000
	batch := func(from int) []journey.Fact {
		facts := make([]journey.Fact, perBatch)
		for i := range facts {
			facts[i] = fact(from+i, journey.Track, "", "v")
			facts[i].Event = fmt.Sprint("event-", (from+i)%names)
			facts[i].Properties = `{"n":1}`
		}
		return facts
	}
	for from := 0; from < names; from += perBatch {
		r.handle(t, batch(from)...)
		r.handler.forget()
	}
	r.handle(t, batch(names)...)
	events := r.events(t)
	if len(events) != catalogue.MaxEvents || events["event-7"] != 2 || events["event-1999"] != 1 {
		t.Errorf("%d events, event-7 %d times, event-1999 %d times, want %d, 2 and 1", len(events),
			events["event-7"], events["event-1999"], catalogue.MaxEvents)
	}
	for _, of := range []journey.SightingType{journey.EventOverflow, journey.PropertyOverflow} {
		if got := r.overflow(t, of); got != names-catalogue.MaxEvents {
			t.Errorf("%s %d, want %d", of, got, names-catalogue.MaxEvents)
		}
	}
}

// TestMarks: what user agent, address and referrer tell is stored with the touchpoint.
func TestMarks(t *testing.T) {
	t.Parallel()
	r := start(t)
	const context = `{"page":{"referrer":"https://www.google.com/","url":"https://a.example/"},` +
		`"userAgent":"%s"}`
	robot, own, plain := fact(1, journey.Page, "", "v"), fact(2, journey.Page, "", "v"),
		fact(3, journey.Track, "", "v")
	robot.Context = journey.Object(fmt.Sprintf(context,
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"))
	own.Context = journey.Object(fmt.Sprintf(context,
		"Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0"))
	own.Internal = true
	robot.Event, own.Event = "page", "page"
	r.handle(t, robot, own, plain)
	var got []string
	err := r.store.Stream(t.Context(), store.Query{
		SQL: `SELECT concat(message_id, ' ', channel, ' ', device, ' ', browser, ' ', os, ' ', traffic)
			FROM touchpoints ORDER BY message_id`,
		Columns: []store.Column{{Name: "line", Type: store.String}},
	}, func(b *store.Block) error {
		for i := range b.Rows {
			got = append(got, string(b.Bytes(0, i)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"m0001 seo    bot", "m0002 seo mobile Firefox Android internal", "m0003     ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("touchpoints (-want +got):\n%s", diff)
	}
}
