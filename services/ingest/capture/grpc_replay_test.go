package capture

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/ingest/admit"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

var refusedAt = now.Add(-48 * time.Hour)

// refusedByOldRules are messages of one batch as rules that were stricter have left them.
func refusedByOldRules(payloads ...string) []wire.Quarantined {
	all := make([]wire.Quarantined, 0, len(payloads))
	for i, payload := range payloads {
		all = append(all, wire.Quarantined{
			Site: "shop", By: wire.ByIngest, Key: "w", Source: "/v1/batch", Reason: "too_deep",
			Detail: "nested deeper than 8 levels", Payload: []byte(payload), ReceivedAt: refusedAt,
			Index: uint32(10 + i), SentAt: refusedAt.Add(-time.Hour), Context: `{"lib":"x"}`,
			Internal: true,
		})
	}
	return all
}

func replayOf(all []wire.Quarantined) *collectv1.ReplayRequest {
	request := &collectv1.ReplayRequest{Parent: "sites/shop"}
	for i := range all {
		request.Messages = append(request.Messages, all[i].Message())
	}
	return request
}

// TestReplay: messages are judged by the rules and settings of now, as received when they were.
func TestReplay(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	f.keys.set(func(k *keys) { k.privacy = journey.Privacy{Denied: []string{"email"}} })
	all := refusedByOldRules(
		`{"type":"track","event":"Paid","userId":"u","messageId":"m-1",`+
			`"timestamp":"2025-12-31T10:00:00Z","properties":{"email":"a@b","n":1}}`,
		`{"event":"Paid","messageId":"m-2"}`,
		`{"event":"Paid","userId":"u"}`)
	all[1].Kind, all[2].Kind, all[2].Imported = journey.Track, journey.Track, true
	request := replayOf(all)
	request.DryRun = true
	tried, err := f.replay.Replay(as(t, "Bearer ak"), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.accepted())+len(f.refused()) != 0 {
		t.Errorf("a dry run kept %+v", f.accepted())
	}
	request.DryRun = false
	done, err := f.replay.Replay(as(t, "Bearer ak"), request)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range done.GetResults() {
		before := tried.GetResults()[i]
		if before.GetMessageId() != result.GetMessageId() ||
			before.GetRefusal().GetReason() != result.GetRefusal().GetReason() {
			t.Errorf("message %d: %v, dry %v", i, result, before)
		}
	}
	if results := done.GetResults(); len(results) != 3 || results[0].GetMessageId() != "m-1" ||
		results[0].GetRefusal() != nil || results[2].GetRefusal() != nil ||
		results[1].GetRefusal().GetReason() != "no_identity" {
		t.Errorf("results %v", results)
	}
	first := journey.Fact{
		Site: "shop", Message: "m-1", Kind: journey.Track, User: "u", Event: "Paid",
		OccurredAt: time.Date(2025, 12, 31, 11, 0, 0, 0, time.UTC),
		OriginalAt: time.Date(2025, 12, 31, 10, 0, 0, 0, time.UTC), ReceivedAt: refusedAt, Index: 10,
		Properties: `{"n":1}`, Context: `{"lib":"x"}`, Internal: true,
	}
	if diff := cmp.Diff(first, f.accepted()[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if imported := f.accepted()[1]; !imported.OccurredAt.Equal(refusedAt) ||
		!strings.HasPrefix(string(imported.Message), admit.DerivedPrefix) || imported.Index != 12 {
		t.Errorf("the imported one: %+v", imported)
	}
	marked := []wire.Quarantined{all[0], all[2]}
	for i := range marked {
		marked[i].ReplayedAt = now
	}
	if diff := cmp.Diff(marked, f.refused()); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	if marked[0].ID() != all[0].ID() {
		t.Error("a mark is of another message")
	}
}

// TestReplayTwice: a second replay writes the very same, so that it counts as the same receipt.
func TestReplayTwice(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	request := replayOf(refusedByOldRules(
		`{"type":"track","event":"Paid","userId":"u"}`, `{"type":"page","userId":"u"}`,
		`{"type":"track","event":"Paid","userId":"u","timestamp":"2025-12-31T10:00:00Z"}`))
	for range 2 {
		if _, err := f.replay.Replay(as(t, "Bearer "+rootToken), request); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.accepted()) != 6 {
		t.Fatalf("%d kept", len(f.accepted()))
	}
	if diff := cmp.Diff(f.accepted()[:3], f.accepted()[3:]); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

// TestReplayTokens: a token is taken wherever query takes one.
func TestReplayTokens(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	request := replayOf(refusedByOldRules(`{"type":"track","event":"Paid","userId":"u"}`))
	request.DryRun = true
	for _, token := range []string{"ak", rootToken} {
		for _, basic := range []string{token + ":", ":" + token, "x:" + token, token + ":x"} {
			authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte(basic))
			if _, err := f.replay.Replay(as(t, authorization), request); err != nil {
				t.Errorf("%s: %v", basic, err)
			}
		}
	}
}

// TestReplayOfWhatWasRefused: what ingest refuses comes out of quarantine as it went in: nothing
// that was refused once is accepted by the same rules.
func TestReplayOfWhatWasRefused(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	request := paidBatch("a", "b", "c", "d")
	request.Messages[0].PropertiesJson = `{"a":1},"userId":"evil"`
	request.Messages[1].UserId = ""
	request.Messages[2].Kind = 0
	request.Messages[3].OccurredAt = &timestamppb.Timestamp{Seconds: 1 << 60}
	if _, err := f.collect.Collect(as(t, "Bearer wk"), request); err != nil {
		t.Fatal(err)
	}
	response, err := f.replay.Replay(as(t, "Bearer ak"), replayOf(f.refused()))
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, result := range response.GetResults() {
		reasons = append(reasons, result.GetMessageId()+" "+result.GetRefusal().GetReason())
	}
	want := []string{"a wrong_type", "b no_identity", "c unknown_type", "d bad_time"}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.accepted()) != 0 || len(f.refused()) != 4 {
		t.Errorf("kept %+v, %d marks", f.accepted(), len(f.refused())-4)
	}
}

func TestReplayErrors(t *testing.T) {
	t.Parallel()
	const good = `{"type":"track","event":"Paid","userId":"u"}`
	change := func(how func(*collectv1.ReplayRequest)) *collectv1.ReplayRequest {
		request := replayOf(refusedByOldRules(good))
		how(request)
		return request
	}
	tests := []struct {
		name, authorization string
		request             *collectv1.ReplayRequest
		code                codes.Code
		says                string
	}{
		{"no key", "", change(func(*collectv1.ReplayRequest) {}), codes.Unauthenticated, "metadata"},
		{"unknown", "Bearer x", change(func(*collectv1.ReplayRequest) {}), codes.Unauthenticated, "admin token"},
		{"write key", "Bearer wk", change(func(*collectv1.ReplayRequest) {}), codes.PermissionDenied, "admin"},
		{"read key", "Bearer rk", change(func(*collectv1.ReplayRequest) {}), codes.PermissionDenied, "admin"},
		{
			"another site", "Bearer ak",
			change(func(r *collectv1.ReplayRequest) { r.Parent = "sites/other" }),
			codes.PermissionDenied, "sites/other",
		},
		{
			"no site", "Bearer ak", change(func(r *collectv1.ReplayRequest) { r.Parent = "shop" }),
			codes.InvalidArgument, "parent",
		},
		{
			"no such site", "Bearer " + rootToken,
			change(func(r *collectv1.ReplayRequest) { r.Parent = "sites/none" }),
			codes.InvalidArgument, "no such site",
		},
		{
			"nothing", "Bearer ak", change(func(r *collectv1.ReplayRequest) { r.Messages = nil }),
			codes.InvalidArgument, "1 to 1000",
		},
		{
			"of another site", "Bearer ak",
			change(func(r *collectv1.ReplayRequest) { r.Messages[0].Site = "other" }),
			codes.InvalidArgument, "messages[0]",
		},
		{
			"not received", "Bearer ak",
			change(func(r *collectv1.ReplayRequest) {
				r.Messages[0].ReceivedAt = timestamppb.New(now.Add(time.Hour))
			}), codes.InvalidArgument, "still to come",
		},
		{
			"no context", "Bearer ak",
			change(func(r *collectv1.ReplayRequest) { r.Messages[0].BatchContextJson = "[" }),
			codes.InvalidArgument, "messages[0]",
		},
		{
			"no reason", "Bearer ak",
			change(func(r *collectv1.ReplayRequest) { r.Messages[0].Reason = "" }),
			codes.InvalidArgument, "reason",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newCallFixture(t, newFixture())
			_, err := f.replay.Replay(as(t, tt.authorization), tt.request)
			if grpcstatus.Code(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
			if len(f.accepted())+len(f.refused()) > 0 {
				t.Errorf("kept %+v", f.accepted())
			}
			if last := f.answered(); len(last) != 1 || last[0].Endpoint != "grpc:Replay" ||
				last[0].Status == http.StatusOK {
				t.Errorf("outcomes %+v", last)
			}
		})
	}
}

// TestReplayOfWhatIsNotWhole: what was not kept whole, or never judged here, stays refused.
func TestReplayOfWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	const good = `{"type":"track","event":"Paid","userId":"u"}`
	all := refusedByOldRules(good, good, good)
	all[0].PayloadCut, all[1].Withheld, all[2].By = true, true, wire.ByProcessor
	f := newCallFixture(t, newFixture())
	response, err := f.replay.Replay(as(t, "Bearer ak"), replayOf(all))
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range response.GetResults() {
		if result.GetRefusal().GetReason() != "too_deep" {
			t.Errorf("message %d: %v", i, result)
		}
	}
	if len(f.accepted()) != 0 {
		t.Errorf("kept %+v", f.accepted())
	}
}

