package demo

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/journey/maps"
	"github.com/waystage/waystage/services/world"
	"github.com/waystage/waystage/tools/waystage/collect"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type message struct {
	Type, MessageID string
	Timestamp       time.Time
}

// listener is a sender that accepts everything.
type listener struct {
	mutex    sync.Mutex
	messages map[string][]message
	err      error
}

func (l *listener) Batch(
	_ context.Context, endpoint string, bodies [][]byte,
) (collect.Answer, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.err != nil {
		return collect.Answer{}, l.err
	}
	if l.messages == nil {
		l.messages = make(map[string][]message)
	}
	for _, body := range bodies {
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			return collect.Answer{}, err
		}
		l.messages[endpoint] = append(l.messages[endpoint], m)
	}
	return collect.Answer{Accepted: len(bodies)}, nil
}

func TestPastTellsAllOfTheHistory(t *testing.T) {
	t.Parallel()
	for _, of := range world.Scenarios() {
		t.Run(string(of), func(t *testing.T) {
			t.Parallel()
			pastTellsAll(t, of)
		})
	}
}

func pastTellsAll(t *testing.T, scenario world.Scenario) {
	l := &listener{}
	var saved State
	teller := New(scenario, l, 1, func(s State) error { saved = s; return nil })
	s := State{Demo: scenario, Began: began, At: began}
	var last, of int
	n, err := teller.Past(t.Context(), &s, func(done, all int) { last, of = max(last, done), all })
	if err != nil {
		t.Fatal(err)
	}
	if n < 10_000 || n != len(l.messages["import"]) || last != n || of != n {
		t.Errorf("told %d of %d, progress up to %d, heard %d", n, of, last, len(l.messages["import"]))
	}
	for _, m := range l.messages["import"] {
		if m.Timestamp.Before(began.Add(-History)) || !m.Timestamp.Before(began) {
			t.Fatalf("%+v is not of the history", m)
		}
	}
	want := State{Demo: scenario, Began: began, At: began, HistoryDone: true}
	if diff := cmp.Diff(want, saved); diff != "" || s != want {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
}

// TestCompaniesAreOnTheirMaps: what people are told to try, the maps know.
func TestCompaniesAreOnTheirMaps(t *testing.T) {
	t.Parallel()
	for _, s := range world.Scenarios() {
		c := CompanyOf(s)
		source, _ := maps.ByName(string(s))
		m, err := journey.ParseMap(source)
		if err != nil {
			t.Fatal(err)
		}
		known := make(map[string]bool)
		for _, stage := range m.Stages {
			known[string(stage.ID)] = true
		}
		for _, touchpoint := range m.Touchpoints {
			for _, event := range touchpoint.Events {
				known[event] = true
			}
		}
		first, last, _ := strings.Cut(c.Stages, "..")
		for _, name := range []string{first, last, c.Stage, c.Event, c.Sale} {
			if !known[name] {
				t.Errorf("the map of %s knows no %q", c.Title, name)
			}
		}
	}
}

func TestPastThatFailsIsNotDone(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	teller := New(world.Grocery, &listener{err: gone}, 1, func(State) error {
		t.Error("it was saved")
		return nil
	})
	s := State{Began: began, At: began}
	_, err := teller.Past(t.Context(), &s, func(int, int) {})
	if !errors.Is(err, gone) || s.HistoryDone {
		t.Errorf("got %v, %+v", err, s)
	}
}

func TestTellSqueezesTheWorldsTimeIntoThatOfTheWatcher(t *testing.T) {
	t.Parallel()
	l := &listener{}
	teller := New(world.Grocery, l, 3600, nil)
	s := State{Began: began, At: began}
	from := began.Add(240 * time.Hour)
	ids := make(map[string]bool)
	for i := range 24 {
		to := from.Add(time.Second)
		before := len(l.messages["batch"])
		if err := teller.tell(t.Context(), &s, from, to); err != nil {
			t.Fatal(err)
		}
		if want := began.Add(time.Duration(i+1) * time.Hour); !s.At.Equal(want) {
			t.Fatalf("after %d seconds the world is at %v, want %v", i+1, s.At, want)
		}
		for _, m := range l.messages["batch"][before:] {
			if m.Timestamp.Before(from) || !m.Timestamp.Before(to) || ids[m.MessageID] {
				t.Fatalf("%+v is outside of %v to %v, or told twice", m, from, to)
			}
			ids[m.MessageID] = true
		}
		from = to
	}
	if len(ids) < 100 {
		t.Errorf("a day of the world has %d messages only", len(ids))
	}
}

func TestTellingAgainTellsTheSame(t *testing.T) {
	t.Parallel()
	one, two := &listener{}, &listener{}
	for _, l := range []*listener{one, two} {
		s := State{Began: began, At: began}
		teller := New(world.Grocery, l, 10_000, nil)
		if err := teller.tell(t.Context(), &s, began, began.Add(10*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(one.messages, two.messages); diff != "" {
		t.Errorf("(-one +two):\n%s", diff)
	}
}

func TestPresentRecordsHowFarItCameWhenItEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	saved := 0
	teller := New(world.Grocery, &listener{}, 360, func(s State) error {
		saved++
		if s.At.Before(began) {
			t.Errorf("saved %+v", s)
		}
		return nil
	})
	if err := teller.Present(ctx, State{Began: began, At: began}); err != nil || saved != 1 {
		t.Errorf("ended with %v after saving %d times, want once", err, saved)
	}
}

func TestPresentEndsWhereItIsRefused(t *testing.T) {
	t.Parallel()
	refused := &collect.Error{Status: 401}
	teller := New(world.Grocery, &listener{err: refused}, 100_000, func(State) error { return nil })
	err := teller.Present(t.Context(), State{Began: began, At: began})
	if !errors.Is(err, refused) {
		t.Errorf("got %v, want %v", err, refused)
	}
}
