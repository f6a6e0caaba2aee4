package journey

import "slices"

// shape is a mapping of a map's YAML: what ParseMap knows of it and what the JSON Schema says.
type shape struct {
	// name in the schema, and what it is, for people who write it.
	name, about string
	fields      []field
	// short is the field that a text alone stands for; empty where it must be a mapping.
	short string
	// one are fields of which exactly one is there; some are those of which at least one is.
	one, some []string
}

// field is a member of a shape.
type field struct {
	name     string
	required bool
	is       form
	about    string
}

// form is what a value may be. Only what its kind uses is set.
type form struct {
	kind formKind
	// least and most count the characters of a text, the entries of a list or mapping.
	least, most int
	low, high   float64
	// inside tells that a number lies strictly between low and high.
	inside bool
	words  []string
	shape  *shape
	entry  *form
	// fallback is what stands where the file says nothing; nil: nothing.
	fallback any
}

type formKind uint8

const (
	idForm formKind = iota + 1
	textForm
	wordForm
	flagForm
	wholeForm
	numberForm
	scoreForm
	spanForm
	dayForm
	currencyForm
	shapeForm
	listForm
	// numbersForm and pointsForm are mappings of ids and of days to numbers.
	numbersForm
	pointsForm
)

// names of the fields, in the order in which people are told of them.
func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i := range s.fields {
		names[i] = s.fields[i].name
	}
	return names
}

// field finds a field that the shape has.
func (s *shape) field(name string) *field {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
	return &s.fields[i]
}

func textOfMost(most int) form { return form{kind: textForm, least: 1, most: most} }

func listOf(most int, entry form) form {
	return form{kind: listForm, most: most, entry: &entry}
}

func (f form) atLeast(n int) form {
	f.least = n
	return f
}

func (f form) or(fallback any) form {
	f.fallback = fallback
	return f
}

func of(s *shape) form { return form{kind: shapeForm, shape: s} }

func oneOf(words ...string) form { return form{kind: wordForm, words: words} }

func numberIn(low, high float64) form { return form{kind: numberForm, low: low, high: high} }

var (
	anID     = form{kind: idForm}
	aTitle   = textOfMost(maxTitleLength)
	aText    = textOfMost(maxTextLength)
	aCEL     = textOfMost(maxConditionRunes)
	aFlag    = form{kind: flagForm}.or(false)
	aScore   = form{kind: scoreForm}.or("unknown")
	texts    = listOf(maxListLength, aText)
	titles   = "What people call it. Default: the id."
	scores   = "The team's own score, 1 (bad) to 5 (good), or unknown."
	contacts = "Whether the contact (address, telephone) is got here."
)
