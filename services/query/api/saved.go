package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

const (
	// MaxSavedQuestions is how many names of saved questions a site may have.
	MaxSavedQuestions = 1000
	// MaxSavedBytes is the longest saved question, as JSON.
	MaxSavedBytes = 64 << 10
)

const nameRule = "write 1 to 63 of a-z, 0-9, _ and -, beginning with a letter"

// savedHandler answers SavedQuestionService.
type savedHandler struct {
	funnelv1.UnimplementedSavedQuestionServiceServer

	funnels *funnelHandler
}

// Kinds of saved questions as they are kept.
const (
	funnelKind  = "funnel"
	dropOffKind = "dropoff"
)

var savedKinds = map[string]funnelv1.QuestionKind{
	funnelKind:  funnelv1.QuestionKind_QUESTION_KIND_FUNNEL,
	dropOffKind: funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF,
}

// SaveQuestion keeps a question as the next version of its name.
func (h *savedHandler) SaveQuestion(
	ctx context.Context, m *funnelv1.SaveQuestionRequest,
) (*funnelv1.SaveQuestionResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	q, err := h.read(ctx, site, m.GetQuestion())
	if err != nil {
		return nil, err
	}
	if err := h.checkRoom(ctx, site, q.Name); err != nil {
		return nil, err
	}
	kept, err := h.funnels.questions.SaveQuestion(ctx, site, q)
	if err != nil {
		return nil, fmt.Errorf("saving a question of site %s: %w", site, err)
	}
	message, err := savedMessage(site, kept)
	return &funnelv1.SaveQuestionResponse{Question: message}, err
}

// read reads a question that is to be kept, and checks it as if it were asked.
func (h *savedHandler) read(
	ctx context.Context, site journey.SiteID, m *funnelv1.SavedQuestion,
) (journey.SavedQuestion, error) {
	s := statement{
		whole: m.GetQuestion(), words: m.GetWords(), stated: m.GetWords(),
		field: "question.question", wordsField: "question.words",
	}
	r := &reader{}
	q := r.savedQuestion(site, m)
	if s.whole == nil && s.words == nil {
		r.bad("question.words", "are required where there is no question: give one of them, or both")
	}
	heading := r.invalid
	r.invalid = nil
	var err error
	if r.surroundings, err = h.funnels.surroundings(ctx, site, s); err != nil {
		return q, err
	}
	r.now = cut(h.funnels.now())
	if s.whole != nil || s.words != nil {
		a := asked{}
		r.asked(s, &a)
		if q.Kind == dropOffKind {
			r.dropOffsOnly(a)
		}
	}
	s.rename(r.invalid)
	s.rename(r.unsupported)
	r.invalid = slices.Concat(heading, r.invalid)
	return q, r.err()
}

// savedQuestion reads all but the meaning of what is to be kept.
func (r *reader) savedQuestion(
	site journey.SiteID, m *funnelv1.SavedQuestion,
) (q journey.SavedQuestion) {
	of, name, err := parseChild("question.name", m.GetName(), "questions")
	q.Name, q.Title, q.Kind = journey.QuestionName(name), m.GetTitle(), funnelKind
	r.invalid = append(r.invalid, fault.ViolationsOf(err)...)
	switch {
	case err != nil:
	case of != site:
		r.bad("question.name", "is of another site than parent: give %q",
			siteName(site)+"/questions/"+name)
	case !q.Name.Valid():
		r.bad("question.name", "%q is no name; %s", name, nameRule)
	}
	if utf8.RuneCountInString(q.Title) > maxLabel {
		r.bad("question.title", "must be at most %d characters", maxLabel)
	}
	r.enum("question.kind", m.GetKind())
	if m.GetKind() == funnelv1.QuestionKind_QUESTION_KIND_DROP_OFF {
		q.Kind = dropOffKind
	}
	if q.Content, err = canonical(m); err != nil || len(q.Content) > MaxSavedBytes {
		r.bad("question", "takes %d bytes as JSON: give at most %d", len(q.Content), MaxSavedBytes)
	}
	return q
}

