package api

import (
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// parseSite reads "sites/{site}". Errors: Invalid naming the field.
func parseSite(field, name string) (journey.SiteID, error) {
	id, ok := strings.CutPrefix(name, "sites/")
	if site := journey.SiteID(id); ok && site.Valid() {
		return site, nil
	}
	return "", misnamed(field, name, `"sites/{site}"`)
}

// parseChild reads "sites/{site}/{collection}/{id}". Errors: Invalid naming the field.
func parseChild(field, name, collection string) (journey.SiteID, string, error) {
	parts := strings.Split(name, "/")
	if len(parts) == 4 && parts[2] == collection && parts[3] != "" {
		if site, err := parseSite(field, parts[0]+"/"+parts[1]); err == nil {
			return site, parts[3], nil
		}
	}
	return "", "", misnamed(field, name, `"sites/{site}/`+collection+`/{id}"`)
}

func misnamed(field, name, want string) error {
	var v fault.Violations
	v.Add(field, "is "+strconv.Quote(name)+": give "+want)
	return v.Err(fault.Invalid)
}

func siteName(id journey.SiteID) string { return "sites/" + string(id) }

func keyName(k journey.Key) string { return siteName(k.Site) + "/keys/" + string(k.ID) }

func mapName(site journey.SiteID, v journey.MapVersion) string {
	return siteName(site) + "/journeyMaps/" + strconv.FormatUint(uint64(v), 10)
}
