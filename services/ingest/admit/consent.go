package admit

import (
	"strings"

	"github.com/waystage/waystage/services/journey"
)

// consent is where a message says that its visitor consents.
type consent struct {
	// setting is as the site wrote it. Empty: nothing is asked for.
	setting string
	// path leads from the message to the member, dots between levels.
	path string
	// id is what the member must be or hold; empty: it must be true.
	id string
}

// newConsent reads a setting: a path, or a path, "=" and an id.
func newConsent(setting string) consent {
	path, id, _ := strings.Cut(setting, "=")
	return consent{setting: setting, path: path, id: id}
}

// given tells whether the message consents. The context is that of the message over that of its
// batch.
func (c consent) given(in *fields, context journey.Object) bool {
	for _, m := range in.members {
		name := in.name(m)
		if name != "context" && c.at(c.path, name, in.value(m)) {
			return true
		}
	}
	return context != "" && c.at(c.path, "context", string(context))
}

// leadsThrough tells whether the path leads through a member of the message.
func (c consent) leadsThrough(name string) bool {
	rest, ok := strings.CutPrefix(c.path, name)
	return ok && (rest == "" || rest[0] == '.')
}

// at tells whether the path leads through the member of that name to a consent.
func (c consent) at(path, name, value string) bool {
	rest, ok := strings.CutPrefix(path, name)
	if !ok {
		return false
	}
	if rest == "" {
		return c.grants(value)
	}
	if rest[0] != '.' || value[0] != '{' {
		return false
	}
	w := walk(value)
	for m, ok := w.member(); ok; m, ok = w.member() {
		if c.at(rest[1:], w.name(m), w.value(m)) {
			return true
		}
	}
	return false
}

// grants tells whether a value is a consent.
func (c consent) grants(literal string) bool {
	if c.id == "" {
		return literal == "true" || literal[0] == '"' && isYes(unquote(literal))
	}
	if literal[0] != '[' {
		return c.named(literal)
	}
	w := walk(literal)
	for element, ok := w.element(); ok; element, ok = w.element() {
		if c.named(element) {
			return true
		}
	}
	return false
}

func (c consent) named(literal string) bool {
	return literal[0] == '"' && unquote(literal) == c.id
}

func isYes(text string) bool {
	return strings.EqualFold(text, "true") || strings.EqualFold(text, "granted")
}

func (c consent) refusal() *Refusal {
	want := "is not true"
	if c.id != "" {
		want = "does not name the consent"
	}
	return refuse(NoConsent, "the site asks for consent and %q %s: send the message once the "+
		"visitor consents, or change the site's consent field", c.setting, want)
}
