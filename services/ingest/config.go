package ingest

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/waystage/waystage/services/internal/host"
)

// Config holds ingest's settings.
type Config struct {
	Listen          string         `env:"WAYSTAGE_INGEST_LISTEN" envDefault:":8081" doc:"Address of the HTTP port that takes messages."`
	GRPCListen      string         `env:"WAYSTAGE_INGEST_GRPC_LISTEN" envDefault:":8083" doc:"Address of the gRPC port that takes messages, and replays those of quarantine for query; none: there is no such port."`
	RootToken       string         `env:"WAYSTAGE_ROOT_TOKEN" secret:"true" doc:"The operator's token, as query has it: with it, messages of every site are replayed. Not set: only with admin tokens."`
	Brokers         []string       `env:"WAYSTAGE_KAFKA_BROKERS,required" doc:"Addresses host:port of Kafka brokers, separated by commas."`
	Topic           string         `env:"WAYSTAGE_KAFKA_TOUCHPOINTS_TOPIC" envDefault:"waystage.touchpoints" doc:"Topic of admitted messages."`
	QuarantineTopic string         `env:"WAYSTAGE_KAFKA_QUARANTINE_TOPIC" envDefault:"waystage.quarantine" doc:"Topic of refused messages."`
	Partitions      int            `env:"WAYSTAGE_KAFKA_PARTITIONS" envDefault:"8" unit:"partitions" doc:"Partitions of the touchpoints topic where it has to be made."`
	Retention       time.Duration  `env:"WAYSTAGE_KAFKA_RETENTION" envDefault:"168h" unit:"duration" doc:"How long admitted messages stay on Kafka where the topic has to be made."`
	Replication     int            `env:"WAYSTAGE_KAFKA_REPLICATION" envDefault:"0" unit:"copies" doc:"Copies of the topics where they have to be made; 0 is the brokers' default."`
	ClickHouse      string         `env:"WAYSTAGE_CLICKHOUSE_DSN,required" secret:"true" doc:"Address of ClickHouse, such as http://user:password@host:8123/waystage; write keys are looked up there."`
	SkewTolerance   time.Duration  `env:"WAYSTAGE_INGEST_SKEW_TOLERANCE" envDefault:"2m" unit:"duration" doc:"Largest difference between sentAt and receipt that is not taken for a wrong clock."`
	KeyRate         float64        `env:"WAYSTAGE_INGEST_KEY_RATE" envDefault:"0" unit:"messages a second" doc:"Messages that each ingest takes with a write key that states no rate of its own, over a burst of two seconds; those beyond get 429. 0: no bound."`
	InFlightBytes   int64          `env:"WAYSTAGE_INGEST_IN_FLIGHT_BYTES" envDefault:"67108864" unit:"bytes" doc:"Memory of all requests that are being worked on; those beyond get 503."`
	MaxConnections  int            `env:"WAYSTAGE_INGEST_MAX_CONNECTIONS" envDefault:"20000" unit:"connections" doc:"Connections that are open at a time; those beyond are closed at once. Each takes some 15 KB, and up to 50 KB while headers arrive."`
	Proxies         []netip.Prefix `env:"WAYSTAGE_INGEST_TRUSTED_PROXIES" doc:"Networks of proxies, such as 10.0.0.0/8, separated by commas: their X-Forwarded-For and X-Forwarded-Proto are believed."`
	PublicURL       string         `env:"WAYSTAGE_INGEST_PUBLIC_URL" doc:"Where browsers find ingest, such as https://in.example.com, for the settings of Segment's SDK. Empty: where they asked for them."`
	SnippetDir      string         `env:"WAYSTAGE_INGEST_SNIPPET_DIR" doc:"Directory dist/umd of the npm package @segment/analytics-next, for pages that load the SDK from ingest. Empty: none is served."`
	ReadTimeout     time.Duration  `env:"WAYSTAGE_INGEST_READ_TIMEOUT" envDefault:"30s" unit:"duration" doc:"How long a request may take to arrive."`
	WriteTimeout    time.Duration  `env:"WAYSTAGE_INGEST_WRITE_TIMEOUT" envDefault:"5s" unit:"duration" doc:"How long a request waits for Kafka before it gets 503."`
	DrainTimeout    time.Duration  `env:"WAYSTAGE_INGEST_DRAIN_TIMEOUT" envDefault:"20s" unit:"duration" doc:"How long requests under way, and then the records of Kafka, may take after a stop."`

	Host host.Config
}

// leastInFlightBytes is room for a few of the largest requests and their records.
const leastInFlightBytes = 32 << 20

// minRootToken is the length of the operator's token, in characters, that query asks for too.
const minRootToken = 16

// Validate tells every setting that is wrong.
func (c Config) Validate() error {
	var mistakes []error
	need := func(holds bool, format string, args ...any) {
		if !holds {
			mistakes = append(mistakes, fmt.Errorf(format, args...))
		}
	}
	need(c.Partitions >= 1, "WAYSTAGE_KAFKA_PARTITIONS: must be 1 or more")
	need(c.Replication >= 0, "WAYSTAGE_KAFKA_REPLICATION: must be 0 or more")
	need(c.Retention > 0, "WAYSTAGE_KAFKA_RETENTION: must be above 0")
	need(c.SkewTolerance >= 0, "WAYSTAGE_INGEST_SKEW_TOLERANCE: must be 0 or more")
	need(c.RootToken == "" || len(c.RootToken) >= minRootToken,
		"WAYSTAGE_ROOT_TOKEN: must have %d characters or more", minRootToken)
	need(c.KeyRate >= 0, "WAYSTAGE_INGEST_KEY_RATE: must be 0 or more")
	need(c.InFlightBytes >= leastInFlightBytes,
		"WAYSTAGE_INGEST_IN_FLIGHT_BYTES: must be %d or more", leastInFlightBytes)
	need(c.MaxConnections >= 1, "WAYSTAGE_INGEST_MAX_CONNECTIONS: must be 1 or more")
	need(c.ReadTimeout > 0 && c.WriteTimeout > 0 && c.DrainTimeout > 0,
		"WAYSTAGE_INGEST_READ_TIMEOUT, _WRITE_TIMEOUT and _DRAIN_TIMEOUT: must be above 0")
	need(c.Topic != c.QuarantineTopic,
		"WAYSTAGE_KAFKA_QUARANTINE_TOPIC: must differ from WAYSTAGE_KAFKA_TOUCHPOINTS_TOPIC")
	if _, err := c.public(); err != nil {
		mistakes = append(mistakes, fmt.Errorf("WAYSTAGE_INGEST_PUBLIC_URL: %w", err))
	}
	return errors.Join(mistakes...)
}

// public is the public URL, nil where none is stated.
func (c Config) public() (*url.URL, error) {
	if c.PublicURL == "" {
		return nil, nil //nolint:nilnil // none is no mistake
	}
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("reading an address: %w", err)
	}
	if public.Scheme != "http" && public.Scheme != "https" || public.Host == "" ||
		public.User != nil || public.RawQuery != "" || public.Fragment != "" {
		return nil, errors.New("must be http or https, a host and, if need be, a path: such as " +
			"https://in.example.com")
	}
	return public, nil
}