// TestReplayWhileAway: what cannot be looked up or kept can be tried again.
func TestReplayWhileAway(t *testing.T) {
	t.Parallel()
	f := newCallFixture(t, newFixture())
	request := replayOf(refusedByOldRules(`{"type":"track","event":"Paid","userId":"u"}`))
	f.sites.away = fault.New(fault.Unavailable, "no ClickHouse")
	_, err := f.replay.Replay(as(t, "Bearer "+rootToken), request)
	if grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("settings: %v", err)
	}
	f.change(func(s *sink) { s.err = fault.New(fault.Unavailable, "no Kafka") })
	if _, err = f.replay.Replay(as(t, "Bearer ak"), request); grpcstatus.Code(err) !=
		codes.Unavailable {
		t.Errorf("sink: %v", err)
	}
}

// halfSink is a sink whose writes fail with a part kept, as Sink allows.
type halfSink struct{ *sink }

func (h halfSink) Write(
	ctx context.Context, accepted []journey.Fact, refused []wire.Quarantined,
) error {
	if err := h.sink.Write(ctx, accepted[:len(accepted)/2], refused); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, "a partition has no leader")
}

// TestReplayMarksWhatIsKept: what may not have been kept is not marked, and can be tried again.
func TestReplayMarksWhatIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.Handler.sink = halfSink{f.sink}
	c := newCallFixture(t, f)
	request := replayOf(refusedByOldRules(paid, paid, paid))
	if _, err := c.replay.Replay(as(t, "Bearer ak"), request); grpcstatus.Code(err) !=
		codes.Unavailable {
		t.Errorf("got %v", err)
	}
	if len(c.accepted()) != 1 || len(c.refused()) != 0 {
		t.Errorf("%d kept, %d marked", len(c.accepted()), len(c.refused()))
	}
}

