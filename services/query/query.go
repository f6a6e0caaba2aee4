// Package query is the service that answers: gRPC, the same as JSON over HTTP, and its OpenAPI
// description. Handlers stand in api; here they are wired with the store and given a life.
//
// Stop order: not ready (health NOT_SERVING) → drain calls under way → close the store.
package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/waystage/waystage/proto/gen/openapi"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/query/admission"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// Service answers until it is told to stop. Make it with New.
type Service struct {
	server  *rpc.Server
	backend backend
}

// backend is what the service needs of the store.
type backend struct {
	sites     api.Sites
	keys      api.Keys
	maps      api.Maps
	answers   api.Answers
	explainer api.Explainer
	people    api.People
	questions api.Questions
	catalogue api.Catalogue
	// quarantine holds refused messages; replayer is nil where nothing is replayed.
	quarantine api.Quarantine
	replayer   api.Replayer
	lookup     rpc.Keys
	// shielded are the answers behind what is kept of them, and the explainer, both such that who
	// leaves ends their queries; nil where nothing can be kept.
	shielded func(Config, *admission.Gate, *metrics) (*answer.Cache, api.Explainer)
	// journeyBytes is how much memory the touchpoints take that answers are found in.
	journeyBytes func() int
	// recall gives what questions are read by, by the looks of the answers that are kept.
	recall  func(*answer.Cache) api.Background
	migrate func(ctx context.Context) error
	// drawings is nil where no tool reads SQL.
	drawings drawings
	close    func() error
}

// New wires the service and binds its ports, so that the addresses are known; it answers nothing
// before Run. ClickHouse may be away. Errors: a configuration that is wrong, a port that is taken.
func New(cfg Config, log zerolog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	s, err := assemble(cfg, b, log, reg)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return s, nil
}

// assemble wires the service with a given backend, which it owns if there is no error.
func assemble(
	cfg Config, b backend, log zerolog.Logger, reg prometheus.Registerer,
) (*Service, error) {
	gate := admission.New(admission.Config{
		Questions: cfg.MaxQuestions, Wait: cfg.QuestionWait,
		HeavyRows: uint64(cfg.HeavyTouchpoints), //nolint:gosec // checked
	})
	m, err := newMetrics(reg, gate)
	if err != nil {
		return nil, err
	}
	answers := gate.Answers(b.answers, nil)
	var background api.Background
	if b.shielded != nil {
		cache, explainer := b.shielded(cfg, gate, m)
		if err := m.watchKept(reg, cache.KeptBytes, b.journeyBytes); err != nil {
			return nil, err
		}
		answers, background, b.explainer = cache, b.recall(cache), explainer
	}
	handlers := api.New(api.Config{
		Sites: b.sites, Keys: b.keys, Maps: b.maps, Background: background, Questions: b.questions,
		Answers:   answers,
		Explainer: gate.Explainer(b.explainer), People: gate.People(b.people),
		Catalogue: b.catalogue, Quarantine: b.quarantine, Replayer: b.replayer, Now: time.Now,
	})
	server, err := rpc.New(rpc.Config{
		GRPCListen:      cfg.GRPCListen,
		HTTPListen:      cfg.HTTPListen,
		CallTimeout:     cfg.QuestionTimeout,
		DrainTimeout:    cfg.DrainTimeout,
		BodyMaxBytes:    cfg.BodyMaxBytes,
		OpenAPI:         openapi.JSON,
		Beside:          func(ctx context.Context) error { return b.beside(ctx, log) },
		QueryParameters: api.QueryParameters,
		Formats:         api.Formats(),
		Prepare:         answer.WithGlance,
	}, rpc.NewGuard(cfg.RootToken, b.lookup, time.Now), handlers.Services(), log, m.observe)
	if err != nil {
		return nil, fmt.Errorf("opening the ports of query: %w", err)
	}
	return &Service{server: server, backend: b}, nil
}

// GRPCAddr is the address bound for gRPC.
func (s *Service) GRPCAddr() string { return s.server.GRPCAddr() }

// HTTPAddr is the address bound for HTTP.
func (s *Service) HTTPAddr() string { return s.server.HTTPAddr() }

// Run answers until the context ends, then stops in the order of the package comment. ready is
// told true once it answers and false before it stops. It may be called once.
//
// Beside it the schema of the store is brought up to date, as soon as ClickHouse is there, and maps
// are drawn for tools for SQL.
func (s *Service) Run(ctx context.Context, ready func(bool)) error {
	err := s.server.Run(ctx, ready)
	if closing := s.backend.close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("closing the store: %w", closing))
	}
	return err
}

// beside is what is done beside answering, until the context ends.
func (b backend) beside(ctx context.Context, log zerolog.Logger) error {
	if err := b.migrateOnce(ctx); err != nil || b.drawings == nil {
		return err
	}
	keepDrawing(ctx, b.drawings, log)
	return nil
}

// migrateOnce brings the schema up to date, again and again while ClickHouse is away.
func (b backend) migrateOnce(ctx context.Context) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := b.migrate(ctx)
		if err != nil && !fault.Retryable(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err //nolint:wrapcheck // wrapped below
	}, backoff.WithMaxElapsedTime(0))
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("bringing the schema of the store up to date: %w", err)
	}
	return nil
}
