package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/tools/waystage/instance"
	"github.com/waystage/waystage/tools/waystage/remote"
)

func newSite(w *World) *cobra.Command {
	return group(&cobra.Command{
		Use: "site", GroupID: groupDefine,
		Short: "Make sites and their keys, and say what is kept of what they send",
		Long: `A site is one property whose customers are followed: its touchpoints, persons and map are
its own. It has write keys (wk_…) that send touchpoints, read tokens (rt_…) that ask, and
admin tokens (at_…) that also publish maps and make keys. Making sites needs the root
token, which "waystage up" keeps in its data folder.`,
		Example: `  waystage site create shop --name "The shop" --time-zone Europe/Berlin
  waystage site list
  waystage site set shop --ip drop --deny email,phone
  waystage site key create read --site shop --label "BI tool"`,
	}, newSiteCreate(w), newSiteList(w), newSiteShow(w), newSiteSet(w), newSiteKey(w))
}

// siteKey is a kind of key by the word for it.
type siteKey struct {
	word, use string
	kind      sitev1.KeyKind
	// of is where the secret stands among those of a site.
	of func(*instance.Keys) *string
}

// siteKeys are in the order in which they are made.
var siteKeys = []siteKey{
	{
		"write", "write key", sitev1.KeyKind_KEY_KIND_WRITE,
		func(k *instance.Keys) *string { return &k.Write },
	},
	{
		"read", "read token", sitev1.KeyKind_KEY_KIND_READ,
		func(k *instance.Keys) *string { return &k.Read },
	},
	{
		"admin", "admin token", sitev1.KeyKind_KEY_KIND_ADMIN,
		func(k *instance.Keys) *string { return &k.Admin },
	},
}

// siteKeyOf is the kind of key that a word names.
func siteKeyOf(word string) (siteKey, error) {
	for _, k := range siteKeys {
		if k.word == strings.ToLower(word) {
			return k, nil
		}
	}
	return siteKey{}, usage("%q is no kind of key: there are write, read and admin", word)
}

