package query

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"github.com/waystage/waystage/services/query/admission"
	"github.com/waystage/waystage/services/query/answer"
)

// metrics of the service.
type metrics struct {
	calls     *prometheus.CounterVec
	took      *prometheus.HistogramVec
	answers   *prometheus.CounterVec
	cancelled prometheus.Counter
}

// newMetrics registers them. The gate is asked at each scrape.
func newMetrics(reg prometheus.Registerer, gate *admission.Gate) (*metrics, error) {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waystage_query_calls_total",
			Help: "Calls that ended, by method and gRPC code.",
		}, []string{"method", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "waystage_query_call_seconds",
			Help:    "Time that a call took, in seconds, by method.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2, 5, 10, 30, 60},
		}, []string{"method"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waystage_query_answers_total",
			Help: "Answers, by where they came from: evaluated, kept from before, shared with a call " +
				"at the same time, or unkept because nothing can be.",
		}, []string{"source"}),
		cancelled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waystage_query_questions_cancelled_total",
			Help: "Questions that were given up by all their callers, and ended in the store.",
		}),
	}
	questions := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waystage_query_questions_running",
		Help: "Questions being answered.",
	}, func() float64 { return float64(gate.Running()) })
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waystage_query_questions_waiting",
		Help: "Questions that wait for their turn.",
	}, func() float64 { return float64(gate.Waiting()) })
	return m, register(reg, m.calls, m.took, m.answers, m.cancelled, questions, waiting)
}

func register(reg prometheus.Registerer, collectors ...prometheus.Collector) error {
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// watchKept registers how much memory kept answers take, and kept journeys.
func (m *metrics) watchKept(reg prometheus.Registerer, answers, journeys func() int) error {
	return register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waystage_query_answers_kept_bytes",
		Help: "About how much memory kept answers take.",
	}, func() float64 { return float64(answers()) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waystage_query_journeys_kept_bytes",
		Help: "About how much memory packed journeys and touchpoints take that are kept between " +
			"questions.",
	}, func() float64 { return float64(journeys()) }))
}

// answered counts an answer.
func (m *metrics) answered(from answer.Source) { m.answers.WithLabelValues(string(from)).Inc() }

// observe counts a call that ended.
func (m *metrics) observe(method string, code codes.Code, took time.Duration) {
	method = strings.TrimPrefix(method, "/")
	m.calls.WithLabelValues(method, code.String()).Inc()
	m.took.WithLabelValues(method).Observe(took.Seconds())
}
