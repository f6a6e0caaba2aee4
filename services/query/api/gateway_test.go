package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// TestRequestsThatNoMethodTakes: what is wrong with a request before a handler sees it.
func TestRequestsThatNoMethodTakes(t *testing.T) {
	t.Parallel()
	h := open(t)
	const ask = "/v1/sites/shop/funnels:ask"
	for name, c := range map[string]struct {
		method, path, token, body string
		status                    int
		code                      codes.Code
		fields                    []string
		says                      string
	}{
		"no token": {
			method: "POST", path: ask, body: `{}`,
			status: 401, code: codes.Unauthenticated, says: "no token; send the header",
		},
		"no token, not even read": {
			method: "POST", path: ask, body: `{`,
			status: 401, code: codes.Unauthenticated, says: "no token",
		},
		"unknown field": {
			method: "POST", path: ask, token: readToken,
			body:   `{"question":{"steps":[{"evnet":"A"}]}}`,
			status: 400, code: codes.InvalidArgument,
			fields: []string{"question.steps[0].evnet"},
			says:   "unknown field; known are stage, ",
		},
		"unknown field with quotes": {
			method: "POST", path: ask, token: readToken, body: `{"a\"b":1}`,
			status: 400, code: codes.InvalidArgument, fields: []string{`a"b`},
		},
		"field twice": {
			method: "POST", path: ask, token: readToken, body: `{"question":{},"question":{}}`,
			status: 400, code: codes.InvalidArgument, fields: []string{"question"},
			says: "is given twice: give it once",
		},
		"two of one choice": {
			method: "POST", path: ask, token: readToken,
			body:   `{"question":{"steps":[{"event":"A","stage":"B"}]}}`,
			status: 400, code: codes.InvalidArgument, fields: []string{"question.steps[0].stage"},
			says: "is given beside another of stage, touchpoint, event, anyEvent: give one of them",
		},
		"no JSON": {
			method: "POST", path: ask, token: readToken, body: `{"question":`,
			status: 400, code: codes.InvalidArgument, says: "not the JSON of this method's request",
		},
		"more after the JSON": {
			method: "POST", path: ask, token: readToken, body: `{} {}`,
			status: 400, code: codes.InvalidArgument, says: "unexpected token",
		},
		"a list": {
			method: "POST", path: ask, token: readToken, body: `[]`,
			status: 400, code: codes.InvalidArgument, says: "unexpected token",
		},
		"wrong type": {
			method: "POST", path: ask, token: readToken,
			body:   `{"question":{"windowSeconds":"long"}}`,
			status: 400, code: codes.InvalidArgument, fields: []string{"question.window_seconds"},
			says: `is "long": give a number`,
		},
		"unknown name of a value": {
			method: "POST", path: ask, token: readToken,
			body:   `{"question":{"order":"ORDER_RANDOM"}}`,
			status: 400, code: codes.InvalidArgument, fields: []string{"question.order"},
			says: `is "ORDER_RANDOM": give one of ORDER_ORDERED, ORDER_STRICT, ORDER_ANY`,
		},
		"no UTF-8": {
			method: "POST", path: ask, token: readToken,
			body:   "{\"question\":{\"steps\":[{\"event\":\"\xff\"}]}}",
			status: 400, code: codes.InvalidArgument, fields: []string{"question.steps[0].event"},
			says: "UTF-8",
		},
		"nested 20000 deep": {
			method: "POST", path: ask, token: readToken,
			body: `{"question":{"filter":` + strings.Repeat(`{"not":`, 20000) +
				strings.Repeat(`}`, 20002),
			status: 400, code: codes.InvalidArgument,
		},
		"empty body": {
			method: "POST", path: ask, token: readToken,
			status: 400, code: codes.InvalidArgument, fields: []string{"question"},
		},
		"body over 4 MiB": {
			method: "POST", path: ask, token: readToken, body: strings.Repeat(" ", 4<<20+1),
			status: 413, code: codes.ResourceExhausted, says: "over 4194304 bytes",
		},
		"no such path": {
			method: "GET", path: "/v1/people", token: readToken,
			status: 404, code: codes.NotFound, says: "/openapi.json",
		},
		"no such verb": {
			method: "POST", path: "/v1/sites/shop/funnels:guess", token: readToken, body: `{}`,
			status: 404, code: codes.NotFound, says: "/openapi.json",
		},
		"not this method": {
			method: "DELETE", path: ask, token: readToken,
			status: 405, code: codes.Unimplemented, says: "/openapi.json",
		},
		"unknown parameter": {
			method: "GET", path: "/v1/sites?limit=1", token: rootToken,
			status: 400, code: codes.InvalidArgument, fields: []string{"limit"}, says: "pageSize",
		},
		"parameters of a body": {
			method: "POST", path: ask + "?compat=posthog&asOf=x", token: readToken, body: `{}`,
			status: 400, code: codes.InvalidArgument, fields: []string{"asOf", "compat"},
		},
		"parameter of a wrong type": {
			method: "GET", path: "/v1/sites?page_size=many", token: rootToken,
			status: 400, code: codes.InvalidArgument, says: "page_size",
		},
		"site id of capitals": {
			method: "POST", path: "/v1/sites/SHOP/funnels:ask", token: readToken, body: `{}`,
			status: 400, code: codes.InvalidArgument, fields: []string{"parent"}, says: "a-z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.send(t, c.method, c.path, c.token, c.body)
			if got.status != c.status {
				t.Errorf("status %d, want %d: %s", got.status, c.status, got.body)
			}
			r := got.refusal(t)
			checkRefusal(t, r, c.code, c.fields, "")
			if !strings.Contains(r.Message, c.says) {
				t.Errorf("message %q, want %q in it", r.Message, c.says)
			}
			if r.Reason == "" {
				t.Errorf("no ErrorInfo: %s", got.body)
			}
		})
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	h := open(t)
	for path, contentType := range map[string]string{
		"/openapi.json": "application/json", "/openapi.yaml": "application/yaml",
	} {
		got := h.send(t, "GET", path, "", "")
		if got.status != http.StatusOK || got.header.Get("Content-Type") != contentType {
			t.Errorf("%s: status %d, %s", path, got.status, got.header.Get("Content-Type"))
		}
		var document struct {
			OpenAPI string                    `json:"openapi"`
			Paths   map[string]map[string]any `json:"paths"`
		}
		if err := json.Unmarshal([]byte(got.body), &document); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(document.OpenAPI, "3.") {
			t.Errorf("%s: version %q", path, document.OpenAPI)
		}
		methods := 0
		for _, p := range document.Paths {
			for _, operation := range p {
				// A GET that asks what a POST does is the same method.
				id, _ := operation.(map[string]any)["operationId"].(string)
				if !strings.HasSuffix(id, "ByGet") {
					methods++
				}
			}
		}
		if want := len(calls(t, "sites/shop")); methods != want {
			t.Errorf("%s describes %d methods, want %d", path, methods, want)
		}
	}
}

func TestPagesOfOtherOriginsMayAsk(t *testing.T) {
	t.Parallel()
	h := open(t)
	preflight := h.send(t, "OPTIONS", "/v1/sites/shop/funnels:ask", "", "")
	if preflight.status != http.StatusNoContent ||
		!strings.Contains(preflight.header.Get("Access-Control-Allow-Headers"), "Authorization") ||
		!strings.Contains(preflight.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", preflight.status, preflight.header)
	}
	for _, got := range []reply{
		preflight,
		h.send(t, "GET", "/v1/sites", rootToken, ""),
		h.send(t, "GET", "/v1/sites", "", ""),
	} {
		if o := got.header.Get("Access-Control-Allow-Origin"); o != "*" {
			t.Errorf("status %d allows origin %q", got.status, o)
		}
	}
}
