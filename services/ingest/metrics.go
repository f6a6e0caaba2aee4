package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/ingest/capture"
)

// metrics of ingest.
type metrics struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	accepted prometheus.Counter
	refused  *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, requestBytes, recordBytes func() int64) *metrics {
	factory := promauto.With(registry)
	gauge := func(name, help string, value func() int64) {
		factory.NewGaugeFunc(prometheus.GaugeOpts{Name: "waystage_ingest_" + name, Help: help},
			func() float64 { return float64(value()) })
	}
	gauge("request_bytes", "Memory counted for requests under way, in bytes.", requestBytes)
	gauge("unacknowledged_bytes", "Records that Kafka has not acknowledged, in bytes.", recordBytes)
	m := &metrics{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "waystage_ingest_requests_total",
			Help: "Requests answered, by endpoint, status, and code of the error or ok.",
		}, []string{"endpoint", "status", "code"}),
		took: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "waystage_ingest_request_seconds",
			Help:    "Time from the headers of a request to its answer, in seconds.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}, []string{"endpoint"}),
		accepted: factory.NewCounter(prometheus.CounterOpts{
			Name: "waystage_ingest_accepted_messages_total",
			Help: "Messages that Kafka has acknowledged.",
		}),
		refused: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "waystage_ingest_refused_messages_total",
			Help: "Messages that went to quarantine, by reason.",
		}, []string{"reason"}),
	}
	for _, reason := range admit.Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	return m
}

// observer is the capture.Observer that counts and logs.
type observer struct {
	metrics *metrics
	log     zerolog.Logger
}

// Answered counts a request and its messages.
func (o *observer) Answered(outcome capture.Outcome) {
	m := o.metrics
	m.requests.WithLabelValues(
		outcome.Endpoint, strconv.Itoa(outcome.Status), outcome.Code).Inc()
	m.took.WithLabelValues(outcome.Endpoint).Observe(outcome.Took.Seconds())
	m.accepted.Add(float64(outcome.Accepted))
	for _, reason := range outcome.Refused {
		m.refused.WithLabelValues(string(reason)).Inc()
	}
}

// Failed logs the cause of an answer 500.
func (o *observer) Failed(err error) {
	o.log.Error().Err(err).Msg("answered with 500")
}
