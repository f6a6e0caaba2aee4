package command

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/waystage/waystage/tools/waystage/demo"
	"github.com/waystage/waystage/tools/waystage/instance"
	"github.com/waystage/waystage/tools/waystage/picture"
	"github.com/waystage/waystage/tools/waystage/up"
)

func newUp(w *World) *cobra.Command {
	c := up.Config{
		Command: w.Self, PID: os.Getpid(), Out: w.Stdout, Live: w.StdoutTerminal, Width: w.Width,
		Registerer: w.Registerer, Gatherer: w.Gatherer, Environment: w.Variables,
		Library: w.Environment(envLibrary),
	}
	if c.Width == 0 {
		c.Width = picture.DefaultWidth
	}
	command := &cobra.Command{
		Use: "up", GroupID: groupRun,
		Short: "Run the whole pipeline on this machine",
		Long: `Runs ingest, processor and query in one process, on a ClickHouse and a Kafka that are part
of it, and keeps all data in one folder. With --kafka or --clickhouse it uses servers of
yours instead.

On an empty folder it also makes the site "demo", publishes the journey map of a company, tells
30 days of its history and keeps its synthetic people busy, faster than life, so that the
first question has an answer. --demo says which company: an online grocery store, an airline
with four kinds of passengers, or a shop for tiles with a showroom. A folder keeps the one it
began with. --demo none leaves all that out.

Ctrl-C stops everything in order; nothing that was accepted is lost, and the next "up" on
the same folder goes on. A second Ctrl-C ends at once; what was accepted is kept also then.

Further settings of the services are read from the environment by their usual names, such
as WAYSTAGE_PROCESSOR_BATCH_AGE.`,
		Example: `  waystage up
  waystage up --demo airline --data .data-airline
  waystage up --data /var/lib/waystage --demo none
  waystage up --ingest-port 0 --http-port 0 --grpc-port 0 --ingest-grpc-port 0
  waystage up --kafka kafka-1:9092,kafka-2:9092 --clickhouse http://user:password@ch:8123/waystage`,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := c.Validate(); err != nil {
				return usageError{err}
			}
			return up.Run(command.Context(), c)
		},
	}
	f := command.Flags()
	f.StringVar(&c.Dir, "data", instance.DefaultDir, "`folder` of the data, made if it is missing")
	f.StringSliceVar(&c.Kafka, "kafka", nil,
		"`addresses` HOST:PORT,… of real Kafka brokers (default: the embedded one)")
	f.StringVar(&c.ClickHouse, "clickhouse", "",
		"`DSN` of a real ClickHouse, http://… or clickhouse://… (default: the embedded one)")
	f.IntVar(&c.IngestPort, "ingest-port", up.DefaultIngestPort,
		"`port` for sending touchpoints; 0 takes a free one")
	f.IntVar(&c.HTTPPort, "http-port", up.DefaultHTTPPort,
		"`port` for questions as JSON; 0 takes a free one")
	f.IntVar(&c.GRPCPort, "grpc-port", up.DefaultGRPCPort,
		"`port` for questions over gRPC; 0 takes a free one")
	f.IntVar(&c.IngestGRPCPort, "ingest-grpc-port", up.DefaultIngestGRPCPort,
		"`port` for sending touchpoints over gRPC; 0 takes a free one")
	f.StringVar(&c.Demo, "demo", "", "`which` demonstration to run: "+
		strings.Join(up.Demos(), ", ")+" (default: the folder's own, grocery on a new one)")
	f.Float64Var(&c.DemoPace, "demo-pace", demo.DefaultPace,
		"how many `times` faster than life the demonstration's people live from the first start on")
	f.StringVar(&c.LogLevel, "log-level", "warn",
		"least `level` of the services' log lines: debug, info, warn or error")
	f.StringVar(&c.LogFormat, "log-format", "console", "`format` of log lines: console or json")
	return command
}
