package host

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Debug is the port for those who run a service: /metrics, /healthz (the process lives), /readyz
// (200 while the service does its work, else 503), /debug/pprof/.
type Debug struct {
	port   net.Listener
	server *http.Server
}

const debugHeaderTimeout = 10 * time.Second

// OpenDebug binds the address and serves. NoDebugPort or an empty address opens none.
func OpenDebug(address string, h *Host) (*Debug, error) {
	if address == NoDebugPort || address == "" {
		return &Debug{}, nil
	}
	port, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("opening the debug port: %w", err)
	}
	d := &Debug{port: port, server: &http.Server{
		Handler: debugMux(h), ReadHeaderTimeout: debugHeaderTimeout,
	}}
	go func() { _ = d.server.Serve(port) }() // ends with Close
	return d, nil
}

// Addr is the address bound, empty where there is none.
func (d *Debug) Addr() string {
	if d.port == nil {
		return ""
	}
	return d.port.Addr().String()
}

// Close ends it at once.
func (d *Debug) Close() {
	if d.server != nil {
		_ = d.server.Close()
	}
}

func debugMux(h *Host) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.Registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "alive\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !h.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
