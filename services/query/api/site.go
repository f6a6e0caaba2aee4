package api

import (
	"context"
	"fmt"
	"time"
	_ "time/tzdata" // an image without zone files must know every zone
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/fault"
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
		ID:       journey.SiteID(m.GetSiteId()),
		TimeZone: m.GetSite().GetTimeZone(),
		Privacy:  readPrivacy(&v, m.GetSite().GetPrivacy(), journey.Privacy{}, everyField),
	}
	if !site.ID.Valid() {
		v.Add("site_id", "must be 1 to 63 of a-z, 0-9 and -, beginning with a letter")
	}
	site.DisplayName = readDisplayName(&v, m.GetSite().GetDisplayName(), site.ID)
	if site.TimeZone == "" {
		site.TimeZone = "UTC"
	}
	if _, err := zoneOf(site); err != nil {
		v.Add("site.time_zone", fmt.Sprintf(
			"%q is no IANA time zone: give one such as \"Europe/Berlin\"", site.TimeZone))
	}
	return site, v.Err(fault.Invalid)
}

// readDisplayName gives what people call a site: its id where nothing is said.
func readDisplayName(v *fault.Violations, name string, id journey.SiteID) string {
	if name == "" {
		return string(id)
	}
	if utf8.RuneCountInString(name) > maxLabel {
		v.Add("site.display_name", fmt.Sprintf("must be at most %d characters", maxLabel))
	}
	return name
}

// UpdateSite sets what the mask names.
func (h *siteHandler) UpdateSite(
	ctx context.Context, m *sitev1.UpdateSiteRequest,
) (*sitev1.UpdateSiteResponse, error) {
	id, err := parseSite("site.name", m.GetSite().GetName())
	if err != nil {
		return nil, err
	}
	site, err := h.sites.Site(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("finding site %s: %w", id, err)
	}
	if site, err = updatedSite(site, m); err != nil {
		return nil, err
	}
	if err := h.sites.UpdateSite(ctx, site); err != nil {
		return nil, fmt.Errorf("updating site %s: %w", id, err)
	}
	return &sitev1.UpdateSiteResponse{Site: siteMessage(site)}, nil
}

// updatedSite is a site with what a request sets.
func updatedSite(site journey.Site, m *sitev1.UpdateSiteRequest) (journey.Site, error) {
	var v fault.Violations
	said := m.GetSite()
	set := readMask(&v, m.GetUpdateMask(), said, "display_name", "privacy",
		"privacy.ip_handling", "privacy.denied_properties", "privacy.consent_field",
		"privacy.internal_networks")
	if zone := said.GetTimeZone(); zone != "" && zone != site.TimeZone {
		v.Add("site.time_zone", fmt.Sprintf(
			"cannot be changed, because days are told by it: leave it out or give %q", site.TimeZone))
	}
	if set.has("display_name") {
		site.DisplayName = readDisplayName(&v, said.GetDisplayName(), site.ID)
	}
	site.Privacy = readPrivacy(&v, said.GetPrivacy(), site.Privacy, func(field string) bool {
		return set.has("privacy." + field)
	})
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
		Privacy:     privacyMessage(s.Privacy),
	}
}
