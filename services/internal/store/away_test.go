package store_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// calls are all methods that ask the server something.
func calls(d database) map[string]func(context.Context) error {
	f := track(1, "u1", "v1")
	receipt := journey.ReceiptOf(&f)
	profile := []store.Profile{{Identity: 1}}
	of := ids(user("u1"))
	second := func(_ any, err error) error { return err }
	return map[string]func(context.Context) error{
		"Ping":        d.Ping,
		"Migrate":     d.Migrate,
		"InsertFacts": func(ctx context.Context) error { return d.InsertFacts(ctx, rowsOf(f)) },
		"InsertReceipts": func(ctx context.Context) error {
			return d.InsertReceipts(ctx, []journey.Receipt{receipt})
		},
		"Receipts": func(ctx context.Context) error {
			keys := map[journey.SiteID][]journey.MessageKey{site: {f.Key()}}
			return second(d.Receipts(ctx, keys, noon, noon))
		},
		"DeleteReceipts": func(ctx context.Context) error {
			return second(d.DeleteReceipts(ctx, []journey.Receipt{receipt}))
		},
		"FreshUntil": func(ctx context.Context) error { return second(d.FreshUntil(ctx, site)) },
		"Now":        func(ctx context.Context) error { return second(d.Now(ctx)) },
		"FirstLinks": func(ctx context.Context) error {
			return second(d.FirstLinks(ctx, site, of, 1))
		},
		"OtherLinks": func(ctx context.Context) error { return second(d.OtherLinks(ctx, site, of)) },
		"LastWrites": func(ctx context.Context) error { return second(d.LastWrites(ctx, site, of)) },
		"WritesAsOf": func(ctx context.Context) error {
			return second(d.WritesAsOf(ctx, site, of, 0))
		},
		"Known": func(ctx context.Context) error {
			return second(d.Known(ctx, site, journey.PersonNeeds{}, noon))
		},
		"Deeds": func(ctx context.Context) error {
			return second(d.Deeds(ctx, site, of, journey.PersonNeeds{All: true}, 0))
		},
		"Identities": func(ctx context.Context) error {
			return second(d.Identities(ctx, site, journey.PersonNeeds{}, 0, 1))
		},
		"DerivedBy": func(ctx context.Context) error {
			return second(d.DerivedBy(ctx, site, 0, 1, 1, noon))
		},
		"PersonasCurrent": func(ctx context.Context) error {
			return second(d.PersonasCurrent(ctx, site))
		},
		"SetPersonasCurrent": func(ctx context.Context) error {
			return d.SetPersonasCurrent(ctx, site, 1)
		},
		"FactSites": func(ctx context.Context) error { return second(d.FactSites(ctx)) },
		"Names":     func(ctx context.Context) error { return second(d.Names(ctx, site, of)) },
		"InsertProfiles": func(ctx context.Context) error {
			return d.InsertProfiles(ctx, site, profile, noon)
		},
		"NextProfiles": func(ctx context.Context) error { return second(d.NextProfiles(ctx)) },
		"DerivedSince": func(ctx context.Context) error {
			return second(d.DerivedSince(ctx, store.PresentProfiles, site, noon))
		},
		"ProfileParts": func(ctx context.Context) error {
			_, _, err := d.ProfileParts(ctx)
			return err
		},
		"Stream": func(ctx context.Context) error { return d.Stream(ctx, one("SELECT 1"), ignore) },
		"StreamRows": func(ctx context.Context) error {
			return d.StreamRows(ctx, one("SELECT 1"), ignore)
		},
		"CreateSite": func(ctx context.Context) error {
			return d.CreateSite(ctx, journey.Site{ID: site})
		},
		"Site":  func(ctx context.Context) error { return second(d.Site(ctx, site)) },
		"Sites": func(ctx context.Context) error { return second(d.Sites(ctx)) },
		"CreateKey": func(ctx context.Context) error {
			return d.CreateKey(ctx, journey.Key{Site: site}, journey.KeyHash{})
		},
		"Keys": func(ctx context.Context) error { return second(d.Keys(ctx, site)) },
		"RevokeKey": func(ctx context.Context) error {
			return second(d.RevokeKey(ctx, site, "k", noon))
		},
		"KeyByHash": func(ctx context.Context) error {
			return second(d.KeyByHash(ctx, journey.KeyHash{}))
		},
		"Publish": func(ctx context.Context) error { return second(d.Publish(ctx, site, "x", "")) },
		"Publication": func(ctx context.Context) error {
			return second(d.Publication(ctx, site, 0))
		},
		"Publications": func(ctx context.Context) error { return second(d.Publications(ctx, site)) },
		"SourcesSince": func(ctx context.Context) error {
			return second(d.SourcesSince(ctx, site, 0))
		},
		"MapVersions": func(ctx context.Context) error { return second(d.MapVersions(ctx)) },
		"Labels":      func(ctx context.Context) error { return second(d.Labels(ctx, site, 1)) },
		"RebuildJourneys": func(ctx context.Context) error {
			return d.RebuildJourneys(ctx, func(int, int) {})
		},
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// TestAway: while the server is away every call says so and may be retried, by either protocol.
func TestAway(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "clickhouse"} {
		d := open(t, scheme+"://"+closedPort(t)+"/x")
		for name, call := range calls(d) {
			t.Run(scheme+" "+name, func(t *testing.T) {
				t.Parallel()
				if err := call(t.Context()); fault.Of(err) != fault.Unavailable {
					t.Errorf("error of kind %v: %v, want Unavailable", fault.Of(err), err)
				}
			})
		}
	}
}

// TestGivenUp: the error of a caller who left is that of its context, not the server's fault.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for name, call := range calls(d) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := call(ctx); fault.Of(err) != fault.Expired {
				t.Errorf("error of kind %v: %v, want Expired", fault.Of(err), err)
			}
		})
	}
}

// TestSetUpLater: before the database is migrated, calls may be retried.
func TestSetUpLater(t *testing.T) {
	t.Parallel()
	migrated := newDatabase(t)
	d := open(t, migrated.dsn+"_missing")
	for name, call := range calls(d) {
		if name == "Migrate" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := call(t.Context()); fault.Of(err) != fault.Unavailable {
				t.Errorf("error of kind %v: %v, want Unavailable", fault.Of(err), err)
			}
		})
	}
}
