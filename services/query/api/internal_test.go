package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
)

// TestMovedBySkippedDays: a day that clocks skip is none to move by, so that what is moved back by
// the days of a range ends where the range begins.
func TestMovedBySkippedDays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone, at string
		days     int
		want     string
	}{
		"back over it":         {"Pacific/Apia", "2011-12-30T10:00:00Z", -1, "2011-12-29T10:00:00Z"},
		"back, two days":       {"Pacific/Apia", "2011-12-31T10:00:00Z", -2, "2011-12-29T10:00:00Z"},
		"back, three days":     {"Pacific/Apia", "2011-12-31T10:00:00Z", -3, "2011-12-28T10:00:00Z"},
		"back, at noon":        {"Pacific/Apia", "2011-12-30T22:00:00Z", -1, "2011-12-29T22:00:00Z"},
		"back, behind it":      {"Pacific/Apia", "2012-01-05T12:00:00Z", -1, "2012-01-04T12:00:00Z"},
		"back, from behind it": {"Pacific/Apia", "2012-01-05T12:00:00Z", -6, "2011-12-30T12:00:00Z"},
		"on over it":           {"Pacific/Apia", "2011-12-29T10:00:00Z", 1, "2011-12-30T10:00:00Z"},
		"on, two days":         {"Pacific/Apia", "2011-12-29T10:00:00Z", 2, "2011-12-31T10:00:00Z"},
		"on, at noon":          {"Pacific/Apia", "2011-12-29T22:00:00Z", 1, "2011-12-30T22:00:00Z"},
		"a day of 47 hours":    {"Pacific/Kwajalein", "1969-10-01T12:00:00Z", -1, "1969-09-29T13:00:00Z"},
		"centuries":            {"UTC", "9000-01-01T00:00:00Z", -365 * 1000, "8000-08-31T00:00:00Z"},
		"centuries, at noon":   {"UTC", "9000-01-01T12:00:00Z", -365 * 1000, "8000-08-31T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := moved(at, c.days, zone).Format(time.RFC3339); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestFirstInstantOfDays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ zone, day, want string }{
		"UTC":                    {"UTC", "2026-03-29", "2026-03-29T00:00:00Z"},
		"Berlin, summer begins":  {"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"},
		"Berlin, the day after":  {"Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z"},
		"Beirut skips midnight":  {"Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z"},
		"São Paulo skipped too":  {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		"Havana has it twice":    {"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},
		"St. John's, 00:01 back": {"America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"},
		"Apia skipped the day":   {"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
		"Apia, the day after":    {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
		"far east":               {"Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00:00Z"},
		"far west":               {"Etc/GMT+12", "2026-01-01", "2026-01-01T12:00:00Z"},
		"half an hour":           {"Asia/Kolkata", "2026-01-01", "2025-12-31T18:30:00Z"},
		"year 1":                 {"UTC", "0001-01-01", "0001-01-01T00:00:00Z"},
		"the last year":          {"Europe/Berlin", "9999-12-31", "9999-12-30T23:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			day, err := time.Parse(time.DateOnly, c.day)
			if err != nil {
				t.Fatal(err)
			}
			if got := firstInstant(day, zone).Format(time.RFC3339Nano); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestFirstInstantIsFirst: at it the day has come, a millisecond earlier it has not.
func TestFirstInstantIsFirst(t *testing.T) {
	t.Parallel()
	zones := []string{
		"UTC", "Europe/Berlin", "Asia/Beirut", "America/Havana", "America/Sao_Paulo",
		"America/St_Johns", "Pacific/Apia", "Asia/Tehran", "Africa/Cairo", "Australia/Lord_Howe",
		"America/Asuncion", "Asia/Manila", "Antarctica/Troll",
	}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		days := rapid.IntRange(0, 365*200).Draw(t, "days")
		day := time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days)
		at := firstInstant(day, zone)
		want := day.Format(time.DateOnly)
		if got := at.In(zone).Format(time.DateOnly); got < want {
			t.Errorf("at %v it is still %s", at, got)
		}
		if got := at.Add(-time.Millisecond).In(zone).Format(time.DateOnly); got >= want {
			t.Errorf("before %v it is already %s", at, got)
		}
	})
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	ids := []string{"awareness", "search", "purchase"}
	for id, want := range map[string]string{
		"purchse":                `(did you mean "purchase"?)`,
		"Search":                 `(did you mean "search"?)`,
		"serach":                 `(did you mean "search"?)`,
		"xyz":                    "",
		"x":                      "",
		strings.Repeat("a", 100): "",
	} {
		if got := strings.TrimSpace(suggestion(id, ids)); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func readAll(q *funnelv1.FunnelQuestion, known knownIDs) (funnel.Question, error) {
	r := &reader{surroundings: surroundings{
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), zone: time.UTC, known: known,
	}}
	out, _ := r.question(q)
	return out, r.err()
}

// FuzzQuestion: no message breaks the reader, and what it lets pass can be answered.
func FuzzQuestion(f *testing.F) {
	for _, text := range []string{
		`{}`,
		`{"range":{"fromDate":"2026-01-01","toTime":"2026-02-01T00:00:00Z"},
			"steps":[{"stage":"search"},{"anyEvent":true,"conditions":[{"name":"p",
				"operator":"OPERATOR_BETWEEN","values":[1,2]}]}],
			"filter":{"all":{"filters":[{"not":{"condition":{"subject":"SUBJECT_TRAIT","name":"t",
				"operator":"OPERATOR_REGEX","values":["^a"]}}}]}},
			"breakdowns":[{"persona":true,"limit":3}],"compat":"COMPAT_POSTHOG"}`,
		`{"range":{"fromDate":"2026-01-01","toDate":"2026-02-01"},"unit":{"groupType":""},
			"steps":[{"event":"a"},{"event":"b"}],"compare":{"previousPeriod":true},
			"breakdowns":[{"variant":"x","attribution":1},{"campaign":"","attribution":5,"step":2}]}`,
		`{"order":2,"unit":{"trait":"x"},"hold":["a"],"exclusions":[{"fromStep":2}],"trend":{},
			"compare":{"filter":{}},"timeToConvert":{"bins":0},"windowSeconds":1e300}`,
	} {
		q := &funnelv1.FunnelQuestion{}
		if err := protojson.Unmarshal([]byte(text), q); err != nil {
			f.Fatal(err)
		}
		b, err := proto.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	known := knownIDs{stages: {"search", "purchase"}, touchpoints: {"landing"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		q := &funnelv1.FunnelQuestion{}
		if proto.Unmarshal(b, q) != nil {
			return
		}
		out, err := readAll(q, known)
		if err != nil {
			kind := fault.Of(err)
			if kind != fault.Invalid && kind != fault.Unsupported {
				t.Fatalf("refused as %v: %v", kind, err)
			}
			if len(fault.ViolationsOf(err)) == 0 {
				t.Fatalf("refused without a field: %v", err)
			}
			return
		}
		if v := out.Check(); len(v) > 0 {
			t.Fatalf("passed with mistakes: %v", v)
		}
		if len(out.Steps) != len(q.GetSteps()) || out.Window > MaxWindow || out.Limit > funnel.MaxLimit {
			t.Fatalf("passed and changed: %+v", out)
		}
	})
}

// TestListRequestIsWhole: a streamed list has every field of a list, and none is lost on the way to
// it.
func TestListRequestIsWhole(t *testing.T) {
	t.Parallel()
	const whole = `{"parent":"sites/shop","question":{"windowSeconds":60},"step":2,"selection":4,
		"group":[{"value":"x"}],"pageSize":7,"pageToken":"t","words":{"stages":"all"},"saved":"weekly",
		"bucket":"2026-11-01T00:00:00Z","other":true}`
	list, streamed := new(funnelv1.ListFunnelPersonsRequest), new(funnelv1.StreamFunnelPersonsRequest)
	for _, m := range []proto.Message{list, streamed} {
		if err := protojson.Unmarshal([]byte(whole), m); err != nil {
			t.Fatal(err)
		}
		said := 0
		m.ProtoReflect().Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
			said++
			return true
		})
		if fields := m.ProtoReflect().Descriptor().Fields(); fields.Len() != said {
			t.Errorf("%T has %d fields, of which %d are said here", m, fields.Len(), said)
		}
	}
	if diff := cmp.Diff(list, listRequest(streamed), protocmp.Transform()); diff != "" {
		t.Errorf("the list asked for (-want +got):\n%s", diff)
	}
}

// FuzzPageToken: no token breaks a list, and only its own continue it.
func FuzzPageToken(f *testing.F) {
	request := &funnelv1.ListFunnelPersonsRequest{Parent: "sites/shop", Step: 1}
	at := place{asked: time.UnixMilli(3), version: 1, after: 4}
	good := token{requestHash(request), at.bytes()}.String()
	f.Add(good)
	f.Add("")
	f.Add("AAAA")
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, text string) {
		request := proto.CloneOf(request)
		request.PageToken = text
		_, at, mistakes := personPage(request)
		if len(mistakes) == 0 && at.asked.IsZero() != (text == "") {
			t.Fatalf("%q has no instant", text)
		}
		if text != "" && len(mistakes) == 0 && !strings.HasPrefix(good, text[:21]) {
			t.Fatalf("%q continues the list", text)
		}
	})
}
