package question

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

func same(t *testing.T, text string, got proto.Message, err error, want string) {
	t.Helper()
	if err != nil {
		t.Errorf("%q: %v", text, err)
		return
	}
	wanted := got.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal([]byte(want), wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got, protocmp.Transform()); diff != "" {
		t.Errorf("%q (-want +got):\n%s", text, diff)
	}
}

func TestParseBreakdown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"persona":               `{"persona": true}`,
		"channel":               `{"channel": true}`,
		" Device ":              `{"device": true}`,
		"browser@all":           `{"browser": true, "attribution": "ATTRIBUTION_ALL"}`,
		"os@first":              `{"os": true, "attribution": "ATTRIBUTION_FIRST_TOUCH"}`,
		"campaign":              `{"campaign": "name"}`,
		"campaign:source@last":  `{"campaign": "source", "attribution": "ATTRIBUTION_LAST_TOUCH"}`,
		"trait:plan":            `{"trait": "plan"}`,
		"property:a b:c @step2": `{"property": "a b:c", "attribution": "ATTRIBUTION_STEP", "step": 2}`,
		`property:"a@b"@all`:    `{"property": "a@b", "attribution": "ATTRIBUTION_ALL"}`,
		"variant:Checkout":      `{"variant": "Checkout"}`,
		"variant:x@FIRST":       `{"variant": "x", "attribution": "ATTRIBUTION_FIRST_TOUCH"}`,
		"group":                 `{"groupType": "group"}`,
		"group:company@person":  `{"groupType": "company", "attribution": "ATTRIBUTION_PERSON"}`,
	} {
		got, err := ParseBreakdown(text)
		same(t, text, got, err, want)
	}
}

func TestParseUnit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"person":           `{"person": true}`,
		"group":            `{"groupType": "group"}`,
		"group:company":    `{"groupType": "company"}`,
		"trait:household":  `{"trait": "household"}`,
		"property:basket":  `{"property": "basket"}`,
		`property:"a@b" `:  `{"property": "a@b"}`,
		`property: a b:c `: `{"property": "a b:c"}`,
	} {
		got, err := ParseUnit(text)
		same(t, text, got, err, want)
	}
}

func TestParseCompare(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"previous":                 `{"previousPeriod": true}`,
		"2026-10-01 .. 2026-11-01": `{"range": {"fromDate": "2026-10-01", "toDate": "2026-11-01"}}`,
		"-2d..now":                 `{"range": {"fromTime": "2026-11-19T12:00:00Z", "toTime": "2026-11-21T12:00:00Z"}}`,
		"filter:channel=email": `{"filter": {"condition": {"subject": "SUBJECT_CHANNEL",
			"operator": "OPERATOR_EQ", "values": ["email"]}}}`,
		"filter:path~a..b": `{"filter": {"condition": {"subject": "SUBJECT_PROPERTY", "name": "path",
			"operator": "OPERATOR_CONTAINS", "values": ["a..b"]}}}`,
	} {
		got, err := ParseCompare(text, noon)
		same(t, text, got, err, want)
	}
}

func TestBreakdownsThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                 "there are persona",
		"stage":            "there are persona",
		"persona:x":        "there are persona",
		"trait":            "there are persona",
		"trait:":           "there are persona",
		"campaign:x":       "name, source and medium",
		"channel@":         "behind @ there are",
		"channel@step":     "behind @ there are",
		"channel@step0":    "behind @ there are",
		"channel@step-1":   "behind @ there are",
		"property:a@b":     "behind @ there are",
		`property:"a`:      `a closing " is missing`,
		`property:"a"b`:    "nothing more belongs here",
		"channel@last x":   "behind @ there are",
		"channel@step9e99": "behind @ there are",
	} {
		got, err := ParseBreakdown(text)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseBreakdown(%q) = %v, %v; want %q", text, got, err, says)
		}
	}
}

func TestUnitsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "channel", "person:x", "trait:", "group:", "trait:a@b", "x:y"} {
		if got, err := ParseUnit(text); err == nil || !strings.Contains(err.Error(), "group:TYPE") {
			t.Errorf("ParseUnit(%q) = %v, %v", text, got, err)
		}
	}
}

func FuzzParseBreakdown(f *testing.F) {
	for _, text := range []string{
		"persona", "channel@last", "campaign:source", `property:"a@b"@step2`, "group@", "\"", "@@",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseBreakdown(text)
		if err == nil && got.GetBy() == nil {
			t.Errorf("ParseBreakdown(%q) = %v: split by nothing", text, got)
		}
		if err == nil && (got.GetStep() > 0) !=
			(got.GetAttribution() == funnelv1.Attribution_ATTRIBUTION_STEP) {
			t.Errorf("ParseBreakdown(%q) = %v: a step goes with STEP", text, got)
		}
	})
}
