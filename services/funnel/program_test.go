package funnel

import (
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

func compile(t testing.TB, q Question) *Program {
	t.Helper()
	p, err := Compile(q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOverlaps(t *testing.T) {
	t.Parallel()
	of := func(kind TargetKind, name string) Step { return Step{Target: Target{kind, name}} }
	tests := []struct {
		name  string
		steps []Step
		want  bool
	}{
		{name: "distinct events", steps: []Step{event("a"), event("b"), event("c")}},
		{name: "distinct stages", steps: []Step{of(Stage, "a"), of(Stage, "b")}},
		{name: "repeated", steps: []Step{event("a"), event("b"), event("a")}, want: true},
		{name: "kinds mixed", steps: []Step{event("a"), of(Stage, "b")}, want: true},
		{name: "any event", steps: []Step{event("a"), of(AnyEvent, "")}, want: true},
		{name: "any events only", steps: []Step{of(AnyEvent, ""), of(AnyEvent, "")}, want: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := validQuestion()
			q.Steps = test.steps
			if got := compile(t, q).Overlaps(); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	set := func(s Subject, name string) Condition {
		return Condition{Subject: s, Name: name, Operator: IsSet}
	}
	q := validQuestion()
	if diff := gocmp.Diff(Needs{}, compile(t, q).Needs()); diff != "" {
		t.Errorf("plain (-want +got):\n%s", diff)
	}
	if !compile(t, q).Plain() {
		t.Error("a question without conditions is not plain")
	}
	q.Steps = []Step{
		{Target: Target{Stage, "s"}, Conditions: []Condition{set(Property, "z"), set(Property, "b")}},
		{Target: Target{Touchpoint, "t"}},
	}
	q.Filter = Not{Of: AnyOf{
		AllOf{set(Trait, "y"), set(Property, "b")},
		set(Trait, "x"), set(OfChannel, ""),
		AllOf{set(OfDevice, ""), set(OfBrowser, ""), set(OfOS, ""), set(OfTraffic, "")},
	}}
	q.Breakdowns = byPersona
	want := Needs{
		Properties: []string{"b", "z"}, Traits: []string{"x", "y"},
		Persona: true, Channel: true, Mapped: true,
		Device: true, Browser: true, OS: true, Traffic: true,
	}
	if diff := gocmp.Diff(want, compile(t, q).Needs()); diff != "" {
		t.Errorf("with conditions (-want +got):\n%s", diff)
	}
	if compile(t, q).Plain() {
		t.Error("a question with conditions is plain")
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	q := validQuestion()
	q.Steps = []Step{
		event("view"),
		{Target: Target{Stage, "shop"}},
		{Target: Target{Touchpoint, "cart"}},
		{Target: Target{AnyEvent, ""}},
		event("view"),
	}
	p := compile(t, q)
	mapped := journey.Attribution{Stage: "shop", Touchpoint: "cart"}
	if got, want := p.Targets("view", mapped), uint32(0b11111); got != want {
		t.Errorf("got %b, want %b", got, want)
	}
	if got, want := p.Targets("other", journey.Attribution{}), uint32(0b01000); got != want {
		t.Errorf("got %b, want %b", got, want)
	}
}

// matchCase is a question with its persons and touchpoints, as the words see them.
type matchCase struct {
	question   Question
	traits     map[string]journey.Value
	persona    journey.PersonaID
	properties map[string]journey.Value
	touch      TouchView
}

func (m matchCase) value(c Condition) journey.Value {
	word := map[Subject]string{
		OfChannel: string(m.touch.Channel), OfEvent: m.touch.Event,
		OfStage: string(m.touch.Stage), OfTouchpoint: string(m.touch.Touchpoint),
		OfDevice: m.touch.Client.Device, OfTraffic: string(m.touch.Traffic),
		Persona: string(m.persona),
	}
	switch c.Subject {
	case Property:
		return m.properties[c.Name]
	case Trait:
		return m.traits[c.Name]
	case Persona:
		if m.persona == "" {
			return text("unassigned")
		}
	}
	if word[c.Subject] == "" {
		return missing
	}
	return text(word[c.Subject])
}

func (m matchCase) holds(f Filter) bool {
	switch f := f.(type) {
	case AllOf:
		return !slices.ContainsFunc(f, func(g Filter) bool { return !m.holds(g) })
	case AnyOf:
		return slices.ContainsFunc(f, m.holds)
	case Not:
		return !m.holds(f.Of)
	case Condition:
		return newTest(f).Holds(m.value(f))
	default:
		return true
	}
}

func (m matchCase) steps(targets uint32) uint32 {
	if m.question.Filter != nil && !m.holds(m.question.Filter) {
		return 0
	}
	for k, s := range m.question.Steps {
		for _, c := range s.Conditions {
			if !m.holds(c) {
				targets &^= 1 << k
			}
		}
	}
	return targets
}

func drawCondition(rt *rapid.T) Condition {
	c := Condition{
		Subject: rapid.SampledFrom([]Subject{
			Property, Trait, Persona, OfChannel, OfDevice, OfTraffic,
		}).Draw(rt, "of"),
		Operator: rapid.SampledFrom([]Operator{Equal, NotEqual, IsSet}).Draw(rt, "operator"),
	}
	if c.Subject == Property || c.Subject == Trait {
		c.Name = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "name")
	}
	if c.Operator != IsSet {
		c.Values = values(text(drawWord(rt)))
	}
	return c
}

func drawWord(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "b", "unassigned"}).Draw(rt, "word")
}

func drawFilter(rt *rapid.T, depth int) Filter {
	join := rapid.IntRange(0, 3).Draw(rt, "join")
	if depth == 0 || join == 0 {
		return drawCondition(rt)
	}
	if join == 1 {
		return Not{Of: drawFilter(rt, depth-1)}
	}
	var of []Filter
	for range rapid.IntRange(1, 3).Draw(rt, "members") {
		of = append(of, drawFilter(rt, depth-1))
	}
	if join == 2 {
		return AllOf(of)
	}
	return AnyOf(of)
}

func drawValues(rt *rapid.T) map[string]journey.Value {
	m := make(map[string]journey.Value)
	for _, name := range []string{"x", "y", "z"} {
		if rapid.Bool().Draw(rt, "present") {
			m[name] = text(drawWord(rt))
		}
	}
	return m
}

// TestMatcherSeesWhatTheWordsSay compares a matcher that goes from person to person with the plain
// reading of conditions and filter.
func TestMatcherSeesWhatTheWordsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		q := validQuestion()
		for k := range q.Steps {
			for range rapid.IntRange(0, 2).Draw(rt, "conditions") {
				q.Steps[k].Conditions = append(q.Steps[k].Conditions, drawCondition(rt))
			}
		}
		if rapid.Bool().Draw(rt, "filtered") {
			q.Filter = drawFilter(rt, 3)
		}
		program, err := Compile(q)
		if err != nil {
			rt.Fatal(err)
		}
		matcher := program.Matcher()
		for range 4 {
			m := matchCase{
				question: q, traits: drawValues(rt), persona: journey.PersonaID(drawWord(rt)),
			}
			needs := program.Needs()
			person := PersonView{Persona: m.persona}
			for _, name := range needs.Traits {
				person.Traits = append(person.Traits, m.traits[name])
			}
			seen := matcher.Person(person)
			for range 4 {
				m.properties = drawValues(rt)
				m.touch = TouchView{
					Channel: journey.ChannelID(drawWord(rt)), Traffic: journey.Traffic(drawWord(rt)),
					Client: journey.Client{Device: drawWord(rt)},
				}
				for _, name := range needs.Properties {
					m.touch.Properties = append(m.touch.Properties, m.properties[name])
				}
				targets := rapid.Uint32Range(0, 3).Draw(rt, "targets")
				got, want := matcher.Steps(targets, &m.touch), m.steps(targets)
				if got != want {
					rt.Fatalf("got steps %b, want %b of %+v", got, want, m)
				}
				if !seen && got&1 != 0 {
					rt.Fatalf("a person left out may enter: %+v", m)
				}
			}
		}
	})
}

