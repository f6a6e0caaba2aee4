package admit

import (
	"cmp"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/waystage/waystage/services/journey"
)

// MaxUserAgentBytes is how much is kept of the user agent that a request states for its messages.
const MaxUserAgentBytes = 1 << 10

// What is kept of an address that is truncated, in bits. An IPv6 address of 6to4 holds an IPv4
// address behind its first 16 bits (RFC 3056, section 2).
const (
	kept4Bits    = 24
	kept6Bits    = 48
	kept6to4Bits = 16 + kept4Bits
)

var net6to4 = netip.MustParsePrefix("2002::/16")

// address is an address as it may be kept, empty where it may not.
func (p *Privacy) address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap().WithZone("")
	switch p.handling() {
	case journey.KeepIP:
		return a.String()
	case journey.DropIP:
		return ""
	}
	bits := kept6Bits
	if a.Is4() {
		bits = kept4Bits
	} else if net6to4.Contains(a) {
		bits = kept6to4Bits
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.Addr().String()
}

func (p *Privacy) handling() journey.IPHandling {
	if p == nil {
		return journey.TruncateIP
	}
	return p.addresses
}

// addressText is a sender's text of an address as it may be kept, empty where it may not: one
// that is no address is not, unless all are.
func (p *Privacy) addressText(text string) string {
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return ""
	}
	return p.address(a)
}

// addressLiteral is the literal of an address as it may be kept, empty where it may not. A null
// says nothing of anybody and stays.
func (p *Privacy) addressLiteral(literal string) string {
	if p.handling() == journey.KeepIP || literal == "null" {
		return literal
	}
	if literal[0] != '"' {
		return ""
	}
	return quoted(p.addressText(unquote(literal)))
}

// sender is the literal of the address of the request as it may be kept, empty where it may not.
func (env *Envelope) sender() string { return quoted(env.Privacy.address(env.Address)) }

// agent is the literal of the user agent of the request, empty where there is none.
func (env *Envelope) agent() string { return quoted(cut(env.UserAgent, MaxUserAgentBytes)) }

// observed is a context with the address as it may be kept, and with what the request tells of
// its sender where the context says nothing of it.
func (env *Envelope) observed(context journey.Object) journey.Object {
	p := env.Privacy
	if !env.Address.IsValid() && env.UserAgent == "" &&
		(p.handling() == journey.KeepIP || !strings.Contains(string(context), `"ip":`)) {
		return context
	}
	return rewrite(context,
		edit{name: "ip", absent: env.sender, present: func(literal string) string {
			return cmp.Or(p.addressLiteral(literal), env.sender())
		}},
		edit{name: "userAgent", absent: env.agent})
}

// quoted is the literal of a text, empty for the empty text. What is no UTF-8 becomes U+FFFD.
func quoted(text string) string {
	if text == "" {
		return ""
	}
	if strings.IndexFunc(text, needsCare) < 0 {
		return `"` + text + `"`
	}
	return string(appendQuoted(nil, []byte(strings.ToValidUTF8(text, "\uFFFD"))))
}

// needsCare tells whether a character may not stand in a literal as it is.
func needsCare(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == utf8.RuneError }

// cut is a text without what lies behind the limit, no character split.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
