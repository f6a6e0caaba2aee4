// Package demo tells the story of a synthetic company to a site, through ingest like any sender: a
// month of history at once, and from then on what its people do, faster than life, so that
// something can be seen.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/waystage/waystage/services/world"
	"github.com/waystage/waystage/tools/waystage/archive"
)

const (
	// Site is the id of the site that the company is, whichever it is.
	Site = "demo"
	// History is how much is told of the time before the first start.
	History = 30 * 24 * time.Hour
	// DefaultPace is how many times faster than life people live after the first start: a few
	// touchpoints a second.
	DefaultPace = 360
	// Seed is that of the world.
	Seed = 1

	// tick is how often what is due is sent.
	tick = 500 * time.Millisecond
	// longestTick is how much time a tick makes up for; the company sleeps when the machine does.
	longestTick = 10 * time.Second
)

// State is how far the story has been told.
type State struct {
	// Demo is which company it is. Empty: the grocery store, as in states of old.
	Demo world.Scenario `json:"demo,omitempty"`
	// Began is when the first start was. History ends there, and the faster life begins.
	Began time.Time `json:"began"`
	// HistoryDone tells that all history was accepted.
	HistoryDone bool `json:"history_done"`
	// At is the world's time up to which everything was sent.
	At time.Time `json:"at"`
}

// Teller tells the story. Messages have the same ids whenever they are told, so that telling
// again what a killed process may not have recorded changes no number.
type Teller struct {
	Sender archive.Sender
	// Pace is how many times faster than life people live.
	Pace float64
	// Save keeps the state.
	Save func(State) error

	world *world.Live
}

// New makes a teller of one of world.Scenarios.
func New(
	of world.Scenario, sender archive.Sender, pace float64, save func(State) error,
) *Teller {
	return &Teller{Sender: sender, Pace: pace, Save: save, world: world.NewLive(of, Seed)}
}

// Past tells the history before the state's beginning and gives how many messages that were.
// progress hears of how many of how many.
func (t *Teller) Past(
	ctx context.Context, s *State, progress func(done, of int),
) (int, error) {
	messages := t.world.Between(s.Began.Add(-History), s.Began)
	var lines bytes.Buffer
	if err := Write(&lines, messages); err != nil {
		return 0, err
	}
	run := archive.Import{
		Sender: t.Sender, Endpoint: "import",
		Progress: func(r archive.Report) { progress(r.Accepted+r.RefusedLines, len(messages)) },
	}
	report, err := run.Run(ctx, &lines)
	if err != nil {
		return report.Accepted, fmt.Errorf("telling %d messages of history: %w", len(messages), err)
	}
	s.HistoryDone = true
	return report.Accepted, t.Save(*s)
}

// Write writes messages as lines of JSON, as "waystage import" reads them.
func Write(to io.Writer, messages []world.Message) error {
	write := json.NewEncoder(to)
	for _, m := range messages {
		if err := write.Encode(m); err != nil {
			return fmt.Errorf("writing a message of the demo: %w", err)
		}
	}
	return nil
}

// saveEvery is how often a running story is recorded.
const saveEvery = 10 * time.Second

// Present tells what people do from now on, until ctx ends. Then it records how far it came.
func (t *Teller) Present(ctx context.Context, s State) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last, saved := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return t.Save(s)
		case <-ticker.C:
		}
		now := time.Now()
		if err := t.tell(ctx, &s, now.Add(-min(now.Sub(last), longestTick)), now); err != nil {
			if ctx.Err() != nil {
				return t.Save(s)
			}
			return err
		}
		last = now
		if now.Sub(saved) >= saveEvery {
			saved = now
			if err := t.Save(s); err != nil {
				return err
			}
		}
	}
}

// tell sends what is due between two instants and moves the state on.
func (t *Teller) tell(ctx context.Context, s *State, from, to time.Time) error {
	until := s.At.Add(time.Duration(float64(to.Sub(from)) * t.Pace))
	messages := t.world.Between(s.At, until)
	bodies := make([][]byte, len(messages))
	for i, m := range messages {
		m.Timestamp = shifted(m.Timestamp, s.At, from, t.Pace)
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("writing a message of the demo: %w", err)
		}
		bodies[i] = body
	}
	for len(bodies) > 0 {
		n := min(len(bodies), batchMessages)
		if _, err := t.Sender.Batch(ctx, "batch", bodies[:n]); err != nil {
			return fmt.Errorf("telling the demo: %w", err)
		}
		bodies = bodies[n:]
	}
	s.At = until
	return nil
}

// batchMessages keeps a batch far below the limits of a request.
const batchMessages = 200

// shifted is the instant at which something of the world's time happens for those who watch.
func shifted(at, origin, watched time.Time, pace float64) time.Time {
	return watched.Add(time.Duration(float64(at.Sub(origin)) / pace)).UTC()
}
