package catalogue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/catalogue"
)

const site journey.SiteID = "shop"

var midnight = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

// track is a touchpoint so many seconds after midnight.
func track(second int, event string, properties journey.Object) *journey.Fact {
	return &journey.Fact{
		Site: site, Kind: journey.Track, Event: event, Properties: properties,
		OccurredAt: midnight.Add(time.Duration(second) * time.Second),
	}
}

// identify is a statement about a person, with traits of its own and in its context.
func identify(second int, traits, context journey.Object) *journey.Fact {
	f := track(second, "", "")
	f.Kind, f.Traits, f.Context = journey.Identify, traits, context
	return f
}

// count counts facts and gives a line each.
func count(names *catalogue.Names, facts ...*journey.Fact) []string {
	b := catalogue.NewBatch(names)
	for _, f := range facts {
		b.Add(f)
	}
	var lines []string
	for _, s := range b.Sightings() {
		line := fmt.Sprintf("%s/%s/%s %s %d %d-%d", s.Site, s.Event, s.Property, s.Type, s.Count,
			s.FirstAt.Sub(midnight)/time.Second, s.LastAt.Sub(midnight)/time.Second)
		for _, e := range s.Examples {
			line += " " + e
		}
		lines = append(lines, line)
	}
	return lines
}

func TestBatch(t *testing.T) {
	t.Parallel()
	elsewhere := track(1, "Order", "")
	elsewhere.Site = "other"
	group := identify(1, `{"size":3}`, "")
	group.Kind = journey.Group
	got := count(
		catalogue.NewNames(),
		track(5, "Order", `{"items":[1],"note":null,"price":5,"sku":"a"}`),
		track(3, "Order", `{"gift":true,"price":"6","sku":"b"}`),
		track(9, "Order", `{"price":7.5,"sku":"a","to":{"city":"x"}}`),
		track(4, "page", `{"sku":"c","\u00e9\n":1}`),
		identify(7, `{"age":30,"plan":"pro"}`, `{"traits":{"plan":"free","vip":false},"x":1}`),
		identify(8, "", `{"traits":{"plan":"free"}}`),
		elsewhere, group,
	)
	want := []string{
		"other/Order/ event 1 1-1",
		"shop//age number 1 7-7 30",
		`shop//plan text 2 7-8 "pro" "free"`,
		"shop//vip boolean 1 7-7 false",
		"shop/Order/ event 3 3-9",
		"shop/Order/gift boolean 1 3-3 true",
		"shop/Order/items array 1 5-5",
		"shop/Order/price number 2 5-9 5 7.5",
		`shop/Order/price text 1 3-3 "6"`,
		`shop/Order/sku text 3 3-9 "a" "b"`,
		"shop/Order/to object 1 9-9",
		"shop/page/ event 1 4-4",
		`shop/page/sku text 1 4-4 "c"`,
		"shop/page/é\n number 1 4-4 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sightings (-want +got):\n%s", diff)
	}
}

