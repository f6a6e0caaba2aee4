package capture

import "net/http"

// Values of headers that every answer has.
var (
	anyOrigin  = []string{"*"}
	retryAfter = []string{"Retry-After"}
	jsonType   = []string{"application/json"}
)

// allowPages lets pages of every origin read an answer, errors too: a browser keeps from its page
// what lacks these headers, and the SDK then retries what it should drop. Who may send is
// checked by the key, with the request itself.
func allowPages(header http.Header) {
	header["Access-Control-Allow-Origin"] = anyOrigin
	header["Access-Control-Expose-Headers"] = retryAfter
}

// preflight lets a browser ask whatever it is about to. It comes without a key, so that nothing
// can be checked. The asked-for headers are echoed, since retries of SDKs ask for more than first
// tries, and "*" does not stand for Authorization.
func preflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
	if asked := r.Header.Values("Access-Control-Request-Headers"); len(asked) > 0 {
		header["Access-Control-Allow-Headers"] = asked
	}
	header.Set("Access-Control-Max-Age", "86400")
	header.Set("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
}
