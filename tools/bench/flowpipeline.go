package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/engine"
	"github.com/waystage/waystage/services/ingest"
	grocery "github.com/waystage/waystage/services/journey/maps"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/query"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// The sites of the measurement: one that most flows to, one of the probes.
const (
	loadSite  = "load"
	probeSite = "probe"
)

// pipeline is the engines and services that run in this process, on a temporary folder.
type pipeline struct {
	// settings of the services; more are known before they start.
	settings, more map[string]string
	store          *client
	client         *remote.Client
	// ingest is the address of the ingest whose messages are processed.
	ingest string
	// stops are in the order of starting.
	stops []func() error
}

// newPipeline starts the engines and query on a folder that is removed with them.
func newPipeline(ctx context.Context, library string) (*pipeline, error) {
	dir, err := os.MkdirTemp("", "waystage-flow-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the data: %w", err)
	}
	p := &pipeline{}
	p.onClose(func() error { return os.RemoveAll(dir) })
	return p, p.start(ctx, library, dir)
}

// start starts the engines and query on a folder. Where it fails nothing is left running.
func (p *pipeline) start(ctx context.Context, library, dir string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	kafka, err := engine.OpenKafka(engine.KafkaConfig{Dir: filepath.Join(dir, "kafka")})
	if err != nil {
		return fmt.Errorf("starting Kafka: %w", err)
	}
	p.onClose(kafka.Close)
	clickHouse, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{
		Library: library, Dir: filepath.Join(dir, "clickhouse"),
	})
	if err != nil {
		return fmt.Errorf("starting ClickHouse: %w", err)
	}
	p.onClose(func() error { return clickHouse.Close(context.WithoutCancel(ctx)) })
	p.store = &client{url: clickHouse.URL()}
	p.settings = map[string]string{
		"WAYSTAGE_KAFKA_BROKERS":     kafka.Addr(),
		"WAYSTAGE_CLICKHOUSE_DSN":    clickHouse.DSN() + "/waystage",
		"WAYSTAGE_INGEST_LISTEN":     "127.0.0.1:0",
		"WAYSTAGE_QUERY_HTTP_LISTEN": "127.0.0.1:0",
		"WAYSTAGE_QUERY_GRPC_LISTEN": "127.0.0.1:0",
		"WAYSTAGE_ROOT_TOKEN":        "root_" + rand.Text(),
	}
	maps.Copy(p.settings, p.more)
	return p.startQuery(ctx)
}

func (p *pipeline) onClose(stop func() error) { p.stops = append(p.stops, stop) }

// close stops everything in the opposite order of starting, also after errors.
func (p *pipeline) close() error {
	var failures []error
	for i := len(p.stops) - 1; i >= 0; i-- {
		failures = append(failures, p.stops[i]())
	}
	p.stops = nil
	return errors.Join(failures...)
}

// configure reads a service's configuration from the settings.
func (p *pipeline) configure(config any, more map[string]string) error {
	settings := maps.Clone(p.settings)
	maps.Copy(settings, more)
	if err := env.ParseWithOptions(config, env.Options{Environment: settings}); err != nil {
		return fmt.Errorf("reading settings: %w", err)
	}
	return nil
}

// readyWait is how long a service may take to start.
const readyWait = time.Minute

// serve runs a service until stop, and returns once it is ready.
func serve(
	ctx context.Context, name string, run func(context.Context, func(bool)) error,
) (stop func() error, err error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ready, done := make(chan bool, 8), make(chan error, 1)
	go func() { done <- run(running, func(is bool) { ready <- is }) }()
	stop = func() error {
		cancel()
		if err := <-done; err != nil {
			return fmt.Errorf("stopping %s: %w", name, err)
		}
		return nil
	}
	ctx, end := context.WithTimeout(ctx, readyWait)
	defer end()
	select {
	case <-ready:
		return stop, nil
	case err := <-done:
		cancel()
		return nil, fmt.Errorf("starting %s: it ended: %w", name, err)
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("starting %s: %w", name, ctx.Err()), stop())
	}
}

func (p *pipeline) startQuery(ctx context.Context) error {
	var config query.Config
	if err := p.configure(&config, nil); err != nil {
		return err
	}
	service, err := query.New(config, zerolog.Nop(), prometheus.DefaultRegisterer)
	if err != nil {
		return fmt.Errorf("making query: %w", err)
	}
	stop, err := serve(ctx, "query", service.Run)
	if err != nil {
		return err
	}
	p.onClose(stop)
	p.client, err = remote.New(service.GRPCAddr(), config.RootToken)
	if err != nil {
		return err
	}
	p.onClose(p.client.Close)
	return nil
}

