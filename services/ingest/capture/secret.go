package capture

import (
	"net/http"
	"strings"
)

// secretOf is the write key that a request carries outside its body: as the user of Basic
// authorization, as bearer, or as writeKey in the query, the first that is there. Empty: none.
// Error: badAuthorization.
func secretOf(r *http.Request) (string, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, rest, _ := strings.Cut(header, " ")
		switch strings.ToLower(scheme) {
		case "basic":
			user, _, ok := r.BasicAuth()
			if !ok {
				return "", badAuthorization
			}
			if user != "" {
				return user, nil
			}
		case "bearer":
			if token := strings.TrimSpace(rest); token != "" {
				return token, nil
			}
		default:
			return "", badAuthorization
		}
	}
	if r.URL.RawQuery == "" {
		return "", nil
	}
	return r.URL.Query().Get("writeKey"), nil
}