// canonical is what is asked as JSON, always in the same way.
func canonical(m *funnelv1.SavedQuestion) (string, error) {
	text, err := protojson.Marshal(&funnelv1.SavedQuestion{
		Words: m.GetWords(), Question: m.GetQuestion(),
	})
	if err != nil {
		return "", fmt.Errorf("writing a question as JSON: %w", err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		return "", fmt.Errorf("writing a question as JSON: %w", err)
	}
	return out.String(), nil
}

// contentOf reads what canonical wrote.
func contentOf(q journey.SavedQuestion) (*funnelv1.SavedQuestion, error) {
	m := &funnelv1.SavedQuestion{}
	if err := protojson.Unmarshal([]byte(q.Content), m); err != nil {
		return nil, fault.Wrap(fault.Internal, err,
			"version %d of question %s cannot be read any more", q.Version, q.Name)
	}
	return m, nil
}

// checkRoom refuses a new name where the site has enough of them.
func (h *savedHandler) checkRoom(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
) error {
	list, err := h.funnels.questions.Questions(ctx, site)
	if err != nil {
		return fmt.Errorf("listing saved questions of site %s: %w", site, err)
	}
	known := slices.ContainsFunc(list, func(q journey.SavedQuestion) bool { return q.Name == name })
	if known || len(list) < MaxSavedQuestions {
		return nil
	}
	var v fault.Violations
	v.Add("question.name", fmt.Sprintf("would be one more than the %d saved questions that a site "+
		"may have: delete one first", MaxSavedQuestions))
	return v.Err(fault.Invalid)
}

// GetQuestion gives one version, or the newest.
func (h *savedHandler) GetQuestion(
	ctx context.Context, m *funnelv1.GetQuestionRequest,
) (*funnelv1.GetQuestionResponse, error) {
	site, name, err := parseQuestion(m.GetName())
	if err != nil {
		return nil, err
	}
	kept, err := h.funnels.questions.Question(ctx, site, name,
		journey.QuestionVersion(m.GetVersion()))
	if err != nil {
		return nil, fmt.Errorf("reading a saved question of site %s: %w", site, err)
	}
	message, err := savedMessage(site, kept)
	return &funnelv1.GetQuestionResponse{Question: message}, err
}

// ListQuestions gives a page of the newest versions, or of all versions of one question.
func (h *savedHandler) ListQuestions(
	ctx context.Context, m *funnelv1.ListQuestionsRequest,
) (*funnelv1.ListQuestionsResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	if _, err := h.funnels.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	list, err := h.list(ctx, site, journey.QuestionName(m.GetQuestion()))
	if err != nil {
		return nil, err
	}
	page, next, err := pageFrom(m, list, savedPlace, func(place string) int {
		return behind(list, place)
	})
	if err != nil {
		return nil, err
	}
	out := &funnelv1.ListQuestionsResponse{NextPageToken: next}
	for _, q := range page {
		message, err := savedMessage(site, q)
		if err != nil {
			return nil, err
		}
		out.Questions = append(out.Questions, message)
	}
	return out, nil
}

func savedPlace(q journey.SavedQuestion) string {
	return string(q.Name) + "@" + strconv.FormatUint(uint64(q.Version), 10)
}

// behind is where a list goes on behind a version that may have been followed by another one, or
// deleted, since: by name, each name's newest version first.
func behind(list []journey.SavedQuestion, place string) int {
	name, number, _ := strings.Cut(place, "@")
	version, _ := strconv.ParseUint(number, 10, 32)
	i := slices.IndexFunc(list, func(q journey.SavedQuestion) bool {
		return string(q.Name) > name || string(q.Name) == name && uint64(q.Version) < version
	})
	if i < 0 {
		return len(list)
	}
	return i
}

func (h *savedHandler) list(
	ctx context.Context, site journey.SiteID, name journey.QuestionName,
) (list []journey.SavedQuestion, err error) {
	switch {
	case name == "":
		list, err = h.funnels.questions.Questions(ctx, site)
	case !name.Valid():
		var v fault.Violations
		v.Add("question", fmt.Sprintf("%q is no name; %s", name, nameRule))
		return nil, v.Err(fault.Invalid)
	default:
		list, err = h.funnels.questions.QuestionVersions(ctx, site, name)
	}
	if err != nil {
		return nil, fmt.Errorf("listing saved questions of site %s: %w", site, err)
	}
	return list, nil
}

// DeleteQuestion takes a name out of the list.
func (h *savedHandler) DeleteQuestion(
	ctx context.Context, m *funnelv1.DeleteQuestionRequest,
) (*funnelv1.DeleteQuestionResponse, error) {
	site, name, err := parseQuestion(m.GetName())
	if err != nil {
		return nil, err
	}
	if err := h.funnels.questions.DeleteQuestion(ctx, site, name); err != nil {
		return nil, fmt.Errorf("deleting a saved question of site %s: %w", site, err)
	}
	return &funnelv1.DeleteQuestionResponse{}, nil
}

// parseQuestion reads "sites/{site}/questions/{question}". Errors: Invalid naming the field.
func parseQuestion(name string) (journey.SiteID, journey.QuestionName, error) {
	site, id, err := parseChild("name", name, "questions")
	if err == nil && !journey.QuestionName(id).Valid() {
		err = misnamed("name", name, `"sites/{site}/questions/{question}"`)
	}
	return site, journey.QuestionName(id), err
}

func savedMessage(
	site journey.SiteID, q journey.SavedQuestion,
) (*funnelv1.SavedQuestion, error) {
	m, err := contentOf(q)
	if err != nil {
		return nil, err
	}
	m.Name = siteName(site) + "/questions/" + string(q.Name)
	m.Version, m.Title, m.Kind = uint32(q.Version), q.Title, savedKinds[q.Kind]
	m.SavedAt = timestamppb.New(q.SavedAt)
	return m, nil
}
