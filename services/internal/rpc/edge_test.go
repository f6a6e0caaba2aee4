package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
)

// asker answers funnel questions with what it is told, and keeps what it was asked.
type asker struct {
	funnelv1.UnimplementedFunnelServiceServer

	mutex  sync.Mutex
	asked  []proto.Message
	answer *funnelv1.AskFunnelResponse
	err    error
}

func (a *asker) keep(m proto.Message) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.asked = append(a.asked, m)
	return a.err
}

// last is what was asked last, and how often anything was.
func (a *asker) last() (proto.Message, int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if len(a.asked) == 0 {
		return nil, 0
	}
	return a.asked[len(a.asked)-1], len(a.asked)
}

func (a *asker) AskFunnel(
	ctx context.Context, m *funnelv1.AskFunnelRequest,
) (*funnelv1.AskFunnelResponse, error) {
	rpc.NameBreakdowns(ctx, []string{"trait:größe", "b"})
	err := a.keep(m)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.answer, err
}

// tell says what to answer from now on.
func (a *asker) tell(answer *funnelv1.AskFunnelResponse) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.answer = answer
}

func (a *asker) AskDropOff(
	_ context.Context, m *funnelv1.AskDropOffRequest,
) (*funnelv1.AskDropOffResponse, error) {
	return new(funnelv1.AskDropOffResponse), a.keep(m)
}

func (a *asker) ListFunnelPersons(
	_ context.Context, m *funnelv1.ListFunnelPersonsRequest,
) (*funnelv1.ListFunnelPersonsResponse, error) {
	return &funnelv1.ListFunnelPersonsResponse{NextPageToken: "t/1", TotalSize: 7}, a.keep(m)
}

// formats are a table of the answers of AskFunnel and of lists of persons, which tells what it was
// written by, and another one that breaks.
func formats() []rpc.Format {
	tables := func(answer protoreflect.FullName) []string {
		if answer.Name() == "AskDropOffResponse" {
			return nil
		}
		return []string{"first", "second"}
	}
	return []rpc.Format{
		{
			Name: "csv", Type: "text/csv; charset=utf-8", Tables: tables,
			Write: func(_ proto.Message, table string, by []string) ([]byte, error) {
				return []byte(table + "|" + strings.Join(by, "|")), nil
			},
		},
		{
			Name: "broken", Type: "application/x-broken", Tables: tables,
			Write: func(proto.Message, string, []string) ([]byte, error) {
				return nil, errors.New("a secret")
			},
		},
	}
}

// edge serves an asker over HTTP and gives its URL.
func edge(t *testing.T, a *asker) string {
	t.Helper()
	if a.answer == nil {
		a.answer = &funnelv1.AskFunnelResponse{Steps: []*funnelv1.StepResult{{Step: 1, Count: 5}}}
	}
	server, err := rpc.New(rpc.Config{
		GRPCListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", DrainTimeout: time.Minute,
		BodyMaxBytes: 1 << 20, Formats: formats(),
	}, rpc.NewGuard(rootToken, noKeys{}, time.Now), []rpc.Service{{
		Desc: &funnelv1.FunnelService_ServiceDesc, Handler: a,
		Gateway: funnelv1.RegisterFunnelServiceHandler,
		Access: map[string]rpc.Access{
			"AskFunnel": rpc.Reading, "AskDropOff": rpc.Reading, "ListFunnelPersons": rpc.Reading,
		},
	}}, zerolog.Nop(), func(string, codes.Code, time.Duration) {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, func(bool) {}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return "http://" + server.HTTPAddr()
}

// reply is an answer over HTTP.
type reply struct {
	status int
	header http.Header
	body   string
}

// violations are the fields of a refusal with what is said of them.
func (r reply) violations(t *testing.T) map[string]string {
	t.Helper()
	var s struct {
		Details []struct {
			FieldViolations []struct{ Field, Description string }
		}
	}
	if err := json.Unmarshal([]byte(r.body), &s); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	fields := make(map[string]string)
	for _, d := range s.Details {
		for _, v := range d.FieldViolations {
			fields[v.Field] = v.Description
		}
	}
	return fields
}

// call makes a request as root, with headers as name, value.
func call(t *testing.T, method, url, body string, headers ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+rootToken)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(b)}
}

const askPath = "/v1/sites/shop/funnels:ask"

