package enrich

import (
	_ "embed"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// source is what a host or a source of campaigns is.
type source uint8

const (
	unknownSource source = iota
	searchEngine
	socialNetwork
	videoSite
	messenger
	mailbox
	adNetwork
	ordinarySite
)

var sourceNames = map[string]source{
	"search": searchEngine, "social": socialNetwork, "video": videoSite, "messenger": messenger,
	"email": mailbox, "display": adNetwork, "referral": ordinarySite,
}

// referrers is the list, with its sources in its first lines.
//
//go:embed referrers.txt
var referrers string

var sources = readSources(referrers)

func readSources(list string) map[string]source {
	found := make(map[string]source)
	var part source
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			part = sourceNames[strings.Trim(line, "[]")]
		default:
			for _, name := range strings.Fields(line) {
				found[name] = part
			}
		}
	}
	return found
}

// sourceOf is what a name stands for: a word, or a host that is listed itself or below one that is.
func sourceOf(name string) source {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for name != "" {
		if s, ok := sources[name]; ok {
			return s
		}
		_, above, below := strings.Cut(name, ".")
		if !below || strings.IndexByte(above, '.') < 0 {
			return unknownSource
		}
		name = above
	}
	return unknownSource
}

// hostOf is the host of an address in lower case, empty if it has none.
func hostOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

// sameSite tells whether two hosts belong to one registered domain.
func sameSite(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	return a == b || registered(a) == registered(b)
}

// registered is the domain that somebody registered, such as "example.co.uk"; the host itself
// where there is none, as of numbers and "localhost".
func registered(host string) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && !numeric(host) {
		return domain
	}
	return host
}

// numeric tells IP addresses.
func numeric(host string) bool {
	return strings.IndexByte(host, ':') >= 0 || strings.Trim(host, "0123456789.") == ""
}
