package capture

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/waystage/waystage/services/ingest/admit"
)

// caller is who sends, as far as a connection tells.
type caller struct {
	// address is not valid where it is not known.
	address   netip.Addr
	userAgent string
}

func (c caller) isBrowser() bool { return strings.HasPrefix(c.userAgent, "Mozilla/") }

// describe puts into the envelope what counts of a caller. The address and the user agent are
// the visitor's only if the browser itself sends: those of a server say nothing of anybody.
func (c caller) describe(env *admit.Envelope) {
	env.Internal = c.address.IsValid() && env.Privacy.IsInternal(c.address)
	if c.isBrowser() {
		env.Address, env.UserAgent = c.address, c.userAgent
	}
}

// What describe adds to every message: the names, quotes and the longest address, and the most that
// becomes of a byte of a user agent that does not stay as it is.
const (
	bytesPerSender    = 80
	bytesPerAgentByte = 3
)

// bytes is what describe adds to the text of every message at most.
func (c caller) bytes() int {
	if !c.isBrowser() {
		return 0
	}
	agent := min(len(c.userAgent), admit.MaxUserAgentBytes)
	if strings.IndexFunc(c.userAgent, unusual) >= 0 {
		agent *= bytesPerAgentByte
	}
	return bytesPerSender + agent
}

// unusual tells whether a character is not in nearly all user agents.
func unusual(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

func (p Proxies) trust(address netip.Addr) bool {
	for _, network := range p {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// caller finds who sends a request: the other end of the connection, or, if that is a trusted
// proxy, the last of X-Forwarded-For that is none.
func (p Proxies) caller(r *http.Request) caller {
	c := caller{address: hostOf(r.RemoteAddr), userAgent: r.Header.Get("User-Agent")}
	if !p.trust(c.address) {
		return c
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			var last string
			rest, last = cutLast(rest)
			// What cannot be read ends what is known.
			c.address = hostOf(strings.TrimSpace(last))
			if !p.trust(c.address) {
				return c
			}
		}
	}
	return c
}

// secure tells whether the client asked by https, as far as that is known here.
func (p Proxies) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if !p.trust(hostOf(r.RemoteAddr)) {
		return false
	}
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(first), "https")
}

// cutLast gives what follows the last comma, and what stands before it.
func cutLast(list string) (rest, last string) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[:i], list[i+1:]
	}
	return "", list
}

// hostOf reads an address, with a port or without. Not valid if it is none.
func hostOf(text string) netip.Addr {
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
