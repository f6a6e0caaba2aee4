package questionfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// Write gives a file with questions, in their order. Read gives the same ones back, but for what
// only a server knows. Names are taken by their last part.
//
// It is written here rather than by the YAML library, which loses white space and some controls.
func Write(questions []*funnelv1.SavedQuestion) (string, error) {
	var out strings.Builder
	out.WriteString("questions:\n")
	for _, q := range questions {
		fmt.Fprintf(&out, "  %s:\n", q.GetName()[strings.LastIndexByte(q.GetName(), '/')+1:])
		if q.GetTitle() != "" {
			fmt.Fprintf(&out, "    title: %s\n", scalar(q.GetTitle()))
		}
		fmt.Fprintf(&out, "    kind: %s\n", KindName(q.GetKind()))
		writeWords(&out, q.GetWords())
		if err := writeWhole(&out, q.GetQuestion()); err != nil {
			return "", fmt.Errorf("writing question %s: %w", q.GetName(), err)
		}
	}
	return out.String(), nil
}

func writeWords(out *strings.Builder, m *funnelv1.QuestionWords) {
	words := m.ProtoReflect()
	for i := range wordFields.Len() {
		f := wordFields.Get(i)
		if !words.Has(f) {
			continue
		}
		fmt.Fprintf(out, "    %s:", f.Name())
		if !f.IsList() {
			fmt.Fprintf(out, " %s\n", plain(f, words.Get(f)))
			continue
		}
		out.WriteByte('\n')
		for i := range words.Get(f).List().Len() {
			fmt.Fprintf(out, "      - %s\n", plain(f, words.Get(f).List().Get(i)))
		}
	}
}

func plain(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if f.Kind() == protoreflect.StringKind {
		return scalar(v.String())
	}
	return v.String()
}

// bare are texts that mean themselves without quotes, whoever reads the file: words of letters,
// digits and some signs, with single spaces or colons between, that begin with a letter or as -30d
// does.
var bare = regexp.MustCompile(`^(?:[A-Za-z]|-[0-9])` + signs +
	`*(:` + signs + `+| [A-Za-z0-9_.@/+(-]+)*$`)

const signs = `[A-Za-z0-9_.@/+|>=<~$-]`

// reserved are texts that are none in one YAML or another: numbers, booleans, nulls.
var reserved = regexp.MustCompile(`^(?i:-|--.*|-\.(inf|nan)|-[0-9._]+(e[0-9+-]+)?|` +
	`true|false|yes|no|on|off|y|n|null)$`)

// scalar writes a text, in quotes where it could be taken for something else.
func scalar(text string) string {
	if bare.MatchString(text) && !reserved.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

var jsonText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// writeWhole writes a whole question as JSON, which is YAML but for some escapes.
func writeWhole(out *strings.Builder, q *funnelv1.FunnelQuestion) error {
	if q == nil {
		return nil
	}
	text, err := protojson.Marshal(q)
	if err != nil {
		return fmt.Errorf("reading the whole question: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "      ", "  "); err != nil {
		return fmt.Errorf("reading the whole question: %w", err)
	}
	quoted := jsonText.ReplaceAllStringFunc(indented.String(), func(literal string) string {
		var text string
		if json.Unmarshal([]byte(literal), &text) != nil {
			return literal
		}
		return strconv.Quote(text)
	})
	fmt.Fprintf(out, "    question:\n      %s\n", quoted)
	return nil
}
