package journey

import "encoding/json"

// MapSchema is the JSON Schema (draft 2020-12) of a map's YAML, indented, for editors: it completes
// and explains every name. What it refuses ParseMap refuses too; ParseMap knows more: references,
// conditions, what excludes what. docs/journey-map.schema.json is a copy.
func MapSchema() []byte {
	defs := jsonObject{}
	root := mapShape.schema(defs)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Waystage journey map"
	root["$defs"] = defs
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("writing the schema of maps: " + err.Error()) // it holds nothing but texts and numbers
	}
	return append(text, '\n')
}

// jsonObject is an object of the schema.
type jsonObject map[string]any

// schema is that of a shape; those of the shapes below it are added to defs.
func (s *shape) schema(defs jsonObject) jsonObject {
	properties := jsonObject{}
	var required []string
	for i := range s.fields {
		f := &s.fields[i]
		value := f.is.schema(defs)
		value["description"] = f.about
		properties[f.name] = value
		if f.required {
			required = append(required, f.name)
		}
	}
	o := jsonObject{
		"type": "object", "properties": properties, "additionalProperties": false,
	}
	if required != nil {
		o["required"] = required
	}
	if len(s.some) > 0 {
		o["minProperties"] = 1
	}
	o.addRules(s)
	return s.orText(o)
}

// addRules says which fields exclude or ask for others.
func (o jsonObject) addRules(s *shape) {
	if len(s.one) > 0 {
		var choices []jsonObject
		for _, name := range s.one {
			choices = append(choices, jsonObject{"required": []string{name}})
		}
		o["oneOf"] = choices
	}
	if s == &touchpointShape {
		o["allOf"] = touchpointRules()
	}
}

// touchpointRules: repeats have no rule of their own, and those that are live and no repeats have
// events.
func touchpointRules() []jsonObject {
	repeats := jsonObject{"required": []string{"repeat"}}
	absent := jsonObject{
		"required":   []string{"status"},
		"properties": jsonObject{"status": jsonObject{"enum": []Status{Planned, Absent}}},
	}
	return []jsonObject{
		{"if": repeats, "then": jsonObject{"properties": jsonObject{
			"events": false, "when": false, "status": jsonObject{"enum": []Status{Live}},
		}}},
		{
			"if":   jsonObject{"not": jsonObject{"anyOf": []jsonObject{repeats, absent}}},
			"then": jsonObject{"required": []string{"events"}},
		},
	}
}

// orText lets a text stand for a shape that allows it.
func (s *shape) orText(o jsonObject) jsonObject {
	if s.short == "" {
		o["description"] = s.about
		return o
	}
	return jsonObject{
		"description": s.about,
		"anyOf":       []jsonObject{s.field(s.short).is.schema(nil), o},
	}
}

// schema is that of a value.
func (f form) schema(defs jsonObject) jsonObject {
	o := f.bare(defs)
	if f.fallback != nil {
		o["default"] = f.fallback
	}
	return o
}

func (f form) bare(defs jsonObject) jsonObject {
	switch f.kind {
	case flagForm:
		return jsonObject{"type": "boolean"}
	case wordForm:
		return jsonObject{"enum": f.words}
	case scoreForm:
		return jsonObject{"enum": []any{1, 2, 3, 4, 5, "unknown"}}
	case wholeForm, numberForm:
		return f.number()
	case shapeForm:
		return f.reference(defs)
	case listForm:
		return f.list(defs)
	case numbersForm, pointsForm:
		return f.pairs()
	default:
		return f.text()
	}
}

// Patterns of texts.
const (
	idPattern       = "^[a-z][a-z0-9_-]{0,62}$"
	writtenPattern  = `\S`
	spanPattern     = `^\s*[0-9]{1,9}[dhms]\s*$`
	dayPattern      = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
	currencyPattern = "^[A-Z]{3}$"
)

func (f form) text() jsonObject {
	patterns := map[formKind]string{
		idForm: idPattern, textForm: writtenPattern, spanForm: spanPattern, dayForm: dayPattern,
		currencyForm: currencyPattern,
	}
	o := jsonObject{"type": "string", "pattern": patterns[f.kind]}
	if f.most > 0 {
		o["maxLength"] = f.most
	}
	return o
}

func (f form) number() jsonObject {
	o := jsonObject{"type": "number", "minimum": f.low, "maximum": f.high}
	if f.kind == wholeForm {
		o["type"] = "integer"
	}
	if f.inside {
		o = jsonObject{"type": "number", "exclusiveMinimum": f.low, "exclusiveMaximum": f.high}
	}
	return o
}

// reference names the schema of a shape, which it adds to defs.
func (f form) reference(defs jsonObject) jsonObject {
	if _, there := defs[f.shape.name]; !there {
		defs[f.shape.name] = nil
		defs[f.shape.name] = f.shape.schema(defs)
	}
	return jsonObject{"$ref": "#/$defs/" + f.shape.name}
}

func (f form) list(defs jsonObject) jsonObject {
	o := jsonObject{"type": "array", "items": f.entry.schema(defs), "maxItems": f.most}
	if f.least > 0 {
		o["minItems"] = f.least
	}
	if f.entry.kind == idForm {
		o["uniqueItems"] = true
	}
	return o
}

// pairs are mappings of names to numbers.
func (f form) pairs() jsonObject {
	pattern := idPattern
	if f.kind == pointsForm {
		pattern = dayPattern
	}
	o := jsonObject{
		"type": "object", "additionalProperties": jsonObject{"type": "number"},
		"propertyNames": jsonObject{"pattern": pattern}, "maxProperties": f.most,
	}
	if f.least > 0 {
		o["minProperties"] = f.least
	}
	return o
}