// TestExamples: five at most, each once, none of what may be private.
func TestExamples(t *testing.T) {
	t.Parallel()
	var facts []*journey.Fact
	for i := range 100 {
		facts = append(facts, track(1, "E", journey.Object(fmt.Sprintf(`{"n":%d}`, i/2))))
	}
	got := count(catalogue.NewNames(), facts...)
	if want := "shop/E/n number 100 1-1 0 1 2 3 4"; got[1] != want {
		t.Errorf("got %s, want %s", got[1], want)
	}
	long := `"` + strings.Repeat("ä", 100) + `"`
	for _, c := range []struct{ property, literal, want string }{
		{"sku", `"bread-01"`, `"bread-01"`},
		{"note", long, `"` + strings.Repeat("ä", 62) + "…"},
		{"note", `"` + strings.Repeat("ä", 62) + `"`, `"` + strings.Repeat("ä", 62) + `"`},
		{"total", "1234567.25", "1234567.25"},
		{"total", "-12", "-12"},
		{"at", `"2026-03-04T05:06:07.891234Z"`, `"2026-03-04T05:06:07.891234Z"`},
		{"day", `"2026-03-04"`, `"2026-03-04"`},
		{"contact", `"ann@bread.example"`, ""},
		{"contact", `"Ann <ann@bread.example>"`, ""},
		{"contact", `"+49 (170) 123-4567"`, ""},
		{"contact", `"call 0170/1234567 now"`, ""},
		{"contact", "491701234567", ""},
		{"paid_with", `"4111 1111 1111 1111"`, ""},
		{"paid_with", `"4111-1111-1111-1111"`, ""},
		{"paid_with", "4111111111111111", ""},
		{"from", `"192.168.10.20"`, ""},
		{"from", `"2a00:1450:4001:82a::200e"`, ""},
		{"from", `"8.8.8.8, [2001:db8::1]:443"`, ""},
		{"from", `"see http://10.0.0.1/"`, ""},
		{"from", `"\n10.0.0.1."`, ""},
		{"from", `"10:30"`, `"10:30"`},
		{"version", `"1.2.3"`, `"1.2.3"`},
		{"email", `"x"`, ""},
		{"E-Mail", `"x"`, ""},
		{"phone_number", `"x"`, ""},
		{"firstName", `"Ann"`, ""},
		{"name", `"Ann"`, ""},
		{"password", `"x"`, ""},
		{"items", `["x"]`, ""},
		{"to", `{"x":1}`, ""},
		{"ip", `"x"`, ""},
		{"clientIp", `"x"`, ""},
		{"remote_ip", `"x"`, ""},
		{"userIP", `"x"`, ""},
		{"clientip", `"x"`, ""},
		{"ip_address", `"x"`, ""},
		{"membership", `"gold"`, `"gold"`},
		{"tip", "5", "5"},
		{"dob", `"1980-02-03"`, ""},
		{"dateOfBirth", `"1980-02-03"`, ""},
		{"birthday", `"1980-02-03"`, ""},
		{"adobe", `"x"`, `"x"`},
		{"customer_name", `"Ann Smith"`, ""},
		{"contactName", `"Ann Smith"`, ""},
		{"recipientName", `"Ann Smith"`, ""},
		{"userName", `"ann"`, ""},
		{"billing_name", `"Ann Smith"`, ""},
		{"Shipping Contact Name", `"Ann Smith"`, ""},
		{"lastName", `"Smith"`, ""},
		{"full-name", `"Ann Smith"`, ""},
		{"name_of_customer", `"Ann Smith"`, ""},
		{"fname", `"Ann"`, ""},
		{"product_name", `"Sourdough"`, `"Sourdough"`},
		{"productName", `"Sourdough"`, `"Sourdough"`},
		{"filename", `"a.pdf"`, `"a.pdf"`},
		{"homeAddress", `"x"`, ""},
		{"street_2", `"x"`, ""},
		{"postCode", `"x"`, ""},
		{"postal_code", `"x"`, ""},
		{"zip", `"x"`, ""},
		{"zipped", "true", "true"},
	} {
		lines := count(catalogue.NewNames(),
			track(1, "E", journey.Object(`{"`+c.property+`":`+c.literal+`}`)))
		_, example, _ := strings.Cut(lines[1], "1-1")
		if got := strings.TrimPrefix(example, " "); got != c.want {
			t.Errorf("example of %s %s: %s, want %s", c.property, c.literal, got, c.want)
		}
	}
}

// TestEvents: 5,000 names of events find 2,000 places; what was there before stays named.
func TestEvents(t *testing.T) {
	t.Parallel()
	names := catalogue.NewNames()
	names.Learn(site, []journey.Name{{Event: "Order"}, {Event: "Order", Property: "sku"}})
	var facts []*journey.Fact
	for i := range 5000 {
		facts = append(facts, track(i, fmt.Sprint("event-", i), `{"n":1}`))
	}
	facts = append(facts, track(5000, "Order", `{"sku":1}`),
		track(5000, strings.Repeat("x", catalogue.MaxNameBytes+1), ""))
	for range 2 {
		got := count(names, facts...)
		want := []string{
			"shop// overflow_event 3002 1999-5000", "shop// overflow_property 3001 1999-4999",
			"shop/Order/ event 1 5000-5000",
		}
		if diff := cmp.Diff(want, got[:3]); diff != "" {
			t.Errorf("overflow (-want +got):\n%s", diff)
		}
		if len(got) != 2+2*catalogue.MaxEvents {
			t.Errorf("%d sightings, want %d", len(got), 2+2*catalogue.MaxEvents)
		}
	}
}

