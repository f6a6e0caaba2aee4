package spinetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/enrich"
	"github.com/waystage/waystage/services/query/answer"
	"github.com/waystage/waystage/services/query/api"
)

// personMap has the same rules of touchpoints always; repeats and personas are drawn.
const personMap = `
title: Persons
lost_after: 25h
stages: [{id: aware}, {id: want}, {id: buy}, {id: loyal}, {id: late}]
channels:
  - {id: ads, when: 'properties.from == "ads"'}
  - {id: site}
touchpoints:
  - {id: landing, stage: aware, events: [A, page], when: 'properties.n == 1'}
  - {id: visit, stage: aware, channel: site, events: [A]}
  - {id: wish, stage: want, events: [B]}
  - {id: order, stage: buy, events: [C]}
`

var repeatRules = []string{
	`{id: visit2, stage: want, repeat: {of: visit}}`,
	`{id: visit3, stage: loyal, channel: ads, repeat: {of: visit, from: 3}}`,
	`{id: wish2, stage: aware, repeat: {of: wish, from: 2}}`,
	`{id: order2, stage: loyal, repeat: {of: order, from: 2}}`,
	`{id: order3, stage: late, repeat: {of: order, from: 3}}`,
	`{id: landing2, stage: late, repeat: {of: landing}}`,
}

// personaRules are of several kinds; a map has rules of some of them, one of each.
var personaRules = [][]string{
	{`traits.plan == "pro"`, `has(traits.age) && traits.age > 20`, `!has(traits.plan)`},
	{
		`count("A") >= 2`, `count("page") > 0 && count("D") == 0`, `sum("A", "n") > 2.0`,
		`first("A") < last("B")`,
	},
	{
		`first_channel == "ads" || last_channel == "site"`, `touchpoints >= 4`, `sessions >= 2`,
		`last_at - first_at > duration("23h")`,
	},
	{
		`days_since(last("A")) >= 1`, `days_since(last_at) < 2 && traits.plan != "free"`,
		`as_of < timestamp("2024-03-31T12:00:03Z")`, `as_of - first_at < duration("25h")`,
	},
	{`groups.group == "g1"`, `"company" in groups`, `groups.group == "g2" && count("B") > 0`},
}

// modest are the kinds of rules that do not look at all touchpoints: loners may have no profile.
var modest = [][]string{personaRules[0], personaRules[1], personaRules[4]}

// personMap draws repeats and personas.
func (c chance) personMap() string { return c.mapOf(pick(c, modest, personaRules)) }

// mapOf draws repeats, and personas by rules of some kinds.
func (c chance) mapOf(kinds [][]string) string {
	var b strings.Builder
	b.WriteString(personMap)
	for _, i := range c.Perm(len(repeatRules))[:c.IntN(len(repeatRules))] {
		fmt.Fprintf(&b, "  - %s\n", repeatRules[i])
	}
	b.WriteString("personas:\n")
	for n, i := range c.Perm(len(kinds))[:1+c.IntN(len(kinds)-1)] {
		fmt.Fprintf(&b, "  - {id: p%d, when: '%s'}\n", n, pick(c, kinds[i]...))
	}
	return b.String()
}

// persons draws a world as facts does, with loners, of whom only some rules want to know, and with
// groups.
func (c chance) persons(site journey.SiteID, received time.Time) []journey.Fact {
	facts := c.facts(site, received)
	for i := range 4 + c.IntN(12) {
		f := c.fact(site, 100+i, received)
		f.Kind, f.Event, f.User = journey.Track, pick(c, "A", "B", "C", "D"), ""
		f.Properties = pick[journey.Object](c, "", `{"n":2,"from":"ads"}`)
		f.Traits, f.Previous = "", ""
		f.Visitor = journey.VisitorID(fmt.Sprint("loner-", c.IntN(5)))
		facts = append(facts, f)
	}
	c.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	return memberships(facts)
}

// memberships gives group messages their groups, each message one.
func memberships(facts []journey.Fact) []journey.Fact {
	for i := range facts {
		f := &facts[i]
		if f.Kind != journey.Group {
			continue
		}
		sum := 0
		for _, b := range f.Message {
			sum += int(b)
		}
		f.Group = []journey.GroupID{"g1", "g2", ""}[sum%3]
		f.Traits = []journey.Object{"", `{"group_type":"company"}`}[sum%2]
	}
	return facts
}