func newSiteCreate(w *World) *cobra.Command {
	t := &target{world: w}
	var name, zone string
	var asJSON bool
	c := &cobra.Command{
		Use:   "create ID",
		Short: "Make a site with a write key, a read token and an admin token",
		Long: `Makes a site and one key of each kind, and prints them: this is the only time they are
shown. For an instance on this machine they are also kept in its data folder, so that the
other commands can use them. ID is 1 to 63 of a-z, 0-9 and "-", beginning with a letter.`,
		Example: `  waystage site create shop
  waystage site create shop --name "The shop" --time-zone Europe/Berlin --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t.site = args[0]
			made, err := t.createSite(c.Context(), &sitev1.Site{DisplayName: name, TimeZone: zone})
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(w.Stdout, made)
			}
			return made.print(w, t)
		},
	}
	t.addServer(c)
	c.Flags().StringVar(&name, "name", "", "what people call it (default: the id)")
	c.Flags().StringVar(&zone, "time-zone", "UTC", "IANA `zone` of its days, such as Europe/Berlin")
	addJSON(c, &asJSON)
	return c
}

// madeSite is what site create prints.
type madeSite struct {
	Site string `json:"site"`
	instance.Keys
	// KeptIn is the file that holds the keys now, empty where none does.
	KeptIn string `json:"kept_in,omitempty"`
}

func (m madeSite) print(w *World, t *target) error {
	fmt.Fprintf(w.Stdout, "Made site %s. Its keys, shown only now:\n\n"+
		"  write key     %s\n  read token    %s\n  admin token   %s\n",
		m.Site, m.Write, m.Read, m.Admin)
	if m.KeptIn != "" {
		fmt.Fprintf(w.Stdout, "\nThey are also in %s for the commands here.\n", m.KeptIn)
	}
	fmt.Fprintf(w.Stdout, "\nNext, give it a map: %s map publish FILE --site %s\n",
		t.world.Self, m.Site)
	return nil
}

func (t *target) createSite(ctx context.Context, site *sitev1.Site) (madeSite, error) {
	client, err := t.client(operation)
	if err != nil {
		return madeSite{}, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	_, err = client.Sites.CreateSite(ctx, &sitev1.CreateSiteRequest{SiteId: t.site, Site: site})
	if err != nil {
		return madeSite{}, err
	}
	made := madeSite{Site: t.site}
	for _, k := range siteKeys {
		secret, err := makeKey(ctx, client, t.parent(), k.kind, "made with the site")
		if *k.of(&made.Keys) = secret; err != nil {
			return made, fmt.Errorf("the site is made, but not its %s: make it with "+
				"`site key create`: %w", k.use, err)
		}
	}
	if t.local() {
		made.KeptIn = t.folder().CredentialsFile()
		err = t.folder().SaveKeys(t.site, made.Keys)
	}
	return made, err
}

func makeKey(
	ctx context.Context, client *remote.Client, parent string, kind sitev1.KeyKind, label string,
) (string, error) {
	made, err := client.Sites.CreateKey(ctx, &sitev1.CreateKeyRequest{
		Parent: parent, Kind: kind, Label: label,
	})
	return made.GetSecret(), err
}

func newSiteList(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List all sites",
		Example: "  waystage site list",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := t.client(operation)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			all := &sitev1.ListSitesResponse{}
			for token := ""; ; token = all.NextPageToken {
				page, err := client.Sites.ListSites(c.Context(),
					&sitev1.ListSitesRequest{PageSize: pageSize, PageToken: token})
				if err != nil {
					return err
				}
				all.Sites = append(all.Sites, page.GetSites()...)
				if all.NextPageToken = page.GetNextPageToken(); all.NextPageToken == "" {
					break
				}
			}
			if asJSON {
				return writeMessage(w.Stdout, all)
			}
			return w.paper().Sites(w.Stdout, all.GetSites())
		},
	}
	t.addServer(c)
	addJSON(c, &asJSON)
	return c
}

// pageSize is how much of a list is asked for at once.
const pageSize = 1000

func newSiteKey(w *World) *cobra.Command {
	return group(&cobra.Command{
		Use:   "key",
		Short: "Make, list, change and revoke the keys of a site",
		Example: `  waystage site key create write --site shop --label "web shop"
  waystage site key list --site shop
  waystage site key set 1f3a… --site shop --rate 500
  waystage site key revoke 1f3a… --site shop`,
	}, newKeyCreate(w), newKeyKept(w), newKeyList(w), newKeySet(w), newKeyRevoke(w))
}

func newKeyCreate(w *World) *cobra.Command {
	t := &target{world: w}
	var limits keyLimits
	var asJSON bool
	c := &cobra.Command{
		Use:   "create write|read|admin",
		Short: "Make a key and print its secret, this once",
		Example: `  waystage site key create write --site shop
  waystage site key create write --site shop --origin https://shop.example --rate 500
  waystage site key create read --site shop --label "BI tool" --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := siteKeyOf(args[0])
			if err != nil {
				return err
			}
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			made, err := client.Sites.CreateKey(c.Context(), &sitev1.CreateKeyRequest{
				Parent: t.parent(), Kind: key.kind, Label: limits.label,
				AllowedOrigins: limits.origins, MessagesPerSecond: limits.rate,
			})
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeMessage(w.Stdout, made)
			}
			fmt.Fprintln(w.Stdout, made.GetSecret())
			return nil
		},
	}
	t.addServer(c)
	t.addSite(c)
	limits.add(c)
	addJSON(c, &asJSON)
	return c
}

func newKeyList(w *World) *cobra.Command {
	t := &target{world: w}
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the keys of a site, without their secrets",
		Example: "  waystage site key list --site shop",
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			all := &sitev1.ListKeysResponse{}
			for token := ""; ; token = all.NextPageToken {
				page, err := client.Sites.ListKeys(c.Context(), &sitev1.ListKeysRequest{
					Parent: t.parent(), PageSize: pageSize, PageToken: token,
				})
				if err != nil {
					return err
				}
				all.Keys = append(all.Keys, page.GetKeys()...)
				if all.NextPageToken = page.GetNextPageToken(); all.NextPageToken == "" {
					break
				}
			}
			if asJSON {
				return writeMessage(w.Stdout, all)
			}
			return w.paper().Keys(w.Stdout, all.GetKeys())
		},
	}
	t.addServer(c)
	t.addSite(c)
	addJSON(c, &asJSON)
	return c
}

func newKeyRevoke(w *World) *cobra.Command {
	t := &target{world: w}
	c := &cobra.Command{
		Use:   "revoke KEY",
		Short: "End a key, by the id that \"site key list\" shows",
		Long: `Ends a key: services stop taking it within 30 seconds. KEY is its id or its whole name,
sites/SITE/keys/ID. Revoking twice is no error.`,
		Example: "  waystage site key revoke 1f3a5c7e9b2d4f60 --site shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := t.client(administration)
			if err != nil {
				return err
			}
			defer client.Close() //nolint:errcheck // nothing is lost with it
			ended, err := client.Sites.RevokeKey(c.Context(),
				&sitev1.RevokeKeyRequest{Name: t.keyName(args[0])})
			if err != nil {
				return err
			}
			fmt.Fprintf(w.Stdout, "Revoked %s.\n", ended.GetKey().GetName())
			return nil
		},
	}
	t.addServer(c)
	t.addSite(c)
	return c
}