// TestProperties: 200 places per event and for traits, 20,000 per site.
func TestProperties(t *testing.T) {
	t.Parallel()
	names := catalogue.NewNames()
	of := func(n int) journey.Object {
		members := make([]string, n)
		for i := range members {
			members[i] = fmt.Sprintf(`"p%04d":1`, i)
		}
		return journey.Object("{" + strings.Join(members, ",") + "}")
	}
	got := count(names, track(1, "E", of(300)), identify(2, of(300), ""))
	if want := "shop// overflow_property 200 1-2"; got[0] != want {
		t.Errorf("got %s, want %s", got[0], want)
	}
	if want := 1 + 1 + 2*catalogue.MaxProperties; len(got) != want {
		t.Errorf("%d sightings, want %d", len(got), want)
	}
	var facts []*journey.Fact
	for i := range 1000 {
		facts = append(facts, track(1, fmt.Sprint("e", i), of(100)))
	}
	got = count(names, facts...)
	want := catalogue.MaxSiteProperties - 2*catalogue.MaxProperties + 1000 + 1
	if len(got) != want || !strings.HasPrefix(got[0], "shop// overflow_property") {
		t.Errorf("%d sightings, the first %s, want %d", len(got), got[0], want)
	}
}

// TestForgotten: many sites make the oldest forgotten, never the one that is counted.
func TestForgotten(t *testing.T) {
	t.Parallel()
	names := catalogue.NewNames()
	known := make([]journey.Name, 0, 22_000)
	for i := range 22_000 {
		known = append(known, journey.Name{Event: fmt.Sprint(i % 2000), Property: fmt.Sprint(i)})
	}
	for i := range 12 {
		names.Learn(journey.SiteID(fmt.Sprint("s", i)), known)
	}
	for i, want := range []bool{false, false, false, true, true} {
		if got := names.Knows(journey.SiteID(fmt.Sprint("s", i))); got != want {
			t.Errorf("site %d is known: %t, want %t", i, got, want)
		}
	}
	names.Forget()
	if names.Knows("s11") {
		t.Error("a site is known after everything was forgotten")
	}
	count(names, track(1, "E", ""))
	if !names.Knows(site) {
		t.Error("a site is not known after it was counted")
	}
}

// TestCountsAddUp: every value is counted once, under its name or as overflow, whatever is sent.
func TestCountsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := catalogue.NewNames()
		b := catalogue.NewBatch(names)
		var facts, values uint64
		for range rapid.IntRange(0, 30).Draw(t, "facts") {
			n := rapid.IntRange(0, 250).Draw(t, "properties")
			members := make([]string, n)
			for i := range members {
				members[i] = fmt.Sprintf(`"%03d":%s`, i,
					rapid.SampledFrom([]string{"1", `"a"`, "true", "[]", "{}"}).Draw(t, "value"))
			}
			event := rapid.SampledFrom([]string{"", "a", "b", strings.Repeat("c", 201)}).Draw(t, "event")
			b.Add(track(1, event, journey.Object("{"+strings.Join(members, ",")+"}")))
			facts, values = facts+1, values+uint64(n)
		}
		for _, s := range b.Sightings() {
			if s.Type == journey.EventSighting || s.Type == journey.EventOverflow {
				facts -= s.Count
			} else {
				values -= s.Count
			}
		}
		if facts != 0 || values != 0 {
			t.Fatalf("%d facts and %d values are not counted once", facts, values)
		}
	})
}

// typical are 1,000 facts such as a shop sends.
func typical() []*journey.Fact {
	facts := make([]*journey.Fact, 1000)
	for i := range facts {
		facts[i] = track(i, fmt.Sprint("Event ", i%30), journey.Object(fmt.Sprintf(
			`{"cart_id":"cart-%d","category":"Bread & rolls","coupon":"","currency":"EUR",`+
				`"in_stock":true,"price":%d.99,"product_id":"sku-%04d","quantity":%d,`+
				`"title":"Sourdough loaf, 750 g","url":"https://shop.example.com/p/%d"}`,
			i, i%50, i%200, i%5, i%200)))
	}
	return facts
}

// BenchmarkBatch counts the names of 1,000 facts of ten properties each.
func BenchmarkBatch(b *testing.B) {
	facts := typical()
	names := catalogue.NewNames()
	b.ReportAllocs()
	for b.Loop() {
		batch := catalogue.NewBatch(names)
		for _, f := range facts {
			batch.Add(f)
		}
		batch.Sightings()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/fact")
}
