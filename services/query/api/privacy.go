package api

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// Bounds of privacy settings.
const (
	maxDenied       = 200
	maxPathBytes    = 200
	maxInternalNets = 100
)

var ipHandlings = map[sitev1.IpHandling]journey.IPHandling{
	sitev1.IpHandling_IP_HANDLING_UNSPECIFIED: journey.TruncateIP,
	sitev1.IpHandling_IP_HANDLING_TRUNCATE:    journey.TruncateIP,
	sitev1.IpHandling_IP_HANDLING_DROP:        journey.DropIP,
	sitev1.IpHandling_IP_HANDLING_KEEP:        journey.KeepIP,
}

var ipHandlingNumbers = map[journey.IPHandling]sitev1.IpHandling{
	journey.TruncateIP: sitev1.IpHandling_IP_HANDLING_TRUNCATE,
	journey.DropIP:     sitev1.IpHandling_IP_HANDLING_DROP,
	journey.KeepIP:     sitev1.IpHandling_IP_HANDLING_KEEP,
}

func everyField(string) bool { return true }

// readPrivacy gives privacy settings with those fields as a message has them that are to be set.
func readPrivacy(
	v *fault.Violations, m *sitev1.Privacy, p journey.Privacy, set func(field string) bool,
) journey.Privacy {
	if set("ip_handling") {
		handling, known := ipHandlings[m.GetIpHandling()]
		if !known {
			v.Add("site.privacy.ip_handling", "give TRUNCATE, DROP or KEEP, as IP_HANDLING_…")
		}
		p.IP = handling
	}
	if set("denied_properties") {
		p.Denied = readDenied(v, m.GetDeniedProperties())
	}
	if set("consent_field") {
		p.Consent = m.GetConsentField()
		if why := whyNoConsent(p.Consent); why != "" {
			v.Add("site.privacy.consent_field", why)
		}
	}
	if set("internal_networks") {
		p.Internal = readNetworks(v, m.GetInternalNetworks())
	}
	return p
}

func readDenied(v *fault.Violations, names []string) []string {
	const field = "site.privacy.denied_properties"
	if len(names) > maxDenied {
		v.Add(field, fmt.Sprintf("has %d names: give at most %d", len(names), maxDenied))
		return nil
	}
	for i, name := range names {
		if why := whyNoPath(name); why != "" {
			v.Add(fmt.Sprintf("%s[%d]", field, i), why)
		}
	}
	return names
}

// whyNoPath tells why a text is not the path of a member: names with dots between them.
func whyNoPath(path string) string {
	switch {
	case path == "":
		return "is empty: give a name such as email, or a path such as address.street"
	case len(path) > maxPathBytes:
		return fmt.Sprintf("has %d bytes: give at most %d", len(path), maxPathBytes)
	case strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") ||
		strings.Contains(path, ".."):
		return strconv.Quote(path) + " has an empty name before, between or after dots"
	}
	return ""
}

// whyNoConsent tells why a text is no consent field: none at all, a path from the message down, or
// such a path, "=" and the id that has to stand there.
func whyNoConsent(text string) string {
	path, id, named := strings.Cut(text, "=")
	switch {
	case text == "":
		return ""
	case len(text) > maxPathBytes:
		return fmt.Sprintf("has %d bytes: give at most %d", len(text), maxPathBytes)
	case path == "" || named && id == "":
		return strconv.Quote(text) + " is no path: write it as context.consent.analytics, or as " +
			"context.consentManagement.allowedConsentIds=ID"
	}
	return whyNoPath(path)
}

func readNetworks(v *fault.Violations, texts []string) []netip.Prefix {
	const field = "site.privacy.internal_networks"
	if len(texts) > maxInternalNets {
		v.Add(field, fmt.Sprintf("has %d networks: give at most %d", len(texts), maxInternalNets))
		return nil
	}
	var networks []netip.Prefix
	for i, text := range texts {
		network, err := parseNetwork(strings.TrimSpace(text))
		if err != nil {
			v.Add(fmt.Sprintf("%s[%d]", field, i), strconv.Quote(text)+
				" is no network: write it as 192.0.2.0/24 or 2001:db8::/32, or one address")
			continue
		}
		networks = append(networks, network)
	}
	return networks
}

// parseNetwork reads a network or a single address. IPv4 inside IPv6 becomes IPv4.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("reading an address: %w", err)
		}
		address = address.Unmap()
		return address.Prefix(address.BitLen())
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("reading a network: %w", err)
	}
	return journey.PlainNetwork(network).Masked(), nil
}

func privacyMessage(p journey.Privacy) *sitev1.Privacy {
	m := &sitev1.Privacy{
		IpHandling:       ipHandlingNumbers[p.IP],
		DeniedProperties: p.Denied,
		ConsentField:     p.Consent,
	}
	for _, network := range p.Internal {
		m.InternalNetworks = append(m.InternalNetworks, network.String())
	}
	return m
}
