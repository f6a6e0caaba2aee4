package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// shape is a way of sending.
type shape struct {
	name string
	path string
	// messages in a request.
	messages    int
	connections int
}

// users are whose messages are sent.
const users = 10_000

// message is about 700 bytes of what a browser sends; its digits are written anew each time.
const message = `{"timestamp":"%s","integrations":{},"type":"track","event":"Product Viewed",` +
	`"userId":"user-00000","anonymousId":"0f7c3f3a-55a1-4ad0-b8a6-000000000000",` +
	`"properties":{"product_id":"507f1f77bcf86cd7","sku":"sku-241","name":"Rye bread, sliced",` +
	`"price":3.99,"quantity":2,"currency":"EUR","category":"bread"},"context":{"page":{` +
	`"path":"/shop/bread/rye-bread","referrer":"https://grocer.example/","title":"Rye bread",` +
	`"url":"https://grocer.example/shop/bread/rye-bread"},"userAgent":"Mozilla/5.0 (X11; Linux ` +
	`x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",` +
	`"locale":"en-GB","timezone":"Europe/Berlin","library":{"name":"analytics.js","version":` +
	`"npm:next-1.84.3"}},"messageId":"ajs-next-0000000000000000"}`

// request is one that is sent again and again with other ids.
type request struct {
	bytes []byte
	// ids and users are places of digits, one of each per message.
	ids, users []int
}

var (
	idMark   = []byte(`ajs-next-`)
	userMark = []byte(`"userId":"user-`)
)

func newRequest(s shape, key string) *request {
	one := fmt.Appendf(nil, message, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	body := one
	if s.messages > 1 {
		body = []byte(`{"batch":[`)
		for i := range s.messages {
			if i > 0 {
				body = append(body, ',')
			}
			body = append(body, one...)
		}
		body = append(body, `]}`...)
	}
	r := &request{}
	r.bytes = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: ingest.example\r\nAuthorization: Basic "+
		"%s\r\nContent-Type: application/json\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n",
		s.path, base64.StdEncoding.EncodeToString([]byte(key+":")), len(body))
	r.bytes = append(r.bytes, body...)
	r.ids, r.users = places(r.bytes, idMark), places(r.bytes, userMark)
	return r
}

// places are the offsets behind each mark.
func places(text, mark []byte) []int {
	var found []int
	for at := 0; ; {
		i := bytes.Index(text[at:], mark)
		if i < 0 {
			return found
		}
		at += i + len(mark)
		found = append(found, at)
	}
}

// number writes the next ids into it.
func (r *request) number(next *atomic.Int64) {
	n := next.Add(int64(len(r.ids)))
	for i := range r.ids {
		id := n - int64(i)
		digits(r.bytes[r.ids[i]:r.ids[i]+16], id)
		digits(r.bytes[r.users[i]:r.users[i]+5], id%users)
	}
}

func digits(into []byte, n int64) {
	for i := len(into) - 1; i >= 0; i-- {
		into[i] = byte('0' + n%10)
		n /= 10
	}
}

// outcome is what became of a run.
type outcome struct {
	accepted int64
	others   map[int]int64
	took     time.Duration
	// latencies of accepted requests, sorted.
	latencies []time.Duration
}

func (o outcome) rate() float64 { return float64(o.accepted) / o.took.Seconds() }

func (o outcome) quantile(q float64) time.Duration {
	if len(o.latencies) == 0 {
		return 0
	}
	return o.latencies[min(len(o.latencies)-1, int(q*float64(len(o.latencies))))]
}

// load sends to a server for a while: each connection the next request when the last is answered
// or, with a rate, at its time, from which its latency counts then.
func load(
	ctx context.Context, s shape, address, key string, next *atomic.Int64,
	long time.Duration, requestsPerSecond float64,
) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	sum := outcome{others: map[int]int64{}}
	var mutex sync.Mutex
	var group sync.WaitGroup
	var failure error
	began := time.Now()
	for i := range s.connections {
		group.Go(func() {
			c := &connection{request: newRequest(s, key), next: next}
			if requestsPerSecond > 0 {
				c.interval = time.Duration(float64(s.connections) / requestsPerSecond *
					float64(time.Second))
				c.first = began.Add(c.interval * time.Duration(i) / time.Duration(s.connections))
			}
			err := c.run(ctx, address)
			mutex.Lock()
			defer mutex.Unlock()
			failure = errors.Join(failure, err)
			sum.accepted += c.accepted * int64(s.messages)
			sum.latencies = append(sum.latencies, c.latencies...)
			for status, n := range c.others {
				sum.others[status] += n
			}
		})
	}
	group.Wait()
	sum.took = time.Since(began)
	slices.Sort(sum.latencies)
	return sum, failure
}

// connection sends one request after the other.
type connection struct {
	request   *request
	next      *atomic.Int64
	first     time.Time
	interval  time.Duration
	accepted  int64
	others    map[int]int64
	latencies []time.Duration
}

func (c *connection) run(ctx context.Context, address string) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	c.others = map[int]int64{}
	reader := bufio.NewReaderSize(conn, 4<<10)
	for turn := 0; ctx.Err() == nil; turn++ {
		began := time.Now()
		if c.interval > 0 {
			due := c.first.Add(time.Duration(turn) * c.interval)
			time.Sleep(time.Until(due))
			began = due
		}
		c.request.number(c.next)
		if _, err := conn.Write(c.request.bytes); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
		status, err := answer(reader)
		if err != nil {
			return fmt.Errorf("reading an answer: %w", err)
		}
		if status != http.StatusOK {
			c.others[status]++
			continue
		}
		c.accepted++
		c.latencies = append(c.latencies, time.Since(began))
	}
	return nil
}

// answer reads one answer and gives its status.
func answer(r *bufio.Reader) (status int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, fmt.Errorf("no HTTP answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("no HTTP answer: %q", line)
	}
	length := 0
	for {
		line, err = r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found &&
			bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, fmt.Errorf("no HTTP answer: %q", line)
			}
		}
	}
	_, err = io.CopyN(io.Discard, r, int64(length))
	return status, err
}
