package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// run of a server in a shape.
type result struct {
	outcome

	cpu time.Duration
	// lost is accepted less stored; negative where something was stored twice.
	lost int64
}

// cpuEach in microseconds a message.
func (r result) cpuEach() float64 { return float64(r.cpu.Microseconds()) / float64(r.accepted) }

func (b *bench) measure(ctx context.Context) error {
	fmt.Printf("%d processors, %s/%s, %s, load average before: %s. Floor, ingest, the broker "+
		"(Apache Kafka, one, %d partitions) and the sender are processes of their own.\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), loadAverage(), partitions)
	for _, s := range []shape{
		{name: "single", path: "/v1/track", messages: 1, connections: b.singles},
		{name: "batch", path: "/v1/batch", messages: 100, connections: b.batchers},
	} {
		if b.only != "" && b.only != s.name {
			continue
		}
		if err := b.compare(ctx, s); err != nil {
			return err
		}
	}
	if !b.bounds {
		return nil
	}
	return errors.Join(b.killed(ctx), b.memory(ctx))
}

// compare measures both servers in turns.
func (b *bench) compare(ctx context.Context, s shape) error {
	floor, err := b.startFloor(ctx)
	if err != nil {
		return err
	}
	defer floor.kill() //nolint:errcheck // it keeps nothing
	own, err := b.startIngest(ctx)
	if err != nil {
		return err
	}
	if err := awaitReady(ctx, own.address); err != nil {
		return errors.Join(err, own.kill())
	}
	results := map[*server][]result{}
	for turn := -1; turn < b.runs; turn++ {
		for _, server := range []*server{floor, own} {
			long := b.run
			if turn < 0 {
				long = b.warmup
			}
			r, err := b.once(ctx, s, server, long, 0)
			if err != nil {
				return errors.Join(err, own.kill())
			}
			if turn >= 0 {
				results[server] = append(results[server], r)
			}
			fmt.Fprintf(os.Stderr, "%s %s: %.0f/s, %.1f µs each\n", s.name, server.name, r.rate(),
				r.cpuEach())
		}
	}
	resident := own.memory("VmHWM")
	full := results[own][0].rate() / float64(s.messages)
	half, err := b.once(ctx, s, own, b.run, full/2)
	if err != nil {
		return errors.Join(err, own.kill())
	}
	report(s, results[floor], results[own], half, resident, floor.memory("VmHWM"))
	return own.stop()
}

// once measures one run.
func (b *bench) once(
	ctx context.Context, s shape, server *server, long time.Duration, rate float64,
) (result, error) {
	before, err := b.stored(ctx, server.topic)
	if err != nil {
		return result{}, err
	}
	profile := b.profile(ctx, server, s, long)
	cpu := server.cpu()
	o, err := load(ctx, s, server.address, b.key, &b.next, long, rate)
	r := result{outcome: o, cpu: server.cpu() - cpu}
	profile()
	if err != nil {
		return r, err
	}
	after, err := b.stored(ctx, server.topic)
	r.lost = r.accepted - (after - before)
	return r, err
}

// profile begins a CPU profile of ingest where one is wanted, and gives what awaits it.
func (b *bench) profile(
	ctx context.Context, server *server, s shape, long time.Duration,
) (wait func()) {
	if b.profiles == "" || server.debug == "" {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", server.debug,
			max(1, int(long.Seconds())-1))
		response, err := get(ctx, url)
		if err != nil {
			fmt.Fprintln(os.Stderr, "profiling:", err)
			return
		}
		defer response.Body.Close() //nolint:errcheck // it is only read
		file, err := os.Create(filepath.Join(b.profiles, s.name+".pprof"))
		if err == nil {
			_, err = io.Copy(file, response.Body)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "profiling:", err)
		}
	}()
	return func() { <-done }
}

func report(s shape, floor, own []result, half result, resident, floorResident float64) {
	fmt.Printf("**%s: %d connections, %d a request**\n\n", s.name, s.connections, s.messages)
	fmt.Println("| | messages/s, each run | median | CPU µs a message, median | p50, ms | p99, ms " +
		"| most resident, MB | not 200 | accepted − stored |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	row := func(name string, results []result, resident float64) {
		var rates []string
		others, lost := int64(0), int64(0)
		for _, r := range results {
			rates = append(rates, fmt.Sprintf("%.0f", r.rate()))
			lost += r.lost
			for _, n := range r.others {
				others += n
			}
		}
		fmt.Printf("| %s | %s | %.0f | %.1f | %.1f | %.1f | %.0f | %d | %d |\n", name,
			strings.Join(rates, " "), median(results, result.rate), median(results, result.cpuEach),
			median(results, quantile(0.5)), median(results, quantile(0.99)), resident, others, lost)
	}
	row("floor", floor, floorResident)
	row("ingest", own, resident)
	row("ingest at half of its load", []result{half}, resident)
	fmt.Printf("\ningest is %.2f of the floor, at %.2f of its CPU a message\n\n",
		median(own, result.rate)/median(floor, result.rate),
		median(own, result.cpuEach)/median(floor, result.cpuEach))
}

func quantile(q float64) func(result) float64 {
	return func(r result) float64 { return r.quantile(q).Seconds() * 1e3 }
}

func median(results []result, of func(result) float64) float64 {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func awaitReady(ctx context.Context, address string) error {
	for deadline := time.Now().Add(readyWait); ; time.Sleep(50 * time.Millisecond) {
		response, err := get(ctx, "http://"+address+"/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(response.Status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("ingest is not ready: %w", err)
		}
	}
}

func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", url, err)
	}
	return http.DefaultClient.Do(request) //nolint:wrapcheck // it names the address
}
