package up

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/waystage/waystage/services/ingest"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/services/query"
	"github.com/waystage/waystage/tools/waystage/instance"
)

// settings are what every service is told; anything else can be set in the environment as for
// the service alone.
func (u *up) settings(
	clickHouse string, brokers []string, more map[string]string,
) map[string]string {
	all := maps.Clone(u.config.Environment)
	if all == nil {
		all = make(map[string]string)
	}
	all["WAYSTAGE_CLICKHOUSE_DSN"] = clickHouse
	all["WAYSTAGE_KAFKA_BROKERS"] = strings.Join(brokers, ",")
	maps.Copy(all, more)
	return all
}

func parse(config any, settings map[string]string) error {
	if err := env.ParseWithOptions(config, env.Options{Environment: settings}); err != nil {
		return fmt.Errorf("reading settings from the environment: %w", err)
	}
	return nil
}

// services starts the three services and waits until they do their work.
func (u *up) services(
	ctx context.Context, clickHouse string, brokers []string, rootToken string,
) (instance.Run, error) {
	ports := u.config.ports()
	settings := u.settings(clickHouse, brokers, map[string]string{
		"WAYSTAGE_INGEST_LISTEN":      ports[0].address(),
		"WAYSTAGE_QUERY_HTTP_LISTEN":  ports[1].address(),
		"WAYSTAGE_QUERY_GRPC_LISTEN":  ports[2].address(),
		"WAYSTAGE_INGEST_GRPC_LISTEN": ports[3].address(),
		"WAYSTAGE_ROOT_TOKEN":         rootToken,
	})
	// Made before query, which is told its address, and run last.
	i, err := u.ingest(withSnippet(settings))
	if err != nil {
		return instance.Run{}, err
	}
	settings["WAYSTAGE_QUERY_INGEST_GRPC"] = i.GRPCAddr()
	q, err := u.query(settings)
	if err != nil {
		return instance.Run{}, errors.Join(err, i.Close())
	}
	u.launch("query", q.Run)
	p, err := u.processor(settings)
	if err != nil {
		return instance.Run{}, errors.Join(err, i.Close())
	}
	u.launch("processor", p.Run)
	u.launch("ingest", i.Run)
	for _, each := range u.parts {
		if err := each.await(ctx, func(text string) { u.screen.Line("%s", text) }); err != nil {
			return instance.Run{}, err
		}
	}
	return instance.Run{
		PID: u.config.PID, ClickHouse: clickHouse, Kafka: brokers,
		Ingest: "http://" + i.Addr(), HTTP: "http://" + q.HTTPAddr(), GRPC: q.GRPCAddr(),
		IngestGRPC: i.GRPCAddr(),
	}, nil
}

func (u *up) launch(name string, run func(context.Context, func(bool)) error) {
	p := launch(name, run)
	u.parts = append(u.parts, p)
	go func() {
		<-p.done
		u.ended <- p
	}()
	u.running.push(name, p.stop)
}

func (u *up) query(settings map[string]string) (*query.Service, error) {
	var c query.Config
	if err := parse(&c, settings); err != nil {
		return nil, err
	}
	s, err := query.New(c, u.log.With().Str("service", "query").Logger(), u.config.Registerer)
	if err != nil {
		return nil, fmt.Errorf("starting query: %w", err)
	}
	return s, nil
}

func (u *up) processor(settings map[string]string) (*processor.Processor, error) {
	var c processor.Config
	if err := parse(&c, settings); err != nil {
		return nil, err
	}
	log := u.log.With().Str("service", "processor").Logger()
	s, err := processor.New(c, log, u.config.Registerer)
	if err != nil {
		return nil, fmt.Errorf("starting processor: %w", err)
	}
	return s, nil
}

func (u *up) ingest(settings map[string]string) (*ingest.Ingest, error) {
	var c ingest.Config
	if err := parse(&c, settings); err != nil {
		return nil, err
	}
	s, err := ingest.New(c, u.log.With().Str("service", "ingest").Logger(), u.config.Registerer)
	if err != nil {
		return nil, fmt.Errorf("starting ingest: %w", err)
	}
	return s, nil
}
