package query

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
)

// metrics of the service.
type metrics struct {
	calls *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

// newMetrics registers them. running is asked at each scrape.
func newMetrics(reg prometheus.Registerer, running func() int) (*metrics, error) {
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
	}
	questions := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waystage_query_questions_running",
		Help: "Questions being answered.",
	}, func() float64 { return float64(running()) })
	for _, c := range []prometheus.Collector{m.calls, m.took, questions} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
}

// observe counts a call that ended.
func (m *metrics) observe(method string, code codes.Code, took time.Duration) {
	method = strings.TrimPrefix(method, "/")
	m.calls.WithLabelValues(method, code.String()).Inc()
	m.took.WithLabelValues(method).Observe(took.Seconds())
}
