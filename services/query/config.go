package query

import (
	"errors"
	"fmt"
	"time"

	"github.com/waystage/waystage/services/internal/host"
	"github.com/waystage/waystage/services/query/plan"
)

// Config is the configuration of the service. Default gives one that lacks only the address of
// ClickHouse.
type Config struct {
	GRPCListen string `env:"WAYSTAGE_QUERY_GRPC_LISTEN" envDefault:":9090" doc:"Address of the gRPC port."`
	HTTPListen string `env:"WAYSTAGE_QUERY_HTTP_LISTEN" envDefault:":8080" doc:"Address of the HTTP port: the same methods as JSON, and /openapi.json."`
	// ClickHouse is a DSN. It may hold a password.
	ClickHouse string `env:"WAYSTAGE_CLICKHOUSE_DSN,required" secret:"true" doc:"Address of ClickHouse, such as http://user:password@host:8123/database."`
	// RootToken opens everything. Empty: nothing is opened by it.
	RootToken string `env:"WAYSTAGE_ROOT_TOKEN" secret:"true" doc:"The operator's token, 16 characters or more; it creates sites and opens every one. Not set: there is none."`
	// IngestGRPC is needed only to replay messages from quarantine.
	IngestGRPC       string        `env:"WAYSTAGE_QUERY_INGEST_GRPC" doc:"Address host:port of ingest's gRPC port, where messages from quarantine are replayed. Not set: none are."`
	QuestionTimeout  time.Duration `env:"WAYSTAGE_QUERY_QUESTION_TIMEOUT" envDefault:"60s" doc:"Most time that a call may take, whatever the caller allows."`
	MaxQuestions     int           `env:"WAYSTAGE_QUERY_MAX_QUESTIONS" envDefault:"4" unit:"questions" doc:"Questions answered at once; further ones wait."`
	HeavyTouchpoints int           `env:"WAYSTAGE_QUERY_HEAVY_TOUCHPOINTS" envDefault:"10000000" unit:"touchpoints" doc:"A question that looks at so many counts as heavy: heavy ones take half of the places at most, so that others never queue behind them alone. 0: none counts as heavy."`
	QuestionWait     time.Duration `env:"WAYSTAGE_QUERY_QUESTION_WAIT" envDefault:"10s" doc:"Most time that a question waits for its turn before it is refused."`
	MaxMemoryBytes   int64         `env:"WAYSTAGE_QUERY_MAX_MEMORY_BYTES" envDefault:"4294967296" unit:"bytes" doc:"Most memory that one question may take in ClickHouse."`
	CacheBytes       int64         `env:"WAYSTAGE_QUERY_CACHE_BYTES" envDefault:"67108864" unit:"bytes" doc:"About how much memory kept answers may take; 0 keeps none. One is given again only while nothing it rests on has changed."`
	JourneyBytes     int64         `env:"WAYSTAGE_QUERY_JOURNEY_BYTES" envDefault:"1073741824" unit:"bytes" doc:"About how much memory packed journeys, and touchpoints with the values that questions look at, may take that are kept between questions, some 9 bytes a touchpoint each; those that do not fit are read for each question. 0 keeps none."`
	Way              string        `env:"WAYSTAGE_QUERY_WAY" envDefault:"auto" doc:"How funnels are counted: streamed (touchpoints come to this service), inside (within ClickHouse where that is exact), or auto: inside where tables are spread over shards."`
	BodyMaxBytes     int           `env:"WAYSTAGE_QUERY_BODY_MAX_BYTES" envDefault:"4194304" unit:"bytes" doc:"Largest request, on gRPC and on HTTP."`
	DrainTimeout     time.Duration `env:"WAYSTAGE_QUERY_DRAIN_TIMEOUT" envDefault:"30s" doc:"Time that calls under way have to end when the service stops."`

	Host host.Config
}

// Default is the configuration of an environment that says nothing.
func Default() Config {
	return Config{
		GRPCListen:       ":9090",
		HTTPListen:       ":8080",
		QuestionTimeout:  time.Minute,
		MaxQuestions:     4,
		HeavyTouchpoints: 10_000_000,
		QuestionWait:     10 * time.Second,
		MaxMemoryBytes:   4 << 30,
		CacheBytes:       64 << 20,
		JourneyBytes:     1 << 30,
		Way:              "auto",
		BodyMaxBytes:     4 << 20,
		DrainTimeout:     30 * time.Second,
		Host:             host.Default(),
	}
}

const minRootToken = 16

// Validate tells every setting that is out of bounds.
func (c Config) Validate() error {
	var mistakes []error
	if n := len(c.RootToken); n > 0 && n < minRootToken {
		mistakes = append(mistakes, fmt.Errorf(
			"WAYSTAGE_ROOT_TOKEN: %d characters: give %d or more", n, minRootToken))
	}
	for _, s := range []struct {
		name  string
		value int64
	}{
		{"WAYSTAGE_QUERY_QUESTION_TIMEOUT", int64(c.QuestionTimeout)},
		{"WAYSTAGE_QUERY_MAX_QUESTIONS", int64(c.MaxQuestions)},
		{"WAYSTAGE_QUERY_QUESTION_WAIT", int64(c.QuestionWait)},
		{"WAYSTAGE_QUERY_MAX_MEMORY_BYTES", c.MaxMemoryBytes},
		{"WAYSTAGE_QUERY_BODY_MAX_BYTES", int64(c.BodyMaxBytes)},
		{"WAYSTAGE_QUERY_DRAIN_TIMEOUT", int64(c.DrainTimeout)},
	} {
		if s.value <= 0 {
			mistakes = append(mistakes, fmt.Errorf("%s: must be greater than 0", s.name))
		}
	}
	for name, value := range map[string]int64{
		"WAYSTAGE_QUERY_JOURNEY_BYTES":     c.JourneyBytes,
		"WAYSTAGE_QUERY_CACHE_BYTES":       c.CacheBytes,
		"WAYSTAGE_QUERY_HEAVY_TOUCHPOINTS": int64(c.HeavyTouchpoints),
	} {
		if value < 0 {
			mistakes = append(mistakes, fmt.Errorf("%s: must not be below 0", name))
		}
	}
	if _, known := plan.WayOf(c.Way); !known {
		mistakes = append(mistakes, fmt.Errorf(
			"WAYSTAGE_QUERY_WAY: %q: give auto, streamed or inside", c.Way))
	}
	return errors.Join(mistakes...)
}
