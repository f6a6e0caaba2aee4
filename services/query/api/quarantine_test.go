package api_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// young is an instant of whose messages the store has not let go yet.
var young = time.Now().UTC().Truncate(time.Hour).Add(891_234_567)

// kept is a message in quarantine.
var kept = quarantined(1, "no_identity", `{"type":"track"}`)

// quarantined is a message of site shop that was refused so many seconds before young.
func quarantined(ago int, reason, payload string) wire.Quarantined {
	return wire.Quarantined{
		Site: "shop", By: wire.ByIngest, Reason: reason, Detail: "mend it",
		Payload: []byte(payload), ReceivedAt: young.Add(-time.Duration(ago) * time.Second),
		Source: "/v1/batch", Key: "k1",
	}
}

// newShelf is a store with messages in quarantine.
func newShelf(t *testing.T, messages ...wire.Quarantined) *store.Store {
	t.Helper()
	st, err := store.Open(enginetest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := st.InsertQuarantined(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	return st
}

// judge takes every message whose payload holds none of the words that it refuses.
type judge struct {
	mu       sync.Mutex
	refuses  []string
	failure  error
	requests []*collectv1.ReplayRequest
}

func (j *judge) Replay(
	_ context.Context, m *collectv1.ReplayRequest,
) (*collectv1.ReplayResponse, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, proto.CloneOf(m))
	if j.failure != nil {
		return nil, j.failure
	}
	out := &collectv1.ReplayResponse{}
	for _, q := range m.GetMessages() {
		result := &collectv1.Result{}
		for _, word := range j.refuses {
			if strings.Contains(string(q.GetPayload()), word) {
				result.Refusal = &collectv1.Refusal{Reason: word}
			}
		}
		out.Results = append(out.Results, result)
	}
	return out, nil
}

// asked are the payloads that were sent, a line a request.
func (j *judge) asked() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, r := range j.requests {
		var payloads []string
		for _, q := range r.GetMessages() {
			payloads = append(payloads, string(q.GetPayload()))
		}
		lines = append(lines, strings.Join(payloads, " "))
	}
	return lines
}

func listed(t *testing.T, got reply) *collectv1.ListQuarantinedMessagesResponse {
	t.Helper()
	if got.status != 200 {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	m := &collectv1.ListQuarantinedMessagesResponse{}
	if err := protojson.Unmarshal([]byte(got.body), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func payloads(messages []*collectv1.QuarantinedMessage) string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, string(m.GetPayload()))
	}
	return strings.Join(texts, " ")
}

const shelfPath = "/v1/sites/shop/quarantinedMessages"

func TestListQuarantined(t *testing.T) {
	t.Parallel()
	old, foreign, done := quarantined(31*24*3600, "bad_time", "old"),
		quarantined(1, "bad_time", "foreign"), quarantined(5, "bad_time", "done")
	foreign.Site, done.ReplayedAt = "other", young
	another := quarantined(3, "bad_time", "c")
	another.Key = "k2"
	shelf := newShelf(t, quarantined(1, "bad_time", "a"), quarantined(2, "no_identity", "b"),
		another, old, foreign, done)
	h := open(t, func(s *settings) { s.at, s.quarantine = young, shelf })
	for query, c := range map[string]struct{ want, reasons string }{
		"":                                  {"a b c", "bad_time 2, no_identity 1"},
		"filter.reason=bad_time":            {"a c", "bad_time 2"},
		"filter.reason=none":                {"", ""},
		"filter.keyId=k2":                   {"c", "bad_time 1"},
		"filter.key_id=k1":                  {"a b", "bad_time 1, no_identity 1"},
		"filter.includeReplayed=true":       {"a b c done", "bad_time 3, no_identity 1"},
		"filter.toTime=" + before(1):        {"b c", "bad_time 1, no_identity 1"},
		"filter.fromTime=" + before(2):      {"a b", "bad_time 1, no_identity 1"},
		"filter.from_time=" + before(1<<23): {"a b c old", "bad_time 3, no_identity 1"},
		"filter.reason=bad_time&filter.from_time=" + before(2) + "&pageSize=1": {"a", "bad_time 1"},
	} {
		got := listed(t, h.send(t, "GET", shelfPath+"?"+query, adminToken, ""))
		var reasons []string
		for _, r := range got.GetReasons() {
			reasons = append(reasons, fmt.Sprintf("%s %d", r.GetReason(), r.GetCount()))
		}
		if p := payloads(got.GetMessages()); p != c.want || strings.Join(reasons, ", ") != c.reasons {
			t.Errorf("%s: %q, %v; want %q, %q", query, p, reasons, c.want, c.reasons)
		}
	}
	absent := h.send(t, "GET", "/v1/sites/absent/quarantinedMessages", rootToken, "")
	if absent.status != 404 {
		t.Errorf("of no site: %d %s", absent.status, absent.body)
	}
}