// TestGetAsksTheSame: the query of a GET is the body of a POST.
func TestGetAsksTheSame(t *testing.T) {
	t.Parallel()
	a := &asker{}
	base := edge(t, a) + "/v1/sites/shop/funnels:"
	for query, body := range map[string]string{
		"ask": `{}`,
		"ask?step=stage:a&step=event:B%5Bx%3E1%5D&from=-30d&by=channel&by=trait:p&limit=3&" +
			"customersOnly=true&range_mode=all&asOf=now": `{"words":{"step":["stage:a",
			"event:B[x>1]"],"from":"-30d","by":["channel","trait:p"],"limit":3,
			"customersOnly":true,"rangeMode":"all","asOf":"now"}}`,
		"ask?saved=weekly@2&from=-7d": `{"saved":"weekly@2","words":{"from":"-7d"}}`,
		"ask?question=%7B%22order%22%3A%22ORDER_STRICT%22%7D": `{"question":{
			"order":"ORDER_STRICT"}}`,
		"askDropOff?stages=a..b&summaryOnly=true": `{"words":{"stages":"a..b"},
			"summaryOnly":true}`,
		"listPersons?step=a&step=b&stepNumber=2&selection=lost&group=email&page_size=5": `{
			"words":{"step":["a","b"]},"step":2,"selection":"PERSON_SELECTION_LOST",
			"group":[{"value":"email"}],"pageSize":5}`,
		"listPersons?step_number=1&selection=in-window&group=%7B%22missing%22%3Atrue%7D&group=": `{
			"step":1,"selection":"PERSON_SELECTION_IN_WINDOW",
			"group":[{"missing":true},{"value":""}]}`,
	} {
		method, _, _ := strings.Cut(query, "?")
		if got := call(t, "POST", base+method, body); got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, got.status, got.body)
		}
		want, _ := a.last()
		for _, method := range []string{"GET", "HEAD"} {
			got := call(t, method, base+query, "")
			if got.status != http.StatusOK || (got.body == "") != (method == "HEAD") {
				t.Errorf("%s %s: %d %s", method, query, got.status, got.body)
			}
			asked, _ := a.last()
			if diff := cmp.Diff(want, asked, protocmp.Transform()); diff != "" {
				t.Errorf("%s %s (-POST +%[1]s):\n%[3]s", method, query, diff)
			}
		}
	}
}

// TestGetRefuses: every mistake of a query is told, by its name, and nothing is asked.
func TestGetRefuses(t *testing.T) {
	t.Parallel()
	a := &asker{}
	base := edge(t, a) + "/v1/sites/shop/funnels:"
	for query, want := range map[string]map[string]string{
		"ask?stpe=a&form=-1d": {"stpe": "customersOnly, exclude, filter, format", "form": "unknown"},
		"ask?limit=many&customersOnly=perhaps": {
			"limit": "whole number", "customersOnly": "true or false",
		},
		"ask?from=-1d&from=-2d":       {"from": "2 times"},
		"ask?asOf=now&as_of=-1d":      {"as_of": "asOf too"},
		"ask?question=x":              {"question": "not the JSON"},
		"ask?parent=sites/other":      {"parent": "unknown parameter"},
		"ask?words=%7B%7D":            {"words": "unknown parameter"},
		"ask?summaryOnly=true":        {"summaryOnly": "unknown parameter"},
		"listPersons?selection=found": {"selection": "reached, lost, in_window, dropped"},
		"listPersons?group=%7B%7D%7D": {"group": "not the JSON"},
		"ask?format=xml":              {"format": "json, csv"},
		"ask?format=csv&format=json":  {"format": "2 times"},
		"ask?table=first":             {"table": "format=csv"},
		"ask?format=csv&table=third":  {"table": "first or second"},
	} {
		got := call(t, "GET", base+query, "")
		if got.status != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", query, got.status, got.body)
			continue
		}
		fields := got.violations(t)
		for field, says := range want {
			if !strings.Contains(fields[field], says) {
				t.Errorf("%s: %s is told %q, want %q in it", query, field, fields[field], says)
			}
		}
		if len(fields) != len(want) {
			t.Errorf("%s: told of %v", query, fields)
		}
	}
	for _, address := range []string{
		"ask?from=%ff", "ask?%ff=1", "ask?format=%ff", "ask?asOf=now&as_of=%ff", "ask%ff", "ask?x%ff",
	} {
		if got := call(t, "GET", base+address, ""); got.status != http.StatusBadRequest {
			t.Errorf("%s is no UTF-8: %d %s", address, got.status, got.body)
		}
	}
	for _, body := range []string{"\xff}", "{\"\xff\":1}", "{\"saved\":\"\xff\"}"} {
		if got := call(t, "POST", base+"ask", body); got.status != http.StatusBadRequest {
			t.Errorf("%q is no UTF-8: %d %s", body, got.status, got.body)
		}
	}
	// A part that the library cannot read is not left out, for it may be a filter.
	for _, query := range []string{"?filter=a==b;c&stages=a..b", "?filter=x>5%", "?filter=%zz"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			if got := call(t, method, base+"ask"+query, ""); got.status != http.StatusBadRequest ||
				method == "GET" && !strings.Contains(got.body, "%3B") {
				t.Errorf("%s %s: %d %s", method, query, got.status, got.body)
			}
		}
	}
	if m, n := a.last(); n != 0 {
		t.Errorf("asked %d times, the last is %v", n, m)
	}
	if got := call(t, "GET", base+"guess?x=1", ""); got.status == http.StatusOK {
		t.Errorf("a method that there is not: %d", got.status)
	}
}

