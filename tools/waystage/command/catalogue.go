package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// browsing is the flags of a look into the catalogue.
type browsing struct {
	target

	event, contains string
	traits          bool
	limit           int
	asJSON          bool
}

// The two lists of a catalogue.
const (
	listEvents     = "events"
	listProperties = "properties"
)

func newCatalogue(w *World) *cobra.Command {
	b := &browsing{target: target{world: w}}
	c := &cobra.Command{
		Use: "catalogue [events|properties]", GroupID: groupAsk,
		Short: "Which events and properties a site has sent",
		Long: `Lists the names of events that a site has sent, or of properties and traits: how often they
came, when the first and the last occurred, and for properties the types of their values
and a few examples. It is what there is to ask about.

A catalogue is bounded: 2,000 events, 200 properties of each and 20,000 in all. What came
after it was full is counted together below the list. Examples that look like an e-mail
address, a telephone or a card number are never kept.`,
		Example: `  waystage catalogue
  waystage catalogue events --contains order
  waystage catalogue properties --event "Order Completed"
  waystage catalogue properties --traits --json`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []cobra.Completion{
			listEvents, listProperties,
		},
		RunE: func(c *cobra.Command, args []string) error { return b.list(c, args) },
	}
	b.addServer(c)
	b.addSite(c)
	f := c.Flags()
	f.StringVar(&b.event, "event", "", "only properties of this `EVENT`")
	f.StringVar(&b.contains, "contains", "", "only names that hold this `TEXT`, ignoring case")
	f.BoolVar(&b.traits, "traits", false, "only traits of persons")
	f.IntVar(&b.limit, "limit", 200, "at most so `many`; 0: all")
	addJSON(c, &b.asJSON)
	return c
}

func (b *browsing) list(c *cobra.Command, args []string) error {
	properties := b.event != "" || b.traits
	if len(args) > 0 {
		if args[0] == listEvents && properties {
			return usage("--event and --traits are of properties: write `catalogue properties`")
		}
		properties = args[0] == listProperties
	}
	switch {
	case b.limit < 0:
		return usage("--limit %d: give 1 or more, or 0 for all", b.limit)
	case b.event != "" && b.traits:
		return usage("traits belong to persons and to no event: leave --event or --traits out")
	}
	client, err := b.client(reading)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	if properties {
		return b.listProperties(c.Context(), client)
	}
	return b.listEvents(c.Context(), client)
}

// page is how many names are asked for at once when some are there already.
func (b *browsing) page(there int) uint32 {
	if b.limit == 0 {
		return pageSize
	}
	return uint32(min(pageSize, b.limit-there)) //nolint:gosec // bounded
}

// full tells whether as many names are there as are wanted.
func (b *browsing) full(there int) bool { return b.limit > 0 && there >= b.limit }

func (b *browsing) listEvents(ctx context.Context, client *remote.Client) error {
	all := &cataloguev1.ListEventsResponse{}
	for {
		page, err := client.Catalogue.ListEvents(ctx, &cataloguev1.ListEventsRequest{
			Parent: b.parent(), Contains: b.contains, PageSize: b.page(len(all.GetEvents())),
			PageToken: all.GetNextPageToken(),
		})
		if err != nil {
			return fmt.Errorf("listing events: %w", err)
		}
		page.Events = append(all.Events, page.Events...)
		if all = page; all.GetNextPageToken() == "" || b.full(len(all.Events)) {
			break
		}
	}
	if b.asJSON {
		return writeMessage(b.world.Stdout, all)
	}
	return b.world.paper().Events(b.world.Stdout, all)
}

func (b *browsing) listProperties(ctx context.Context, client *remote.Client) error {
	scope := cataloguev1.Scope_SCOPE_UNSPECIFIED
	if b.traits {
		scope = cataloguev1.Scope_SCOPE_TRAIT
	}
	all := &cataloguev1.ListPropertiesResponse{}
	for {
		page, err := client.Catalogue.ListProperties(ctx, &cataloguev1.ListPropertiesRequest{
			Parent: b.parent(), Event: b.event, Contains: b.contains, Scope: scope,
			PageSize: b.page(len(all.GetProperties())), PageToken: all.GetNextPageToken(),
		})
		if err != nil {
			return fmt.Errorf("listing properties: %w", err)
		}
		page.Properties = append(all.Properties, page.Properties...)
		if all = page; all.GetNextPageToken() == "" || b.full(len(all.Properties)) {
			break
		}
	}
	if b.asJSON {
		return writeMessage(b.world.Stdout, all)
	}
	return b.world.paper().Properties(b.world.Stdout, all)
}
