package command

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
	"github.com/waystage/waystage/proto/question"
)

// who is the flags that name a person.
type who struct{ user, anonymous, person string }

func (o *who) addWho(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.user, "user", "", "`id` that the site gave the user")
	f.StringVar(&o.anonymous, "anonymous", "", "anonymous `id` of one of the person's visitors")
	f.StringVar(&o.person, "person", "",
		"`id` of the person as answers give it, 16 hexadecimal digits")
}

// given are those of the flags that are given, in the order of the names.
func given(c *cobra.Command, names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !c.Flags().Changed(name) })
}

// portrait is the flags of what is known of one person.
type portrait struct {
	target
	who

	asOf   string
	asJSON bool
}

func newPerson(w *World) *cobra.Command {
	p := &portrait{target: target{world: w}}
	c := &cobra.Command{
		Use: "person --user ID | --anonymous ID | --person ID", GroupID: groupAsk,
		Short: "What is known of one person, and why they are that persona",
		Long: `Shows one person, by any of their ids: the ids that are one person, traits, groups, the
first and the last touchpoint, the stage where they are now, and whether they are lost to
the journey. Then every persona of the newest map in its order: whether its rule holds, and
the values that it read. The first one that holds is the persona.

  ✓  holds, and none before it did: the persona
  ✗  does not hold
  !  could not be evaluated, which counts as not holding
  ·  would hold too, but one before it did

--as-of shows the person as they were known then: nothing that occurred later is seen, by
the rules of the newest map.`,
		Example: `  waystage person --user ann
  waystage person --anonymous 2614bd4f-b020-a3bc-a41f-de12c96af98d --as-of -30d
  waystage person --person 07eb68071ff6b850 --json`,
		RunE: func(c *cobra.Command, _ []string) error { return p.show(c) },
	}
	p.addServer(c)
	p.addSite(c)
	p.addWho(c)
	c.Flags().StringVar(&p.asOf, "as-of", "",
		"see nothing that occurred after this `INSTANT` (default now)")
	addJSON(c, &p.asJSON)
	return c
}

func (p *portrait) show(c *cobra.Command) error {
	request, err := p.request(c)
	if err != nil {
		return err
	}
	client, err := p.client(reading)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	answer, err := client.Persons.ExplainPersona(c.Context(), request)
	switch {
	case err != nil:
		return fmt.Errorf("asking for a person: %w", err)
	case p.asJSON:
		return writeMessage(p.world.Stdout, answer)
	}
	return p.world.paper().Person(p.world.Stdout, answer)
}

func (p *portrait) request(c *cobra.Command) (*personv1.ExplainPersonaRequest, error) {
	m := &personv1.ExplainPersonaRequest{Parent: p.parent()}
	ids := given(c, "user", "anonymous", "person")
	if len(ids) != 1 {
		return nil, usage("%d ids are given: name the person by one of --user, --anonymous and --person",
			len(ids))
	}
	switch ids[0] {
	case "user":
		m.By = &personv1.ExplainPersonaRequest_UserId{UserId: p.user}
	case "anonymous":
		m.By = &personv1.ExplainPersonaRequest_AnonymousId{AnonymousId: p.anonymous}
	case "person":
		m.By = &personv1.ExplainPersonaRequest_PersonId{PersonId: p.person}
	}
	if p.asOf == "" {
		return m, nil
	}
	at, err := question.Instant(p.asOf, p.world.Now())
	if err != nil {
		return nil, usage("--as-of %w", err)
	}
	m.AsOf = timestamppb.New(at)
	return m, nil
}
