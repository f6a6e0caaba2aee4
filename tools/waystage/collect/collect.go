// Package collect sends messages to ingest by Segment's HTTP API and waits out what passes: a
// busy or missing service is tried again, a refusal is told.
package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Limits of one request, a little under those of ingest.
const (
	MaxBodyBytes = 500_000
	MaxMessages  = 500
)

// Client sends to one ingest with one write key. It is safe for concurrent use.
type Client struct {
	// Address of ingest, as http://127.0.0.1:8380.
	Address string
	// WriteKey of the site.
	WriteKey string
	// RetryFor is how long a request is tried again that ingest cannot take now. 0: not at all.
	RetryFor time.Duration
	// OnRetry hears of every failed try that will be followed by another. May be nil.
	OnRetry func(err error, wait time.Duration)
	// HTTP does the requests; nil means one with a timeout of attemptTimeout.
	HTTP *http.Client
}

// attemptTimeout bounds one request. Ingest answers within a few seconds also when Kafka is away.
const attemptTimeout = 30 * time.Second

// maxOwnPause bounds the pause between tries where ingest does not say how long to wait.
const maxOwnPause = 5 * time.Second

// Answer is what ingest says of messages that it has judged.
type Answer struct {
	Accepted int       `json:"accepted"`
	Refused  []Refusal `json:"refused"`
}

// Refusal names a message that ingest did not take.
type Refusal struct {
	// Index is the place in the request, from 0.
	Index     int    `json:"index"`
	MessageID string `json:"message_id,omitempty"`
	// Reason is a word of a closed set; Detail says what is wrong and what to do.
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Error is an answer that refuses the request as a whole.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code and Message are those of the answer; they are empty where it was none of ingest.
	Code, Message string
}

// Error is the message, or the status where there is none.
func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("HTTP %d %s", e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", e.Message, e.Code, e.Status)
}

// Passing tells whether the same request may be taken later.
func (e *Error) Passing() bool {
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout ||
		e.Status >= http.StatusInternalServerError
}

// Batch sends messages, JSON values as they are, in their order. endpoint is "batch", or "import"
// for those of an archive, whose sentAt says nothing of any clock. Errors: *Error, or why there
// was no answer in RetryFor.
func (c *Client) Batch(
	ctx context.Context, endpoint string, messages [][]byte,
) (Answer, error) {
	body := make([]byte, 0, sizeOf(messages))
	body = append(body, `{"batch":[`...)
	for i, m := range messages {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, m...)
	}
	return c.Post(ctx, endpoint, append(body, "]}"...))
}

func sizeOf(messages [][]byte) int {
	size := len(`{"batch":[]}`)
	for _, m := range messages {
		size += len(m) + 1
	}
	return size
}

// Post sends a body to an endpoint such as "track". Errors as of Batch.
//
// Once begun a request is not cut off by the end of ctx, so that it is known what became of it;
// only no further try is made.
func (c *Client) Post(ctx context.Context, endpoint string, body []byte) (Answer, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = maxOwnPause
	options := []backoff.RetryOption{
		backoff.WithBackOff(pauses),
		backoff.WithMaxElapsedTime(c.RetryFor),
		backoff.WithNotify(func(err error, wait time.Duration) {
			if c.OnRetry != nil {
				c.OnRetry(err, wait)
			}
		}),
	}
	if c.RetryFor <= 0 {
		options = append(options, backoff.WithMaxTries(1))
	}
	a, err := backoff.Retry(ctx, func() (Answer, error) {
		return c.try(context.WithoutCancel(ctx), endpoint, body)
	}, options...)
	if err != nil {
		return Answer{}, fmt.Errorf("sending to %s: %w", c.url(endpoint), plain(err))
	}
	return a, nil
}

func (c *Client) url(endpoint string) string {
	return strings.TrimRight(c.Address, "/") + "/v1/" + endpoint
}

// try sends once. What will not pass is permanent.
func (c *Client) try(ctx context.Context, endpoint string, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, c.url(endpoint), bytes.NewReader(body))
	if err != nil {
		return Answer{}, backoff.Permanent(err)
	}
	request.SetBasicAuth(c.WriteKey, "")
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client().Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	return read(response)
}

func (c *Client) client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}

// maxAnswerBytes is more than the refusals of a whole batch take.
const maxAnswerBytes = 16 << 20

func read(response *http.Response) (Answer, error) {
	var a struct {
		Answer
		Success bool `json:"success"`
		Error   struct{ Code, Message string }
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	unreadable := json.Unmarshal(body, &a)
	if response.StatusCode == http.StatusOK {
		if unreadable != nil || !a.Success {
			return Answer{}, backoff.Permanent(errors.New("the answer is none of ingest: is this " +
				"the address that takes messages?"))
		}
		return a.Answer, nil
	}
	refused := &Error{Status: response.StatusCode, Code: a.Error.Code, Message: a.Error.Message}
	if !refused.Passing() {
		return Answer{}, backoff.Permanent(refused)
	}
	return Answer{}, paused(refused, response.Header.Get("Retry-After"))
}

// maxPause bounds what a Retry-After can ask for.
const maxPause = 5 * time.Minute

// paused adds how long the answer asks to wait, if it does.
func paused(err error, retryAfter string) error {
	seconds, wrong := strconv.Atoi(strings.TrimSpace(retryAfter))
	if wrong != nil || seconds < 0 {
		return err
	}
	return &pauseError{err, &backoff.RetryAfterError{
		Duration: min(time.Duration(min(seconds, int(maxPause/time.Second)))*time.Second, maxPause),
	}}
}

// pauseError is an error and how long to wait before the next try.
type pauseError struct {
	error
	pause *backoff.RetryAfterError
}

func (e *pauseError) Unwrap() []error { return []error{e.error, e.pause} }

// plain is an error without what package backoff wraps it in.
func plain(err error) error {
	if permanent, ok := errors.AsType[*backoff.PermanentError](err); ok {
		err = permanent.Unwrap()
	}
	if pause, ok := errors.AsType[*pauseError](err); ok {
		err = pause.error
	}
	return err
}
