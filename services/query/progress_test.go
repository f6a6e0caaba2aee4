package query

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// TestProgress: a slow question tells how far it is, rows read of rows to read, ever more of them,
// and answers in the end as it does unstreamed; over HTTP the same comes as JSON objects, one a
// line. So do drop-offs and lists.
func TestProgress(t *testing.T) {
	t.Parallel()
	h := serve(t, furnish(t), slowly("50000"), func(*Config) {})
	stream, err := h.funnels.StreamFunnel(asRoot(t.Context()), &funnelv1.StreamFunnelRequest{
		Parent: "sites/large", Question: question(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	checkMessages(t, stream.Recv, isFunnel)
	answer, err := h.post(t.Context(), t, "funnels:stream", "large", question(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := json.NewDecoder(answer.Body)
	checkMessages(t, func() (*funnelv1.StreamFunnelResponse, error) {
		var line struct{ Result json.RawMessage }
		if err := lines.Decode(&line); err != nil {
			return nil, err
		}
		m := new(funnelv1.StreamFunnelResponse)
		return m, protojson.Unmarshal(line.Result, m)
	}, isFunnel)
	dropOffs, err := h.funnels.StreamDropOff(asRoot(t.Context()), &funnelv1.StreamDropOffRequest{
		Parent: "sites/large", Question: question(2 * time.Minute), SummaryOnly: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	checkMessages(t, dropOffs.Recv, func(m *funnelv1.StreamDropOffResponse) (is, right bool) {
		answer := m.GetAnswer()
		return answer != nil, answer.GetFacts() != nil &&
			answer.GetDropOffs()[0].GetWentOn() == largeRows/2
	})
	list, err := h.funnels.StreamFunnelPersons(asRoot(t.Context()), &funnelv1.StreamFunnelPersonsRequest{
		Parent: "sites/large", Question: question(3 * time.Minute), Step: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	checkMessages(t, list.Recv, func(m *funnelv1.StreamFunnelPersonsResponse) (is, right bool) {
		answer := m.GetAnswer()
		return answer != nil, answer.GetTotalSize() == largeRows/2 && len(answer.GetPersons()) == 100
	})
}

// isFunnel tells that a message is an answer, and the right one.
func isFunnel(m *funnelv1.StreamFunnelResponse) (is, right bool) {
	answer := m.GetAnswer()
	return answer != nil, answer.GetFacts() != nil && answer.GetSteps()[1].GetCount() == largeRows/2
}

// checkMessages reads messages of a streamed answer to their end.
func checkMessages[M interface{ GetProgress() *funnelv1.Progress }](
	t *testing.T, next func() (M, error), isAnswer func(M) (is, right bool),
) {
	t.Helper()
	var last *funnelv1.Progress
	told := 0
	for {
		m, err := next()
		if err != nil {
			t.Fatalf("after %d messages: %v", told, err)
		}
		if is, right := isAnswer(m); is {
			if !right {
				t.Errorf("the answer is %v", m)
			}
			break
		}
		p := m.GetProgress()
		if p.GetRowsRead() < last.GetRowsRead() || p.GetRowsRead() > p.GetRowsToRead() {
			t.Errorf("%v rows of %v after %v", p.GetRowsRead(), p.GetRowsToRead(), last)
		}
		last, told = p, told+1
	}
	if last.GetRowsRead() == 0 || told < 2 {
		t.Errorf("%d messages of progress, the last one %v", told, last)
	}
	if m, err := next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the answer: %v, %v", m, err)
	}
}

// TestStreamsAreGuarded: a streamed question needs a token, and tells mistakes as others do.
func TestStreamsAreGuarded(t *testing.T) {
	t.Parallel()
	h := serve(t, furnish(t), func(*http.Request) {}, func(*Config) {})
	for name, c := range map[string]struct {
		ctx  context.Context
		want codes.Code
		q    *funnelv1.FunnelQuestion
	}{
		"no token":    {ctx: t.Context(), want: codes.Unauthenticated, q: question(time.Minute)},
		"no question": {ctx: asRoot(t.Context()), want: codes.InvalidArgument},
	} {
		stream, err := h.funnels.StreamFunnel(c.ctx, &funnelv1.StreamFunnelRequest{
			Parent: "sites/small", Question: c.q,
		})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); status.Code(err) != c.want {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	answer, err := h.post(t.Context(), t, "funnels:stream", "small", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest ||
		!strings.Contains(string(body), "fieldViolations") {
		t.Errorf("over HTTP: %s: %s", answer.Status, body)
	}
	table, err := h.post(t.Context(), t, "funnels:stream?format=csv", "small", question(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Body.Close()
	if table.StatusCode != http.StatusNotAcceptable {
		t.Errorf("as a table: %s", table.Status)
	}
}
