package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// mapHandler answers JourneyMapService.
type mapHandler struct {
	journeyv1.UnimplementedJourneyMapServiceServer

	sites Sites
	store Maps
	maps  *mapReader
}

// PublishJourneyMap makes a map the next version, or only checks it.
func (h *mapHandler) PublishJourneyMap(
	ctx context.Context, m *journeyv1.PublishJourneyMapRequest,
) (*journeyv1.PublishJourneyMapResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	drawn, err := parseSource(m.GetSource())
	if err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	if m.GetValidateOnly() {
		return &journeyv1.PublishJourneyMapResponse{JourneyMap: MapContent(drawn, m.GetSource())}, nil
	}
	edition, err := h.store.Publish(ctx, site, m.GetSource(), drawn.Title)
	if err != nil {
		return nil, fmt.Errorf("publishing a map of site %s: %w", site, err)
	}
	return &journeyv1.PublishJourneyMapResponse{
		JourneyMap: named(MapContent(drawn, m.GetSource()), site, edition),
	}, nil
}

// parseSource reads a map. Errors: Invalid with a violation per mistake, line and column first.
func parseSource(source string) (*journey.Map, error) {
	var v fault.Violations
	if source == "" {
		v.Add("source", "is empty: give the map as YAML")
		return nil, v.Err(fault.Invalid)
	}
	drawn, err := journey.ParseMap(source)
	if err == nil {
		return drawn, nil
	}
	mistakes, ok := errors.AsType[journey.MapErrors](err)
	if !ok {
		return nil, fault.Wrap(fault.Internal, err, "the map could not be read")
	}
	for _, mistake := range mistakes {
		v.Add("source", mistake.Error())
	}
	return nil, v.Err(fault.Invalid)
}

// GetJourneyMap gives one version, or the newest.
func (h *mapHandler) GetJourneyMap(
	ctx context.Context, m *journeyv1.GetJourneyMapRequest,
) (*journeyv1.GetJourneyMapResponse, error) {
	site, version, err := parseMapName(m.GetName())
	if err != nil {
		return nil, err
	}
	edition, drawn, err := h.maps.read(ctx, site, version)
	if err != nil {
		return nil, err
	}
	return &journeyv1.GetJourneyMapResponse{
		JourneyMap: named(MapContent(drawn, edition.Source), site, edition),
	}, nil
}

func parseMapName(name string) (journey.SiteID, journey.MapVersion, error) {
	site, id, err := parseChild("name", name, "journeyMaps")
	if err != nil || id == "latest" {
		return site, Newest, err
	}
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || n == 0 {
		return "", 0, misnamed("name", name,
			`"sites/{site}/journeyMaps/{version}", versions counting from 1, or "…/latest"`)
	}
	return site, journey.MapVersion(n), nil
}

// ListJourneyMaps gives a page of the versions, newest first.
func (h *mapHandler) ListJourneyMaps(
	ctx context.Context, m *journeyv1.ListJourneyMapsRequest,
) (*journeyv1.ListJourneyMapsResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	list, err := h.store.Publications(ctx, site)
	if err != nil {
		return nil, fmt.Errorf("listing maps of site %s: %w", site, err)
	}
	list, next, err := pageOf(m, list, func(p journey.Publication) string {
		return strconv.FormatUint(uint64(p.Version), 10)
	})
	if err != nil {
		return nil, err
	}
	out := &journeyv1.ListJourneyMapsResponse{NextPageToken: next}
	for _, p := range list {
		m := &journeyv1.JourneyMap{Title: p.Title}
		out.JourneyMaps = append(out.JourneyMaps, named(m, site, p))
	}
	return out, nil
}

// named adds what only a published version has.
func named(
	m *journeyv1.JourneyMap, site journey.SiteID, p journey.Publication,
) *journeyv1.JourneyMap {
	m.Name = mapName(site, p.Version)
	m.Version = uint32(p.Version)
	m.InForceAt = timestamppb.New(p.InForceAt)
	return m
}
