package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/proto/question"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// stating is a request that states a question.
type stating interface {
	GetParent() string
	GetQuestion() *funnelv1.FunnelQuestion
	GetWords() *funnelv1.QuestionWords
	GetSaved() string
}

// statement is how a question is stated: whole, in words, by the name under which it was saved, or
// as words over a saved or whole one.
type statement struct {
	// whole is what words go over. nil where there is nothing.
	whole *funnelv1.FunnelQuestion
	// words are all of them; stated those of the request alone.
	words, stated *funnelv1.QuestionWords
	// saved is "NAME@VERSION" of the saved question, empty where there is none.
	saved   string
	version journey.QuestionVersion
	// field is where the whole question stands in the request, wordsField where the words do.
	field, wordsField string
}

// inWords tells whether anything but a whole question is stated.
func (s *statement) inWords() bool { return s.words != nil || s.saved != "" }

// statement reads how a question is stated. version pins that of a saved question that does not
// state its own, 0 being the newest. Errors: Invalid, Unavailable.
func (h *funnelHandler) statement(
	ctx context.Context, site journey.SiteID, m stating, version journey.QuestionVersion,
) (statement, error) {
	s := statement{
		whole: m.GetQuestion(), words: m.GetWords(), stated: m.GetWords(),
		field: "question", wordsField: "words",
	}
	var v fault.Violations
	switch {
	case s.whole != nil && (s.words != nil || m.GetSaved() != ""):
		v.Add("question", "is stated beside words or saved: keep the question, or the others")
	case s.whole == nil && s.words == nil && m.GetSaved() == "":
		v.Add("question", "is required: give question, words or saved")
	}
	if err := v.Err(fault.Invalid); err != nil || m.GetSaved() == "" {
		return s, err
	}
	kept, err := h.savedQuestion(ctx, site, m.GetSaved(), version)
	if err != nil {
		return s, err
	}
	below, err := contentOf(kept)
	if err != nil {
		return s, err
	}
	s.saved, s.version = fmt.Sprintf("%s@%d", kept.Name, kept.Version), kept.Version
	s.whole, s.words = below.GetQuestion(), question.Over(below.GetWords(), s.stated)
	return s, nil
}

// savedQuestion gives a saved question by "NAME" or "NAME@VERSION". Errors: Invalid, Unavailable.
func (h *funnelHandler) savedQuestion(
	ctx context.Context, site journey.SiteID, saved string, pinned journey.QuestionVersion,
) (journey.SavedQuestion, error) {
	text, number, versioned := strings.Cut(saved, "@")
	name, version := journey.QuestionName(text), pinned
	var v fault.Violations
	if versioned {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n == 0 {
			v.Add("saved", strconv.Quote(saved)+": write NAME, or NAME@VERSION with versions from 1")
		}
		version = journey.QuestionVersion(n)
	}
	if !name.Valid() && len(v) == 0 {
		v.Add("saved", fmt.Sprintf("%q is no name; %s", text, nameRule))
	}
	if err := v.Err(fault.Invalid); err != nil {
		return journey.SavedQuestion{}, err
	}
	kept, err := h.questions.Question(ctx, site, name, version)
	if fault.Of(err) == fault.NotFound {
		v.Add("saved", fmt.Sprintf("the site has no saved question %q%s", saved,
			h.similarQuestion(ctx, site, text)))
		return kept, v.Err(fault.Invalid)
	}
	if err != nil {
		return kept, fmt.Errorf("reading a saved question of site %s: %w", site, err)
	}
	return kept, nil
}

// similarQuestion suggests a name that may be meant.
func (h *funnelHandler) similarQuestion(
	ctx context.Context, site journey.SiteID, name string,
) string {
	list, err := h.questions.Questions(ctx, site)
	if err != nil {
		return ""
	}
	names := make([]string, len(list))
	for i, q := range list {
		names[i] = string(q.Name)
	}
	return suggestion(name, names)
}

