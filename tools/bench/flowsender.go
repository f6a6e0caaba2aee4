package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waystage/waystage/tools/waystage/collect"
)

// crowd numbers messages, and makes them those of persons who come in groups: each person of a
// group has one message after the other, and then the next group comes. Every second message of a
// person is of a visitor who has signed in. It is safe for concurrent use.
type crowd struct{ next atomic.Int64 }

const (
	groupPersons   = 1024
	personMessages = 20
	groupMessages  = groupPersons * personMessages
	// signsIn is the place of the identify among a person's messages.
	signsIn = 1
)

func newCrowd() *crowd { return &crowd{} }

// touchpoints is how many of the messages so far are such; the others are of persons signing in.
func (c *crowd) touchpoints() int { return touchpointsOf(int(c.next.Load())) }

// persons is how many the messages so far are of.
func (c *crowd) persons() int { return personsOfMessages(int(c.next.Load())) }

func touchpointsOf(messages int) int {
	rest := messages%groupMessages - signsIn*groupPersons
	return messages - messages/groupMessages*groupPersons - max(0, min(rest, groupPersons))
}

func personsOfMessages(messages int) int {
	return messages/groupMessages*groupPersons + min(messages%groupMessages, groupPersons)
}

// whatHappens is the event by the place among a person's messages; empty: the person signs in.
var whatHappens = [personMessages]string{
	"Promotion Viewed", "", "Products Searched", "Product List Viewed", "Product Viewed",
	"Product Viewed", "Product Viewed", "Reviews Viewed", "Product Added", "Product Viewed",
	"Product Added", "Product Viewed", "Product Viewed", "Product Added", "Cart Viewed",
	"Checkout Started", "Delivery Slot Selected", "Coupon Applied", "Payment Info Entered",
	"Order Completed",
}

// surroundings are what a browser says of itself; with them a message has about 700 bytes.
const surroundings = `"context":{"page":{"path":"/shop/bread/rye-bread","referrer":` +
	`"https://grocer.example/","title":"Rye bread","url":` +
	`"https://grocer.example/shop/bread/rye-bread"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) ` +
	`AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","locale":"en-GB",` +
	`"library":{"name":"analytics.js","version":"npm:next-1.84.3"}}`

// write appends the next message, and gives the endpoint that takes it alone.
func (c *crowd) write(body *bytes.Buffer, at time.Time) (endpoint string) {
	n := int(c.next.Add(1) - 1)
	person := n/groupMessages*groupPersons + n%groupPersons
	place := n % groupMessages / groupPersons
	fmt.Fprintf(body, `{"messageId":"ajs-next-1767355198123-%012d","anonymousId":`+
		`"0f7c3f3a-55a1-4ad0-b8a6-%012d","timestamp":%q,`, n, person, at.Format(time.RFC3339Nano))
	if place >= signsIn && place%2 == 1 {
		fmt.Fprintf(body, `"userId":"user-%d",`, person)
	}
	endpoint = "track"
	if event := whatHappens[place]; event == "" {
		endpoint = "identify"
		fmt.Fprintf(body, `"type":"identify","traits":{"age":%d,"occupation":"employed",`+
			`"email":"user-%d@mail.example","plan":"plus"},`, 18+person%60, person)
	} else {
		fmt.Fprintf(body, `"type":"track","event":%q,"properties":{"product_id":"507f1f77",`+
			`"sku":"sku-%d","name":"Rye bread, sliced","price":%d.99,"quantity":2,`+
			`"currency":"EUR","category":"bread"},`, event, n%400, 1+n%9)
	}
	body.WriteString(surroundings + "}")
	return endpoint
}

// sender sends to one ingest. It is safe for concurrent use.
type sender struct {
	client *collect.Client
	crowd  *crowd

	mutex sync.Mutex
	outcome
}

// outcome is what became of what was sent. Every request was accepted, some after retries.
type outcome struct {
	messages  int
	bytes     int
	retries   int
	took      time.Duration
	cpuBegan  time.Duration
	cpu       time.Duration
	latencies []time.Duration
}

func (o outcome) rate() float64 { return float64(o.messages) / o.took.Seconds() }

// cpuEach in microseconds a message.
func (o outcome) cpuEach() float64 { return float64(o.cpu.Microseconds()) / float64(o.messages) }

