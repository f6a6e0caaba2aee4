package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
	_ "time/tzdata" // an image without zone files must know every zone
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
)

// maxLabel is the longest display name or label, in characters.
const maxLabel = 200

// siteHandler answers SiteService.
type siteHandler struct {
	sitev1.UnimplementedSiteServiceServer

	sites Sites
	keys  Keys
	now   func() time.Time
}

// CreateSite keeps a new site.
func (h *siteHandler) CreateSite(
	ctx context.Context, m *sitev1.CreateSiteRequest,
) (*sitev1.CreateSiteResponse, error) {
	site, err := readSite(m)
	if err != nil {
		return nil, err
	}
	site.CreatedAt = cut(h.now())
	if err := h.sites.CreateSite(ctx, site); err != nil {
		return nil, fmt.Errorf("creating site %s: %w", site.ID, err)
	}
	return &sitev1.CreateSiteResponse{Site: siteMessage(site)}, nil
}

func readSite(m *sitev1.CreateSiteRequest) (journey.Site, error) {
	var v fault.Violations
	site := journey.Site{
		ID:          journey.SiteID(m.GetSiteId()),
		DisplayName: m.GetSite().GetDisplayName(),
		TimeZone:    m.GetSite().GetTimeZone(),
	}
	if !site.ID.Valid() {
		v.Add("site_id", "must be 1 to 63 of a-z, 0-9 and -, beginning with a letter")
	}
	if site.DisplayName == "" {
		site.DisplayName = string(site.ID)
	}
	if utf8.RuneCountInString(site.DisplayName) > maxLabel {
		v.Add("site.display_name", fmt.Sprintf("must be at most %d characters", maxLabel))
	}
	if site.TimeZone == "" {
		site.TimeZone = "UTC"
	}
	if _, err := zoneOf(site); err != nil {
		v.Add("site.time_zone", fmt.Sprintf(
			"%q is no IANA time zone: give one such as \"Europe/Berlin\"", site.TimeZone))
	}
	return site, v.Err(fault.Invalid)
}

// zoneOf is the site's zone. "Local" is none: it would be the server's.
func zoneOf(s journey.Site) (*time.Location, error) {
	if s.TimeZone == "Local" {
		return nil, fault.New(fault.Invalid, "time zone Local depends on the server")
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("loading time zone of site %s: %w", s.ID, err)
	}
	return zone, nil
}

// GetSite gives one site.
func (h *siteHandler) GetSite(
	ctx context.Context, m *sitev1.GetSiteRequest,
) (*sitev1.GetSiteResponse, error) {
	id, err := parseSite("name", m.GetName())
	if err != nil {
		return nil, err
	}
	site, err := h.sites.Site(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("finding site %s: %w", id, err)
	}
	return &sitev1.GetSiteResponse{Site: siteMessage(site)}, nil
}

// ListSites gives a page of all sites.
func (h *siteHandler) ListSites(
	ctx context.Context, m *sitev1.ListSitesRequest,
) (*sitev1.ListSitesResponse, error) {
	sites, err := h.sites.Sites(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing sites: %w", err)
	}
	sites, next, err := pageOf(m, sites, func(s journey.Site) string { return string(s.ID) })
	if err != nil {
		return nil, err
	}
	out := &sitev1.ListSitesResponse{NextPageToken: next}
	for _, s := range sites {
		out.Sites = append(out.Sites, siteMessage(s))
	}
	return out, nil
}

func siteMessage(s journey.Site) *sitev1.Site {
	return &sitev1.Site{
		Name:        siteName(s.ID),
		DisplayName: s.DisplayName,
		TimeZone:    s.TimeZone,
		CreatedAt:   timestamppb.New(s.CreatedAt),
	}
}

var keyKinds = map[sitev1.KeyKind]journey.KeyKind{
	sitev1.KeyKind_KEY_KIND_WRITE: journey.WriteKey,
	sitev1.KeyKind_KEY_KIND_READ:  journey.ReadKey,
	sitev1.KeyKind_KEY_KIND_ADMIN: journey.AdminKey,
}

var secretPrefixes = map[journey.KeyKind]string{
	journey.WriteKey: "wk_", journey.ReadKey: "rt_", journey.AdminKey: "at_",
}

// CreateKey makes a key. Only the hash of its secret is kept.
func (h *siteHandler) CreateKey(
	ctx context.Context, m *sitev1.CreateKeyRequest,
) (*sitev1.CreateKeyResponse, error) {
	key, err := readKey(m)
	if err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, key.Site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", key.Site, err)
	}
	key.ID, key.CreatedAt = journey.KeyID(random(keyIDBytes)), cut(h.now())
	secret := secretPrefixes[key.Kind] + random(secretBytes)
	if err := h.keys.CreateKey(ctx, key, rpc.HashOf(secret)); err != nil {
		return nil, fmt.Errorf("creating a key of site %s: %w", key.Site, err)
	}
	return &sitev1.CreateKeyResponse{Key: keyMessage(key), Secret: secret}, nil
}

func readKey(m *sitev1.CreateKeyRequest) (journey.Key, error) {
	site, err := parseSite("parent", m.GetParent())
	v := fault.ViolationsOf(err)
	key := journey.Key{Site: site, Kind: keyKinds[m.GetKind()], Label: m.GetLabel()}
	if key.Kind == journey.KeyUnknown {
		v.Add("kind", "is required: give WRITE, READ or ADMIN, as KEY_KIND_…")
	}
	if utf8.RuneCountInString(key.Label) > maxLabel {
		v.Add("label", fmt.Sprintf("must be at most %d characters", maxLabel))
	}
	return key, v.Err(fault.Invalid)
}

const (
	keyIDBytes  = 8
	secretBytes = 24
)

// random is so many random bytes in hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the process first
	return hex.EncodeToString(b)
}

// ListKeys gives a page of a site's keys.
func (h *siteHandler) ListKeys(
	ctx context.Context, m *sitev1.ListKeysRequest,
) (*sitev1.ListKeysResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	keys, err := h.keys.Keys(ctx, site)
	if err != nil {
		return nil, fmt.Errorf("listing keys of site %s: %w", site, err)
	}
	keys, next, err := pageOf(m, keys, func(k journey.Key) string { return string(k.ID) })
	if err != nil {
		return nil, err
	}
	out := &sitev1.ListKeysResponse{NextPageToken: next}
	for _, k := range keys {
		out.Keys = append(out.Keys, keyMessage(k))
	}
	return out, nil
}

// RevokeKey ends a key.
func (h *siteHandler) RevokeKey(
	ctx context.Context, m *sitev1.RevokeKeyRequest,
) (*sitev1.RevokeKeyResponse, error) {
	site, id, err := parseChild("name", m.GetName(), "keys")
	if err != nil {
		return nil, err
	}
	key, err := h.keys.RevokeKey(ctx, site, journey.KeyID(id), cut(h.now()))
	if err != nil {
		return nil, fmt.Errorf("revoking a key of site %s: %w", site, err)
	}
	return &sitev1.RevokeKeyResponse{Key: keyMessage(key)}, nil
}

func keyMessage(k journey.Key) *sitev1.Key {
	m := &sitev1.Key{
		Name: keyName(k), Label: k.Label, CreatedAt: timestamppb.New(k.CreatedAt),
	}
	for kind, is := range keyKinds {
		if is == k.Kind {
			m.Kind = kind
		}
	}
	if k.Revoked() {
		m.RevokedAt = timestamppb.New(k.RevokedAt)
	}
	return m
}
