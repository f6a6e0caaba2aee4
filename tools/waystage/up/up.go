// Package up runs the whole pipeline in one process: the embedded engines where no real ones are
// given, the three services on them, and on an empty data folder a demonstration site.
//
// Stop order, by the end of Run's context: the demonstration → ingest → processor → query → Kafka
// → ClickHouse, each in its own order. What ingest has accepted is on disk by then.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/services/world"
	"github.com/waystage/waystage/tools/waystage/demo"
	"github.com/waystage/waystage/tools/waystage/instance"
)

// DemoNone is no demonstration.
const DemoNone = "none"

// Demos are what can be asked for, DemoNone last. The first is usual.
func Demos() []string {
	var names []string
	for _, s := range world.Scenarios() {
		names = append(names, string(s))
	}
	return append(names, DemoNone)
}

// Config says what to run and how.
type Config struct {
	// Dir is the data folder.
	Dir string
	// Kafka are addresses of real brokers, host:port; none: the embedded one is started.
	Kafka []string
	// ClickHouse is the DSN of a real server; empty: the embedded one is started.
	ClickHouse string
	// Library is the path of libchdb; empty: it is looked for.
	Library string
	// Ports on loopback; 0 takes a free one.
	IngestPort, HTTPPort, GRPCPort, IngestGRPCPort int
	// Demo is one of Demos. Empty: the one that the folder shows, on a new folder the usual one.
	Demo string
	// DemoPace is how many times faster than life the people of the demonstration live.
	DemoPace float64
	// LogLevel and LogFormat are those of the services' log lines.
	LogLevel, LogFormat string
	// Environment holds further settings of the services by the names they know.
	Environment map[string]string

	// Command is how to call this command again, for examples.
	Command string
	PID     int
	// Out is where a person watches; Live tells that it is a terminal, Width its columns.
	Out   io.Writer
	Live  bool
	Width int
	// Registerer and Gatherer are two sides of one registry of metrics.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
}

// Validate tells every setting that is wrong.
func (c Config) Validate() error {
	var mistakes []error
	if names := Demos(); c.Demo != "" && !slices.Contains(names, c.Demo) {
		mistakes = append(mistakes, fmt.Errorf("--demo %q: there are %s and %s",
			c.Demo, strings.Join(names[:len(names)-1], ", "), DemoNone))
	}
	if !(c.DemoPace > 0 && c.DemoPace <= maxPace) {
		mistakes = append(mistakes, fmt.Errorf("--demo-pace %g: give more than 0 and at most %d",
			c.DemoPace, maxPace))
	}
	_, err := newLog(io.Discard, c.LogLevel, c.LogFormat)
	return errors.Join(append(mistakes, err)...)
}

const maxPace = 100_000

// up is one run.
type up struct {
	config Config
	folder instance.Folder
	screen *screen
	log    zerolog.Logger
	meter  *meter
	// story is how far the demonstration has been told; its Demo is empty for none.
	story   demo.State
	running stack
	// parts are the services; ended gets each that has ended.
	parts []*part
	ended chan *part
}

const maxServices = 3

// Run runs until ctx ends or a part fails, then stops everything. Errors: the folder is in use, a
// port is taken, something could not be started or stopped.
func Run(ctx context.Context, config Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	u := &up{
		config: config, folder: instance.Folder(config.Dir),
		screen: &screen{out: config.Out, live: config.Live, width: config.Width},
		meter:  &meter{gatherer: config.Gatherer},
		ended:  make(chan *part, maxServices),
	}
	var err error
	if u.log, err = newLog(u.screen, config.LogLevel, config.LogFormat); err != nil {
		return err
	}
	if err := u.folder.Make(); err != nil {
		return err
	}
	lock, err := u.folder.Lock()
	if err != nil {
		return err
	}
	err = u.life(ctx)
	return errors.Join(err, u.stop(ctx), lock.Unlock())
}

// life starts everything and watches it until ctx ends.
func (u *up) life(ctx context.Context) error {
	if err := u.chooseDemo(); err != nil {
		return err
	}
	if err := checkPorts(ctx, u.config.ports()); err != nil {
		return err
	}
	rootToken, err := u.folder.MakeRootToken()
	if err != nil {
		return err
	}
	run, err := u.start(ctx, rootToken)
	if err == nil {
		err = u.serve(ctx, run, rootToken)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // stopped on the way
	}
	return err
}

func (u *up) start(ctx context.Context, rootToken string) (instance.Run, error) {
	clickHouse, brokers, err := u.engines(ctx)
	if err != nil {
		return instance.Run{}, err
	}
	run, err := u.services(ctx, clickHouse, brokers, rootToken)
	if err != nil {
		return instance.Run{}, err
	}
	u.screen.Line("started services     ingest, processor, query")
	return run, u.folder.SaveRun(run)
}

// serve tells the demonstration, says how to use all this, and watches.
func (u *up) serve(ctx context.Context, run instance.Run, rootToken string) error {
	writeKey := ""
	if u.story.Demo != "" {
		key, err := u.demonstrate(ctx, run, rootToken)
		if err != nil {
			return err
		}
		writeKey = key
	}
	u.summary(run, writeKey)
	return u.watch(ctx)
}

const watchPause = time.Second

// watch shows the status until ctx ends or a part does.
func (u *up) watch(ctx context.Context) error {
	ticker := time.NewTicker(watchPause)
	defer ticker.Stop()
	u.screen.Hold(time.Now())
	u.meter.last = u.meter.read(time.Now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-u.ended:
			return p.early()
		case now := <-ticker.C:
			u.status(now)
		}
	}
}

// status shows the rates: over the last second on a terminal, over the pause between lines
// elsewhere.
func (u *up) status(now time.Time) {
	if !u.screen.live && now.Sub(u.meter.last.at) < statusPause {
		return
	}
	u.screen.Status(u.meter.line(now), now)
}

// stop ends what was started, in order.
func (u *up) stop(ctx context.Context) error {
	u.screen.Status("", time.Now())
	if len(u.running.started) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		u.screen.Line("stopping; Ctrl-C again ends at once")
	}
	err := u.running.unwind(func(name string, took time.Duration, err error) {
		what := "stopped"
		if err != nil {
			what = "broke off"
		}
		u.screen.Line("%-9s %-10s %.1f s", what, name, took.Seconds())
	})
	err = errors.Join(err, u.folder.EndRun())
	if err == nil {
		u.screen.Line("nothing is running any more; the data are in %s", u.config.Dir)
	}
	return err
}
