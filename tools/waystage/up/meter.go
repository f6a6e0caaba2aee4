package up

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/waystage/waystage/tools/waystage/picture"
)

// meter reads what the services count.
type meter struct {
	gatherer prometheus.Gatherer
	last     reading
}

// reading is the counts at an instant, since the start of the process.
type reading struct {
	at                time.Time
	accepted, refused float64
	handled, stored   float64
	behindSeconds     float64
}

// read gives the present counts; those of services that do not count yet are 0.
func (m *meter) read(now time.Time) reading {
	values := make(map[string]float64)
	families, err := m.gatherer.Gather()
	if err != nil {
		return m.last // a broken collector is no reason to stop
	}
	for _, f := range families {
		for _, each := range f.GetMetric() {
			values[f.GetName()] += each.GetCounter().GetValue() + each.GetGauge().GetValue()
		}
	}
	return reading{
		at:            now,
		accepted:      values["waystage_ingest_accepted_messages_total"],
		refused:       values["waystage_ingest_refused_messages_total"],
		handled:       values["waystage_processor_records_total"],
		stored:        values["waystage_processor_stored_facts_total"],
		behindSeconds: values["waystage_processor_behind_seconds"],
	}
}

// line tells the rates since it was last asked.
func (m *meter) line(now time.Time) string {
	r := m.read(now)
	seconds := r.at.Sub(m.last.at).Seconds()
	rate := func(count func(reading) float64) float64 {
		if seconds <= 0 || m.last.at.IsZero() {
			return 0
		}
		return max(0, count(r)-count(m.last)) / seconds
	}
	text := fmt.Sprintf("%s  accepted %.1f/s · stored %.1f/s · %.1f s behind · %s this run",
		now.Format(time.TimeOnly),
		rate(func(r reading) float64 { return r.accepted }),
		rate(func(r reading) float64 { return r.stored }),
		r.behindSeconds, picture.Number(int64(r.stored)))
	if r.refused > 0 {
		text += fmt.Sprintf(" · %s refused", picture.Number(int64(r.refused)))
	}
	m.last = r
	return text
}
