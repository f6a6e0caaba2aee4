package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server answers each request with the next of the given answers, the last one again and again.
type server struct {
	*httptest.Server
	answers  []canned
	requests atomic.Int64
	body     atomic.Value
	path     atomic.Value
}

type canned struct {
	status int
	after  string
	body   string
}

const taken = `{"success":true,"accepted":2,"refused":[]}`

func serve(t *testing.T, answers ...canned) *server {
	t.Helper()
	s := &server{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(s.requests.Add(1)) - 1
		body, _ := io.ReadAll(r.Body)
		s.body.Store(string(body))
		key, _, _ := r.BasicAuth()
		s.path.Store(r.URL.Path + " " + key)
		a := s.answers[min(n, len(s.answers)-1)]
		if a.after != "" {
			w.Header().Set("Retry-After", a.after)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) client() *Client {
	return &Client{Address: s.URL, WriteKey: "wk_1", RetryFor: time.Minute}
}

func TestBatchSendsMessagesAsTheyStand(t *testing.T) {
	t.Parallel()
	s := serve(t, canned{status: 200, body: taken})
	got, err := s.client().Batch(t.Context(), "import", [][]byte{[]byte(`{"a": 1 }`), []byte(`7`)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Answer{Accepted: 2, Refused: []Refusal{}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.body.Load(); got != `{"batch":[{"a": 1 },7]}` {
		t.Errorf("the body is %s", got)
	}
	if got := s.path.Load(); got != "/v1/import wk_1" {
		t.Errorf("path and key are %s", got)
	}
}

func TestRefusalsAreGiven(t *testing.T) {
	t.Parallel()
	s := serve(t, canned{status: 200, body: `{"success":true,"accepted":1,"refused":[
		{"index":1,"message_id":"m","reason":"too_deep","detail":"why"}]}`})
	got, err := s.client().Batch(t.Context(), "batch", nil)
	want := []Refusal{{Index: 1, MessageID: "m", Reason: "too_deep", Detail: "why"}}
	if err != nil || !cmp.Equal(want, got.Refused) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 408, 500, 502, 503, 504} {
		s := serve(t, canned{status: status, after: "0", body: `{}`},
			canned{status: status, after: "0", body: `<html>`}, canned{status: 200, body: taken})
		c := s.client()
		retries := 0
		c.OnRetry = func(error, time.Duration) { retries++ }
		if _, err := c.Post(t.Context(), "track", []byte("{}")); err != nil {
			t.Errorf("HTTP %d, then 200: %v", status, err)
		}
		if retries != 2 || s.requests.Load() != 3 {
			t.Errorf("HTTP %d: %d retries, %d requests; want 2 and 3", status, retries, s.requests.Load())
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	s := serve(t, canned{status: 503, after: "120", body: `{}`})
	c := s.client()
	_, err := c.Post(t.Context(), "track", nil)
	if err == nil || s.requests.Load() != 1 {
		t.Errorf("two minutes to wait of one: %v after %d requests, want an error after 1",
			err, s.requests.Load())
	}
	if strings.Contains(err.Error(), "retry after") {
		t.Errorf("%q tells of the machinery", err)
	}
}

func TestWhatStaysIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer canned
		want   *Error
	}{
		{
			canned{status: 401, body: `{"success":false,
				"error":{"code":"unknown_write_key","message":"no site"}}`},
			&Error{Status: 401, Code: "unknown_write_key", Message: "no site"},
		},
		{canned{status: 404, body: `<html>`}, &Error{Status: 404}},
		{canned{status: 413, body: `{}`}, &Error{Status: 413}},
	} {
		s := serve(t, c.answer)
		_, err := s.client().Post(t.Context(), "track", nil)
		got, ok := errors.AsType[*Error](err)
		if !ok || !cmp.Equal(c.want, got) || s.requests.Load() != 1 {
			t.Errorf("got %v after %d requests, want %v after 1", err, s.requests.Load(), c.want)
		}
	}
}

func TestAnAnswerThatIsNoneOfIngest(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "hello", `{"ok":true}`} {
		s := serve(t, canned{status: 200, body: body})
		_, err := s.client().Post(t.Context(), "track", nil)
		if err == nil || !strings.Contains(err.Error(), "none of ingest") {
			t.Errorf("%q gives %v", body, err)
		}
	}
}

func TestTheEndOfTheContextEndsTheWaiting(t *testing.T) {
	t.Parallel()
	s := serve(t, canned{status: 503, after: "30", body: `{}`})
	ctx, cancel := context.WithCancel(t.Context())
	c := s.client()
	c.OnRetry = func(error, time.Duration) { cancel() }
	if _, err := c.Post(ctx, "track", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestARequestUnderWayIsNotCutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		_, _ = io.WriteString(w, taken)
	}))
	defer s.Close()
	c := &Client{Address: s.URL + "/", WriteKey: "k"}
	if got, err := c.Post(ctx, "track", nil); err != nil || got.Accepted != 2 {
		t.Errorf("got %+v, %v; want it accepted", got, err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	c := &Client{Address: s.URL}
	_, err := c.Post(t.Context(), "track", nil)
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want connection refused", err)
	}
}
