package processor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the processor.
type metrics struct {
	records, quarantined, stored, copies, derived, retries, lost prometheus.Counter

	keptRefusals, unreadableRefusals prometheus.Counter

	behind prometheus.Gauge
	took   prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) *metrics {
	factory := promauto.With(registry)
	counter := func(name, help string) prometheus.Counter {
		return factory.NewCounter(prometheus.CounterOpts{
			Name: "waystage_processor_" + name + "_total", Help: help,
		})
	}
	return &metrics{
		records:     counter("records", "Records handled, replays included."),
		quarantined: counter("quarantined_records", "Records that could not be read."),
		stored:      counter("stored_facts", "Facts stored."),
		copies:      counter("copies", "Messages that were copies of stored ones."),
		derived:     counter("derived_identities", "Identities whose profiles were derived anew."),
		retries:     counter("retries", "Steps tried again after an error."),
		lost:        counter("lost_records", "Records gone from Kafka before they were read."),
		keptRefusals: counter("kept_refusals",
			"Refused messages stored, those that come again included."),
		unreadableRefusals: counter("unreadable_refusals",
			"Records of the quarantine topic that could not be read."),
		behind: factory.NewGauge(prometheus.GaugeOpts{
			Name: "waystage_processor_behind_seconds",
			Help: "Time from receipt to storage of the last message stored, in seconds.",
		}),
		took: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "waystage_processor_batch_seconds",
			Help:    "Time that a batch took, in seconds.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
	}
}

func (m *metrics) batch(records, quarantined int, took time.Duration) {
	m.records.Add(float64(records))
	m.quarantined.Add(float64(quarantined))
	m.took.Observe(took.Seconds())
}