// personQuestion draws a question that looks at persons, at repeats, or at both.
func (c chance) personQuestion() funnel.Question {
	q := c.question()
	q.AsOf = base.Add(pick(c, 0, 2*time.Second, 24*time.Hour+time.Second, 25*time.Hour,
		48*time.Hour+3*time.Second, 73*time.Hour, 1000*time.Hour))
	stage := func(name string) funnel.Target {
		return funnel.Target{Kind: funnel.Stage, Name: name}
	}
	touchpoint := func(name string) funnel.Target {
		return funnel.Target{Kind: funnel.Touchpoint, Name: name}
	}
	targets := []funnel.Target{
		stage("aware"), stage("want"), stage("buy"), stage("loyal"), stage("late"),
		touchpoint("visit"), touchpoint("visit2"), touchpoint("visit3"), touchpoint("wish2"),
		touchpoint("order"), touchpoint("order2"), touchpoint("landing2"),
		{Kind: funnel.Event, Name: "A"},
		{Kind: funnel.AnyEvent},
	}
	if c.IntN(3) == 0 { // of one kind, each another name, without conditions
		first := pick(c, 0, 5)
		targets = targets[first : first+5]
	}
	q.Steps, q.Filter, q.Breakdowns = nil, nil, nil
	for _, i := range c.Perm(len(targets))[:2+c.IntN(2)] {
		q.Steps = append(q.Steps, funnel.Step{Target: targets[i]})
	}
	if c.IntN(2) == 0 {
		q.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
	}
	if c.IntN(2) == 0 {
		q.Filter = c.personCondition()
	}
	return q
}

func (c chance) personCondition() funnel.Condition {
	text := journey.TextValue
	return pick(c,
		funnel.Condition{
			Subject: funnel.Persona, Operator: funnel.In,
			Values: []journey.Value{text("p0"), text("unassigned")},
		},
		funnel.Condition{
			Subject: funnel.Persona, Operator: funnel.NotEqual, Values: []journey.Value{text("p1")},
		},
		funnel.Condition{
			Subject: funnel.Trait, Name: "plan", Operator: funnel.Equal,
			Values: []journey.Value{text("pro")},
		},
		funnel.Condition{
			Subject: funnel.OfGroup, Operator: funnel.Equal, Values: []journey.Value{text("g1")},
		},
		funnel.Condition{Subject: funnel.OfGroup, Name: "company", Operator: funnel.IsNotSet},
		funnel.Condition{
			Subject: funnel.OfStage, Operator: funnel.NotEqual, Values: []journey.Value{text("want")},
		},
		funnel.Condition{
			Subject: funnel.OfTouchpoint, Operator: funnel.NotEqual,
			Values: []journey.Value{text("visit2")},
		},
		funnel.Condition{
			Subject: funnel.OfChannel, Operator: funnel.Equal, Values: []journey.Value{text("ads")},
		},
	)
}

// TestPersonsEqualReference: whatever a map says of persons, and whether its rules have been caught
// up with or not, answers are those that follow from the facts.
func TestPersonsEqualReference(t *testing.T) {
	t.Parallel()
	lanes := 4
	if testing.Short() {
		lanes = 2
	}
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			// Batches of one world would let processors catch up with the map of another.
			s := newSpine(t)
			for world := range 3 {
				s.checkPersons(t, uint64(10*lane+world))
			}
		})
	}
}

// TestPersonsBeforeCatchUp: the first question after a publish counts by the new map, also persons
// of whom nothing was derived, and no other one counts differently.
func TestPersonsBeforeCatchUp(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	const site journey.SiteID = "published"
	s.publishSource(t, site, personMap)
	f := &flow{site: site, received: time.Now().UTC()}
	var facts []journey.Fact
	for n := range 6 {
		for i := range n {
			at := base.Add(time.Duration(i) * time.Second)
			facts = append(facts, f.track("A", at, "", fmt.Sprint("v", n)))
		}
	}
	s.deliver(t, [][]journey.Fact{facts})
	m := s.publishSource(t, site, personMap+`
  - {id: visit3, stage: loyal, repeat: {of: visit, from: 3}}
personas: [{id: regular, when: 'count("A") >= 4'}]
`)
	if current, err := s.store.PersonasCurrent(t.Context(), site); err != nil || current == m.Version {
		t.Fatalf("map %d is caught up with before any batch came: %d, %v", m.Version, current, err)
	}
	q := buyers()
	q.Steps = []funnel.Step{
		{Target: funnel.Target{Kind: funnel.Stage, Name: "aware"}},
		{Target: funnel.Target{Kind: funnel.Stage, Name: "loyal"}},
	}
	q.Breakdowns = []funnel.Breakdown{{By: funnel.Persona, Attribution: funnel.OfPerson}}
	got, err := s.answers.Funnel(t.Context(), site, q)
	if err != nil {
		t.Fatal(err)
	}
	if got.Steps[0].Count != 5 || got.Steps[1].Count != 3 || len(got.Groups) != 2 {
		t.Errorf("%+v, want 5 persons of whom 3 came thrice, in 2 groups", got.Answer)
	}
	s.compare(t, m, site, facts, q)
	s.catchUp(t, site, m.Version)
	s.compare(t, m, site, facts, q)
}