// startIngest starts an ingest that is not stopped with the others, but by stop.
func (p *pipeline) startIngest(
	ctx context.Context, more map[string]string,
) (address string, stop func() error, err error) {
	var config ingest.Config
	if err := p.configure(&config, more); err != nil {
		return "", nil, err
	}
	service, err := ingest.New(config, zerolog.Nop(), nil)
	if err != nil {
		return "", nil, fmt.Errorf("making ingest: %w", err)
	}
	stop, err = serve(ctx, "ingest", service.Run)
	return "http://" + service.Addr(), stop, err
}

// startProcessing starts the processor and the ingest before it.
func (p *pipeline) startProcessing(ctx context.Context) error {
	var config processor.Config
	if err := p.configure(&config, nil); err != nil {
		return err
	}
	service, err := processor.New(config, zerolog.Nop(), nil)
	if err != nil {
		return fmt.Errorf("making the processor: %w", err)
	}
	stop, err := serve(ctx, "the processor", service.Run)
	if err != nil {
		return err
	}
	p.onClose(stop)
	address, stop, err := p.startIngest(ctx, nil)
	if err != nil {
		return err
	}
	p.ingest = address
	p.onClose(stop)
	return nil
}

// site makes a site with the example map and gives its write key. It waits for the store's tables.
func (p *pipeline) site(ctx context.Context, id string) (key string, err error) {
	_, err = backoff.Retry(ctx, func() (any, error) {
		_, err := p.client.Sites.CreateSite(ctx, &sitev1.CreateSiteRequest{SiteId: id})
		if err != nil && remote.Code(err) != codes.Unavailable {
			err = backoff.Permanent(err)
		}
		return nil, err
	}, backoff.WithMaxElapsedTime(readyWait))
	if err != nil {
		return "", fmt.Errorf("making the site %s: %w", id, err)
	}
	_, err = p.client.Maps.PublishJourneyMap(ctx, &journeyv1.PublishJourneyMapRequest{
		Parent: "sites/" + id, Source: grocery.Grocery(),
	})
	if err != nil {
		return "", fmt.Errorf("publishing the map of %s: %w", id, err)
	}
	made, err := p.client.Sites.CreateKey(ctx, &sitev1.CreateKeyRequest{
		Parent: "sites/" + id, Kind: sitev1.KeyKind_KEY_KIND_WRITE,
	})
	if err != nil {
		return "", fmt.Errorf("making a write key of %s: %w", id, err)
	}
	return made.GetSecret(), nil
}

// rowsWait is how long the processor may take for what it is behind.
const rowsWait = 5 * time.Minute

// awaitRows waits until so many touchpoints of the load are stored.
func (p *pipeline) awaitRows(ctx context.Context, want int) error {
	ctx, cancel := context.WithTimeout(ctx, rowsWait)
	defer cancel()
	pause := time.NewTicker(countPause)
	defer pause.Stop()
	for {
		n, err := p.count(ctx, "count()")
		if err != nil || n >= want {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d touchpoints, of which %d are stored: %w", want, n,
				ctx.Err())
		}
	}
}

// count asks ClickHouse for a number of the load's touchpoints.
func (p *pipeline) count(ctx context.Context, what string) (int, error) {
	text, err := p.store.exec(ctx,
		"SELECT "+what+" FROM waystage.touchpoints WHERE site = '"+loadSite+"'")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("counting touchpoints: %w", err)
	}
	return n, nil
}

// verify checks that what was measured is right: each touchpoint is there once, and a question
// counts each person once.
func (f *flow) verify(ctx context.Context) error {
	n, err := f.count(ctx, "uniqExact(message_key)")
	if err != nil {
		return err
	}
	if want := f.crowd.touchpoints(); n != want {
		return fmt.Errorf("%d touchpoints are stored, %d were accepted", n, want)
	}
	// The touchpoints of the last batch are there a little before its persons are.
	deadline := time.Now().Add(time.Minute)
	for {
		answer, err := f.client.Funnels.AskFunnel(ctx, &funnelv1.AskFunnelRequest{
			Parent: "sites/" + loadSite, Question: questionSince(time.Now().Add(-time.Hour),
				&funnelv1.Step{Target: &funnelv1.Step_AnyEvent{AnyEvent: true}}),
		})
		if err != nil {
			return fmt.Errorf("asking who is there: %w", err)
		}
		got, want := int(answer.GetSteps()[0].GetCount()), f.crowd.persons()
		if got == want {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("a question counts %d persons, %d were sent", got, want)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// questionSince asks who did something since an instant, and then anything.
func questionSince(from time.Time, entry *funnelv1.Step) *funnelv1.FunnelQuestion {
	return &funnelv1.FunnelQuestion{
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(from)},
			To:   &funnelv1.TimeRange_ToTime{ToTime: timestamppb.New(time.Now().Add(time.Hour))},
		},
		Steps: []*funnelv1.Step{
			entry, {Target: &funnelv1.Step_AnyEvent{AnyEvent: true}},
		},
	}
}
