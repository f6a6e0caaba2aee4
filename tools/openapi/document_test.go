package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/proto/gen/openapi"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// generated is what the generator makes of two methods of one thing, and of one that may be asked
// by GET.
const generated = `{"paths": {
  "/v1/sites/{name}": {"get": {
    "summary": "One <site>. Errors:\nNOT_FOUND.", "operationId": "S_Get",
    "parameters": [{"name": "name", "in": "path", "description": "\"sites/{site}\"."}],
    "responses": {"200": {"content": {"application/json": {"schema": {
      "$ref": "#/components/schemas/waystage.site.v1.GetSiteResponse"}}}}}}},
  "/v1/sites/{site.name}": {"patch": {
    "summary": "Changes it.", "operationId": "S_Update",
    "parameters": [{"name": "site.name", "in": "path"}], "responses": {"200": {}}}},
  "/v1/sites/{name}/keys/{name_1}:revoke": {"post": {
    "parameters": [{"name": "name", "in": "path"}, {"name": "name_1", "in": "path"},
      {"name": "name", "in": "query"}], "responses": {"200": {}}}},
  "/v1/sites/{parent}/funnels:listPersons": {"post": {
    "summary": "Persons.", "operationId": "F_List", "parameters": [{"name": "parent", "in": "path"}],
    "requestBody": {"content": {"application/json": {"schema": {"required": ["step"], "properties": {
      "words": {"$ref": "#/components/schemas/W"}, "step": {"type": "integer"},
      "group": {"type": "array", "items": {"$ref": "#/components/schemas/V"}},
      "selection": {"$ref": "#/components/schemas/E"}}}}}},
    "responses": {"200": {"content": {"application/json": {"schema": {
      "$ref": "#/components/schemas/waystage.funnel.v1.ListFunnelPersonsResponse"}}}}}}}
 }, "components": {"schemas": {"E": {}, "V": {"oneOf": [{"required": ["a"]}]},
  "W": {"properties": {"step": {"type": "array", "items": {"type": "string"}},
    "from": {"type": "string", "description": "Beginning."}}}}}}`

func finished(t *testing.T) object {
	t.Helper()
	var out bytes.Buffer
	if err := run(strings.NewReader(generated), &out); err != nil {
		t.Fatal(err)
	}
	var d object
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "One <site>.") {
		t.Error("characters are escaped that JSON leaves alone")
	}
	return d
}

// parametersOf are those of an operation, as place, name and whether required.
func parametersOf(o object) []string {
	var list []string
	for _, p := range o["parameters"].([]any) {
		p := p.(object)
		name := text(p, "in") + " " + text(p, "name")
		if p["required"] == true {
			name += "!"
		}
		list = append(list, name)
	}
	return list
}

func TestFinish(t *testing.T) {
	t.Parallel()
	d := finished(t)
	site := at(d, "paths", "/v1/sites/{site}")
	if len(site) != 2 || text(at(site, "get"), "summary") != "One <site>." ||
		!strings.Contains(text(at(site, "get"), "description"), "NOT_FOUND") {
		t.Errorf("methods of a site are %v", site)
	}
	revoke := at(d, "paths", "/v1/sites/{site}/keys/{key}:revoke", "post")
	want := []string{"path site", "path key", "query name"}
	if diff := cmp.Diff(want, parametersOf(revoke)); diff != "" {
		t.Errorf("revoke (-want +got):\n%s", diff)
	}
	list := at(d, "paths", "/v1/sites/{site}/funnels:listPersons")
	want = []string{
		"path site", "query from", "query step", "query group", "query selection",
		"query stepNumber!", "query format", "query table", "header If-None-Match",
	}
	if diff := cmp.Diff(want, parametersOf(at(list, "get"))); diff != "" {
		t.Errorf("list by GET (-want +got):\n%s", diff)
	}
	if at(list, "get", "requestBody") != nil || text(at(list, "get"), "operationId") != "F_ListByGet" {
		t.Errorf("list by GET: %v", at(list, "get"))
	}
	for _, method := range []string{"get", "post"} {
		responses := at(list, method, "responses")
		if at(responses, "200", "content", "text/csv") == nil || responses["406"] == nil ||
			responses["429"] == nil || (responses["304"] != nil) != (method == "get") {
			t.Errorf("list by %s: responses %v", method, responses)
		}
	}
	if at(d, "components", "schemas", "V")["oneOf"].([]any)[0].(object)["properties"] == nil {
		t.Error("a required property is not stated")
	}
	if err := run(strings.NewReader("{"), new(bytes.Buffer)); err == nil {
		t.Error("half a document is taken")
	}
}