func (s *spine) checkPersons(t *testing.T, seed uint64) {
	t.Helper()
	c := newChance(1000 + seed)
	site := journey.SiteID(fmt.Sprintf("persons-%d", seed))
	first := s.publishSource(t, site, c.personMap())
	facts := c.persons(site, time.Now())
	half := len(facts) / 2
	s.deliver(t, c.batches(facts[:half]))
	s.ask(t, c, "half of the facts", first, site, facts[:half])
	s.deliver(t, c.batches(facts[half:]))
	s.ask(t, c, "all facts", first, site, facts)
	second := s.publishSource(t, site, c.personMap())
	s.ask(t, c, "another map", second, site, facts)
	s.catchUp(t, site, second.Version)
	s.ask(t, c, "caught up", second, site, facts)
	more := c.persons(site, time.Now().Add(2*time.Second))
	for i := range more {
		more[i].Message += "-more"
	}
	s.deliver(t, c.batches(more))
	s.ask(t, c, "more facts", second, site, slices.Concat(facts, more))
}

func (s *spine) ask(
	t *testing.T, c chance, when string, m *journey.Map, site journey.SiteID, facts []journey.Fact,
) {
	t.Helper()
	for range 8 {
		q := c.personQuestion()
		s.compare(t, m, site, facts, q)
		if t.Failed() {
			t.Fatalf("%s, question %+v of map\n%+v\n%+v", when, q, m.Personas, m.Touchpoints)
		}
	}
	asOf := base.Add(pick(c, 0, 3*time.Second, 25*time.Hour, 1000*time.Hour))
	s.compareEverybody(t, m, site, facts, asOf)
	if t.Failed() {
		t.Fatalf("%s, as of %v, map\n%+v\n%+v", when, asOf, m.Personas, m.Touchpoints)
	}
}

