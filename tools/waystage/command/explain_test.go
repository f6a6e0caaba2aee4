package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

func TestExplainAsksWhatWasTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, want string
	}{
		{
			"explain --user ann --stages search.. --trend week",
			`{"userId": "ann", "words": {"stages": "search..", "trend": "week"}}`,
		},
		{
			"explain @weekly --anonymous v --count attempt",
			`{"anonymousId": "v", "saved": "weekly", "words": {"count": "attempt"}}`,
		},
		{"explain --person 07eb68071ff6b850", `{"personId": "07eb68071ff6b850", "words": {}}`},
		{"explain --unit group:x --value acme", `{"unit": "acme", "words": {"unit": "group:x"}}`},
	} {
		s, environment := serve(t)
		got := run(t, "", environment, append(strings.Fields(c.args), "--site", "shop")...)
		if got.code != ExitDone || !strings.Contains(got.stdout, "counts with its only attempt") {
			t.Errorf("%s: %+v", c.args, got)
			continue
		}
		want := &funnelv1.ExplainFunnelRequest{}
		if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
			t.Fatal(err)
		}
		want.Parent = "sites/shop"
		if diff := cmp.Diff(want, s.explained[0], protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.args, diff)
		}
	}
	_, environment := serve(t)
	for args, says := range map[string]string{
		"explain":                          "0 units are named",
		"explain --user a --person b":      "2 units are named",
		"explain --user a --by persona":    "unknown flag: --by",
		"explain --user a --order loose":   `--order "loose"`,
		"explain --user a --exclude event": "--exclude",
	} {
		got := run(t, "", environment, strings.Fields(args)...)
		if got.code != ExitUsage || !strings.Contains(got.stderr, says) {
			t.Errorf("%s: %+v, want %q", args, got, says)
		}
	}
	got := run(t, "", environment, "explain", "--user", "ann", "--json")
	if got.code != ExitDone || !strings.Contains(got.stdout, `"reason": "counts with its only attempt"`) {
		t.Errorf("as JSON: %+v", got)
	}
}

// TestOptionsAreAsked: every flag of a question is a word of it.
func TestOptionsAreAsked(t *testing.T) {
	t.Parallel()
	want := &funnelv1.QuestionWords{
		Step:  []string{"any", "any optional", "any within 2h"},
		Order: "any", Count: "session", Simultaneity: "2s", Hold: []string{"cart", "shop"},
		Exclude: []string{"event:X between 1 and 2", "event:Y between 1 and 3 remove"},
		Trend:   "week:sunday", TimeToConvert: "1..3/20",
	}
	options := []string{
		"--step", "any", "--step", "any optional", "--step", "any within 2h", "--order", "any",
		"--count", "session", "--simultaneity", "2s", "--hold", "cart", "--hold", "shop",
		"--exclude", "event:X between 1 and 2", "--exclude", "event:Y between 1 and 3 remove",
	}
	trend := []string{"--trend", "week:sunday"}
	s, environment := serve(t)
	do := func(args ...string) {
		t.Helper()
		if got := run(t, "", environment, args...); got.code != ExitDone {
			t.Fatalf("%q: %+v", args, got)
		}
	}
	do(append(append([]string{"ask", "funnel", "--time-to-convert", "1..3/20"}, options...), trend...)...)
	if diff := cmp.Diff(want, s.asked[0].GetWords(), protocmp.Transform()); diff != "" {
		t.Errorf("funnel (-want +got):\n%s", diff)
	}
	for flag, says := range map[string]string{
		"--count=session": " sessions ", "--count=attempt": " attempts ", "--count=once": " persons ",
	} {
		if got := run(t, "", environment, "ask", "funnel", flag); !strings.Contains(got.stdout, says) {
			t.Errorf("%s: %+v does not count%s", flag, got, says)
		}
	}
	want.TimeToConvert = ""
	do(append(append([]string{"ask", "persons", "--bucket", "2026-11-01 23:00"}, options...), trend...)...)
	if diff := cmp.Diff(want, s.listed[0].GetWords(), protocmp.Transform()); diff != "" ||
		s.listed[0].GetBucket().AsTime().Format("15:04") != "23:00" {
		t.Errorf("persons of %v (-want +got):\n%s", s.listed[0].GetBucket(), diff)
	}
	want.Trend = ""
	do(append([]string{
		"ask", "dropoff", "--reasons", "--reason-property", "pay", "--reason-property", "os",
	}, options...)...)
	dropped := s.dropped[0]
	if diff := cmp.Diff(want, dropped.GetWords(), protocmp.Transform()); diff != "" ||
		!dropped.GetReasons() || strings.Join(dropped.GetReasonProperties(), " ") != "pay os" {
		t.Errorf("drop-off %v (-want +got):\n%s", dropped, diff)
	}
	for _, args := range []string{
		"ask dropoff --compare previous", "ask dropoff --trend day", "ask dropoff --time-to-convert 1..2",
		"ask funnel --summary-only", "ask funnel --reasons", "ask persons --compare previous",
		"ask persons --bucket monday", "ask @weekly --site shop --summary-only", "ask @weekly --site shop --reasons",
	} {
		if got := run(t, "", environment, strings.Fields(args)...); got.code != ExitUsage {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// TestEveryWordIsAFlag: what a question can say can be typed.
func TestEveryWordIsAFlag(t *testing.T) {
	t.Parallel()
	flags := newAskFunnel(&World{}).Flags()
	words := (&funnelv1.QuestionWords{}).ProtoReflect().Descriptor().Fields()
	for i := range words.Len() {
		name := strings.ReplaceAll(string(words.Get(i).Name()), "_", "-")
		if flags.Lookup(name) == nil {
			t.Errorf("there is no --%s", name)
		}
	}
}
