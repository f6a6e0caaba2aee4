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
	requests  *prometheus.CounterVec
	endpoints map[string]endpointMetrics
	accepted  prometheus.Counter
	refused   map[admit.Reason]prometheus.Counter
	// turnedAway are connections beyond the bound.
	turnedAway prometheus.Counter
}

// endpointMetrics are those that nearly every request to an endpoint needs, found beforehand.
type endpointMetrics struct {
	ok   prometheus.Counter
	took prometheus.Observer
}

// gauges are read when somebody asks.
type gauges struct {
	requestBytes, recordBytes, connections func() int64
}

func newMetrics(registry prometheus.Registerer, read gauges) *metrics {
	factory := promauto.With(registry)
	gauge := func(name, help string, value func() int64) {
		factory.NewGaugeFunc(prometheus.GaugeOpts{Name: "waystage_ingest_" + name, Help: help},
			func() float64 { return float64(value()) })
	}
	gauge("request_bytes", "Memory counted for requests under way, in bytes.", read.requestBytes)
	gauge("unacknowledged_bytes", "Records that Kafka has not acknowledged, in bytes.",
		read.recordBytes)
	gauge("connections", "Connections that are open.", read.connections)
	m := &metrics{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "waystage_ingest_requests_total",
			Help: "Requests answered, by endpoint, status, and code of the error or ok.",
		}, []string{"endpoint", "status", "code"}),
		accepted: factory.NewCounter(prometheus.CounterOpts{
			Name: "waystage_ingest_accepted_messages_total",
			Help: "Messages that Kafka has acknowledged.",
		}),
		turnedAway: factory.NewCounter(prometheus.CounterOpts{
			Name: "waystage_ingest_refused_connections_total",
			Help: "Connections closed at once because too many were open.",
		}),
		endpoints: make(map[string]endpointMetrics),
		refused:   make(map[admit.Reason]prometheus.Counter),
	}
	took := factory.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "waystage_ingest_request_seconds",
		Help:    "Time from the headers of a request to its answer, in seconds.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	}, []string{"endpoint"})
	for _, name := range capture.Endpoints() {
		m.endpoints[name] = endpointMetrics{
			ok: m.requests.WithLabelValues(name, "200", "ok"), took: took.WithLabelValues(name),
		}
	}
	refused := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "waystage_ingest_refused_messages_total",
		Help: "Messages that went to quarantine, by reason.",
	}, []string{"reason"})
	for _, reason := range admit.Reasons() {
		m.refused[reason] = refused.WithLabelValues(string(reason))
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
	endpoint := m.endpoints[outcome.Endpoint]
	if outcome.Status == 200 && outcome.Code == "ok" {
		endpoint.ok.Inc()
	} else {
		m.requests.WithLabelValues(
			outcome.Endpoint, strconv.Itoa(outcome.Status), outcome.Code).Inc()
	}
	endpoint.took.Observe(outcome.Took.Seconds())
	if outcome.Accepted > 0 {
		m.accepted.Add(float64(outcome.Accepted))
	}
	for _, reason := range outcome.Refused {
		m.refused[reason].Inc()
	}
}

// Failed logs the cause of an answer 500.
func (o *observer) Failed(err error) {
	o.log.Error().Err(err).Msg("answered with 500")
}
