package store_test

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// created has the precision that is kept.
var created = noon.Truncate(time.Millisecond)

func TestSites(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	if _, err := d.Site(ctx, "shop"); fault.Of(err) != fault.NotFound {
		t.Errorf("a site that is not there: %v, want NotFound", err)
	}
	shop := journey.Site{
		ID: "shop", DisplayName: "The 'shop' \\ \"é\"", TimeZone: "Europe/Berlin", CreatedAt: created,
		Privacy: strict,
	}
	blog := journey.Site{ID: "blog", TimeZone: "UTC", CreatedAt: created.Add(time.Second)}
	for _, s := range []journey.Site{shop, blog} {
		if err := d.CreateSite(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	again := shop
	again.DisplayName = "another"
	if err := d.CreateSite(ctx, again); fault.Of(err) != fault.Exists {
		t.Errorf("creating it again: %v, want Exists", err)
	}
	got, err := d.Site(ctx, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(shop, got, prefixes); diff != "" {
		t.Errorf("site (-want +got):\n%s", diff)
	}
	all, err := d.Sites(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]journey.Site{blog, shop}, all, prefixes); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
}

// strict says something of every privacy setting.
var strict = journey.Privacy{
	IP: journey.DropIP, Denied: []string{"email", "address.street", "it's \\ \"odd\""},
	Consent: "context.consent.categoryPreferences.analytics",
	Internal: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
	},
}

var prefixes = gocmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestUpdateSite(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	shop := journey.Site{ID: "shop", DisplayName: "Shop", TimeZone: "UTC", CreatedAt: created}
	if err := d.UpdateSite(ctx, shop); fault.Of(err) != fault.NotFound {
		t.Errorf("updating a site that is not there: %v, want NotFound", err)
	}
	if err := d.CreateSite(ctx, shop); err != nil {
		t.Fatal(err)
	}
	for _, change := range []journey.Privacy{
		strict, {IP: journey.KeepIP}, {Denied: []string{"email"}}, {},
	} {
		shop.Privacy, shop.DisplayName = change, shop.DisplayName+"+"
		if err := d.UpdateSite(ctx, shop); err != nil {
			t.Fatal(err)
		}
		got, err := d.Site(ctx, "shop")
		if diff := gocmp.Diff(shop, got, prefixes); diff != "" || err != nil {
			t.Errorf("updated: %v (-want +got):\n%s", err, diff)
		}
	}
	d.merge(t, "sites")
	got, err := d.Site(ctx, "shop")
	if diff := gocmp.Diff(shop, got, prefixes); diff != "" || err != nil {
		t.Errorf("after a merge: %v (-want +got):\n%s", err, diff)
	}
}

// TestDoor: a key opens with what its row and that of its site say now.
func TestDoor(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	shop := journey.Site{ID: "shop", TimeZone: "UTC", CreatedAt: created, Privacy: strict}
	key := journey.Key{
		Site: "shop", ID: "w", Kind: journey.WriteKey, CreatedAt: created,
		Origins: []string{"https://shop.example", "https://*.shop.example"}, Rate: 12.5,
	}
	hash := journey.KeyHash{1}
	if _, err := d.DoorByHash(ctx, hash); fault.Of(err) != fault.NotFound {
		t.Errorf("an unknown key: %v, want NotFound", err)
	}
	if err := errors.Join(d.CreateSite(ctx, shop), d.CreateKey(ctx, key, hash)); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		got, err := d.DoorByHash(ctx, hash)
		want := journey.Door{Key: key, Privacy: shop.Privacy}
		if diff := gocmp.Diff(want, got, prefixes); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", when, err, diff)
		}
	}
	check("created")
	shop.Privacy = journey.Privacy{}
	if err := d.UpdateSite(ctx, shop); err != nil {
		t.Fatal(err)
	}
	check("its site updated")
	key.Label, key.Origins, key.Rate = "web", nil, 0
	if updated, err := d.UpdateKey(ctx, key); err != nil || !gocmp.Equal(key, updated) {
		t.Errorf("updated to %+v, %v", updated, err)
	}
	check("updated")
	key.RevokedAt = created.Add(time.Hour)
	if _, err := d.RevokeKey(ctx, "shop", "w", key.RevokedAt); err != nil {
		t.Fatal(err)
	}
	check("revoked")
	// Who updates a key may not know yet that it has ended.
	stale := key
	stale.RevokedAt, stale.Kind, stale.Label = time.Time{}, journey.AdminKey, "late"
	key.Label = "late"
	if updated, err := d.UpdateKey(ctx, stale); err != nil || !gocmp.Equal(key, updated) {
		t.Errorf("updated after its end to %+v, %v", updated, err)
	}
	check("updated after its end")
	d.merge(t, "keys", "sites")
	check("merged")
	stale.ID = "x"
	if _, err := d.UpdateKey(ctx, stale); fault.Of(err) != fault.NotFound {
		t.Errorf("updating an unknown key: %v, want NotFound", err)
	}
}

