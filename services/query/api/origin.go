package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

const maxOrigins = 100

// readOrigins reads the origins of pages that may send, spelt as browsers spell them.
func readOrigins(
	v *fault.Violations, field string, texts []string, kind journey.KeyKind,
) []string {
	switch {
	case len(texts) > maxOrigins:
		v.Add(field, fmt.Sprintf("has %d origins: give at most %d", len(texts), maxOrigins))
		return nil
	case len(texts) > 0 && kind != journey.WriteKey:
		v.Add(field, "only write keys have origins; leave them out")
		return nil
	}
	var origins []string
	for i, text := range texts {
		origin, why := parseOrigin(strings.TrimSpace(text))
		if why != "" {
			v.Add(fmt.Sprintf("%s[%d]", field, i), strconv.Quote(text)+" "+why)
			continue
		}
		origins = append(origins, origin)
	}
	return origins
}

const howOriginsAre = "is no origin: write it as https://shop.example, https://shop.example:8443, " +
	"https://*.shop.example, or null"

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// parseOrigin gives an origin as browsers send it: in small letters, without the port that is the
// scheme's own (RFC 6454, section 6.1). "*." may stand before the host; "null" is the origin of
// pages without one. why tells what is wrong and is empty where nothing is.
func parseOrigin(text string) (origin, why string) {
	if text == "null" {
		return text, ""
	}
	scheme, rest, found := strings.Cut(strings.ToLower(text), "://")
	if !found || defaultPorts[scheme] == "" {
		return "", howOriginsAre
	}
	wild := ""
	if below, is := strings.CutPrefix(rest, "*."); is {
		wild, rest = "*.", below
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Host == "" || u.User != nil || u.Host != rest || !hostLike(u.Hostname()) {
		return "", howOriginsAre
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil && wild != "" {
		return "", "has *. before an address: nothing is below it"
	}
	host := strings.TrimSuffix(u.Host, ":"+u.Port())
	if port := u.Port(); port != "" && port != defaultPorts[scheme] {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return "", howOriginsAre
		}
		host += ":" + strconv.FormatUint(number, 10)
	}
	return scheme + "://" + wild + host, ""
}

// hostLike tells names of hosts, in ASCII as browsers write them, and addresses.
func hostLike(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Zone() == ""
	}
	if host == "" || strings.HasPrefix(host, ".") || strings.Contains(host, "..") {
		return false
	}
	for _, c := range []byte(host) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
