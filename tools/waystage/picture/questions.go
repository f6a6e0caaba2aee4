package picture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/tools/waystage/questionfile"
)

// Questions draws a list of saved questions.
func (p Paper) Questions(w io.Writer, list []*funnelv1.SavedQuestion) error {
	d := &drawing{Paper: p}
	names := make([]string, len(list))
	for i, q := range list {
		names[i] = path.Base(q.GetName())
	}
	name := widest(names, 8, 24)
	d.line("%s", p.paint(dim, fit("question", name)+" "+right("version", 7)+" "+fit("kind", 7)+
		" "+fit("saved (UTC)", 19)+" title"))
	for i, q := range list {
		room := d.width() - name - 7 - 7 - 19 - 4
		d.line("%s %s %s %s %s", p.paint(bold, fit(names[i], name)), right(Number(q.GetVersion()), 7),
			fit(questionfile.KindName(q.GetKind()), 7), instant(q.GetSavedAt().AsTime()),
			fit(q.GetTitle(), room))
	}
	return d.to(w)
}

// Question draws a saved question in words.
func (p Paper) Question(w io.Writer, q *funnelv1.SavedQuestion) error {
	d := &drawing{Paper: p}
	d.worded("question", path.Base(q.GetName()))
	d.worded("title", cmp.Or(q.GetTitle(), "–"))
	d.worded("version", Number(q.GetVersion())+", saved "+instant(q.GetSavedAt().AsTime())+" UTC")
	d.worded("kind", questionfile.KindName(q.GetKind()))
	words := q.GetWords().ProtoReflect()
	fields := words.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); words.Has(f) {
			d.word(f, words.Get(f))
		}
	}
	if q.GetQuestion() != nil {
		d.line("%s", d.paint(dim, "over the question"))
		text, err := wholeText(q.GetQuestion())
		if err != nil {
			return err
		}
		d.line("%s", text)
	}
	return d.to(w)
}

// wholeText is a question as JSON, always in the same way.
func wholeText(q *funnelv1.FunnelQuestion) (string, error) {
	text, err := protojson.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("writing the question: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return "", fmt.Errorf("writing the question: %w", err)
	}
	return plainLines(out.String()), nil
}

// plainLines takes the control characters out of every line.
func plainLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// wordColumns is where what a word says begins.
const wordColumns = len("time_to_convert")

func (d *drawing) worded(word, text string) {
	d.line("%s %s", d.paint(dim, fit(word, wordColumns)), plain(text))
}

// word draws a word of a question; several of one stand below each other.
func (d *drawing) word(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	if !f.IsList() {
		d.worded(string(f.Name()), v.String())
		return
	}
	name := string(f.Name())
	for i := range v.List().Len() {
		d.worded(name, v.List().Get(i).String())
		name = ""
	}
}