// TestFormats: which format is answered in, by what the caller accepts.
func TestFormats(t *testing.T) {
	t.Parallel()
	a := &asker{}
	base := edge(t, a)
	for name, c := range map[string]struct {
		path, accept string
		status       int
		answer       string
	}{
		"nothing said":      {askPath, "", 200, "json"},
		"anything":          {askPath, "*/*", 200, "json"},
		"CSV":               {askPath, "text/csv", 200, "csv"},
		"CSV of a family":   {askPath, "text/*", 200, "csv"},
		"CSV in capitals":   {askPath, "Text/CSV; charset=utf-8", 200, "csv"},
		"CSV rather":        {askPath, "application/json;q=0.5, text/csv;q=0.9", 200, "csv"},
		"JSON rather":       {askPath, "application/json, text/csv;q=0.9", 200, "json"},
		"CSV first":         {askPath, "text/csv, application/json", 200, "csv"},
		"JSON first":        {askPath, "application/json, text/csv", 200, "json"},
		"CSV, else all":     {askPath, "text/csv, */*", 200, "csv"},
		"CSV, else all low": {askPath, "*/*;q=0.1, text/csv;q=0.2", 200, "csv"},
		"all but JSON":      {askPath, "application/json;q=0, */*", 200, "csv"},
		"all but CSV":       {askPath, "text/csv;q=0, */*", 200, "json"},
		"a browser":         {askPath, "text/html,application/xml;q=0.9,*/*;q=0.8", 200, "json"},
		"nonsense beside":   {askPath, "nonsense, text/csv", 200, "csv"},
		"nothing of ours":   {askPath, "application/xml", 406, "text/csv"},
		"nothing at all":    {askPath, "*/*;q=0", 406, "text/csv"},
		"no table":          {"/v1/sites/shop/funnels:askDropOff", "text/csv", 406, "accept application/json"},
		"no table, rather": {
			"/v1/sites/shop/funnels:askDropOff", "text/csv, application/json;q=0.1", 200, "{",
		},
		"no table by name":         {"/v1/sites/shop/funnels:askDropOff?format=csv", "", 406, "accept"},
		"by name":                  {askPath + "?format=csv", "application/json", 200, "csv"},
		"JSON by name":             {askPath + "?format=json", "text/csv", 200, "json"},
		"one that cannot be made":  {askPath + "?format=broken", "", 500, "operator's log"},
		"a table":                  {askPath + "?format=csv&table=second", "", 200, "second|"},
		"one that breaks, by type": {askPath, "application/x-broken", 500, "operator's log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"POST", "GET"} {
				body := map[string]string{"POST": "{}"}[method]
				got := call(t, method, base+c.path, body, "Accept", c.accept)
				if got.status != c.status {
					t.Errorf("%s: status %d, want %d: %s", method, got.status, c.status, got.body)
				}
				kind, want := "application/json", c.answer
				switch c.answer {
				case "json":
					want = `"steps":`
				case "csv", "second|":
					kind, want = "text/csv; charset=utf-8", strings.TrimPrefix(want, "csv")+"trait:größe|b"
				}
				if !strings.Contains(got.body, want) || strings.Contains(got.body, "secret") {
					t.Errorf("%s: answered %s, want %s in it", method, got.body, want)
				}
				h := got.header
				if h.Get("Content-Type") != kind || !strings.Contains(h.Get("Vary"), "Accept") {
					t.Errorf("%s: type %s, vary %s", method, h.Get("Content-Type"), h.Get("Vary"))
				}
				file := h.Get("Content-Disposition")
				if csv := kind != "application/json"; csv != strings.Contains(file, `"shop-funnels-ask`) {
					t.Errorf("%s: %s", method, file)
				}
				for name := range h {
					if strings.Contains(name, "Waystage-By") {
						t.Errorf("%s: header %s is not for callers", method, name)
					}
				}
			}
		})
	}
}

// TestUnacceptableAsksNothing: who could not read the answer changes nothing.
func TestUnacceptableAsksNothing(t *testing.T) {
	t.Parallel()
	a := &asker{}
	base := edge(t, a)
	call(t, "POST", base+askPath, "{}", "Accept", "image/png")
	if m, n := a.last(); n != 0 {
		t.Errorf("asked %v", m)
	}
}

