package journey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/waystage/waystage/services/journey"
)

var update = flag.Bool("update", false, "write the schema in docs anew")

const schemaFile = "../../docs/journey-map.schema.json"

// TestMapSchemaIsDocumented: the file that editors read is what the code says.
func TestMapSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(schemaFile, journey.MapSchema(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(journey.MapSchema()), string(text)); diff != "" {
		t.Errorf("docs differ from the code; run this test with -update: -code +docs:\n%s", diff)
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(journey.MapSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("map.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("map.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decoded is a text of YAML as a validator of JSON sees it.
func decoded(t *testing.T, source string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(source), &v); err != nil {
		t.Fatalf("%v in:\n%s", err, source)
	}
	return asJSON(t, v)
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// everyMap are all maps at hand: the shipped ones, those of the documentation, and the whole one.
func everyMap(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"whole": whole(t), "small": small}
	files, err := filepath.Glob("maps/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no maps: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(text)
	}
	for i, block := range documented(t) {
		all["docs "+strconv.Itoa(i)] = block
	}
	return all
}

func TestMapSchemaAcceptsMaps(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	for name, source := range everyMap(t) {
		if err := s.Validate(decoded(t, source)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMapSchemaNamesWhatIsRead: every name of the schema stands in the whole map, all of which is
// read.
func TestMapSchemaNamesWhatIsRead(t *testing.T) {
	t.Parallel()
	var root map[string]any
	if err := json.Unmarshal(journey.MapSchema(), &root); err != nil {
		t.Fatal(err)
	}
	w := schemaWalk{root: root, met: map[string]bool{}}
	w.walk("map", root, decoded(t, whole(t)))
	names := 0
	defs, _ := root["$defs"].(map[string]any)
	defs["map"] = root
	for def, s := range defs {
		for name := range propertiesOf(s) {
			names++
			if !w.met[def+"."+name] {
				t.Errorf("the whole map has no %s.%s", def, name)
			}
		}
	}
	if names < 90 {
		t.Errorf("%d names, want about 100", names)
	}
}

// schemaWalk notes which names of a schema a document has.
type schemaWalk struct {
	root map[string]any
	met  map[string]bool
}

func propertiesOf(s any) map[string]any {
	object, _ := s.(map[string]any)
	if choices, is := object["anyOf"].([]any); is {
		object, _ = choices[len(choices)-1].(map[string]any)
	}
	properties, _ := object["properties"].(map[string]any)
	return properties
}

func (w *schemaWalk) walk(def string, s, document any) {
	object, _ := s.(map[string]any)
	if reference, is := object["$ref"].(string); is {
		def = strings.TrimPrefix(reference, "#/$defs/")
		defs, _ := w.root["$defs"].(map[string]any)
		s = defs[def]
	}
	switch document := document.(type) {
	case map[string]any:
		for name, property := range propertiesOf(s) {
			if value, there := document[name]; there {
				w.met[def+"."+name] = true
				w.walk(def, property, value)
			}
		}
	case []any:
		for _, entry := range document {
			w.walk(def, object["items"], entry)
		}
	}
}

// TestMapSchemaRefusesWhatParseMapRefuses changes the whole map in every place, one at a time: what
// the schema refuses ParseMap refuses, and what ParseMap refuses the schema does, unless it is a
// mistake that no schema can tell.
func TestMapSchemaRefusesWhatParseMapRefuses(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	refused := 0
	seen := map[string]bool{}
	for _, c := range mutations(decoded(t, whole(t)), "") {
		if seen[c.what] {
			continue
		}
		seen[c.what] = true
		text, err := json.MarshalIndent(c.document, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		_, parseErr := journey.ParseMap(string(text))
		schemaErr := s.Validate(asJSON(t, c.document))
		switch {
		case schemaErr != nil && parseErr == nil:
			t.Errorf("%s: only the schema refuses it: %v", c.what, schemaErr)
		case schemaErr == nil && shaped(parseErr) != "":
			t.Errorf("%s: only ParseMap refuses it: %s", c.what, shaped(parseErr))
		case schemaErr != nil:
			refused++
		}
	}
	if refused < 600 {
		t.Errorf("%d refusals, want more", refused)
	}
}

// untold are parts of messages about what no schema can tell.
var untold = []string{
	"unknown stage", "unknown channel", "unknown touchpoint", "unknown KPI", "second time",
	".when: ", "is itself a repeat", "the duration must lie", "is what persons without",
}

// shaped is the first mistake that a schema can tell.
func shaped(err error) string {
	var mistakes journey.MapErrors
	if !errors.As(err, &mistakes) {
		return ""
	}
	for _, m := range mistakes {
		text := m.Error()
		if !slices.ContainsFunc(untold, func(part string) bool { return strings.Contains(text, part) }) {
			return text
		}
	}
	return ""
}

type mutation struct {
	what     string
	document any
}

// mutations are the documents that come of changing one place of a document. Changes of the same
// kind in entries of a list are called the same.
func mutations(document any, path string) []mutation {
	var all []mutation
	for _, other := range []any{
		nil, true, 77.5, 3, " ", "some text", strings.Repeat("x", 600),
		[]any{},
		[]any{"some", "some"},
		map[string]any{"zzz": 1},
	} {
		all = append(all, mutation{fmt.Sprintf("%s = %.40v", path, other), other})
	}
	switch document := document.(type) {
	case map[string]any:
		all = append(all, mutation{path + " with zzz", with(document, "zzz", "x")})
		for name, value := range document {
			if removed := with(document, name, nil); true {
				delete(removed, name)
				all = append(all, mutation{path + " without " + name, removed})
			}
			for _, m := range mutations(value, path+"."+name) {
				all = append(all, mutation{m.what, with(document, name, m.document)})
			}
		}
	case []any:
		for i, value := range document {
			for _, m := range mutations(value, path+"[]") {
				entries := slices.Clone(document)
				entries[i] = m.document
				all = append(all, mutation{m.what, entries})
			}
		}
	}
	return all
}

func with(object map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(object)
	changed[name] = value
	return changed
}
