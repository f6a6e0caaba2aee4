package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// flowOptions of the measurement of the way from HTTP to a row that questions see.
type flowOptions struct {
	// ingesting is how long each way of sending is measured, sustained and steady how long the
	// whole way is.
	ingesting, sustained, steady time.Duration
	// connections send batches, singles send single messages.
	connections, singles int
	// rate of the steady flow, in messages a second.
	rate    int
	library string
}

func readFlowOptions(args []string) (flowOptions, error) {
	o := flowOptions{library: os.Getenv("WAYSTAGE_LIBCHDB")}
	flags := flag.NewFlagSet("bench flow", flag.ContinueOnError)
	flags.DurationVar(&o.ingesting, "ingest-time", 10*time.Second, "how long each way of sending is"+
		" measured")
	flags.DurationVar(&o.sustained, "sustained-time", 15*time.Second,
		"how long as much is sent as is accepted")
	flags.DurationVar(&o.steady, "steady-time", 15*time.Second, "how long the steady flow lasts")
	flags.IntVar(&o.connections, "connections", 16, "connections that send batches")
	flags.IntVar(&o.singles, "singles", 128, "connections that send single messages")
	flags.IntVar(&o.rate, "rate", 2000, "messages a second of the steady flow")
	if err := flags.Parse(args); err != nil {
		return flowOptions{}, err //nolint:wrapcheck // the flag package has said all
	}
	return o, o.check()
}

func (o flowOptions) check() error {
	switch {
	case o.ingesting < time.Second || o.sustained < time.Second || o.steady < time.Second:
		return errors.New("-ingest-time, -sustained-time and -steady-time must be 1s or more")
	case o.connections < 1 || o.singles < 1:
		return errors.New("-connections and -singles must be 1 or more")
	case o.rate < steadyBatch:
		return fmt.Errorf("-rate must be %d or more", steadyBatch)
	}
	return nil
}

// flow is a measurement under way.
type flow struct {
	flowOptions

	*pipeline

	out, progress io.Writer
	// crowd is who the messages are of. Its numbers go on from part to part.
	crowd *crowd
	// load and probe are the write keys of the two sites.
	load, probe string
}

