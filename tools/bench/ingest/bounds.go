package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// killed sends at full load, kills ingest in the middle of it, and counts what Kafka holds of what
// was answered with success.
func (b *bench) killed(ctx context.Context) error {
	own, err := b.startIngest(ctx)
	if err != nil {
		return err
	}
	if err := awaitReady(ctx, own.address); err != nil {
		return errors.Join(err, own.kill())
	}
	before, err := b.stored(ctx, ownTopic)
	if err != nil {
		return errors.Join(err, own.kill())
	}
	s := shape{name: "batch", path: "/v1/batch", messages: 100, connections: b.batchers}
	time.AfterFunc(b.warmup, func() { _ = own.command.Process.Kill() })
	// Every connection ends with an error: that is what is tried.
	o, _ := load(ctx, s, own.address, b.key, &b.next, b.warmup+readyWait, 0)
	<-own.ended
	after, err := b.stored(ctx, ownTopic)
	if err != nil {
		return err
	}
	fmt.Printf("**Killed (SIGKILL) under full load:** %d messages answered with success, %d on "+
		"Kafka, %d lost\n\n", o.accepted, after-before, max(0, o.accepted-(after-before)))
	if after-before < o.accepted {
		return fmt.Errorf("%d messages answered with success are not on Kafka",
			o.accepted-(after-before))
	}
	return nil
}

// attack is what would fill the memory of a careless server.
type attack struct {
	name string
	// run lasts until ctx ends and tells what became of it.
	run func(ctx context.Context, address string) string
}

// memory measures the most memory that a new ingest has resident under each attack, and that it
// answers an ordinary request all the while.
func (b *bench) memory(ctx context.Context) error {
	fmt.Println("**Memory under what would fill it**, each with a new ingest\n\n" +
		"| | most resident, MB | slowest ordinary request beside it, ms | what became of it |\n" +
		"| --- | --- | --- | --- |")
	for _, a := range b.attacks() {
		own, err := b.startIngest(ctx)
		if err != nil {
			return err
		}
		if err := awaitReady(ctx, own.address); err != nil {
			return errors.Join(err, own.kill())
		}
		during, cancel := context.WithTimeout(ctx, b.run)
		slowest := make(chan time.Duration, 1)
		go func() { slowest <- b.ordinary(during, own.address) }()
		told := a.run(during, own.address)
		cancel()
		fmt.Printf("| %s | %.0f | %.0f | %s |\n", a.name, own.memory("VmHWM"),
			(<-slowest).Seconds()*1e3, told)
		if err := own.stop(); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// ordinary sends ten ordinary messages a second and gives the longest time to an answer 200; a
// minute stands for one that was not taken.
func (b *bench) ordinary(ctx context.Context, address string) time.Duration {
	s := shape{name: "ordinary", path: "/v1/track", messages: 1, connections: 1}
	o, err := load(ctx, s, address, b.key, &b.next, b.run, 10)
	if err != nil && ctx.Err() == nil || len(o.others) > 0 {
		return time.Minute
	}
	return o.quantile(1)
}

func (b *bench) attacks() []attack {
	auth := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(b.key+":")) + "\r\n"
	post := func(more string, body []byte) []byte {
		return append(fmt.Appendf(nil, "POST /v1/batch HTTP/1.1\r\nHost: x\r\n%s%s"+
			"Content-Length: %d\r\n\r\n", auth, more, len(body)), body...)
	}
	return []attack{
		{"nothing", func(ctx context.Context, _ string) string { <-ctx.Done(); return "" }},
		{"10,000 idle connections", idle},
		{"2,000 slow-loris connections, a byte of header a second", loris("POST /v1/batch HTTP/1.1\r\n" +
			"Host: x\r\nX-A: " + strings.Repeat("a", 4096))},
		{
			"2,000 slow bodies of a stated 500 KB, a byte a second",
			loris(fmt.Sprintf("POST /v1/batch HTTP/1.1\r\nHost: x\r\n%sContent-Length: 500000\r\n\r\n",
				auth) + strings.Repeat(" ", 4096)),
		},
		{"header floods of 1 MB", flood(256, func(int) []byte {
			return []byte("POST /v1/batch HTTP/1.1\r\nHost: x\r\n" +
				strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 1000) + "\r\n")
		})},
		{"gzip bombs of 450 MB", flood(64, func(int) []byte {
			return post("Content-Encoding: gzip\r\n", bomb())
		})},
		{"JSON bombs: 250,000 levels", flood(64, func(int) []byte {
			return post("", []byte(`{"batch":[{"type":"track","event":"a","userId":"b","properties":`+
				strings.Repeat("[", 250_000)+strings.Repeat("]", 200_000)))
		})},
		{"JSON bombs: 160,000 empty messages", flood(64, func(int) []byte {
			return post("", []byte(`{"batch":[`+strings.Repeat("{},", 160_000)+`{}]}`))
		})},
		{"5,000 distinct event names a second", func(ctx context.Context, address string) string {
			return b.names(ctx, address)
		}},
	}
}

