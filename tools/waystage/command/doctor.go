package command

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"

	"github.com/waystage/waystage/services/doctor"
	"github.com/waystage/waystage/services/processor"
	"github.com/waystage/waystage/tools/waystage/instance"
)

func newDoctor(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor", GroupID: groupRun,
		Short: "Examine an installation and say what to do",
		Long: `Looks at this machine, ingest, query, Kafka, ClickHouse and one site: do they answer, which
versions, clocks, disks, topics and their settings, schema, how far processing is behind, is
a map published, do touchpoints come, is anything refused. It changes nothing. What is not
well is said with what to do about it; if something does not work, the exit code is 1.

Addresses come from the instance on the data folder, or from the variables that the services
read: WAYSTAGE_KAFKA_BROKERS, WAYSTAGE_CLICKHOUSE_DSN and the names of topics. What is not
known is skipped.`,
		Example: `  waystage doctor
  waystage doctor --site shop --json
  waystage doctor --server query:8082 --ingest http://ingest:8080`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return t.examine(c.Context(), asJSON) },
	}
	t.addServer(c)
	t.addSite(c)
	c.Flags().StringVar(&t.ingest, "ingest", "", "`URL` of ingest, http://HOST:PORT "+
		"(WAYSTAGE_INGEST; default: the instance on the data folder)")
	addJSON(c, &asJSON)
	return c
}

// examine tells findings as they are made, or all at the end as JSON.
func (t *target) examine(ctx context.Context, asJSON bool) error {
	config, err := t.patient()
	if err != nil {
		return err
	}
	all := []doctor.Finding{}
	tell := func(f doctor.Finding) { all = append(all, f) }
	if !asJSON {
		last := ""
		tell = func(f doctor.Finding) {
			all = append(all, f)
			_ = t.world.paper().Finding(t.world.Stdout, f, f.Part != last)
			last = f.Part
		}
	}
	doctor.Examine(ctx, config, tell)
	t.examineSite(ctx, tell)
	if asJSON {
		err = writeJSON(t.world.Stdout, map[string]any{"findings": all})
	} else {
		err = t.world.paper().Findings(t.world.Stdout, all)
	}
	if err != nil {
		return fmt.Errorf("writing what was found: %w", err)
	}
	for _, f := range all {
		if f.State == doctor.Fail {
			return &exitError{code: ExitFailed}
		}
	}
	return nil
}

// patient says what to examine: what was stated, else the instance on the data folder.
func (t *target) patient() (doctor.Config, error) {
	run, err := t.folder().FindRun()
	if err != nil {
		run = instance.Run{}
	}
	// A server elsewhere is not the instance here.
	if !t.local() {
		run = instance.Run{}
	}
	settings := maps.Clone(t.world.Variables)
	if settings == nil {
		settings = make(map[string]string)
	}
	for name, value := range map[string]string{
		"WAYSTAGE_KAFKA_BROKERS": strings.Join(run.Kafka, ","), envClickHouse: run.ClickHouse,
	} {
		if settings[name] == "" {
			settings[name] = value
		}
	}
	brokers, dsn := settings["WAYSTAGE_KAFKA_BROKERS"], settings[envClickHouse]
	for _, name := range []string{"WAYSTAGE_KAFKA_BROKERS", envClickHouse} {
		if settings[name] == "" {
			settings[name] = "unknown" // required of services; here it is left out
		}
	}
	var p processor.Config
	if err := env.ParseWithOptions(&p, env.Options{Environment: settings}); err != nil {
		return doctor.Config{}, usageError{fmt.Errorf("reading settings: %w", err)}
	}
	c := doctor.Config{
		Ingest: strings.TrimRight(cmp.Or(t.stated(t.ingest, envIngest), run.Ingest), "/"),
		Query:  run.HTTP, IngestGRPC: run.IngestGRPC,
		QueryGRPC: cmp.Or(t.stated(t.server, envServer), run.GRPC),
		Topics: []doctor.Topic{
			{
				Title: "touchpoints", Name: p.Topic, Group: p.Group, Retention: p.CopyWindow,
			},
			{
				Title: "quarantine", Name: p.QuarantineTopic,
				Group: p.Group + processor.QuarantineGroup,
			},
		},
		ClickHouse: dsn, Dir: t.data, Now: t.world.Now,
	}
	if brokers != "" {
		c.Brokers = strings.Split(brokers, ",")
	}
	return c, nil
}