// measureFlow starts everything in this process, measures, prints, and stops everything.
func measureFlow(ctx context.Context, o flowOptions, out, progress io.Writer) (err error) {
	p, err := newPipeline(ctx, o.library)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	f := &flow{flowOptions: o, pipeline: p, out: out, progress: progress, crowd: newCrowd()}
	if f.load, err = p.site(ctx, loadSite); err != nil {
		return err
	}
	if f.probe, err = p.site(ctx, probeSite); err != nil {
		return err
	}
	fmt.Fprintf(out, "## From HTTP to a queryable row\n\n%s\n\n", machine())
	for _, part := range []func(context.Context) error{
		f.measureIngest, f.measureSustained, f.measureSteady,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// machine says on what this runs, and what else does.
func machine() string {
	return fmt.Sprintf("%d cores, %s/%s, %s, load average before: %s. Sender, ingest, processor, "+
		"query and the embedded engines share one process; messages are accepted once the embedded "+
		"Kafka has them.",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), load())
}

// load is the load average of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func (f *flow) say(format string, args ...any) { fmt.Fprintf(f.progress, format+"\n", args...) }

// measureIngest measures ingest and Kafka without a processor behind them, on topics of their own.
func (f *flow) measureIngest(ctx context.Context) error {
	address, stop, err := f.startIngest(ctx, map[string]string{
		"WAYSTAGE_KAFKA_TOUCHPOINTS_TOPIC": "bench.ingest",
		"WAYSTAGE_KAFKA_QUARANTINE_TOPIC":  "bench.quarantine",
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, way := range []struct {
		title              string
		batch, connections int
	}{{"batches of 100", 100, f.connections}, {"single requests", 1, f.singles}} {
		f.say("ingest of %s for %v", way.title, f.ingesting)
		// What is not processed is of nobody that later parts know.
		s := newSender(address, f.load, newCrowd())
		o, err := s.saturate(ctx, f.ingesting, way.connections, way.batch)
		if err != nil {
			return errors.Join(err, stop())
		}
		rows = append(rows, []string{
			way.title, fmt.Sprint(way.connections), fmt.Sprintf("%.0f", o.rate()),
			fmt.Sprintf("%.1f", o.cpuEach()), millis(o.latencies, 0.5), millis(o.latencies, 0.99),
			fmt.Sprintf("%.0f", o.bytesEach()), fmt.Sprint(o.retries),
		})
	}
	printTable(f.out, "Ingest by HTTP; no processor runs. CPU is that of the whole process, the "+
		"sender included", []string{
		"messages in", "connections", "messages/s", "CPU µs per message", "p50 of a request, ms",
		"p99, ms", "bytes per message", "503s, sent again",
	}, rows)
	return stop()
}

const countPause = 50 * time.Millisecond

// measureSustained sends as much as is accepted, and waits until all of it can be asked about.
func (f *flow) measureSustained(ctx context.Context) error {
	if err := f.startProcessing(ctx); err != nil {
		return err
	}
	s := newSender(f.ingest, f.load, f.crowd)
	if _, err := s.saturate(ctx, time.Millisecond, 1, 1); err != nil { // the consumers join now
		return err
	}
	if err := f.awaitRows(ctx, f.crowd.touchpoints()); err != nil {
		return err
	}
	before := f.crowd.touchpoints()
	f.say("sending as much as is accepted for %v", f.sustained)
	began := time.Now()
	o, err := s.saturate(ctx, f.sustained, f.connections, 100)
	if err != nil {
		return err
	}
	sent := time.Since(began)
	f.say("waiting until all %d touchpoints are queryable", f.crowd.touchpoints())
	if err := f.awaitRows(ctx, f.crowd.touchpoints()); err != nil {
		return err
	}
	took, cpu := time.Since(began), cpuTime()-o.cpuBegan
	if err := f.verify(ctx); err != nil {
		return err
	}
	rows := f.crowd.touchpoints() - before
	printTable(f.out, "HTTP to queryable row, sustained: sending batches of 100 as fast as they are "+
		"accepted, until the last is queryable", []string{
		"touchpoints", "accepted/s while sending", "waited after the last, s",
		"queryable rows/s over the whole", "CPU µs per row", "503s, sent again",
	}, [][]string{{
		fmt.Sprint(rows), fmt.Sprintf("%.0f", o.rate()), fmt.Sprintf("%.1f", (took - sent).Seconds()),
		fmt.Sprintf("%.0f", float64(rows)/took.Seconds()),
		fmt.Sprintf("%.1f", float64(cpu.Microseconds())/float64(rows)), fmt.Sprint(o.retries),
	}})
	return nil
}

// heldShare is how much of the rate must be accepted for it to count as held.
const heldShare = 0.95

// measureSteady measures from acceptance to the first answer that counts a touchpoint, while
// others flow steadily.
func (f *flow) measureSteady(ctx context.Context) error {
	f.say("%d messages a second for %v", f.rate, f.steady)
	watched, stop := context.WithCancel(ctx)
	defer stop()
	w := newWatch(f.client.Funnels, newSender(f.ingest, f.probe, f.crowd))
	probing := make(chan error, 1)
	go func() { probing <- w.probe(watched, f.steady) }()
	s := newSender(f.ingest, f.load, f.crowd)
	o, err := s.steady(ctx, f.rate, f.steady)
	if err != nil {
		return err
	}
	if err := <-probing; err != nil {
		return err
	}
	printTable(f.out, fmt.Sprintf("Accepted to queryable at %d/s, in batches of %d: from the answer "+
		"200 of a probe to the first answer over gRPC that lists its person, asked every %v",
		f.rate, steadyBatch, watchPause), []string{
		"accepted messages/s", "probes", "p50, ms", "p95, ms", "p99, ms", "largest, ms",
		"p50 of a question, ms", "503s, sent again",
	}, [][]string{{
		fmt.Sprintf("%.0f", o.rate()), fmt.Sprint(len(w.spans)), millis(w.spans, 0.5),
		millis(w.spans, 0.95), millis(w.spans, 0.99), millis(w.spans, 1), millis(w.asked, 0.5),
		fmt.Sprint(o.retries),
	}})
	if o.rate() < heldShare*float64(f.rate) {
		fmt.Fprintf(f.out, "The rate was not held: these times say nothing of %d/s.\n\n", f.rate)
	}
	return f.awaitRows(ctx, f.crowd.touchpoints())
}