// TestMatcherSubjects finds every subject's value.
func TestMatcherSubjects(t *testing.T) {
	t.Parallel()
	view := TouchView{
		Event: "e", Channel: "c", Stage: "s", Touchpoint: "t", Traffic: "bot",
		Client: journey.Client{Device: "d", Browser: "b", OS: "o"},
	}
	for subject, word := range map[Subject]string{
		OfEvent: "e", OfChannel: "c", OfStage: "s", OfTouchpoint: "t",
		OfDevice: "d", OfBrowser: "b", OfOS: "o", OfTraffic: "bot",
	} {
		q := validQuestion()
		q.Steps[0].Conditions = []Condition{
			{Subject: subject, Operator: Equal, Values: values(text(word))},
		}
		q.Steps[1].Conditions = []Condition{{Subject: subject, Operator: IsNotSet}}
		matcher := compile(t, q).Matcher()
		if got := matcher.Steps(3, &view); got != 1 {
			t.Errorf("subject %d with a value: steps %b, want 1", subject, got)
		}
		if got := matcher.Steps(3, &TouchView{}); got != 2 {
			t.Errorf("subject %d without: steps %b, want 10", subject, got)
		}
	}
}

func TestMatcherAllocatesNothing(t *testing.T) {
	q := validQuestion()
	q.Steps[0].Conditions = []Condition{
		{Name: "p", Operator: Greater, Values: values(number(3))},
		{Subject: Trait, Name: "t", Operator: Equal, Values: values(text("x"))},
	}
	q.Filter = Not{Of: Condition{Subject: OfChannel, Operator: Equal, Values: values(text("mail"))}}
	matcher := compile(t, q).Matcher()
	person := PersonView{Traits: values(text("x"))}
	touch := TouchView{Properties: values(number(4)), Channel: "web"}
	var steps uint32
	allocs := testing.AllocsPerRun(100, func() {
		matcher.Person(person)
		steps = matcher.Steps(3, &touch)
	})
	if allocs != 0 || steps != 3 {
		t.Errorf("%v allocations and steps %b, want 0 and 11", allocs, steps)
	}
}