func (s *spine) publishSource(
	t *testing.T, site journey.SiteID, source string,
) *journey.Map {
	t.Helper()
	if _, err := s.store.Publish(t.Context(), site, source, ""); err != nil {
		t.Fatal(err)
	}
	m, err := answer.NewNewestMaps(s.store).Latest(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// catchUp gives the processors batches of another site until the profiles of this one follow a
// map version.
func (s *spine) catchUp(t *testing.T, site journey.SiteID, version journey.MapVersion) {
	t.Helper()
	f := &flow{site: "elsewhere-" + site, received: time.Now().UTC()}
	for range 50 {
		current, err := s.store.PersonasCurrent(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		if current == version {
			return
		}
		s.deliver(t, [][]journey.Fact{
			{f.track("A", base, "", "v")}, {f.track("A", base, "", "w")},
		})
	}
	t.Fatalf("after 50 batches the profiles of %s do not follow map version %d", site, version)
}

// compareEverybody asks for every identity of a world which person that is.
func (s *spine) compareEverybody(
	t *testing.T, m *journey.Map, site journey.SiteID, facts []journey.Fact, asOf time.Time,
) {
	t.Helper()
	known := everybodyOf(facts)
	for id, who := range known {
		want := portraitOf(m, facts, id, asOf.UnixMilli())
		got, err := s.answers.Person(t.Context(), site, who, asOf)
		if err != nil {
			t.Fatalf("asking for %+v: %v", who, err)
		}
		diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(),
			cmpopts.IgnoreFields(api.PersonAsOf{}, "Users", "Visitors", "Rules", "Map"),
			gocmp.Comparer(func(a, b journey.Value) bool { return a == b }))
		if diff != "" {
			t.Errorf("%+v (-of the facts +store):\n%s", who, diff)
		}
		for _, r := range got.Rules {
			if (r.Outcome == journey.RuleChosen) != (r.Persona == got.Persona) {
				t.Errorf("%+v: persona %s, and rule %+v", who, got.Persona, r)
			}
		}
	}
	stranger := api.Who{Identity: journey.UserIdentity(site, "stranger"), User: "stranger"}
	if _, err := s.answers.Person(t.Context(), site, stranger, asOf); fault.Of(err) != fault.NotFound {
		t.Errorf("a stranger: %v", err)
	}
	for id := range known {
		_, err := s.answers.Person(t.Context(), "nowhere-"+site, api.Who{Identity: id}, asOf)
		if fault.Of(err) != fault.NotFound {
			t.Errorf("a person asked of another site: %v", err)
		}
		break
	}
}

// everybodyOf are the identities of the facts that count and say something: some are asked for by
// person id alone.
func everybodyOf(facts []journey.Fact) map[journey.IdentityID]api.Who {
	known := make(map[journey.IdentityID]api.Who)
	for _, f := range settled(facts) {
		says := f.Kind.IsTouchpoint() || len(identity.WritesOf(&f)) > 0 ||
			len(identity.LinksOf(&f)) > 0
		if f.User != "" && says {
			id := journey.UserIdentity(f.Site, f.User)
			known[id] = api.Who{Identity: id, User: f.User}
		}
		if f.Visitor != "" && f.Kind.IsTouchpoint() {
			id := journey.VisitorIdentity(f.Site, f.Visitor)
			known[id] = api.Who{Identity: id}
		}
	}
	return known
}

// portraitOf is what follows from the facts of the person of an identity, by the plainest way.
func portraitOf(
	m *journey.Map, facts []journey.Fact, id journey.IdentityID, asOf int64,
) api.PersonAsOf {
	var links []identity.Link
	all := settled(facts)
	for i := range all {
		links = append(links, identity.LinksOf(&all[i])...)
	}
	persons := identity.Resolve(links, identity.MaxIdentities)
	p := api.PersonAsOf{ID: persons.Of(id), Persona: journey.Unassigned}
	var writes []identity.Write
	var seen []journey.Fact
	for i := range all {
		f := &all[i]
		if persons.Of(f.Identity()) != p.ID || f.At() > asOf {
			continue
		}
		writes = append(writes, identity.WritesOf(f)...)
		if f.Kind.IsTouchpoint() {
			seen = append(seen, *f)
		}
	}
	slices.SortFunc(seen, func(a, b journey.Fact) int { return journey.CompareShown(&a, &b) })
	past := journey.Past{
		Traits: identity.Merge(writes, asOf), Groups: identity.Groups(writes, asOf), AsOf: asOf,
	}
	done := make(map[journey.TouchpointID]int)
	for i := range seen {
		f := &seen[i]
		a := enrich.AttributeBy(m, f)
		past.Deeds = append(past.Deeds, deedOf(m, f, a))
		done[a.Touchpoint]++
		if stage := stageAfter(m, a, done[a.Touchpoint]); stage != "" {
			p.Stage = stage
		}
	}
	p.Traits, p.Groups, p.Persona = past.Traits, past.Groups, m.PersonaOf(&past)
	if p.Touchpoints = len(seen); p.Touchpoints > 0 {
		p.FirstAt, p.LastAt = seen[0].OccurredAt.UTC(), seen[len(seen)-1].OccurredAt.UTC()
		p.Lost = asOf-seen[len(seen)-1].At() > m.LostAfter.Milliseconds()
	}
	return p
}

func deedOf(m *journey.Map, f *journey.Fact, a journey.Attribution) journey.Deed {
	d := journey.Deed{
		Identity: f.Identity(), OccurredAt: f.OccurredAt.UnixNano(),
		OriginalAt: f.OriginalAt.UnixNano(), ReceivedAt: f.ReceivedAt.UnixNano(), Index: f.Index,
		Message: f.Message, Event: f.Event, Touchpoint: a.Touchpoint, Channel: a.Channel,
	}
	for _, name := range m.PersonNeeds().Properties {
		d.Values = append(d.Values, f.Properties.Value(name))
	}
	return d
}

// stageAfter is the stage of the n-th touchpoint of a base.
func stageAfter(m *journey.Map, a journey.Attribution, n int) journey.StageID {
	rules := slices.Clone(m.Touchpoints)
	rules = slices.DeleteFunc(rules, func(t journey.Touchpoint) bool {
		return t.Repeat == nil || t.Repeat.Of != a.Touchpoint || n < t.Repeat.From
	})
	if len(rules) == 0 {
		return a.Stage
	}
	return slices.MaxFunc(rules, func(a, b journey.Touchpoint) int {
		return cmp.Compare(a.Repeat.From, b.Repeat.From)
	}).Stage
}
