package store_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

const viewedMap = `title: Viewed
stages:
  - {id: search, title: Search}
  - {id: purchase, title: Purchase}
  - {id: loyalty, title: Loyalty}
touchpoints:
  - {id: landing, stage: search, events: [Landed]}
  - {id: order, stage: purchase, events: [Ordered], barrier: true, importance: 5}
  - {id: second_order, stage: loyalty, repeat: {of: order}}
  - {id: fourth_order, stage: loyalty, channel: club, repeat: {of: order, from: 4}}
channels:
  - {id: club, when: has(context.club)}
personas:
  - {id: pros, when: "traits.plan == 'pro'"}
  - {id: nobody_in_particular, when: "!has(traits.plan)"}
`

// viewed is a small world, and what the pure functions make of it.
type viewed struct {
	m       *journey.Map
	facts   []journey.Fact
	persons identity.Persons
	of      map[journey.IdentityID]journey.PersonID
}

// touched is a touchpoint as a view shows it.
type touched struct {
	Message, At, Touchpoint, Stage, Channel, Person, Persona string
}

// TestViewsSayWhatAnswersSay: on small random worlds whose rows are there twice, the views equal
// the pure functions, before and after merges.
func TestViewsSayWhatAnswersSay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d, v := newDatabase(t), newViewed(t, rand.New(rand.NewPCG(seed, 7)))
			v.store(t, d)
			for _, merged := range []bool{false, true} {
				if merged {
					d.merge(t, "touchpoints", "profiles", "map_touchpoints", "map_stages")
				}
				v.check(t, d)
			}
		})
	}
}

func newViewed(t *testing.T, r *rand.Rand) *viewed {
	t.Helper()
	m, err := journey.ParseMap(viewedMap)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewed{m: m, of: make(map[journey.IdentityID]journey.PersonID)}
	// Few instants, so that many are equal; gaps of just 30 minutes and of one millisecond more.
	second := 0
	for i := range 60 {
		second += []int{0, 0, 1, 1800, 1801}[r.IntN(5)]
		ids := [][]string{{"u1"}, {"v1"}, {"v1", "u1"}, {"v2", "u2"}, {"v2"}, {"v3"}, {"v4", "u1"}}
		f := track(second, ids[r.IntN(len(ids))]...)
		f.Message = journey.MessageID(fmt.Sprint("m", i))
		f.ReceivedAt = f.ReceivedAt.Add(time.Duration(r.IntN(3)) * time.Second)
		f.Event = []string{"Landed", "Ordered", "Ordered", "Other"}[r.IntN(4)]
		if r.IntN(8) == 0 {
			f.Kind, f.Event, f.Traits = journey.Identify, "",
				journey.Object(fmt.Sprintf(`{"plan":%q}`, []string{"pro", "free"}[r.IntN(2)]))
		}
		v.facts = append(v.facts, f)
	}
	v.persons = identity.Resolve(linksOf(v.facts...), identity.MaxIdentities)
	for i := range v.facts {
		id := v.facts[i].Identity()
		v.of[id] = v.persons.Of(id)
	}
	for id, person := range v.persons.All {
		v.of[id] = person
	}
	return v
}