// TestReplayAndSentAgain: once its cause is mended, a refused message and the same bytes sent again
// are one.
func TestReplayAndSentAgain(t *testing.T) {
	t.Parallel()
	const body = `{"sentAt":"2026-01-02T11:00:00Z","batch":[{"type":"track","event":"Paid",` +
		`"userId":"u","timestamp":"2026-01-03T11:30:00Z","properties":{"email":"a@b","n":1}}]}`
	for _, denied := range [][]string{nil, {"email"}} {
		for _, agent := range []string{"", "Mozilla/5.0 X"} {
			f := newFixture()
			f.keys.set(func(k *keys) { k.privacy = journey.Privacy{Denied: denied} })
			c := newCallFixture(t, f)
			send := func() {
				r := post("/v1/batch", body)
				r.Header.Set("User-Agent", agent)
				f.send(t, r)
			}
			send() // ahead by the corrected clock
			c.config.Rules.SkewTolerance = 2 * time.Hour
			send()
			if len(c.refused()) != 1 || len(c.accepted()) != 1 {
				t.Fatalf("refused %v, accepted %v", c.refused(), c.accepted())
			}
			if _, err := c.replay.Replay(as(t, "Bearer ak"), replayOf(c.refused())); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.accepted()[:1], c.accepted()[1:]); diff != "" {
				t.Errorf("denied %q, agent %q (-sent again +replayed):\n%s", denied, agent, diff)
			}
		}
	}
}