// TestErrorsAreJSON: also where another format is asked for.
func TestErrorsAreJSON(t *testing.T) {
	t.Parallel()
	base := edge(t, &asker{err: fault.New(fault.NotFound, "no such site")})
	got := call(t, "GET", base+askPath, "", "Accept", "text/csv")
	if got.status != 404 || got.header.Get("Content-Type") != "application/json" ||
		!strings.Contains(got.body, "no such site") || got.header.Get("ETag") != "" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
}

// TestPagesInHeaders: a table has no place for what tells of the next page.
func TestPagesInHeaders(t *testing.T) {
	t.Parallel()
	base := edge(t, &asker{})
	got := call(t, "GET", base+
		"/v1/sites/shop/funnels:listPersons?stepNumber=2&format=csv&page_token=old", "")
	h := got.header
	if h.Get("X-Next-Page-Token") != "t/1" || h.Get("X-Total-Size") != "7" {
		t.Errorf("headers %v", h)
	}
	link, rel, _ := strings.Cut(h.Get("Link"), ">")
	next, err := url.Parse(strings.TrimPrefix(link, "<"))
	if err != nil || rel != `; rel="next"` || next.Path != "/v1/sites/shop/funnels:listPersons" {
		t.Fatalf("link %q", h.Get("Link"))
	}
	want := url.Values{"stepNumber": {"2"}, "format": {"csv"}, "pageToken": {"t/1"}}
	if diff := cmp.Diff(want, next.Query()); diff != "" {
		t.Error(diff)
	}
}

// answerOf is an answer whose every number is there.
func answerOf(count uint32, at time.Time, share float64) *funnelv1.AskFunnelResponse {
	now := timestamppb.New(at)
	return &funnelv1.AskFunnelResponse{
		Steps: []*funnelv1.StepResult{{
			Step: 1, Count: count, ConversionFromFirst: &funnelv1.Share{Value: share},
		}},
		Comparison: &funnelv1.Comparison{FromTime: now, ToTime: now, AsOf: now},
		Facts: &funnelv1.AnswerFacts{
			AsOf: now, FromTime: now, ToTime: now, FreshUntil: now,
			TookSeconds: float64(at.Nanosecond()), TouchpointsRead: float64(at.Nanosecond()),
		},
	}
}

// TestEntityTags: who has an answer already is told so; a tag changes with any number, with the
// format, the question and the site, and with nothing that changes by itself.
func TestEntityTags(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1000, 1), time.Unix(2000, 2)
	a := &asker{answer: answerOf(5, early, 0.5)}
	base := edge(t, a)
	query := askPath + "?from=-30d"
	first := call(t, "GET", base+query, "")
	tag := first.header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) || first.header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("headers %v", first.header)
	}
	a.tell(answerOf(5, late, 0.5))
	for _, known := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*"} {
		for _, method := range []string{"GET", "HEAD"} {
			again := call(t, method, base+query, "", "If-None-Match", known)
			if again.status != http.StatusNotModified || again.body != "" ||
				again.header.Get("ETag") != tag || again.header.Get("Content-Type") != "" ||
				!strings.Contains(again.header.Get("Vary"), "Authorization") {
				t.Errorf("%s: %d %v %q", known, again.status, again.header, again.body)
			}
		}
	}
	seen := map[string]string{tag: "the first"}
	for what, path := range map[string]string{
		"another site": strings.Replace(query, "shop", "other", 1), "another range": askPath + "?from=-7d",
		"another format": query + "&format=csv", "another table": query + "&format=csv&table=second",
	} {
		got := call(t, "GET", base+path, "", "If-None-Match", tag)
		if was, taken := seen[got.header.Get("ETag")]; taken || got.status != http.StatusOK {
			t.Errorf("%s: status %d, shares its tag with %s", what, got.status, was)
		}
		seen[got.header.Get("ETag")] = what
	}
	for what, answer := range map[string]*funnelv1.AskFunnelResponse{
		"a count": answerOf(6, early, 0.5), "a share": answerOf(5, early, 0.25),
	} {
		a.tell(answer)
		got := call(t, "GET", base+query, "", "If-None-Match", tag)
		if was, taken := seen[got.header.Get("ETag")]; taken || got.status != http.StatusOK {
			t.Errorf("%s changed: status %d, the tag of %s", what, got.status, was)
		}
	}
	post := call(t, "POST", base+askPath, "{}", "If-None-Match", "*")
	if post.status != http.StatusOK || post.header.Get("ETag") != "" ||
		post.header.Get("Cache-Control") != "no-store" {
		t.Errorf("POST: %d %v", post.status, post.header)
	}
}
