package questionfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/proto/question"
)

// MaxBytes is the most that a file may have.
const MaxBytes = 4 << 20

// Mistake is what is wrong at a place of a file.
type Mistake struct {
	// Line and Column from 1.
	Line, Column int
	Message      string
}

// Entry is a question of a file.
type Entry struct {
	// Question has the name's last part as its name.
	Question *funnelv1.SavedQuestion

	at     place
	places map[string]place
}

type place struct{ line, column int }

// At tells where a field of a SavedQuestion stands that a server found a mistake in, such as
// "words.step[1]": the place of its nearest part that is in the file.
func (e Entry) At(field string) (line, column int) {
	path := strings.TrimPrefix(field, "words.")
	for path != "" {
		if p, ok := e.places[path]; ok {
			return p.line, p.column
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return e.at.line, e.at.column
}

// reader reads a file and collects what is wrong with it.
type reader struct {
	now      time.Time
	entries  []Entry
	mistakes []Mistake
}

func (r *reader) wrong(at place, format string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{at.line, at.column, fmt.Sprintf(format, args...)})
}

// Read gives the questions of a file in its order, and every mistake in it by line and column. With
// mistakes the questions are those that can be read. now is what times relative to it are checked
// by.
func Read(text string, now time.Time) ([]Entry, []Mistake) {
	r := &reader{now: now}
	file, err := parser.ParseBytes([]byte(text), 0)
	switch {
	case err != nil:
		r.syntax(err)
	case len(file.Docs) > 1:
		r.wrong(placeOf(file.Docs[1]), "a file holds one document; take the others out")
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		r.wrong(place{1, 1}, "the file is empty; it holds questions: and each by its name")
	default:
		r.file(file.Docs[0].Body)
	}
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	return r.entries, r.mistakes
}

// syntax tells why the text is no YAML.
func (r *reader) syntax(err error) {
	at, message := place{1, 1}, err.Error()
	if y, ok := errors.AsType[yaml.Error](err); ok {
		message = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			at = place{t.Position.Line, t.Position.Column}
		}
	}
	r.wrong(at, "this is no YAML: %s", message)
}

// each takes the members of a mapping. The parser lets no name come twice.
func (r *reader) each(
	node ast.Node, what string, take func(name string, key place, value ast.Node),
) {
	var members []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		members = n.Values
	case *ast.MappingValueNode:
		members = []*ast.MappingValueNode{n}
	default:
		r.wrong(placeOf(node), "must be a mapping with %s", what)
		return
	}
	for _, m := range members {
		take(m.Key.GetToken().Value, placeOf(m.Key), m.Value)
	}
}

func (r *reader) file(body ast.Node) {
	r.each(body, "questions: and each by its name", func(name string, at place, value ast.Node) {
		if name != "questions" {
			r.wrong(at, "unknown name %q; there is questions", name)
			return
		}
		if _, empty := value.(*ast.NullNode); empty {
			return
		}
		r.each(value, "a question by its name", r.entry)
	})
}

var names = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// KindName is what people call a kind of question; one that is not stated is a funnel.
func KindName(kind funnelv1.QuestionKind) string {
	for name, k := range kinds {
		if k == kind {
			return name
		}
	}
	return "funnel"
}

// kinds by their names in a file.
var kinds = map[string]funnelv1.QuestionKind{
	"funnel":  funnelv1.QuestionKind_QUESTION_KIND_FUNNEL,
	"dropoff": funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF,
}

func (r *reader) entry(name string, at place, value ast.Node) {
	if !names.MatchString(name) {
		r.wrong(at, "%q is no name; write 1 to 63 of a-z, 0-9, _ and -, beginning with a letter",
			name)
	}
	e := Entry{at: at, places: map[string]place{}, Question: &funnelv1.SavedQuestion{
		Name: name, Kind: funnelv1.QuestionKind_QUESTION_KIND_FUNNEL,
		Words: &funnelv1.QuestionWords{},
	}}
	if _, empty := value.(*ast.NullNode); !empty {
		r.each(value, "title, kind and words such as stages and from",
			func(key string, at place, value ast.Node) {
				e.places[key] = at
				r.member(&e, key, at, value)
			})
	}
	r.check(e)
	r.entries = append(r.entries, e)
}

