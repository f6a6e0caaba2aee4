package capture

import "strings"

// origins are those of the pages that may send with a key. None: all of them.
type origins struct {
	exact map[string]bool
	below []below
}

// below stands for "https://*.shop.example": every host below one.
type below struct{ scheme, host string }

func newOrigins(patterns []string) origins {
	o := origins{}
	if len(patterns) > 0 {
		o.exact = make(map[string]bool, len(patterns))
	}
	for _, pattern := range patterns {
		pattern = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(pattern)), "/")
		if scheme, host, ok := strings.Cut(pattern, "://*."); ok {
			o.below = append(o.below, below{scheme + "://", "." + host})
			continue
		}
		o.exact[pattern] = true
	}
	return o
}

// allow tells whether a request with that Origin header may send. One without is no page's.
func (o origins) allow(origin string) bool {
	if origin == "" || o.exact == nil {
		return true
	}
	origin = strings.ToLower(origin)
	if o.exact[origin] {
		return true
	}
	for _, b := range o.below {
		rest, ok := strings.CutPrefix(origin, b.scheme)
		if !ok {
			continue
		}
		if label, ok := strings.CutSuffix(rest, b.host); ok && isHost(label) {
			return true
		}
	}
	return false
}

// isHost tells whether a text can be the first labels of a host name.
func isHost(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}
