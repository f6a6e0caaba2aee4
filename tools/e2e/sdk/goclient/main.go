// Command goclient makes calls to analytics-go, to several hosts at once, and waits until it is
// done with all:
//
//	goclient '{"key":KEY,"scripts":[{"host":URL,"calls":[…]}]}'
//
// Each call is a message and its type. It prints how the SDK took the answers of each host:
// [{"delivered":1,"failed":0}]
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

// order is what to do.
type order struct {
	Key     string   `json:"key"`
	Scripts []script `json:"scripts"`
}

// script is what to tell a host.
type script struct {
	Host  string            `json:"host"`
	Calls []json.RawMessage `json:"calls"`
}

// flushInterval is how long calls are gathered.
const flushInterval = 50 * time.Millisecond

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(argument string) error {
	var o order
	if err := json.Unmarshal([]byte(argument), &o); err != nil {
		return err
	}
	outcomes, mistakes := make([]outcome, len(o.Scripts)), make([]error, len(o.Scripts))
	var playing sync.WaitGroup
	for n, s := range o.Scripts {
		playing.Go(func() { mistakes[n] = s.play(o.Key, &outcomes[n]) })
	}
	playing.Wait()
	if err := errors.Join(mistakes...); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

// play makes the calls and waits until their outcome is known.
func (s script) play(key string, o *outcome) error {
	client, err := analytics.NewWithConfig(key, analytics.Config{
		Endpoint: s.Host, Interval: flushInterval, Callback: o,
		Logger: analytics.StdLogger(log.New(io.Discard, "", 0)),
	})
	if err != nil {
		return err
	}
	o.pending.Add(len(s.Calls))
	for _, call := range s.Calls {
		message, err := messageOf(call)
		if err != nil {
			return err
		}
		if err := client.Enqueue(message); err != nil {
			return err
		}
	}
	// Close drops what is waiting for a retry.
	o.pending.Wait()
	return client.Close()
}

// messageOf reads a call.
func messageOf(call json.RawMessage) (analytics.Message, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(call, &kind); err != nil {
		return nil, err
	}
	switch kind.Type {
	case "track":
		return read[analytics.Track](call)
	case "page":
		return read[analytics.Page](call)
	case "identify":
		return read[analytics.Identify](call)
	case "group":
		return read[analytics.Group](call)
	case "alias":
		return read[analytics.Alias](call)
	default:
		return nil, fmt.Errorf("no call is named %q", kind.Type)
	}
}

func read[M analytics.Message](call json.RawMessage) (analytics.Message, error) {
	var message M
	err := json.Unmarshal(call, &message)
	return message, err
}

// outcome counts what the SDK says of each message.
type outcome struct {
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"`

	mutex   sync.Mutex
	pending sync.WaitGroup
}

// Success is called for a message that was delivered.
func (o *outcome) Success(analytics.Message) { o.settle(&o.Delivered) }

// Failure is called for a message that was given up.
func (o *outcome) Failure(analytics.Message, error) { o.settle(&o.Failed) }

func (o *outcome) settle(count *int) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	*count++
	o.pending.Done()
}