// check tells what is wrong with the words whatever the map is.
func (r *reader) check(e Entry) {
	err := question.Check(e.Question.GetWords(), r.now)
	mistakes, _ := errors.AsType[question.Mistakes](err)
	for _, m := range mistakes {
		line, column := e.At(m.Field("words"))
		r.wrong(place{line, column}, "%s", m.Error())
	}
}

func (r *reader) member(e *Entry, key string, at place, value ast.Node) {
	switch key {
	case "title":
		e.Question.Title, _ = r.text(value, key)
	case "kind":
		text, ok := r.text(value, key)
		kind, known := kinds[text]
		if ok && !known {
			r.wrong(placeOf(value), "%q is no kind; there are funnel and dropoff", text)
		}
		e.Question.Kind = kind
	case "question":
		e.Question.Question = r.question(value)
	default:
		r.word(e, key, at, value)
	}
}

// wordFields are the words there are.
var wordFields = (&funnelv1.QuestionWords{}).ProtoReflect().Descriptor().Fields()

func (r *reader) word(e *Entry, key string, at place, value ast.Node) {
	field := wordFields.ByName(protoreflect.Name(key))
	if field == nil {
		r.wrong(at, "unknown name %q; there are title, kind, question, %s", key, wordNames())
		return
	}
	words := e.Question.GetWords().ProtoReflect()
	switch {
	case field.IsList():
		for i, node := range elements(value) {
			text, ok := r.text(node, key)
			e.places[fmt.Sprintf("%s[%d]", key, i)] = placeOf(node)
			if ok {
				words.Mutable(field).List().Append(protoreflect.ValueOfString(text))
			}
		}
	case field.Kind() == protoreflect.BoolKind:
		if n, ok := value.(*ast.BoolNode); ok {
			words.Set(field, protoreflect.ValueOfBool(n.Value))
			return
		}
		r.wrong(placeOf(value), "%s must be true or false", key)
	case field.Kind() == protoreflect.Uint32Kind:
		var n uint32
		if yaml.NodeToValue(value, &n) != nil {
			r.wrong(placeOf(value), "%s must be a whole number", key)
		}
		words.Set(field, protoreflect.ValueOfUint32(n))
	default:
		text, _ := r.text(value, key)
		words.Set(field, protoreflect.ValueOfString(text))
		e.places[key] = placeOf(value)
	}
}

// elements are those of a list; anything else stands for a list of itself.
func elements(node ast.Node) []ast.Node {
	if list, ok := node.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []ast.Node{node}
}

// text reads a scalar as it is written.
func (r *reader) text(node ast.Node, key string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	r.wrong(placeOf(node), "%s must be a text", key)
	return "", false
}

// question reads a whole FunnelQuestion, written as its JSON is.
func (r *reader) question(node ast.Node) *funnelv1.FunnelQuestion {
	q := &funnelv1.FunnelQuestion{}
	var value any
	err := yaml.NodeToValue(node, &value)
	if err == nil {
		var text []byte
		if text, err = json.Marshal(value); err == nil {
			err = protojson.Unmarshal(text, q)
		}
	}
	if err != nil {
		r.wrong(placeOf(node), "question must be a FunnelQuestion as JSON has it: %s", Unpadded(err))
	}
	return q
}

// Unpadded is an error of protojson without the white space that it varies on purpose.
func Unpadded(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimSpace(strings.TrimPrefix(text, "proto:"))
}

func wordNames() string {
	list := make([]string, wordFields.Len())
	for i := range list {
		list[i] = string(wordFields.Get(i).Name())
	}
	return strings.Join(list, ", ")
}

// placeOf is where a node begins.
func placeOf(node ast.Node) place {
	for {
		switch n := node.(type) {
		case *ast.MappingNode:
			if n.IsFlowStyle || len(n.Values) == 0 {
				return position(n)
			}
			node = n.Values[0]
		case *ast.MappingValueNode:
			node = n.Key
		default:
			return position(n)
		}
	}
}

func position(n ast.Node) place {
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}