func idle(ctx context.Context, address string) string {
	const connections = 10_000
	open := 0
	for range connections {
		conn, err := dial(ctx, address)
		if err != nil {
			break
		}
		defer conn.Close() //nolint:errcheck // all are held open until the end
		open++
	}
	<-ctx.Done()
	return fmt.Sprintf("%d open", open)
}

// loris sends a text a byte a second over many connections.
func loris(text string) func(context.Context, string) string {
	return func(ctx context.Context, address string) string {
		var ended atomic.Int64
		var group sync.WaitGroup
		const connections, begin = 2000, 64
		for range connections {
			group.Go(func() {
				conn, err := dial(ctx, address)
				if err != nil {
					ended.Add(1)
					return
				}
				defer conn.Close() //nolint:errcheck // nothing is lost
				_, err = io.WriteString(conn, text[:len(text)-begin])
				for i := len(text) - begin; err == nil && i < len(text); i++ {
					select {
					case <-ctx.Done():
						return
					case <-time.After(time.Second):
						_, err = io.WriteString(conn, text[i:i+1])
					}
				}
				ended.Add(1)
			})
		}
		group.Wait()
		return fmt.Sprintf("%d of %d were ended", ended.Load(), connections)
	}
}

// flood sends requests over many connections, a new connection where one was closed.
func flood(connections int, make func(n int) []byte) func(context.Context, string) string {
	return func(ctx context.Context, address string) string {
		var sent, closed atomic.Int64
		var mutex sync.Mutex
		statuses := map[string]int{}
		var group sync.WaitGroup
		for n := range connections {
			group.Go(func() {
				request := make(n)
				for ctx.Err() == nil {
					status, err := once(ctx, address, request)
					sent.Add(1)
					if err != nil {
						closed.Add(1)
						continue
					}
					mutex.Lock()
					statuses[status]++
					mutex.Unlock()
				}
			})
		}
		group.Wait()
		return fmt.Sprintf("%d sent; statuses %v; %d closed", sent.Load(), statuses, closed.Load())
	}
}

// once sends a request over a connection of its own and gives the status.
func once(ctx context.Context, address string, request []byte) (string, error) {
	conn, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	go func() { _, _ = conn.Write(request) }() // the answer may come before all is sent
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, line); err != nil {
		return "", fmt.Errorf("reading an answer: %w", err)
	}
	return string(line[9:]), nil
}

// bomb is 450 MB of white space, packed.
var bomb = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is right
	space := bytes.Repeat([]byte{' '}, 1<<20)
	for range 450 {
		_, _ = w.Write(space) // a buffer takes all
	}
	_ = w.Close()
	return packed.Bytes()
})

// names sends batches whose events all have new names.
func (b *bench) names(ctx context.Context, address string) string {
	var n, accepted int
	turn := time.NewTicker(20 * time.Millisecond)
	defer turn.Stop()
	auth := base64.StdEncoding.EncodeToString([]byte(b.key + ":"))
	for {
		select {
		case <-ctx.Done():
			return fmt.Sprintf("%d names, %d accepted", n, accepted)
		case <-turn.C:
		}
		var body bytes.Buffer
		body.WriteString(`{"batch":[`)
		for i := range 100 {
			if i > 0 {
				body.WriteByte(',')
			}
			n++
			fmt.Fprintf(&body, `{"type":"track","event":"name %d","userId":"u"}`, n)
		}
		body.WriteString(`]}`)
		status, err := once(ctx, address, fmt.Appendf(nil, "POST /v1/batch HTTP/1.1\r\nHost: x\r\n"+
			"Authorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s", auth, body.Len(), &body))
		if err == nil && status == "200" {
			accepted += 100
		}
	}
}
