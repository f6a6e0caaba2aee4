// Package host is what every service runs in: flags, logger, registry, debug port, readiness, and
// an end on a signal. It is the only package that makes loggers and registries.
//
// Stop order: the first SIGINT or SIGTERM ends the context of Run, which stops the service in its
// own order; then the debug port closes. A second signal ends the process at once.
package host

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/internal/conf"
)

// Exit codes of Main.
const (
	ExitDone   = 0
	ExitFailed = 1 // Run gave an error
	ExitRefuse = 2 // wrong flags or configuration; nothing was started
)

// Config holds the settings that all services share.
type Config struct {
	LogLevel    string `env:"WAYSTAGE_LOG_LEVEL" envDefault:"info" doc:"Least level that is logged: debug, info, warn or error."`
	LogFormat   string `env:"WAYSTAGE_LOG_FORMAT" envDefault:"json" doc:"How log lines are written to stderr: json, or console for people."`
	DebugListen string `env:"WAYSTAGE_DEBUG_LISTEN" envDefault:":8090" doc:"Address of the debug port: metrics, healthz, readyz, pprof. none: no port."`
}

// Default is the configuration of an environment that says nothing.
func Default() Config {
	return Config{LogLevel: "info", LogFormat: JSON, DebugListen: ":8090"}
}

// NoDebugPort as DebugListen opens none.
const NoDebugPort = "none"

// Validate tells every setting that is wrong.
func (c Config) Validate() error {
	_, err := NewLogger(io.Discard, c.LogLevel, c.LogFormat)
	return err
}

// Host is what a service finds in its process.
type Host struct {
	Log      zerolog.Logger
	Registry *prometheus.Registry
	ready    atomic.Bool
}

// Ready tells the world, by readyz, whether the service does its work. It starts as false.
func (h *Host) Ready(is bool) { h.ready.Store(is) }

// New makes a host that logs to w. Errors: a level or format that does not exist.
func New(name string, cfg Config, w io.Writer) (*Host, error) {
	log, err := NewLogger(w, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return &Host{Log: log.With().Str("service", name).Logger(), Registry: registry}, nil
}

// Program is a service's main.
type Program struct {
	// Name of the service, in logs and in the help.
	Name string
	// Config points to the struct that is read from the environment.
	Config any
	// Host points to the part of it that is the host's.
	Host *Config
	// Run serves until the context ends.
	Run func(ctx context.Context, h *Host) error
}

// Main runs a program with the process's arguments and environment and gives its exit code.
func Main(p Program) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go obey(signals, stop)
	return p.Execute(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}

// obey stops at the first signal and dies of the second. Both come through one channel, so that
// the second is not lost while the first is being obeyed.
func obey(signals <-chan os.Signal, stop func()) {
	<-signals
	stop()
	second := <-signals
	signal.Reset()
	if s, ok := second.(syscall.Signal); ok {
		_ = syscall.Kill(os.Getpid(), s)
	}
}

// Execute runs a program until it ends or the context does. -check-config and -print-config read
// the configuration and start nothing.
func (p Program) Execute(
	ctx context.Context, args, environ []string, stdout, stderr io.Writer,
) int {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check-config", false, "say whether the configuration is good, and end")
	show := flags.Bool("print-config", false, "print the configuration without secrets, and end")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return ExitDone
		}
		return ExitRefuse
	}
	if flags.NArg() > 0 {
		return say(stderr, ExitRefuse, "unknown argument %q; see %s -help", flags.Arg(0), p.Name)
	}
	if err := conf.Load(p.Config, environ); err != nil {
		return say(stderr, ExitRefuse, "%v", err)
	}
	switch {
	case *show:
		if err := conf.Print(stdout, p.Config); err != nil {
			return say(stderr, ExitFailed, "%v", err)
		}
		return ExitDone
	case *check:
		return say(stdout, ExitDone, "the configuration is good")
	}
	return p.run(ctx, stderr)
}

// run makes the host, opens the debug port and runs the service.
func (p Program) run(ctx context.Context, stderr io.Writer) int {
	h, err := New(p.Name, *p.Host, stderr)
	if err != nil {
		return say(stderr, ExitRefuse, "%v", err)
	}
	debug, err := OpenDebug(p.Host.DebugListen, h)
	if err != nil {
		return say(stderr, ExitRefuse, "%v", err)
	}
	defer debug.Close()
	h.Log.Info().Str("debug", debug.Addr()).Msg("starting")
	if err := p.Run(ctx, h); err != nil {
		h.Log.Error().Err(err).Msg("ended with an error")
		return ExitFailed
	}
	h.Log.Info().Msg("ended")
	return ExitDone
}

func say(w io.Writer, code int, format string, args ...any) int {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
	return code
}