func (o outcome) bytesEach() float64 { return float64(o.bytes) / float64(o.messages) }

const (
	// maxConnections is how many are kept open between requests.
	maxConnections = 512
	// retryFor is how long a request is sent again that cannot be taken now.
	retryFor = time.Minute
)

func newSender(address, key string, c *crowd) *sender {
	s := &sender{crowd: c}
	s.client = &collect.Client{
		Address: address, WriteKey: key, RetryFor: retryFor,
		HTTP: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: maxConnections}, Timeout: retryFor,
		},
		OnRetry: func(error, time.Duration) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.retries++
		},
	}
	return s
}

// begin forgets what was sent before; the function it gives ends the outcome.
func (s *sender) begin() (end func() outcome) {
	began, cpu := time.Now(), cpuTime()
	s.outcome = outcome{cpuBegan: cpu}
	return func() outcome {
		s.took, s.cpu = time.Since(began), cpuTime()-cpu
		s.client.HTTP.CloseIdleConnections()
		return s.outcome
	}
}

// saturate sends batches on so many connections, on each the next as soon as the last is accepted.
// Each sends one at least.
func (s *sender) saturate(
	ctx context.Context, span time.Duration, connections, batch int,
) (outcome, error) {
	end, until := s.begin(), time.Now().Add(span)
	group, ctx := errgroup.WithContext(ctx)
	for range connections {
		group.Go(func() error {
			for {
				if err := s.send(ctx, batch); err != nil {
					return err
				}
				if time.Now().After(until) {
					return nil
				}
			}
		})
	}
	err := group.Wait()
	return end(), err
}

// steadyBatch is how many messages a request of the steady flow has.
const steadyBatch = 20

// steady sends batches at a rate of messages, whether or not earlier ones are accepted yet.
func (s *sender) steady(ctx context.Context, rate int, span time.Duration) (outcome, error) {
	end := s.begin()
	interval := time.Second * steadyBatch / time.Duration(rate)
	err := paced(ctx, interval, span, func(ctx context.Context, _ int) error {
		return s.send(ctx, steadyBatch)
	})
	return end(), err
}

// paced does something at every interval of a span, numbered from 0, without waiting for what was
// begun before. What is late is made up for. It ends when all is done.
func paced(
	ctx context.Context, interval, span time.Duration, do func(ctx context.Context, n int) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConnections)
	began := time.Now()
	for n := range int(span / interval) {
		due := time.NewTimer(time.Until(began.Add(time.Duration(n) * interval)))
		select {
		case <-due.C:
		case <-ctx.Done():
			due.Stop()
			return errors.Join(context.Cause(ctx), group.Wait())
		}
		group.Go(func() error { return do(ctx, n) })
	}
	return group.Wait()
}

// send sends the next messages in one request, which must be accepted whole.
func (s *sender) send(ctx context.Context, messages int) error {
	var body bytes.Buffer
	endpoint, now := "batch", time.Now().UTC()
	if messages == 1 {
		endpoint = s.crowd.write(&body, now)
	} else {
		body.WriteString(`{"batch":[`)
		for i := range messages {
			if i > 0 {
				body.WriteByte(',')
			}
			s.crowd.write(&body, now)
		}
		body.WriteString("]}")
	}
	began := time.Now()
	if err := s.post(ctx, endpoint, body.Bytes()); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.messages, s.bytes = s.messages+messages, s.bytes+body.Len()
	s.latencies = append(s.latencies, time.Since(began))
	return nil
}

// post sends a body, again where it cannot be taken now. Errors: it is not taken whole.
func (s *sender) post(ctx context.Context, endpoint string, body []byte) error {
	answer, err := s.client.Post(ctx, endpoint, body)
	if err != nil {
		return err
	}
	if len(answer.Refused) > 0 {
		return fmt.Errorf("sending to %s: refused %+v", endpoint, answer.Refused[0])
	}
	return nil
}

// millis is a quantile by nearest rank, in milliseconds.
func millis(spans []time.Duration, share float64) string {
	if len(spans) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(spans))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return fmt.Sprintf("%.1f", float64(sorted[max(rank, 1)-1].Microseconds())/1000)
}
