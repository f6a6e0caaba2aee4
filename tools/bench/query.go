package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/query"
	"github.com/waystage/waystage/services/world"
)

// queryOptions of the measurement of questions.
type queryOptions struct {
	touchpoints, rounds int
	dir, library        string
	keep                bool
	only                []string
	// merged asks for questions of merged tables, flowing for the same while so many touchpoints a
	// second flow, 0 for none.
	merged  bool
	flowing int
	// picture is the file of the curve, points that of what earlier runs measured for it.
	picture, points string
	profile         string
	// journeys is how many bytes of journeys query keeps in memory, 0 for what it does by itself.
	journeys int
}

func readQueryOptions(args []string) (queryOptions, error) {
	o := queryOptions{library: os.Getenv("WAYSTAGE_LIBCHDB")}
	flags := flag.NewFlagSet("bench query", flag.ContinueOnError)
	flags.IntVar(&o.touchpoints, "touchpoints", 20_000_000,
		"touchpoints on the map; another quarter of it is off the map")
	flags.IntVar(&o.rounds, "rounds", 7, "measured `runs` of each question at least, after one that "+
		"is not; a quick one is asked for 10 s")
	flags.StringVar(&o.dir, "dir", "", "an empty `folder` for the data (default a temporary one)")
	flags.BoolVar(&o.keep, "keep", false,
		"leave the data in -dir, and use those that an earlier run left there")
	only := flags.String("only", "", "the questions to ask, by their `keys`, comma-separated "+
		"(default all)")
	flags.BoolVar(&o.merged, "merged", true, "ask of merged tables with nothing else going on")
	flags.IntVar(&o.flowing, "flow", 2000, "touchpoints a second that flow while the questions are "+
		"asked again; 0: they are not")
	flags.StringVar(&o.picture, "picture", "", "an SVG `file` for the curve of cost over size; it "+
		"has the points of all runs that have the same -points")
	flags.StringVar(&o.points, "points", "", "a JSON `file` where the points of the curve are kept")
	flags.IntVar(&o.journeys, "journeys", 0, "how many `bytes` of journeys query keeps in memory "+
		"(default what it keeps by itself)")
	flags.StringVar(&o.profile, "profile", "", "a `file` for a profile of the processors while asking")
	if err := flags.Parse(args); err != nil {
		return queryOptions{}, err //nolint:wrapcheck // the flag package has said all
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	return o, o.check()
}

func (o queryOptions) check() error {
	switch {
	case o.touchpoints < 10_000:
		return errors.New("-touchpoints must be 10000 or more")
	case o.rounds < 1:
		return errors.New("-rounds must be 1 or more")
	case o.flowing != 0 && o.flowing < riverBatch:
		return fmt.Errorf("-flow must be 0, or %d or more", riverBatch)
	case unknownKey(o.only) != "":
		return fmt.Errorf("-only has %q: there are %s", unknownKey(o.only), strings.Join(keys(), ", "))
	case (o.picture == "") != (o.points == ""):
		return errors.New("-picture and -points go together")
	case o.keep && o.dir == "":
		return errors.New("-keep needs -dir")
	}
	return nil
}

// keys are the names of the questions that there are.
func keys() []string {
	var list []string
	for _, f := range forms() {
		list = append(list, f.key)
	}
	return list
}

// unknownKey is the first that no question has, "" where there is none.
func unknownKey(only []string) string {
	for _, key := range only {
		if !slices.Contains(keys(), key) {
			return key
		}
	}
	return ""
}

// queryBench is a measurement of questions under way.
type queryBench struct {
	queryOptions
	*bench

	services *pipeline
	out      io.Writer
	persons  int
	point    *point
}

// measureQueries fills the tables, asks, prints, and stops everything.
func measureQueries(ctx context.Context, o queryOptions, out, progress io.Writer) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "waystage-query-"); err != nil {
			return fmt.Errorf("making a folder for the data: %w", err)
		}
	}
	// What is kept of answers would be measured instead of them.
	p := &pipeline{more: map[string]string{"WAYSTAGE_QUERY_CACHE_BYTES": "0"}}
	if o.journeys > 0 {
		p.more["WAYSTAGE_QUERY_JOURNEY_BYTES"] = strconv.Itoa(o.journeys)
	}
	if !o.keep {
		p.onClose(func() error { return os.RemoveAll(o.dir) })
	}
	if err := p.start(ctx, o.library, o.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	defer query.BoundGarbage(query.MostGarbage)() // as a query service does
	b := &queryBench{queryOptions: o, services: p, out: out}
	b.bench = &bench{options: options{touchpoints: o.touchpoints}, client: p.store, progress: progress}
	if err := b.fill(ctx); err != nil {
		return err
	}
	if o.profile != "" {
		file, err := os.Create(o.profile)
		if err != nil {
			return fmt.Errorf("making the profile: %w", err)
		}
		defer file.Close() //nolint:errcheck // written by then
		if err := pprof.StartCPUProfile(file); err != nil {
			return fmt.Errorf("beginning the profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	return b.report(ctx)
}

// fill lays the world out, unless an earlier run did.
func (b *queryBench) fill(ctx context.Context) error {
	w := world.NewBenchmark(1, b.touchpoints/world.TouchpointsPerPerson)
	b.persons = w.Persons()
	done, err := b.client.exec(ctx, "EXISTS TABLE filled")
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.load(ctx, w); err != nil {
		return err
	}
	if done == "1\n" {
		return nil
	}
	b.say("world staged after %.0f s", time.Since(began).Seconds())
	if err := b.makeSite(ctx); err != nil {
		return err
	}
	if err := b.fillProduct(ctx, w); err != nil {
		return err
	}
	b.say("the product's tables are filled after %.0f s", time.Since(began).Seconds())
	if err := b.fillPlain(ctx); err != nil {
		return err
	}
	b.say("everything is laid out after %.0f s", time.Since(began).Seconds())
	return b.exec(ctx, "CREATE TABLE filled (x UInt8) ENGINE = MergeTree ORDER BY x")
}

// makeSite makes the world's site and publishes its map.
func (b *queryBench) makeSite(ctx context.Context) error {
	_, err := b.services.client.Sites.CreateSite(ctx, &sitev1.CreateSiteRequest{
		SiteId: string(world.BenchmarkSite),
	})
	if err != nil {
		return fmt.Errorf("making the site: %w", err)
	}
	_, err = b.services.client.Maps.PublishJourneyMap(ctx, &journeyv1.PublishJourneyMapRequest{
		Parent: "sites/" + string(world.BenchmarkSite), Source: worldMap(),
	})
	if err != nil {
		return fmt.Errorf("publishing the map: %w", err)
	}
	return nil
}

// fillPlain lays the usual table out, of the same touchpoints, and merges everything.
func (b *queryBench) fillPlain(ctx context.Context) error {
	statements := []string{
		`CREATE TABLE plain ENGINE = MergeTree PARTITION BY toYYYYMM(at)
			ORDER BY (site, toDate(at), event, identity) AS SELECT * FROM waystage.touchpoints`,
		`CREATE DICTIONARY persona_of (identity UInt64, persona String) PRIMARY KEY identity
			SOURCE(CLICKHOUSE(QUERY 'SELECT identity, toString(persona) AS persona
				FROM waystage.profiles FINAL WHERE persona != \'unassigned\''))
			LAYOUT(HASHED()) LIFETIME(0)`,
	}
	for _, table := range []string{
		"plain", "waystage.touchpoints", "waystage.journeys",
		"waystage.profiles",
	} {
		statements = append(statements, "OPTIMIZE TABLE "+table+" FINAL")
	}
	for _, sql := range statements {
		if err := b.exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
