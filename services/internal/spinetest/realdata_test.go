//go:build realdata

package spinetest

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// onboardingMap maps the screens of the app to the stages of its sign-up.
const onboardingMap = `
title: App onboarding
stages:
  - {id: welcome}
  - {id: choice}
  - {id: login}
  - {id: consent}
touchpoints:
  - {id: welcome-screen, stage: welcome, events: [onboarding_welcome_screen]}
  - {id: login-choice, stage: choice, events: [onboarding__chooseLoginType]}
  - {id: login-type-1, stage: login, events: [onboarding_login_Type1]}
  - {id: policy-accepted, stage: consent, events: [onboarding_privacy_policyAccepted]}
`

// onboardingStages are the same steps as the funnel "login", asked for by stage.
var onboardingStages = []string{"welcome", "choice", "login", "consent"}

type expected struct {
	Events  int       `json:"events"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Funnels map[string]struct {
		Steps   []string                             `json:"steps"`
		Windows map[string]map[string]expectedWindow `json:"windows"`
	} `json:"funnels"`
}

type expectedWindow struct {
	Count         []uint32       `json:"count"`
	DropOff       []uint32       `json:"drop_off"`
	TimeToConvert *expectedSpan  `json:"time_to_convert_s"`
	Gaps          []expectedSpan `json:"gaps_s"`
}

type expectedSpan struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
}

// TestRealLog sends a real event log through the whole system and asks for funnels whose numbers
// an independent program counted: once, twice, shuffled, and with the processor killed.
func TestRealLog(t *testing.T) {
	dir := os.Getenv("WAYSTAGE_REAL_DATA")
	if dir == "" {
		t.Fatal("WAYSTAGE_REAL_DATA: name the folder of the real event log, " +
			"or leave the build tag realdata out")
	}
	want := readExpected(t, filepath.Join(dir, "app_onboarding.expected.json"))
	messages := readMessages(t, filepath.Join(dir, "app_onboarding.ndjson.gz"))
	if len(messages) != want.Events {
		t.Fatalf("the log has %d messages, want %d", len(messages), want.Events)
	}
	s := newStack(t, startKafka(t))
	for _, run := range []struct {
		name  string
		sends [][]json.RawMessage
		kills int
	}{
		{name: "as it is", sends: [][]json.RawMessage{messages}},
		{name: "twice", sends: [][]json.RawMessage{messages, messages}},
		{name: "shuffled", sends: [][]json.RawMessage{shuffled(messages)}},
		{name: "killed", sends: [][]json.RawMessage{messages}, kills: 4},
		{
			name:  "shuffled, twice, killed",
			sends: [][]json.RawMessage{shuffled(messages), shuffled(messages)}, kills: 4,
		},
	} {
		t.Run(run.name, func(t *testing.T) {
			s := s.in(t)
			site := "onboarding-" + strings.ReplaceAll(strings.ReplaceAll(run.name, ",", ""), " ", "-")
			write, read := s.site(site, onboardingMap)
			if run.kills > 0 {
				s.stop(syscall.SIGKILL) // so that all of it lies before the next one
			}
			for _, messages := range run.sends {
				s.sendAll(write, messages)
			}
			if run.kills > 0 {
				s.startProcessor()
				s.killInFlow(site, len(messages), run.kills)
			}
			s.settle()
			s.checkAll(site, read, want)
		})
	}
}

// sendAll sends messages in batches of 100.
func (s *stack) sendAll(key string, messages []json.RawMessage) {
	s.t.Helper()
	for batch := range slices.Chunk(messages, 100) {
		s.send(key, batch)
	}
}

func shuffled(messages []json.RawMessage) []json.RawMessage {
	out := make([]json.RawMessage, len(messages))
	for i, j := range rand.Perm(len(messages)) {
		out[i] = messages[j]
	}
	return out
}

func (s *stack) checkAll(site, token string, want expected) {
	s.t.Helper()
	for name, f := range want.Funnels {
		for window, ways := range f.Windows {
			for way, numbers := range ways {
				s.checkFunnel(site, token, want, eventSteps(f.Steps), window, way, numbers)
				if name == "login" {
					s.checkFunnel(site, token, want, stageSteps(), window, way, numbers)
				}
			}
		}
	}
}

func eventSteps(events []string) []*funnelv1.Step {
	var steps []*funnelv1.Step
	for _, e := range events {
		steps = append(steps, &funnelv1.Step{Target: &funnelv1.Step_Event{Event: e}})
	}
	return steps
}

func stageSteps() []*funnelv1.Step {
	var steps []*funnelv1.Step
	for _, stage := range onboardingStages {
		steps = append(steps, &funnelv1.Step{Target: &funnelv1.Step_Stage{Stage: stage}})
	}
	return steps
}

func (s *stack) checkFunnel(
	site, token string, want expected, steps []*funnelv1.Step, window, way string,
	numbers expectedWindow,
) {
	s.t.Helper()
	q := &funnelv1.FunnelQuestion{
		Range: &funnelv1.TimeRange{
			From: &funnelv1.TimeRange_FromTime{FromTime: timestamppb.New(want.First.Add(-time.Hour))},
			To:   &funnelv1.TimeRange_ToTime{ToTime: timestamppb.New(want.Last.Add(time.Hour))},
		},
		Steps:         steps,
		WindowSeconds: proto.Float64(map[string]float64{"5m": 300, "1d": 86400}[window]),
		Reentry: map[string]funnelv1.Reentry{
			"BEST": funnelv1.Reentry_REENTRY_BEST, "FIRST": funnelv1.Reentry_REENTRY_FIRST,
		}[way],
	}
	byGRPC, byJSON, err := s.ask(site, token, q)
	if err != nil {
		s.t.Fatal(err)
	}
	for protocol, got := range map[string]*funnelv1.AskFunnelResponse{
		"gRPC": byGRPC, "JSON": byJSON,
	} {
		for i, step := range got.GetSteps() {
			s.checkStep(protocol+" "+way+" "+window, i, step, numbers)
		}
		if len(got.GetSteps()) != len(numbers.Count) {
			s.t.Errorf("%s: %d steps", protocol, len(got.GetSteps()))
		}
	}
	s.checkDropOff(site, token, q, numbers)
}

func (s *stack) checkStep(what string, i int, got *funnelv1.StepResult, want expectedWindow) {
	s.t.Helper()
	if got.GetCount() != want.Count[i] {
		s.t.Errorf("%s: step %d: count %d, want %d", what, i+1, got.GetCount(), want.Count[i])
	}
	last := i == len(want.Count)-1
	if !last || want.TimeToConvert == nil {
		return
	}
	// The expected times are of those who went all the way: of the last step they are ours.
	s.checkSpan(what+", from the step before", got.GetFromPrevious(), want.Gaps[i-1])
	s.checkSpan(what+", from the entry", got.GetFromEntry(), *want.TimeToConvert)
}

func (s *stack) checkSpan(what string, got *funnelv1.Spans, want expectedSpan) {
	s.t.Helper()
	const rounding = 1e-6
	if math.Abs(got.GetMeanSeconds()-want.Mean) > rounding ||
		math.Abs(got.GetMedianSeconds()-want.Median) > rounding {
		s.t.Errorf("%s: mean %f median %f, want %f %f", what,
			got.GetMeanSeconds(), got.GetMedianSeconds(), want.Mean, want.Median)
	}
}

func (s *stack) checkDropOff(
	site, token string, q *funnelv1.FunnelQuestion, want expectedWindow,
) {
	s.t.Helper()
	if want.DropOff == nil {
		return
	}
	got, err := funnelv1.NewFunnelServiceClient(s.grpc).AskDropOff(auth(s.t.Context(), token),
		&funnelv1.AskDropOffRequest{Parent: "sites/" + site, Question: q})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, d := range got.GetDropOffs() {
		if d.GetLost()+d.GetInWindow() != want.DropOff[i] {
			s.t.Errorf("drop-off %d: %d, want %d", i+1, d.GetLost()+d.GetInWindow(), want.DropOff[i])
		}
	}
}

func readExpected(t *testing.T, path string) (want expected) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

func readMessages(t *testing.T, path string) (messages []json.RawMessage) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		messages = append(messages, json.RawMessage(append([]byte(nil), lines.Bytes()...)))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return messages
}