// TestReplayOfBadContext: a message whose batch's context was at fault is not taken without it.
func TestReplayOfBadContext(t *testing.T) {
	t.Parallel()
	c := newCallFixture(t, newFixture())
	for context, want := range map[string]admit.Reason{
		`"oops"`:      admit.WrongType,
		`{"n":1e400}`: admit.NumberOutOfRange,
		`{"a":"` + strings.Repeat("x", admit.MaxMessageBytes) + `"}`: admit.TooLarge,
	} {
		c.change(func(s *sink) { s.refused = nil })
		c.send(t, post("/v1/batch", `{"context":`+context+`,"batch":[`+paid+`]}`))
		response, err := c.replay.Replay(as(t, "Bearer ak"), replayOf(c.refused()))
		if err != nil {
			t.Fatal(err)
		}
		if got := response.GetResults()[0].GetRefusal().GetReason(); got != string(want) {
			t.Errorf("%.20s: %q, want %s", context, got, want)
		}
	}
	all := refusedByOldRules(paid, paid)
	all[0].Context = journey.Object(`{"a":"` + strings.Repeat("x", admit.MaxMessageBytes) + `"}`)
	response, err := c.replay.Replay(as(t, "Bearer ak"), replayOf(all))
	if err != nil {
		t.Fatal(err)
	}
	if results := response.GetResults(); len(results) != 2 || results[1].GetRefusal() != nil ||
		results[0].GetRefusal().GetReason() != string(admit.TooLarge) {
		t.Errorf("a context that is too large: %v", results)
	}
	if len(c.accepted()) != 1 {
		t.Errorf("accepted %v", c.accepted())
	}
}

// TestReplayOfEvents: an event is judged as an event, a message that one became as a message.
func TestReplayOfEvents(t *testing.T) {
	t.Parallel()
	const event = `{"specversion":"1.0","id":"1","source":"/s","type":"waystage.page","time":"2026-01-01T00:00:00Z"`
	c := newCallFixture(t, newFixture())
	c.send(t, post("/v1/events", `[{"specversion":"1.0","id":"1","source":"/s","type":"page"},`+
		`{"type":"page","userId":"u"},`+
		`{"specversion":"1.0","id":"2","source":"/s","type":"Paid","subject":"u","time":"2026-01-03T13:00:00Z"}]`))
	response, err := c.replay.Replay(as(t, "Bearer ak"), replayOf(c.refused()))
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, result := range response.GetResults() {
		reasons = append(reasons, result.GetRefusal().GetReason())
	}
	if diff := cmp.Diff([]string{"no_identity", "missing_field", "time_out_of_range"},
		reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	all := refusedByOldRules(event+`,"subject":"u"}`, event+`,"userid":"u"}`)
	all[1].Source = "/v1/events"
	if _, err = c.replay.Replay(as(t, "Bearer ak"), replayOf(all)); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.accepted() {
		if f.Kind != journey.Page || f.User != "u" || f.Message != "/s 1" {
			t.Errorf("accepted %+v", f)
		}
	}
	if len(c.accepted()) != 2 {
		t.Errorf("%d accepted", len(c.accepted()))
	}
}

// TestNoAddressInQuarantine: no address stays whole in what is refused, however it is hidden.
func TestNoAddressInQuarantine(t *testing.T) {
	t.Parallel()
	for _, handling := range []journey.IPHandling{journey.TruncateIP, journey.DropIP} {
		f := newFixture()
		f.keys.set(func(k *keys) { k.privacy = journey.Privacy{IP: handling} })
		c := newCallFixture(t, f)
		request := paidBatch("m")
		request.Messages[0].ContextJson = `{"ip":"192.0.2.77",}`
		if _, err := c.collect.Collect(as(t, "Bearer wk"), request); err != nil {
			t.Fatal(err)
		}
		for _, message := range []string{
			`{"type":"track","event":"e","userId":"u","context":"{\"ip\":\"192.0.2.77\"}"}`,
			`{"type":"track","userId":"u","context":[{"ip":"192.0.2.77"}]}`,
			`{"type":"track","userId":"u","context":{"\u0069p":"192.0.2.77"}`,
			`{"type":"track","userId":"u","context":{"ip":["192.0.2.77"]}`,
		} {
			f.send(t, post("/v1/ndjson", message))
		}
		if len(c.refused()) != 5 {
			t.Fatalf("%d refused", len(c.refused()))
		}
		for _, q := range c.refused() {
			if strings.Contains(string(q.Payload), "192.0.2.77") {
				t.Errorf("%v: %s", handling, q.Payload)
			}
		}
	}
}