// TestDoorUnreadable: settings that cannot be read are no reason to keep what they forbid.
func TestDoorUnreadable(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	hash := journey.KeyHash{1}
	key := journey.Key{Site: "shop", ID: "w", Kind: journey.WriteKey, CreatedAt: created}
	if err := d.CreateKey(t.Context(), key, hash); err != nil {
		t.Fatal(err)
	}
	for _, privacy := range []string{`{"ip":"hash"}`, `{"denied":1}`, `x`} {
		d.raw(t, "INSERT INTO sites (site, time_zone, privacy) VALUES ('shop', 'UTC', '"+privacy+"')")
		if _, err := d.DoorByHash(t.Context(), hash); fault.Of(err) != fault.Internal {
			t.Errorf("settings %s: %v, want Internal", privacy, err)
		}
		if got, err := d.KeyByHash(t.Context(), hash); err != nil || got.ID != "w" {
			t.Errorf("the key alone: %+v, %v", got, err)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	hash := func(secret string) journey.KeyHash { return sha256.Sum256([]byte(secret)) }
	write := journey.Key{
		Site: "shop", ID: "w", Kind: journey.WriteKey, Label: "web 'site'", CreatedAt: created,
	}
	admin := journey.Key{
		Site: "shop", ID: "a", Kind: journey.AdminKey, CreatedAt: created.Add(time.Second),
	}
	// Hashes may hold any bytes, also those that end a text or have a meaning in it.
	odd := journey.KeyHash{0, '\'', '\\', '\n', '\t', 0xff}
	other := journey.Key{Site: "blog", ID: "w", Kind: journey.ReadKey, CreatedAt: created}
	for _, k := range []struct {
		key  journey.Key
		hash journey.KeyHash
	}{{admin, hash("admin")}, {write, odd}, {other, hash("other")}} {
		if err := d.CreateKey(ctx, k.key, k.hash); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...journey.Key) {
		t.Helper()
		got, err := d.Keys(ctx, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	}
	check(write, admin)
	got, err := d.KeyByHash(ctx, odd)
	if diff := gocmp.Diff(write, got); diff != "" || err != nil {
		t.Errorf("key by its hash: %v (-want +got):\n%s", err, diff)
	}
	if _, err := d.KeyByHash(ctx, hash("stranger")); fault.Of(err) != fault.NotFound {
		t.Errorf("an unknown hash: %v, want NotFound", err)
	}

	ended := write
	ended.RevokedAt = created.Add(time.Hour)
	for i := range 3 { // the second time changes nothing
		at := created.Add(time.Hour + time.Duration(i)*time.Minute)
		revoked, err := d.RevokeKey(ctx, "shop", "w", at)
		if diff := gocmp.Diff(ended, revoked); diff != "" || err != nil {
			t.Errorf("revoked: %v (-want +got):\n%s", err, diff)
		}
	}
	check(ended, admin)
	d.merge(t, "keys")
	check(ended, admin)
	got, err = d.KeyByHash(ctx, odd)
	if diff := gocmp.Diff(ended, got); diff != "" || err != nil {
		t.Errorf("a revoked key by its hash: %v (-want +got):\n%s", err, diff)
	}
	if _, err := d.RevokeKey(ctx, "shop", "x", created); fault.Of(err) != fault.NotFound {
		t.Errorf("revoking an unknown key: %v, want NotFound", err)
	}
	if _, err := d.RevokeKey(ctx, "blog", "a", created); fault.Of(err) != fault.NotFound {
		t.Errorf("revoking a key of another site: %v, want NotFound", err)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	if _, err := d.Publication(ctx, site, 0); fault.Of(err) != fault.NotFound {
		t.Errorf("the newest of none: %v, want NotFound", err)
	}
	const one, two = "title: 'one' \\ \"é\"\n\tx", "title: two"
	first, err := d.Publish(ctx, site, one, "One")
	if err != nil {
		t.Fatal(err)
	}
	if time.Now().Before(first.InForceAt) {
		t.Errorf("published, but in force only from %v on", first.InForceAt)
	}
	again, err := d.Publish(ctx, site, one, "One")
	if diff := gocmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("the same again: %v (-first +again):\n%s", err, diff)
	}
	second, err := d.Publish(ctx, site, two, "Two")
	if err != nil {
		t.Fatal(err)
	}
	if first.Version != 1 || second.Version != 2 || !first.InForceAt.Before(second.InForceAt) {
		t.Errorf("versions %+v and %+v, want 1 and then 2", first, second)
	}
	back, err := d.Publish(ctx, site, one, "One")
	if err != nil || back.Version != 3 {
		t.Errorf("back to the first: %+v, %v, want version 3", back, err)
	}

	for version, want := range map[journey.MapVersion]journey.Publication{
		0: back, 1: first, 2: second,
	} {
		got, err := d.Publication(ctx, site, version)
		if diff := gocmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("version %d: %v (-want +got):\n%s", version, err, diff)
		}
	}
	if _, err := d.Publication(ctx, site, 4); fault.Of(err) != fault.NotFound {
		t.Errorf("version 4: %v, want NotFound", err)
	}
	since, err := d.SourcesSince(ctx, site, 1)
	if diff := gocmp.Diff([]journey.Publication{back, second}, since); diff != "" || err != nil {
		t.Errorf("since version 1: %v (-want +got):\n%s", err, diff)
	}
	list, err := d.Publications(ctx, site)
	want := []journey.Publication{back, second, first}
	for i := range want {
		want[i].Source = ""
	}
	if diff := gocmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
	versions, err := d.MapVersions(ctx)
	if diff := gocmp.Diff(map[journey.SiteID]journey.MapVersion{site: 3}, versions); diff != "" ||
		err != nil {
		t.Errorf("versions: %v (-want +got):\n%s", err, diff)
	}
}

// TestPublishAtOnce: of publications at the same time each is in force under a version of its
// own, or is told to come again; versions have no gaps.
func TestPublishAtOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	sources := []string{"a", "b", "c", "d"}
	published := make([]journey.Publication, len(sources))
	var wait sync.WaitGroup
	for i, source := range sources {
		wait.Go(func() {
			p, err := d.Publish(t.Context(), site, source, "")
			switch {
			case err == nil:
				published[i] = p
			case fault.Of(err) != fault.Unavailable:
				t.Errorf("publishing %s: %v, want Unavailable", source, err)
			}
		})
	}
	wait.Wait()
	list, err := d.SourcesSince(t.Context(), site, 0)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)
	for i, p := range list {
		if int(p.Version) != i+1 {
			t.Errorf("version %d at place %d: there is a gap", p.Version, i)
		}
	}
	won := 0
	for i, p := range published {
		if p.Version == 0 {
			continue
		}
		won++
		if int(p.Version) > len(list) || list[p.Version-1].Source != sources[i] {
			t.Errorf("%s was published as version %d, which is another", sources[i], p.Version)
		}
	}
	if won != len(list) {
		t.Errorf("%d were told that they are in force, of %d versions", won, len(list))
	}
}

// TestPublishGivenUp: who leaves before the map is in force is told so.
func TestPublishGivenUp(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx, cancel := newCountdown(t.Context(), func() bool {
		versions, err := d.MapVersions(t.Context())
		return err != nil || versions[site] > 0
	})
	defer cancel()
	if _, err := d.Publish(ctx, site, "x", ""); !errors.Is(err, ctx.Err()) || err == nil {
		t.Errorf("error %v, want that of the context", err)
	}
}