// TestDocumentIsWhole: the document that is served has, for each question, a GET with every word
// and every field of the request, so that it says what the server takes.
func TestDocumentIsWhole(t *testing.T) {
	t.Parallel()
	var d object
	if err := json.Unmarshal(openapi.JSON, &d); err != nil {
		t.Fatal(err)
	}
	for path, request := range map[string]protoreflect.Message{
		"ask":         new(funnelv1.AskFunnelRequest).ProtoReflect(),
		"explain":     new(funnelv1.ExplainFunnelRequest).ProtoReflect(),
		"askDropOff":  new(funnelv1.AskDropOffRequest).ProtoReflect(),
		"listPersons": new(funnelv1.ListFunnelPersonsRequest).ProtoReflect(),
	} {
		var want []string
		words := new(funnelv1.QuestionWords).ProtoReflect().Descriptor().Fields()
		for i := range words.Len() {
			want = append(want, "query "+words.Get(i).JSONName())
		}
		for i := range request.Descriptor().Fields().Len() {
			switch name := request.Descriptor().Fields().Get(i).JSONName(); name {
			case "parent", "words":
			case "step":
				want = append(want, "query stepNumber!")
			case "unit":
				want = append(want, "query unitValue")
			default:
				want = append(want, "query "+name)
			}
		}
		want = append(want, "path site!", "header If-None-Match")
		if path != "explain" { // no table can hold it
			want = append(want, "query format", "query table")
		}
		got := parametersOf(at(d, "paths", "/v1/sites/{site}/funnels:"+path, "get"))
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	eachOperation(d, func(o operation) {
		for _, status := range []string{"400", "401", "403", "404", "default"} {
			if at(o.object, "responses", status) == nil {
				t.Errorf("%s %s has no %s", o.method, o.path, status)
			}
		}
		if text(o.object, "summary") == "" || strings.Contains(text(o.object, "summary"), "\n") {
			t.Errorf("%s %s: summary %q", o.method, o.path, text(o.object, "summary"))
		}
	})
}

// TestNulls: answers write null for a message that there is not, so the document allows it; for an
// enumeration, a list and a plain value they never do.
func TestNulls(t *testing.T) {
	t.Parallel()
	var d object
	if err := json.Unmarshal(openapi.JSON, &d); err != nil {
		t.Fatal(err)
	}
	ask := at(d, "components", "schemas", "waystage.funnel.v1.AskFunnelResponse", "properties")
	step := at(d, "components", "schemas", "waystage.funnel.v1.StepResult", "properties")
	facts := at(d, "components", "schemas", "waystage.funnel.v1.AnswerFacts", "properties")
	touchpoint := at(d, "components", "schemas", "waystage.journey.v1.Touchpoint", "properties")
	for name, c := range map[string]struct {
		member object
		null   bool
	}{
		"message": {at(ask, "comparison"), true}, "share": {at(step, "conversionFromPrevious"), true},
		"instant": {at(facts, "freshUntil"), true}, "list": {at(ask, "steps"), false},
		"number": {at(step, "count"), false}, "enumeration": {at(touchpoint, "status"), false},
	} {
		if len(c.member) == 0 {
			t.Errorf("%s: there is no such member", name)
		}
		either, _ := c.member["anyOf"].([]any)
		types, _ := c.member["type"].([]any)
		if null := len(either) == 2 || slices.Contains(types, "null"); null != c.null {
			t.Errorf("%s: null is %v in %v", name, null, c.member)
		}
	}
}