// before is the instant so many seconds before young, for a query.
func before(seconds int) string {
	at := young.Add(-time.Duration(seconds) * time.Second)
	return url.QueryEscape(at.Format(time.RFC3339Nano))
}

// TestQuarantinePages: pages go on where the one before ended, whatever arrives; the counts stand
// on the first alone.
func TestQuarantinePages(t *testing.T) {
	t.Parallel()
	shelf := newShelf(t, quarantined(2, "bad_time", "b"), quarantined(3, "bad_time", "c"),
		quarantined(4, "bad_time", "d"))
	h := open(t, func(s *settings) { s.at, s.quarantine = young, shelf })
	page := func(token string) *collectv1.ListQuarantinedMessagesResponse {
		t.Helper()
		return listed(t, h.send(t, "GET", shelfPath+"?pageSize=2&pageToken="+token, adminToken, ""))
	}
	first := page("")
	late := []wire.Quarantined{quarantined(1, "bad_time", "a")}
	if err := shelf.InsertQuarantined(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	second := page(first.GetNextPageToken())
	if got := payloads(first.GetMessages()) + "|" + payloads(second.GetMessages()); got != "b c|d" ||
		second.GetNextPageToken() != "" || len(first.GetReasons()) != 1 ||
		len(second.GetReasons()) != 0 {
		t.Errorf("pages %s: %v, %v", got, first, second)
	}
	other := h.send(t, "GET", shelfPath+"?filter.reason=x&pageToken="+first.GetNextPageToken(),
		adminToken, "")
	checkRefusal(t, other.refusal(t), codes.InvalidArgument, []string{"page_token"}, "another request")
}

// TestQuarantinePageBytes: a page of large payloads or contexts ends before it is too large to send.
func TestQuarantinePageBytes(t *testing.T) {
	t.Parallel()
	var large []wire.Quarantined
	for i := range 200 {
		q := quarantined(i+1, "too_large", strings.Repeat("x", wire.MaxPayloadBytes))
		if i%2 == 1 {
			q.Payload, q.Context = []byte("{}"), journey.Object(`{"a":"`+string(q.Payload)+`"}`)
		}
		large = append(large, q)
	}
	shelf := newShelf(t, large...)
	h := open(t, func(s *settings) { s.at, s.quarantine = young, shelf })
	seen, token := 0, ""
	for range 3 {
		got := listed(t, h.send(t, "GET", shelfPath+"?pageSize=1000&pageToken="+token, adminToken, ""))
		if n := len(got.GetMessages()); n > 128 {
			t.Errorf("%d messages in a page", n)
		}
		seen += len(got.GetMessages())
		if token = got.GetNextPageToken(); token == "" {
			break
		}
	}
	if seen != len(large) || token != "" {
		t.Errorf("%d messages in all pages, then token %q", seen, token)
	}
}

func TestGetQuarantined(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.at, s.quarantine = young, newShelf(t, kept) })
	got := h.send(t, "GET", shelfPath+"/"+kept.ID(), adminToken, "")
	want := `{"message":{"site":"shop","stageOfRefusal":"ingest","reason":"no_identity",
		"detail":"mend it","payload":"eyJ0eXBlIjoidHJhY2sifQ==","payloadTruncated":false,
		"receivedAt":"` + kept.ReceivedAt.Format(time.RFC3339Nano) + `","batchIndex":0,"source":"/v1/batch",
		"keyId":"k1","kind":"KIND_UNSPECIFIED","sentAt":null,"batchContextJson":"",
		"imported":false,"payloadWithheld":false,"replayedAt":null,"internal":false,
		"name":"sites/shop/quarantinedMessages/` + kept.ID() + `"}}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, got.body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	capital := h.send(t, "GET", shelfPath+"/"+strings.ToUpper(kept.ID()), adminToken, "")
	if capital.body != got.body {
		t.Errorf("in capitals: %s", capital.body)
	}
	for id, code := range map[string]codes.Code{
		strings.Repeat("0", 32): codes.NotFound, "1": codes.InvalidArgument,
		strings.Repeat("g", 32): codes.InvalidArgument, kept.ID() + "00": codes.InvalidArgument,
	} {
		if r := h.send(t, "GET", shelfPath+"/"+id, adminToken, "").refusal(t); r.Code != code {
			t.Errorf("%s: %v", id, r)
		}
	}
	foreign := h.send(t, "GET", "/v1/sites/other/quarantinedMessages/"+kept.ID(), otherToken, "")
	if foreign.status != 404 {
		t.Errorf("asked of another site: %d %s", foreign.status, foreign.body)
	}
}

func TestQuarantineRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.at, s.quarantine, s.replayer = young, newShelf(t), &judge{} })
	name := "sites/shop/quarantinedMessages/" + kept.ID()
	for label, c := range map[string]struct {
		method, path, body string
		fields             []string
	}{
		"from after to": {
			"GET", "?filter.from_time=" + before(1) + "&filter.to_time=" + before(2), "",
			[]string{"filter.from_time"},
		},
		"size and token": {"GET", "?pageSize=1001&pageToken=x", "", []string{"page_size", "page_token"}},
		"too many":       {"POST", ":replay", `{"maxMessages":100001}`, []string{"max_messages"}},
		"no token":       {"POST", ":replay", `{"pageToken":"eA"}`, []string{"page_token"}},
		"no name":        {"POST", ":replay", `{"name":"x"}`, []string{"name"}},
		"name of another site": {
			"POST", ":replay", `{"name":"` + strings.Replace(name, "shop", "other", 1) + `"}`,
			[]string{"name"},
		},
		"name and filter": {
			"POST", ":replay", `{"name":"` + name + `","filter":{}}`, []string{"filter"},
		},
	} {
		got := h.send(t, c.method, shelfPath+c.path, adminToken, c.body).refusal(t)
		if got.Code != codes.InvalidArgument || !cmp.Equal(c.fields, got.fields()) {
			t.Errorf("%s: %v, want %v", label, got, c.fields)
		}
	}
	unknown := h.send(t, "GET", shelfPath+"?filter.site=other", adminToken, "")
	if unknown.status != 400 {
		t.Errorf("an unknown parameter: %d %s", unknown.status, unknown.body)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	cut, withheld, record := quarantined(4, "too_large", "cut"), quarantined(5, "no_consent", ""),
		quarantined(6, "unreadable_record", "record")
	cut.PayloadCut, withheld.Withheld, record.By = true, true, wire.ByProcessor
	shelf := newShelf(t, quarantined(1, "r", "e"), quarantined(2, "r", "d bad"),
		quarantined(3, "r", "c worse"), cut, withheld, record, quarantined(7, "r", "b bad"),
		quarantined(8, "r", "a"))
	replay := func(j *judge, body string) (reply, string) {
		t.Helper()
		h := open(t, func(s *settings) { s.at, s.quarantine, s.replayer = young, shelf, j })
		got := h.send(t, "POST", shelfPath+":replay", adminToken, body)
		return got, strings.Join(j.asked(), "|")
	}
	const all = `{"accepted":"2","refused":[{"reason":"bad","count":"2"},` +
		`{"reason":"worse","count":"1"}],"unreplayable":"3","nextPageToken":""}`
	for body, asked := range map[string]string{
		`{}`:              "a b bad c worse d bad e",
		`{"dryRun":true}`: "a b bad c worse d bad e",
	} {
		j := &judge{refuses: []string{"bad", "worse"}}
		got, sent := replay(j, body)
		if diff := cmp.Diff(parsed(t, all), parsed(t, got.body)); diff != "" || sent != asked {
			t.Errorf("%s sent %q (-want +got):\n%s", body, sent, diff)
		}
		if r := j.requests[0]; r.GetDryRun() != strings.Contains(body, "dry") ||
			r.GetParent() != "sites/shop" {
			t.Errorf("%s asked %v", body, r)
		}
	}
	one := quarantined(7, "r", "b bad")
	name := "sites/shop/quarantinedMessages/" + one.ID()
	got, sent := replay(&judge{}, `{"name":"`+name+`"}`)
	if sent != "b bad" || !strings.Contains(got.body, `"accepted":"1"`) {
		t.Errorf("one: sent %q: %s", sent, got.body)
	}
	if got, _ := replay(&judge{}, `{"name":"`+name[:len(name)-32]+strings.Repeat("0", 32)+`"}`); got.status != 404 {
		t.Errorf("one that is not there: %d %s", got.status, got.body)
	}
	if _, sent := replay(&judge{}, `{"filter":{"reason":"too_large"}}`); sent != "" {
		t.Errorf("what cannot be judged was sent: %q", sent)
	}
	away := &judge{failure: fault.New(fault.Unavailable, "ingest is away; try again")}
	if got, _ := replay(away, `{}`); got.status != 503 {
		t.Errorf("ingest away: %d %s", got.status, got.body)
	}
}

// TestReplayGoesOn: a call tries at most so many; the next goes on after them, whatever became of
// them, until none is left.
func TestReplayGoesOn(t *testing.T) {
	t.Parallel()
	var messages []wire.Quarantined
	for i := range 10 {
		messages = append(messages, quarantined(10-i, "r", fmt.Sprint(i)))
	}
	j := &judge{refuses: []string{"0", "1", "2", "3"}}
	h := open(t, func(s *settings) { s.at, s.quarantine, s.replayer = young, newShelf(t, messages...), j })
	token := ""
	for i := range 4 {
		got := h.send(t, "POST", shelfPath+":replay", adminToken,
			fmt.Sprintf(`{"maxMessages":3,"pageToken":%q}`, token))
		answer, _ := parsed(t, got.body).(map[string]any)
		token = fmt.Sprint(answer["nextPageToken"])
		if last := i == 3; last != (token == "") {
			t.Fatalf("call %d: %s", i, got.body)
		}
	}
	want := []string{"0 1 2", "3 4 5", "6 7 8", "9"}
	if diff := cmp.Diff(want, j.asked()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// TestReplayParts: what is sent to ingest at once is bounded in number and size.
func TestReplayParts(t *testing.T) {
	t.Parallel()
	var messages []wire.Quarantined
	for i := range 1100 {
		messages = append(messages, quarantined(2000-i, "r", fmt.Sprint(i)))
	}
	for i := range 70 {
		messages = append(messages, quarantined(100-i, "r", strings.Repeat("x", 60<<10)))
	}
	j := &judge{}
	h := open(t, func(s *settings) { s.at, s.quarantine, s.replayer = young, newShelf(t, messages...), j })
	got := h.send(t, "POST", shelfPath+":replay", adminToken, `{}`)
	if !strings.Contains(got.body, `"accepted":"1170"`) {
		t.Errorf("got %s", got.body)
	}
	for i, r := range j.requests {
		if n, size := len(r.GetMessages()), proto.Size(r); n == 0 || n > 500 || size > 401<<10 {
			t.Errorf("request %d has %d messages, %d bytes", i, n, size)
		}
	}
}

// TestReplayOfWhatIngestDoesNotRead: messages that are larger than ingest reads hold up no others,
// in one call or the next.
func TestReplayOfWhatIngestDoesNotRead(t *testing.T) {
	t.Parallel()
	const reads = 500 << 10
	messages := []wire.Quarantined{quarantined(100, "r", "oldest"), quarantined(1, "r", "newest")}
	for i, bytes := range []int{reads + 1, reads, reads - 1000, reads - 2000} {
		q := quarantined(50-i, "r", "{}")
		q.Context = journey.Object(`{"a":"` + strings.Repeat("x", bytes-len(`{"a":""}`)) + `"}`)
		messages = append(messages, q)
	}
	j := &judge{}
	h := open(t, func(s *settings) { s.at, s.quarantine, s.replayer = young, newShelf(t, messages...), j })
	got := h.send(t, "POST", shelfPath+":replay", adminToken, `{}`)
	if !strings.Contains(got.body, `"accepted":"3"`) || !strings.Contains(got.body, `"unreplayable":"3"`) {
		t.Errorf("got %s", got.body)
	}
	if diff := cmp.Diff([]string{"oldest", "{}", "newest"}, j.asked()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for i, r := range j.requests {
		if size := proto.Size(r); size > reads {
			t.Errorf("request %d has %d bytes", i, size)
		}
	}
}

// TestReplayEndsInTime: a call ends while there is time to say how far it got.
func TestReplayEndsInTime(t *testing.T) {
	t.Parallel()
	var messages []wire.Quarantined
	for i := range 501 { // more than is sent at once
		messages = append(messages, quarantined(1000-i, "r", fmt.Sprint(i)))
	}
	j := &slow{}
	h := open(t, func(s *settings) {
		s.at, s.timeout = young, 4*time.Second
		s.quarantine, s.replayer = newShelf(t, messages...), j
	})
	got := h.send(t, "POST", shelfPath+":replay", adminToken, `{}`)
	answer, _ := parsed(t, got.body).(map[string]any)
	if answer["accepted"] != "500" || answer["nextPageToken"] == "" || len(j.asked()) != 1 {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}

// slow takes more than half of the time that a call has.
type slow struct{ judge }

func (s *slow) Replay(
	ctx context.Context, m *collectv1.ReplayRequest,
) (*collectv1.ReplayResponse, error) {
	deadline, _ := ctx.Deadline()
	half, cancel := context.WithDeadline(ctx, deadline.Add(-1500*time.Millisecond))
	defer cancel()
	<-half.Done()
	return s.judge.Replay(ctx, m)
}

func TestNoReplayer(t *testing.T) {
	t.Parallel()
	h := open(t, func(s *settings) { s.at, s.quarantine = young, newShelf(t) })
	got := h.send(t, "POST", shelfPath+":replay", adminToken, `{}`)
	if got.status != 501 || !strings.Contains(got.body, "WAYSTAGE_QUERY_INGEST_GRPC") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
