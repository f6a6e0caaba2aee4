package enrich_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
)

const source = `
title: x
stages: [{id: first}, {id: second}]
touchpoints: [{id: order, stage: second, events: [Order]}]
`

func TestAttributeByTheMapInForceWhenReceived(t *testing.T) {
	t.Parallel()
	inForceAt := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	published, err := journey.Publication{Version: 1, Source: source, InForceAt: inForceAt}.Parse()
	if err != nil {
		t.Fatal(err)
	}
	editions := journey.NewEditions([]journey.PublishedMap{published})
	want := journey.Attribution{Version: 1, Touchpoint: "order", Stage: "second"}
	cases := []struct {
		name       string
		editions   journey.Editions
		receivedAt time.Time
		kind       journey.Kind
		want       journey.Attribution
	}{
		{"at the instant", editions, inForceAt, journey.Track, want},
		{"before", editions, inForceAt.Add(-1), journey.Track, journey.Attribution{}},
		{"no map", journey.Editions{}, inForceAt, journey.Track, journey.Attribution{}},
		{"no touchpoint", editions, inForceAt, journey.Identify, journey.Attribution{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := journey.Fact{
				Kind: c.kind, Event: "Order", ReceivedAt: c.receivedAt,
				// What occurred long before counts by when it was received.
				OccurredAt: inForceAt.AddDate(-1, 0, 0),
			}
			if diff := cmp.Diff(c.want, enrich.Attribute(c.editions, &f)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
