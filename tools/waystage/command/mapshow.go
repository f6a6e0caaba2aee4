package command

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query"
)

// showing is the flags of a look at a map.
type showing struct {
	target

	persona               string
	source, rules, asJSON bool
}

func newMapShow(w *World) *cobra.Command {
	s := &showing{target: target{world: w}}
	c := &cobra.Command{
		Use:   "show [VERSION|FILE|-]",
		Short: "Draw a map with everything that it holds, stages across",
		Long: `Draws the newest version of a site's map, a given one, or a file, which needs no server:
its stages across, below each what is written there (task, goals, activities, touchpoints,
expectations, barriers with remedies, stimuli, targets, KPIs, owner), then personas with what
differs for each, KPIs and channels. --persona draws that persona's own map. --rules lists the
rules that recognise touchpoints, channels and personas, in the order in which they are tried.

Signs: ● a live touchpoint, ◌ a planned one, ✕ a missing one, ▲ a barrier, ↳ its remedy,
◎ a target, ★ the team's own score, → a stimulus.`,
		Example: `  waystage map show
  waystage map show 3 --site shop
  waystage map show shop.yaml --persona families
  waystage map show --rules
  waystage map show --yaml > shop.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.check(); err != nil {
				return err
			}
			version := "latest"
			if len(args) > 0 {
				version = args[0]
			}
			m, err := s.mapOf(c.Context(), version)
			if err != nil {
				return err
			}
			return s.show(m)
		},
	}
	s.addServer(c)
	s.addSite(c)
	f := c.Flags()
	f.StringVar(&s.persona, "persona", "", "draw the map of this persona, by `id`")
	f.BoolVar(&s.rules, "rules", false, "list the rules instead")
	f.BoolVar(&s.source, "yaml", false, "print the YAML as it was published")
	addJSON(c, &s.asJSON)
	return c
}

// mapOf is a version of the site's map, or that of a file, as the API would give it.
func (s *showing) mapOf(ctx context.Context, name string) (*journeyv1.JourneyMap, error) {
	if isVersion(name) {
		return s.journeyMap(ctx, name)
	}
	source, err := readFile(s.world, name, journey.MaxMapBytes)
	if err != nil {
		return nil, err
	}
	m, err := journey.ParseMap(source)
	if err != nil {
		return nil, s.world.checkMap(name, source)
	}
	return query.MapContent(m, source), nil
}

// check refuses more than one way of showing.
func (s *showing) check() error {
	var given []string
	for _, each := range []struct {
		flag string
		is   bool
	}{
		{"--yaml", s.source},
		{"--json", s.asJSON},
		{"--rules", s.rules},
		{"--persona", s.persona != ""},
	} {
		if each.is {
			given = append(given, each.flag)
		}
	}
	if len(given) > 1 {
		return usage("give %s or %s, not both", given[0], given[1])
	}
	return nil
}

func (s *showing) show(m *journeyv1.JourneyMap) error {
	out, paper := s.world.Stdout, s.world.paper()
	switch {
	case s.asJSON:
		return writeMessage(out, m)
	case s.source:
		_, err := io.WriteString(out, m.GetSource())
		return err
	case s.rules:
		return paper.Rules(out, m)
	case s.persona == "":
		return paper.Map(out, m)
	}
	var known []string
	for _, p := range m.GetPersonas() {
		if p.GetId() == s.persona {
			return paper.PersonaMap(out, m, s.persona)
		}
		known = append(known, p.GetId())
	}
	if len(known) == 0 {
		return usage("--persona %s: the map has no personas", s.persona)
	}
	return usage("--persona %s: the map has no such persona; it has %s", s.persona,
		strings.Join(known, ", "))
}

func newMapSchema(w *World) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of maps, for editors",
		Long: `Prints the JSON Schema (draft 2020-12) of the YAML of maps. Editors with a YAML language
server (VS Code with its YAML extension) complete and explain every name by it: save it
beside the map, and write as the map's first line

  # yaml-language-server: $schema=./journey-map.schema.json`,
		Example: "  waystage map schema > journey-map.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := w.Stdout.Write(journey.MapSchema())
			return err
		},
	}
}
