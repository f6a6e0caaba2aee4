package ingest

import (
	"errors"
	"fmt"
	"time"

	"github.com/waystage/waystage/services/internal/host"
)

// Config holds ingest's settings.
type Config struct {
	Listen          string        `env:"WAYSTAGE_INGEST_LISTEN" envDefault:":8081" doc:"Address of the HTTP port that takes messages."`
	Brokers         []string      `env:"WAYSTAGE_KAFKA_BROKERS,required" doc:"Addresses host:port of Kafka brokers, separated by commas."`
	Topic           string        `env:"WAYSTAGE_KAFKA_TOUCHPOINTS_TOPIC" envDefault:"waystage.touchpoints" doc:"Topic of admitted messages."`
	QuarantineTopic string        `env:"WAYSTAGE_KAFKA_QUARANTINE_TOPIC" envDefault:"waystage.quarantine" doc:"Topic of refused messages."`
	Partitions      int           `env:"WAYSTAGE_KAFKA_PARTITIONS" envDefault:"8" unit:"partitions" doc:"Partitions of the touchpoints topic where it has to be made."`
	Retention       time.Duration `env:"WAYSTAGE_KAFKA_RETENTION" envDefault:"168h" unit:"duration" doc:"How long admitted messages stay on Kafka where the topic has to be made."`
	Replication     int           `env:"WAYSTAGE_KAFKA_REPLICATION" envDefault:"0" unit:"copies" doc:"Copies of the topics where they have to be made; 0 is the brokers' default."`
	ClickHouse      string        `env:"WAYSTAGE_CLICKHOUSE_DSN,required" secret:"true" doc:"Address of ClickHouse, such as http://user:password@host:8123/waystage; write keys are looked up there."`
	SkewTolerance   time.Duration `env:"WAYSTAGE_INGEST_SKEW_TOLERANCE" envDefault:"2m" unit:"duration" doc:"Largest difference between sentAt and receipt that is not taken for a wrong clock."`
	InFlightBytes   int64         `env:"WAYSTAGE_INGEST_IN_FLIGHT_BYTES" envDefault:"67108864" unit:"bytes" doc:"Memory of all requests that are being worked on; those beyond get 503."`
	ReadTimeout     time.Duration `env:"WAYSTAGE_INGEST_READ_TIMEOUT" envDefault:"30s" unit:"duration" doc:"How long a request may take to arrive."`
	WriteTimeout    time.Duration `env:"WAYSTAGE_INGEST_WRITE_TIMEOUT" envDefault:"5s" unit:"duration" doc:"How long a request waits for Kafka before it gets 503."`
	DrainTimeout    time.Duration `env:"WAYSTAGE_INGEST_DRAIN_TIMEOUT" envDefault:"20s" unit:"duration" doc:"How long requests under way, and then the records of Kafka, may take after a stop."`

	Host host.Config
}

// leastInFlightBytes is room for a few of the largest requests and their records.
const leastInFlightBytes = 32 << 20

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
	need(c.InFlightBytes >= leastInFlightBytes,
		"WAYSTAGE_INGEST_IN_FLIGHT_BYTES: must be %d or more", leastInFlightBytes)
	need(c.ReadTimeout > 0 && c.WriteTimeout > 0 && c.DrainTimeout > 0,
		"WAYSTAGE_INGEST_READ_TIMEOUT, _WRITE_TIMEOUT and _DRAIN_TIMEOUT: must be above 0")
	need(c.Topic != c.QuarantineTopic,
		"WAYSTAGE_KAFKA_QUARANTINE_TOPIC: must differ from WAYSTAGE_KAFKA_TOUCHPOINTS_TOPIC")
	return errors.Join(mistakes...)
}
