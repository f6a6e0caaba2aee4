package rpc

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/waystage/waystage/services/internal/fault"
)

// form is a method that is bound to POST and may be asked by GET too, for tools that can do nothing
// else: its parameters make the body of the POST. Such is every method whose request has a field
// "words", whose fields are parameters as the request's own ones are.
type form struct {
	path    *regexp.Regexp
	request protoreflect.MessageDescriptor
	words   protoreflect.FieldDescriptor
	// parameters are those of words and of the request, by every spelling.
	parameters map[string]parameter
}

// parameter is a field that is given in the query.
type parameter struct {
	name string
	word bool
	protoreflect.FieldDescriptor
}

// place is what a parameter fills: fields of which a request has but one fill the same.
func (p parameter) place() string {
	if p.FieldDescriptor != nil && p.ContainingOneof() != nil && !p.ContainingOneof().IsSynthetic() {
		return string(p.ContainingOneof().FullName())
	}
	return p.name
}

// formsOf finds the forms of services. Errors: a path that cannot be read.
func formsOf(services []Service) ([]form, error) {
	var forms []form
	for _, service := range services {
		methods := methodsOf(service.Desc)
		for i := range methods {
			f, err := formOf(methods[i])
			if err != nil {
				return nil, fmt.Errorf("reading the path of %s: %w", methods[i].FullName(), err)
			}
			if f != nil {
				forms = append(forms, *f)
			}
		}
	}
	return forms, nil
}

// methodsOf are those of a service that is made of messages.
func methodsOf(desc *grpc.ServiceDesc) []protoreflect.MethodDescriptor {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(
		protoreflect.FullName(desc.ServiceName))
	service, is := found.(protoreflect.ServiceDescriptor)
	if err != nil || !is {
		return nil
	}
	var list []protoreflect.MethodDescriptor
	for i := range service.Methods().Len() {
		list = append(list, service.Methods().Get(i))
	}
	return list
}

// formOf makes a method a form, nil where it is none.
func formOf(method protoreflect.MethodDescriptor) (*form, error) {
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	words := method.Input().Fields().ByName("words")
	if rule.GetPost() == "" || words == nil || words.Message() == nil {
		return nil, nil //nolint:nilnil // it is none
	}
	path, err := pathOf(rule.GetPost())
	if err != nil {
		return nil, err
	}
	return &form{
		path: path, request: method.Input(), words: words,
		parameters: parametersOf(method.Input(), words, rule.GetPost()),
	}, nil
}

// variable is a variable of a path as "{parent=sites/*}".
var variable = regexp.MustCompile(`\{(\w+)=([^}]*)\}`)

// pathOf makes a path with variables an expression.
func pathOf(template string) (*regexp.Regexp, error) {
	var b strings.Builder
	rest := variable.ReplaceAllString(template, "$2")
	for i, part := range strings.Split(rest, "*") {
		if i > 0 {
			b.WriteString(`[^/:]+`)
		}
		b.WriteString(regexp.QuoteMeta(part))
	}
	return regexp.Compile("^" + b.String() + "$") //nolint:wrapcheck // wrapped above
}

// parametersOf are all fields that the path does not hold. A field of the request that is named as
// a word is, is called so with "Number" at its end, or "Value" where it is a text.
func parametersOf(
	request protoreflect.MessageDescriptor, words protoreflect.FieldDescriptor, path string,
) map[string]parameter {
	all := make(map[string]parameter)
	add := func(f protoreflect.FieldDescriptor, word bool, camel, snake string) {
		p := parameter{f.JSONName() + camel, word, f}
		all[p.name], all[string(f.Name())+snake] = p, p
	}
	for i := range words.Message().Fields().Len() {
		add(words.Message().Fields().Get(i), true, "", "")
	}
	for i := range request.Fields().Len() {
		f := request.Fields().Get(i)
		if f == words || strings.Contains(path, "{"+string(f.Name())+"=") {
			continue
		}
		switch _, taken := all[string(f.Name())]; {
		case !taken:
			add(f, false, "", "")
		case f.Kind() == protoreflect.StringKind:
			add(f, false, "Value", "_value")
		default:
			add(f, false, "Number", "_number")
		}
	}
	return all
}

