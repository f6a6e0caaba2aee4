package command

import (
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

func newSiteShow(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:     "show SITE",
		Short:   "Show a site and what is kept of what its visitors send",
		Example: "  waystage site show shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t.site = args[0]
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			answer, err := client.Sites.GetSite(c.Context(), &sitev1.GetSiteRequest{Name: t.parent()})
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeMessage(w.Stdout, answer)
			}
			return w.paper().Site(w.Stdout, answer.GetSite())
		},
	}
	t.addServer(c)
	addJSON(c, &asJSON)
	return c
}

// ipWords are what can become of IP addresses, by the words for it.
var ipWords = map[string]sitev1.IpHandling{
	"truncate": sitev1.IpHandling_IP_HANDLING_TRUNCATE,
	"drop":     sitev1.IpHandling_IP_HANDLING_DROP,
	"keep":     sitev1.IpHandling_IP_HANDLING_KEEP,
}

// siteChange is what site set takes.
type siteChange struct {
	name, ip, consent string
	deny, internal    []string
}

func newSiteSet(w *World) *cobra.Command {
	t := &target{world: w}
	var change siteChange
	var asJSON bool
	c := &cobra.Command{
		Use:   "set SITE",
		Short: "Say what is kept of what a site's visitors send",
		Long: `Changes what the flags name and leaves the rest. Ingest follows within 30 seconds; what is
stored already stays as it is. A list that is given takes the place of the one there was;
--deny "" or --internal "" empties it, --consent "" asks for no consent.

A denied property is dropped from properties, traits and context, a dot going into objects:
address.street. The consent is where a message says that its visitor consents, such as
context.consent.analytics: messages where that is not true are refused and not kept. With
"=ID" behind it the list that stands there must hold that id.`,
		Example: `  waystage site set shop --ip drop
  waystage site set shop --deny email,phone,address.street
  waystage site set shop --consent context.consent.categoryPreferences.analytics
  waystage site set shop --internal 192.0.2.0/24 --internal 2001:db8::/32 --name "The shop"`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t.site = args[0]
			request, err := change.request(c, t.parent())
			if err != nil {
				return err
			}
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			answer, err := client.Sites.UpdateSite(c.Context(), request)
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeMessage(w.Stdout, answer)
			}
			return w.paper().Site(w.Stdout, answer.GetSite())
		},
	}
	t.addServer(c)
	f := c.Flags()
	f.StringVar(&change.name, "name", "", "what people call it")
	f.StringVar(&change.ip, "ip", "", "what becomes of IP addresses: `truncate`, drop or keep")
	f.StringSliceVar(&change.deny, "deny", nil,
		"`properties` that are dropped, separated by commas; may be repeated")
	f.StringVar(&change.consent, "consent", "", "`path` of the member that must be true")
	f.StringSliceVar(&change.internal, "internal", nil,
		"`networks` of the site's own people, separated by commas; may be repeated")
	addJSON(c, &asJSON)
	return c
}

// request asks for what the flags of a command name.
func (s siteChange) request(c *cobra.Command, name string) (*sitev1.UpdateSiteRequest, error) {
	handling, known := ipWords[strings.ToLower(s.ip)]
	if c.Flags().Changed("ip") && !known {
		return nil, usage("--ip %q: there are truncate, drop and keep", s.ip)
	}
	mask, err := maskOf(c, map[string]string{
		"name": "display_name", "ip": "privacy.ip_handling", "deny": "privacy.denied_properties",
		"consent": "privacy.consent_field", "internal": "privacy.internal_networks",
	})
	return &sitev1.UpdateSiteRequest{
		Site: &sitev1.Site{
			Name: name, DisplayName: s.name,
			Privacy: &sitev1.Privacy{
				IpHandling: handling, DeniedProperties: s.deny, ConsentField: s.consent,
				InternalNetworks: s.internal,
			},
		},
		UpdateMask: mask,
	}, err
}

// maskOf names the fields whose flags are given, sorted.
func maskOf(c *cobra.Command, fields map[string]string) (*fieldmaskpb.FieldMask, error) {
	mask := &fieldmaskpb.FieldMask{}
	for flag, field := range fields {
		if c.Flags().Changed(flag) {
			mask.Paths = append(mask.Paths, field)
		}
	}
	if len(mask.Paths) == 0 {
		return nil, usage("say what to set: see the flags of `%s --help`", c.CommandPath())
	}
	mask.Normalize()
	return mask, nil
}

// keyLimits are what is said of a key besides its kind.
type keyLimits struct {
	label   string
	origins []string
	rate    float64
}

func (k *keyLimits) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&k.label, "label", "", "what it is for, for people")
	f.StringSliceVar(&k.origins, "origin", nil, "`origins` of pages that may send with a write key, "+
		"such as https://shop.example or https://*.shop.example; none: all; may be repeated")
	f.Float64Var(&k.rate, "rate", 0, "messages a `second` that each ingest takes with a write key; "+
		"0: the installation's default")
}

func newKeySet(w *World) *cobra.Command {
	t := &target{world: w}
	var limits keyLimits
	var asJSON bool
	c := &cobra.Command{
		Use:   "set KEY",
		Short: "Change a key's label, origins or rate",
		Long: `Changes what the flags name and leaves the rest; --origin "" lets pages of every origin
send. Ingest follows within 30 seconds. KEY is its id, as "site key list" shows it, or its
whole name, sites/SITE/keys/ID.`,
		Example: `  waystage site key set 1f3a5c7e9b2d4f60 --site shop --rate 500
  waystage site key set 1f3a5c7e9b2d4f60 --site shop --origin https://shop.example,null`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			mask, err := maskOf(c, map[string]string{
				"label": "label", "origin": "allowed_origins", "rate": "messages_per_second",
			})
			if err != nil {
				return err
			}
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			answer, err := client.Sites.UpdateKey(c.Context(), &sitev1.UpdateKeyRequest{
				Key: &sitev1.Key{
					Name: t.keyName(args[0]), Label: limits.label, AllowedOrigins: limits.origins,
					MessagesPerSecond: limits.rate,
				},
				UpdateMask: mask,
			})
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeMessage(w.Stdout, answer)
			}
			return w.paper().Keys(w.Stdout, []*sitev1.Key{answer.GetKey()})
		},
	}
	t.addServer(c)
	t.addSite(c)
	limits.add(c)
	addJSON(c, &asJSON)
	return c
}

// keyName is the whole name of a key that is given by its id or its name.
func (t *target) keyName(key string) string {
	if strings.Contains(key, "/") {
		return key
	}
	return t.parent() + "/keys/" + key
}