// store stores facts, twice, the map's drawing, and profiles as they are derived: none of a person
// of whom nothing is known but touchpoints that no rule wants.
func (v *viewed) store(t *testing.T, d database) {
	t.Helper()
	rows := rowsOf(v.facts...)
	for i := range rows {
		rows[i].Attribution = v.attribution(rows[i].Fact)
	}
	slices.Reverse(rows)
	for range 2 {
		if err := d.InsertFacts(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		if err := d.Draw(t.Context(), site, 1, v.m); err != nil {
			t.Fatal(err)
		}
	}
	var profiles []store.Profile
	for id, person := range v.of {
		boundaries, past := v.m.Boundaries(v.deeds(person)), v.past(person)
		if len(boundaries) == 0 && len(past.Traits) == 0 && journey.PersonID(id) == person &&
			len(v.members(person)) == 1 {
			continue
		}
		profiles = append(profiles, store.Profile{
			Identity: id, Person: person, Persona: v.m.PersonaOf(past), Version: 1,
			Repeats: boundaries, Traits: traitsOf(past),
		})
	}
	for range 2 {
		if err := d.InsertProfiles(t.Context(), site, profiles, noon); err != nil {
			t.Fatal(err)
		}
	}
}

func traitsOf(p *journey.Past) journey.Object {
	if plan, has := p.Traits["plan"]; has {
		return journey.Object(fmt.Sprintf(`{"plan":%q}`, plan.Text()))
	}
	return ""
}

// attribution is what the map in force makes of a touchpoint; odd users' come by email.
func (v *viewed) attribution(f *journey.Fact) journey.Attribution {
	a := journey.Attribution{Version: 1}
	for _, t := range v.m.Touchpoints {
		if slices.Contains(t.Events, f.Event) {
			a.Touchpoint, a.Stage = t.ID, t.Stage
		}
	}
	if strings.HasSuffix(string(f.Message), "1") {
		a.Channel = "email"
	}
	return a
}

func (v *viewed) members(person journey.PersonID) []journey.IdentityID {
	var ids []journey.IdentityID
	for id, p := range v.of {
		if p == person {
			ids = append(ids, id)
		}
	}
	return ids
}

// shown are a person's facts in shown order.
func (v *viewed) shown(person journey.PersonID) []journey.Fact {
	var facts []journey.Fact
	for _, f := range v.facts {
		if v.of[f.Identity()] == person {
			facts = append(facts, f)
		}
	}
	slices.SortFunc(facts, func(a, b journey.Fact) int { return journey.CompareShown(&a, &b) })
	return facts
}

func (v *viewed) deeds(person journey.PersonID) []journey.Deed {
	var deeds []journey.Deed
	for _, f := range v.shown(person) {
		if f.Kind.IsTouchpoint() {
			deeds = append(deeds, journey.Deed{
				Identity: f.Identity(), OccurredAt: f.OccurredAt.UnixNano(), Event: f.Event,
				Touchpoint: v.attribution(&f).Touchpoint,
			})
		}
	}
	return deeds
}

func (v *viewed) past(person journey.PersonID) *journey.Past {
	var writes []identity.Write
	for _, f := range v.shown(person) {
		writes = append(writes, identity.WritesOf(&f)...)
	}
	return &journey.Past{Traits: identity.Merge(writes, 1<<62)}
}

// touchpoints are all, repeats applied by counting: the n-th order is the greatest rule that has
// begun.
func (v *viewed) touchpoints() []touched {
	var all []touched
	for _, person := range v.everybody() {
		orders := 0
		for _, f := range v.shown(person) {
			if !f.Kind.IsTouchpoint() {
				continue
			}
			a := v.attribution(&f)
			if a.Touchpoint == "order" {
				if orders++; orders >= 4 {
					a.Touchpoint, a.Stage, a.Channel = "fourth_order", "loyalty", "club"
				} else if orders >= 2 {
					a.Touchpoint, a.Stage = "second_order", "loyalty"
				}
			}
			all = append(all, touched{
				Message: string(f.Message), At: f.OccurredAt.Format(clickTime),
				Touchpoint: string(a.Touchpoint), Stage: string(a.Stage), Channel: string(a.Channel),
				Person: shownPerson(person), Persona: string(v.m.PersonaOf(v.past(person))),
			})
		}
	}
	slices.SortFunc(all, func(a, b touched) int { return cmp.Compare(a.Message, b.Message) })
	return all
}

const clickTime = "2006-01-02 15:04:05.000"

func shownPerson(p journey.PersonID) string { return fmt.Sprintf("%016x", uint64(p)) }

// everybody are all persons, ascending.
func (v *viewed) everybody() []journey.PersonID {
	var persons []journey.PersonID
	for _, p := range v.of {
		persons = append(persons, p)
	}
	slices.Sort(persons)
	return slices.Compact(persons)
}

func (v *viewed) check(t *testing.T, d database) {
	t.Helper()
	all := v.touchpoints()
	got := readRows[touched](t, d, `SELECT message_id AS Message, at AS At, touchpoint AS Touchpoint,
		stage AS Stage, channel AS Channel, person_id AS Person, persona AS Persona
		FROM bi_touchpoints ORDER BY message_id`)
	if diff := gocmp.Diff(all, got); diff != "" {
		t.Errorf("touchpoints (-pure +view):\n%s", diff)
	}
	v.checkSessions(t, d)
	v.checkPersons(t, d)
	want := make(map[string]int)
	for _, a := range all {
		if a.Stage != "" {
			want[a.Person+" "+a.Stage]++
		}
	}
	entries := make(map[string]int)
	for _, e := range readRows[struct {
		Key         string
		Touchpoints int `json:",string"`
	}](t, d, `SELECT concat(person_id, ' ', stage) AS Key, touchpoints AS Touchpoints
		FROM bi_stage_entries`) {
		entries[e.Key] = e.Touchpoints
	}
	if diff := gocmp.Diff(want, entries); diff != "" {
		t.Errorf("stage entries (-pure +view):\n%s", diff)
	}
	if sum := d.raw(t, "SELECT sum(touchpoints), max(persons) <= uniqExact(persona) * 9 FROM bi_daily"); sum !=
		fmt.Sprintf("%d\t1", len(all)) {
		t.Errorf("daily counts sum up to %s, want %d", sum, len(all))
	}
	if stages := d.raw(t, "SELECT groupArray(stage) FROM (SELECT stage FROM bi_stages ORDER BY position)"); stages !=
		"['search','purchase','loyalty']" {
		t.Errorf("stages %s", stages)
	}
}

// checkSessions compares sessions per identity with journey.Sessions.
func (v *viewed) checkSessions(t *testing.T, d database) {
	t.Helper()
	at := make(map[string][]int64)
	for _, f := range v.facts {
		if f.Kind.IsTouchpoint() {
			id := fmt.Sprintf("%016x", uint64(f.Identity()))
			at[id] = append(at[id], f.At())
		}
	}
	want := make(map[string]string)
	for id, instants := range at {
		slices.Sort(instants)
		want[id] = fmt.Sprintf("%d of %d", journey.Sessions(instants), len(instants))
	}
	got := make(map[string]string)
	for _, s := range readRows[struct{ ID, Said string }](t, d, `SELECT identity AS ID,
		concat(toString(count()), ' of ', toString(sum(touchpoints))) AS Said
		FROM bi_sessions GROUP BY identity`) {
		got[s.ID] = s.Said
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("sessions (-pure +view):\n%s", diff)
	}
}

// checkPersons compares who is there, and what is known of them.
func (v *viewed) checkPersons(t *testing.T, d database) {
	t.Helper()
	type person struct {
		ID, Persona, Traits, Stage, First, Last string
		Touchpoints                             int `json:",string"`
	}
	want := make(map[string]person)
	for _, p := range v.everybody() {
		w := person{
			ID: shownPerson(p), Persona: string(v.m.PersonaOf(v.past(p))),
			Traits: string(traitsOf(v.past(p))), First: "1970-01-01 00:00:00.000",
		}
		w.Last = w.First
		orders := 0
		for _, f := range v.shown(p) {
			if !f.Kind.IsTouchpoint() {
				continue
			}
			if w.Touchpoints == 0 {
				w.First = f.OccurredAt.Format(clickTime)
			}
			w.Touchpoints++
			w.Last = f.OccurredAt.Format(clickTime)
			switch v.attribution(&f).Touchpoint {
			case "landing":
				w.Stage = "search"
			case "order":
				w.Stage = "purchase"
				if orders++; orders > 1 {
					w.Stage = "loyalty"
				}
			}
		}
		want[w.ID] = w
	}
	got := make(map[string]person)
	for _, p := range readRows[person](t, d, `SELECT person_id AS ID, persona AS Persona,
		traits AS Traits, current_stage AS Stage, first_at AS First, last_at AS Last,
		touchpoints AS Touchpoints FROM bi_persons`) {
		got[p.ID] = p
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("persons (-pure +view):\n%s", diff)
	}
}

// readRows runs a question past the store and reads its rows.
func readRows[T any](t *testing.T, d database, sql string) []T {
	t.Helper()
	var rows []T
	for line := range strings.Lines(d.raw(t, sql+" SETTINGS output_format_json_quote_64bit_integers = 1"+
		" FORMAT JSONEachRow")) {
		var row T
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestDrawings: the newest version of each map is drawn once, one that cannot be read as well.
func TestDrawings(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for range 2 {
		if _, err := d.Publish(t.Context(), site, viewedMap, "Viewed"); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range []*journey.Map{nil, {Stages: []journey.Stage{{ID: "x"}}}} {
		list, err := d.Undrawn(t.Context())
		if err != nil || len(list) != 1 || list[0].Site != site || list[0].Source == "" {
			t.Fatalf("undrawn are %v, %v", list, err)
		}
		if err := d.Draw(t.Context(), site, list[0].Version, m); err != nil {
			t.Fatal(err)
		}
		if list, err = d.Undrawn(t.Context()); err != nil || len(list) != 0 {
			t.Fatalf("undrawn after it was drawn: %v, %v", list, err)
		}
		source := fmt.Sprintf("%s# %d\n", viewedMap, i)
		if _, err := d.Publish(t.Context(), site, source, "Viewed"); err != nil {
			t.Fatal(err)
		}
	}
	if stages := d.raw(t, "SELECT stage FROM bi_stages"); stages != "x" {
		t.Errorf("stages %q, want those of the newest drawing", stages)
	}
}
