package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// maxContains is the longest text that names are looked for by, in bytes.
const maxContains = 512

// catalogueHandler answers CatalogueService.
type catalogueHandler struct {
	cataloguev1.UnimplementedCatalogueServiceServer

	sites     Sites
	catalogue Catalogue
}

// ListEvents gives a page of the names of events.
func (h *catalogueHandler) ListEvents(
	ctx context.Context, m *cataloguev1.ListEventsRequest,
) (*cataloguev1.ListEventsResponse, error) {
	site, err := h.site(ctx, m.GetParent())
	if err != nil {
		return nil, err
	}
	var v fault.Violations
	checkName(&v, "contains", m.GetContains())
	if err := v.Err(fault.Invalid); err != nil {
		return nil, err
	}
	seen, err := h.catalogue.CatalogueEvents(ctx, site.ID, m.GetContains())
	if err != nil {
		return nil, fmt.Errorf("listing the events of site %s: %w", site.ID, err)
	}
	page, next, err := pageOf(m, seen, func(s journey.Seen) string { return s.Event })
	if err != nil {
		return nil, err
	}
	out := &cataloguev1.ListEventsResponse{NextPageToken: next}
	for _, s := range page {
		out.Events = append(out.Events, &cataloguev1.Event{
			Event: s.Event, Count: s.Count, FirstSeenAt: timestamppb.New(s.FirstAt),
			LastSeenAt: timestamppb.New(s.LastAt),
		})
	}
	out.Overflow, err = h.overflow(ctx, site.ID, journey.EventOverflow)
	return out, err
}

// ListProperties gives a page of the names of properties and traits.
func (h *catalogueHandler) ListProperties(
	ctx context.Context, m *cataloguev1.ListPropertiesRequest,
) (*cataloguev1.ListPropertiesResponse, error) {
	site, err := h.site(ctx, m.GetParent())
	if err != nil {
		return nil, err
	}
	query, err := readCatalogueQuery(m)
	if err != nil {
		return nil, err
	}
	seen, err := h.catalogue.CatalogueProperties(ctx, site.ID, query)
	if err != nil {
		return nil, fmt.Errorf("listing the properties of site %s: %w", site.ID, err)
	}
	page, next, err := pageOf(m, seen, func(s journey.Seen) string {
		return s.Event + "\x00" + s.Property
	})
	if err != nil {
		return nil, err
	}
	out := &cataloguev1.ListPropertiesResponse{NextPageToken: next}
	for _, s := range page {
		if isDenied(site.Privacy.Denied, s.Name) {
			s.Examples = nil
		}
		out.Properties = append(out.Properties, propertyMessage(s))
	}
	out.Overflow, err = h.overflow(ctx, site.ID, journey.PropertyOverflow)
	return out, err
}

// site reads the parent, and finds it: a site that is not there has no empty catalogue.
func (h *catalogueHandler) site(ctx context.Context, parent string) (journey.Site, error) {
	id, err := parseSite("parent", parent)
	if err != nil {
		return journey.Site{}, err
	}
	site, err := h.sites.Site(ctx, id)
	if err != nil {
		return journey.Site{}, fmt.Errorf("finding site %s: %w", id, err)
	}
	return site, nil
}

// isDenied tells whether a site denies a property or trait by now: examples of it may have been
// kept before. A trait may have come from the context of a message.
func isDenied(denied []string, name journey.Name) bool {
	is := func(paths ...string) bool {
		return slices.ContainsFunc(denied, func(d string) bool { return slices.Contains(paths, d) })
	}
	if name.Event != "" {
		return is(name.Property, "properties."+name.Property)
	}
	return is(name.Property, "traits."+name.Property, "context.traits."+name.Property, "traits",
		"context.traits")
}

func (h *catalogueHandler) overflow(
	ctx context.Context, site journey.SiteID, of journey.SightingType,
) (*cataloguev1.Overflow, error) {
	o, err := h.catalogue.CatalogueOverflow(ctx, site, of)
	if err != nil {
		return nil, fmt.Errorf("reading the overflow of site %s: %w", site, err)
	}
	if o.Count == 0 {
		return nil, nil
	}
	return &cataloguev1.Overflow{Count: o.Count, LastSeenAt: timestamppb.New(o.LastAt)}, nil
}

// readCatalogueQuery reads what is asked for. Errors: Invalid: an unknown scope, a text that is too
// long, traits of an event.
func readCatalogueQuery(m *cataloguev1.ListPropertiesRequest) (journey.CatalogueQuery, error) {
	var v fault.Violations
	checkName(&v, "contains", m.GetContains())
	checkName(&v, "event", m.GetEvent())
	q := journey.CatalogueQuery{Event: m.GetEvent(), Contains: m.GetContains()}
	switch m.GetScope() {
	case cataloguev1.Scope_SCOPE_UNSPECIFIED:
		q.Properties, q.Traits = true, true
	case cataloguev1.Scope_SCOPE_PROPERTY:
		q.Properties = true
	case cataloguev1.Scope_SCOPE_TRAIT:
		q.Traits = true
		if q.Event != "" {
			v.Add("event", "traits belong to persons and to no event: leave one of the two out")
		}
	default:
		v.Add("scope", fmt.Sprintf("unknown value %d", m.GetScope()))
	}
	return q, v.Err(fault.Invalid)
}

func checkName(v *fault.Violations, field, name string) {
	switch {
	case len(name) > maxContains:
		v.Add(field, fmt.Sprintf("is %d bytes long: give at most %d", len(name), maxContains))
	case strings.Contains(name, "\x00"):
		v.Add(field, "holds U+0000, which no name does: leave it out")
	}
}

func propertyMessage(s journey.Seen) *cataloguev1.Property {
	p := &cataloguev1.Property{
		Scope: cataloguev1.Scope_SCOPE_PROPERTY, Event: s.Event, Property: s.Property,
		Count: s.Count, FirstSeenAt: timestamppb.New(s.FirstAt),
		LastSeenAt: timestamppb.New(s.LastAt), Examples: s.Examples,
	}
	if s.Event == "" {
		p.Scope = cataloguev1.Scope_SCOPE_TRAIT
	}
	for _, t := range s.Types {
		p.Types = append(p.Types, &cataloguev1.TypeCount{Type: string(t.Type), Count: t.Count})
	}
	return p
}