// body makes a query the JSON of the request. Errors: Invalid with a violation per parameter that
// is unknown or unreadable.
func (f *form) body(query url.Values) ([]byte, error) {
	request := dynamicpb.NewMessage(f.request)
	var v fault.Violations
	spelled := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		p, known := f.parameters[name]
		other, twice := spelled[p.place()]
		switch {
		case name == formatParameter || name == tableParameter:
		case !known:
			v.Add(name, "unknown parameter; known are "+strings.Join(f.names(), ", "))
		case twice:
			v.Add(name, "is given as "+other+" too: give one of them")
		default:
			spelled[p.place()] = name
			var into protoreflect.Message = request
			if p.word {
				into = request.Mutable(f.words).Message()
			}
			if err := set(into, p.FieldDescriptor, values); err != nil {
				v.Add(name, err.Error())
			}
		}
	}
	if len(v) > 0 {
		return nil, v.Err(fault.Invalid)
	}
	b, err := protojson.Marshal(request)
	return b, fault.Wrap(fault.Invalid, err, "the query is no text in UTF-8")
}

// names are the known parameters, sorted.
func (f *form) names() []string {
	names := []string{formatParameter, tableParameter}
	for _, p := range f.parameters {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// set sets a field to what was given for it.
func set(m protoreflect.Message, f protoreflect.FieldDescriptor, values []string) error {
	if !f.IsList() && len(values) > 1 {
		return fmt.Errorf("is given %d times: give it once", len(values))
	}
	for _, text := range values {
		value, err := read(m, f, text)
		if err != nil {
			return err
		}
		if f.IsList() {
			m.Mutable(f).List().Append(value)
		} else {
			m.Set(f, value)
		}
	}
	return nil
}

// read reads a value of a field: an enum's by its name or the last part of it, a message as JSON.
func read(
	m protoreflect.Message, f protoreflect.FieldDescriptor, text string,
) (protoreflect.Value, error) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BoolKind:
		is, err := strconv.ParseBool(text)
		if err != nil {
			return protoreflect.Value{}, fmt.Errorf("is %q: give true or false", text)
		}
		return protoreflect.ValueOfBool(is), nil
	case protoreflect.Uint32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return protoreflect.Value{}, fmt.Errorf("is %q: give a whole number, 0 or more", text)
		}
		return protoreflect.ValueOfUint32(uint32(n)), nil
	case protoreflect.EnumKind:
		return readEnum(f.Enum().Values(), text)
	case protoreflect.MessageKind:
		return readMessage(m, f, text)
	default:
		return protoreflect.Value{}, errors.New("cannot be given in a query: ask by POST")
	}
}

func readEnum(
	values protoreflect.EnumValueDescriptors, text string,
) (protoreflect.Value, error) {
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	word := strings.ReplaceAll(strings.ToUpper(text), "-", "_")
	var known []string
	for i := range values.Len() {
		name := string(values.Get(i).Name())
		short := strings.TrimPrefix(name, prefix)
		if name == word || short == word {
			return protoreflect.ValueOfEnum(values.Get(i).Number()), nil
		}
		if i > 0 {
			known = append(known, strings.ToLower(short))
		}
	}
	return protoreflect.Value{}, fmt.Errorf("is %q: give %s", text, strings.Join(known, ", "))
}

// readMessage reads a message as JSON. One that has a value takes that alone too, and an instant is
// written without the quotes of JSON.
func readMessage(
	m protoreflect.Message, f protoreflect.FieldDescriptor, text string,
) (protoreflect.Value, error) {
	message := newOf(m, f).Message()
	value := f.Message().Fields().ByName("value")
	if value != nil && value.Kind() == protoreflect.StringKind && !strings.HasPrefix(text, "{") {
		message.Set(value, protoreflect.ValueOfString(text))
		return protoreflect.ValueOfMessage(message), nil
	}
	if f.Message().FullName() == "google.protobuf.Timestamp" && !strings.HasPrefix(text, `"`) {
		text = strconv.Quote(text)
	}
	if err := protojson.Unmarshal([]byte(text), message.Interface()); err != nil {
		return protoreflect.Value{}, fmt.Errorf("is not the JSON of this field: %s", plain(err))
	}
	return protoreflect.ValueOfMessage(message), nil
}

// newOf is an empty value of a field, or of a member of it.
func newOf(m protoreflect.Message, f protoreflect.FieldDescriptor) protoreflect.Value {
	if f.IsList() {
		return m.Mutable(f).List().NewElement()
	}
	return m.NewField(f)
}