// settle makes a statement one question, with the words over what is below them, and collects what
// is wrong with it. nil where there is none.
func (r *reader) settle(s statement) *funnelv1.FunnelQuestion {
	if !s.inWords() {
		return s.whole
	}
	q := &funnelv1.FunnelQuestion{}
	if s.whole != nil {
		q = proto.CloneOf(s.whole)
	}
	err := question.Apply(s.words, q, r.now, r.known[stages])
	mistakes, _ := errors.AsType[question.Mistakes](err)
	for _, m := range mistakes {
		r.bad(s.wordField(m), "%s", s.within(m.Word, m.Problem))
	}
	if len(mistakes) > 0 {
		return nil
	}
	return q
}

// wordField is where a mistake of a word stands in the request.
func (s *statement) wordField(m question.Mistake) string {
	if s.saved != "" && !s.states(m.Word) {
		return "saved"
	}
	return m.Field(s.wordsField)
}

// within is a problem of a word, with its place where the request does not state it.
func (s *statement) within(word, problem string) string {
	if s.saved != "" && !s.states(word) {
		return s.saved + ": " + word + " " + problem
	}
	return problem
}

// states tells whether the request itself states a word.
func (s *statement) states(word string) bool {
	if s.stated == nil {
		return false
	}
	m := s.stated.ProtoReflect()
	f := m.Descriptor().Fields().ByName(protoreflect.Name(word))
	return f != nil && m.Has(f)
}

// rename says where what is wrong with the settled question stands in the request: violations name
// fields of "question".
func (s *statement) rename(list fault.Violations) {
	for i, v := range list {
		path, ours := strings.CutPrefix(v.Field, "question")
		inWords := strings.HasPrefix(v.Field, s.wordsField+".")
		if !ours || inWords || path != "" && path[0] != '.' {
			continue
		}
		path = strings.TrimPrefix(path, ".")
		word, at := s.wordOf(path)
		switch {
		case s.states(word):
			list[i].Field = s.wordsField + "." + at
		case s.saved != "":
			list[i].Field = "saved"
			list[i].Description = s.saved + ": " + path + " " + v.Description
		case s.whole != nil || word == "":
			list[i].Field = strings.TrimSuffix(s.field+"."+path, ".")
		default:
			list[i].Field = s.wordsField + "." + at
		}
	}
}

// wordsOfFields are the words that set the fields of a question, by how these begin, the longer
// ones first.
var wordsOfFields = []struct{ field, word string }{
	{"steps[", "step["},
	{"steps", "step"},
	{"range.from", "from"},
	{"range.to", "to"},
	{"range_mode", "range_mode"},
	{"range", "to"},
	{"as_of", "as_of"},
	{"window_seconds", "window"},
	{"reentry", "reentry"},
	{"unit", "unit"},
	{"filter", "filter"},
	{"breakdowns[", "by["},
	{"breakdowns", "by"},
	{"compare", "compare"},
	{"compat", "compat"},
	{"order", "order"},
	{"count", "count"},
	{"simultaneity_seconds", "simultaneity"},
	{"hold[", "hold["},
	{"hold", "hold"},
	{"exclusions[", "exclude["},
	{"exclusions", "exclude"},
	{"trend", "trend"},
	{"time_to_convert", "time_to_convert"},
}

// wordOf gives the word that sets a field of the question, and that with its place among several.
func (s *statement) wordOf(path string) (word, at string) {
	for _, w := range wordsOfFields {
		rest, is := strings.CutPrefix(path, w.field)
		if !is {
			continue
		}
		word, several := strings.CutSuffix(w.word, "[")
		switch {
		case word == "step" && len(s.words.GetStep()) == 0:
			return "stages", "stages"
		case word == "to" && path == "range" && !s.states("to"):
			return "from", "from"
		case word == "simultaneity" && s.words.GetSimultaneity() == "":
			return "compat", "compat" // it sets one
		case several && strings.HasSuffix(rest, "].limit"):
			return "limit", "limit"
		case several:
			number, _, _ := strings.Cut(rest, "]")
			return word, word + "[" + number + "]"
		case word == "filter" && len(s.words.GetFilter()) == 0 && s.words.GetCustomersOnly():
			return "customers_only", "customers_only"
		}
		return word, word
	}
	return "", path
}
