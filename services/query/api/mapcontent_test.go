package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	"github.com/waystage/waystage/services/journey"
)

var update = flag.Bool("update", false, "write the golden files anew")

// wholeMap is the message of a map that says everything a map can say.
func wholeMap(t *testing.T) *journeyv1.JourneyMap {
	t.Helper()
	source, err := os.ReadFile("../../journey/testdata/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := journey.ParseMap(string(source))
	if err != nil {
		t.Fatal(err)
	}
	return MapContent(m, string(source))
}

// TestMapContent compares with what was read and found right once.
func TestMapContent(t *testing.T) {
	t.Parallel()
	const file = "testdata/whole-map.json"
	m := wholeMap(t)
	m.Source = ""
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, text, "", "  "); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(pretty.Bytes(), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if json.Unmarshal(text, &got) != nil || json.Unmarshal(golden, &want) != nil {
		t.Fatal("no JSON")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestMapContentFillsEveryField: no field of the messages is empty everywhere.
func TestMapContentFillsEveryField(t *testing.T) {
	t.Parallel()
	filled := map[protoreflect.FullName]bool{
		"waystage.journey.v1.JourneyMap.name":        true,
		"waystage.journey.v1.JourneyMap.version":     true,
		"waystage.journey.v1.JourneyMap.in_force_at": true,
	}
	m := wholeMap(t).ProtoReflect()
	fieldsOf(m.Descriptor(), filled)
	fill(m, filled)
	for name, is := range filled {
		if !is {
			t.Errorf("%s is empty everywhere", name)
		}
	}
	if len(filled) < 90 {
		t.Errorf("%d fields, want about 100", len(filled))
	}
}

// fieldsOf notes every field of a message and of those below it.
func fieldsOf(d protoreflect.MessageDescriptor, into map[protoreflect.FullName]bool) {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if _, known := into[f.FullName()]; known {
			continue
		}
		into[f.FullName()] = false
		if f.Message() != nil && !f.IsMap() {
			fieldsOf(f.Message(), into)
		}
	}
}

// fill notes which fields are there.
func fill(m protoreflect.Message, filled map[protoreflect.FullName]bool) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		filled[f.FullName()] = true
		switch {
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				fill(v.List().Get(i).Message(), filled)
			}
		default:
			fill(v.Message(), filled)
		}
		return true
	})
}
