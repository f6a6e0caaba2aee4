package journey_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
)

// benchProperties and benchContext are of the size that browsers send.
const (
	benchProperties = `{"brand":"Farm","category":"Dairy","currency":"EUR","in_stock":true,` +
		`"name":"Milk","price":1.29,"product_id":"507f1f77bcf86cd799439011","quantity":2,` +
		`"sku":"G-32","url":"https://grocer.example/dairy/milk"}`
	benchContext = `{"campaign":{"medium":"newsletter","name":"spring","source":"crm"},` +
		`"library":{"name":"analytics.js","version":"4.1.0"},"locale":"de-DE",` +
		`"page":{"path":"/dairy/milk","referrer":"https://grocer.example/dairy",` +
		`"title":"Milk","url":"https://grocer.example/dairy/milk"},` +
		`"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"}`
)

// benchMap has 40 touchpoints, the last a number of which share an event and have conditions.
func benchMap(b *testing.B, conditions int) *journey.Map {
	b.Helper()
	var s strings.Builder
	s.WriteString("title: x\nstages: [{id: a}, {id: b}]\nchannels: [{id: c}]\ntouchpoints:\n")
	for i := range 40 {
		event, when := fmt.Sprintf("Event %d", i), ""
		if i >= 40-conditions {
			event, when = "Rules", fmt.Sprintf(`, when: 'properties.price > 1%d'`, 39-i)
		}
		fmt.Fprintf(&s, "  - {id: t%d, stage: a, channel: c, events: [%s]%s}\n", i, event, when)
	}
	m, err := journey.ParseMap(s.String())
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func BenchmarkAttribute(b *testing.B) {
	b.Run("no conditions", func(b *testing.B) {
		m, f := benchMap(b, 0), track("Event 39", benchProperties, benchContext)
		for b.Loop() {
			m.Attribute(&f)
		}
	})
	b.Run("5 conditions", func(b *testing.B) {
		m, f := benchMap(b, 5), track("Rules", benchProperties, benchContext)
		for b.Loop() {
			m.Attribute(&f)
		}
	})
	b.Run("grocery product", func(b *testing.B) {
		m, err := journey.ParseMap(maps.Grocery())
		if err != nil {
			b.Fatal(err)
		}
		f := track("Product Viewed", benchProperties, benchContext)
		for b.Loop() {
			m.Attribute(&f)
		}
	})
}

func BenchmarkPersona(b *testing.B) {
	m, err := journey.ParseMap(maps.Grocery())
	if err != nil {
		b.Fatal(err)
	}
	traits := map[string]journey.Value{
		"age": journey.NumberValue(35), "occupation": journey.TextValue("employed"),
		"children": journey.NumberValue(0), "email": journey.TextValue("a@b.example"),
	}
	for b.Loop() {
		m.PersonaOf(&journey.Past{Traits: traits})
	}
}

func BenchmarkParseMap(b *testing.B) {
	for b.Loop() {
		if _, err := journey.ParseMap(maps.Grocery()); err != nil {
			b.Fatal(err)
		}
	}
}
