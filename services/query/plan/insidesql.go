package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Spread says how the tables are spread over shards: each shard holds all rows of an identity in
// tables of its own, and all of profiles. The zero Spread is one node.
type Spread struct {
	// Over is the table function that asks every shard, cluster or remote, and Name its argument.
	Over, Name string
	// Journeys, Touchpoints and Profiles are the tables of a shard, with their database, quoted.
	Journeys, Touchpoints, Profiles string
}

// Shards tells whether there are any.
func (s Spread) Shards() bool { return s.Over != "" }

// Personas says what a breakdown by persona needs to know of the newest map.
type Personas struct {
	// Nobody is the persona of a person of whom nothing is known.
	Nobody  journey.PersonaID
	Version journey.MapVersion
}

// Columns of a counting query, in their order. A row says how many persons have a persona, a depth
// (0: they did not enter) and whether they are in window; Spans has, one person after the other,
// the milliseconds from the entry to each step but the first: Depth − 1 of each. Marks are not 0
// where packed journeys do not say all, Stale where profiles do not settle a persona. Read is how
// many touchpoints were looked at.
const (
	Persona = iota
	Depth
	InWindow
	Units
	Spans
	Marks
	Stale
	Read
)

// Elements of the arrays of a counting query are an instant, and below it in 5 bits what it is: a
// step from 0, or noStep. Instants count from 1 at 1970, so that 0 is none.
const (
	stepBits = 5
	stepMask = 1<<stepBits - 1
	noStep   = 31
)

// CountJourneys plans the counting of a question, inside ClickHouse, from packed journeys. steps
// are the steps, from 0, of the codes that fill one. personas is nil without a breakdown.
func CountJourneys(
	site journey.SiteID, q funnel.Question, spread Spread, personas *Personas,
	steps map[journey.LabelCode]int,
) Query {
	c := newCounting(site, q, spread, personas)
	from, to := Bounds(q)
	c.params["first"], c.params["last"] = monthOf(from), monthOf(to)
	var codes, numbers []string
	for _, code := range sortedCodes(steps) {
		codes = append(codes, fmt.Sprintf("toUInt64(%d)", code))
		numbers = append(numbers, fmt.Sprintf("toUInt64(%d)", steps[code]))
	}
	step := strconv.Itoa(noStep)
	if len(codes) > 0 {
		step = fmt.Sprintf("transform(bitAnd(x, %d), [%s], [%s], toUInt64(%d))",
			1<<journey.LabelBits-1, strings.Join(codes, ", "), strings.Join(numbers, ", "), noStep)
	}
	return c.query(fmt.Sprintf(`SELECT identity,
	arrayFilter(e -> bitAnd(e, %[1]d) < %[1]d AND e BETWEEN %[2]d AND %[3]d, arrayMap(x -> bitOr(
		bitShiftLeft(bitShiftRight(x, %[4]d) + 1, %[5]d), %[6]s), touches)) AS part,
	arrayCount(x -> bitAnd(x, %[7]d) = 0, touches) AS mark, length(touches) AS size
FROM %[8]s
WHERE site = {site:String} AND month BETWEEN {first:UInt32} AND {last:UInt32}`,
		stepMask, element(from), element(to)|stepMask, journey.LabelBits, stepBits, step,
		1<<journey.LabelBits-1, c.table("journeys", spread.Journeys)))
}

func sortedCodes(steps map[journey.LabelCode]int) []journey.LabelCode {
	codes := make([]journey.LabelCode, 0, len(steps))
	for code := range steps {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// CountTouchpoints plans the same from rows of touchpoints, for questions with conditions. The
// question is one of those that InsideClaims holds for.
func CountTouchpoints(
	site journey.SiteID, q funnel.Question, spread Spread, personas *Personas,
) Query {
	c := newCounting(site, q, spread, personas)
	from, to := Bounds(q)
	c.params["first"], c.params["last"] = strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)
	var steps, names []string
	column := ""
	for i, s := range q.Steps {
		for _, k := range kinds {
			if k.of == s.Target.Kind {
				column = k.column
			}
		}
		name := c.param("n", s.Target.Name)
		names = append(names, name)
		condition, _ := c.all(s.Conditions)
		steps = append(steps, fmt.Sprintf("%s = %s AND (%s), %d", column, name, condition, i))
	}
	filter, _ := c.holds(q.Filter)
	return c.query(fmt.Sprintf(`SELECT identity, [bitOr(bitShiftLeft(
		toUInt64(toUnixTimestamp64Milli(at)) + 1, %d), step)] AS part, 0 AS mark, 1 AS size
FROM (SELECT identity, at, toUInt64(multiIf(%s, %d)) AS step
	FROM %s
	WHERE site = {site:String}
		AND at BETWEEN %s AND %s
		AND %s IN (%s) AND (%s) AND step != %[3]d)`,
		stepBits, strings.Join(steps, ", "), noStep, c.table("touchpoints", spread.Touchpoints),
		first, last, column, strings.Join(names, ", "), filter))
}

// element is the smallest element of an instant in milliseconds since 1970.
func element(at int64) int64 { return (at + 1) << stepBits }

// counting builds a counting query.
type counting struct {
	builder

	question funnel.Question
	spread   Spread
	personas *Personas
}

func newCounting(
	site journey.SiteID, q funnel.Question, spread Spread, personas *Personas,
) *counting {
	c := &counting{
		builder:  builder{params: map[string]string{"site": string(site)}},
		question: q, spread: spread, personas: personas,
	}
	if personas != nil {
		c.params["nobody"] = string(personas.Nobody)
	}
	return c
}

func (c *counting) table(here, ofShard string) string {
	if c.spread.Shards() {
		return ofShard
	}
	return here
}

// query counts by the parts of journeys: identity, part (elements in no order), mark and size.
func (c *counting) query(parts string) Query {
	sql := c.count(c.persons(c.known(parts, "")))
	if c.spread.Shards() {
		sql = c.overShards(parts)
	}
	return Query{
		SQL: sql + "\nSETTINGS join_use_nulls = 0", Params: c.params,
		Columns: []Column{
			Persona: {Name: "persona", Type: String}, Depth: {Name: "depth", Type: UInt64},
			InWindow: {Name: "waiting", Type: UInt64}, Units: {Name: "units", Type: UInt64},
			Spans: {Name: "spans", Type: UInt64s}, Marks: {Name: "marks", Type: UInt64},
			Stale: {Name: "stale", Type: UInt64}, Read: {Name: "amount", Type: UInt64},
		},
	}
}

// overShards lets every shard count the persons all of whose identities it has, and counts here
// those whose identities lie on several: of these the elements come from the shards.
func (c *counting) overShards(parts string) string {
	whole := c.count(c.persons(c.known(parts, "\nWHERE NOT p.apart")))
	apart := c.count(c.joined(`SELECT s.who AS who, groupArrayArray(s.a) AS a, max(s.marks) AS marks,
	sum(s.amount) AS amount
FROM ` + c.everywhere(c.gathered(c.known(parts, "\nWHERE p.apart"))) + ` AS s
GROUP BY s.who`))
	return `SELECT s.persona AS persona, s.depth AS depth, s.waiting AS waiting, sum(s.units) AS units,
	groupArrayArray(s.spans) AS spans, max(s.marks) AS marks, max(s.stale) AS stale,
	sum(s.amount) AS amount
FROM (
SELECT * FROM ` + c.everywhere(whole) + `
UNION ALL
` + apart + `
) AS s GROUP BY s.persona, s.depth, s.waiting`
}

func (c *counting) everywhere(sql string) string {
	return fmt.Sprintf("%s(%s, view(\n%s\n))", c.spread.Over, c.param("c", c.spread.Name), sql)
}

// known adds to parts the person, who, of their identity. where chooses among persons.
func (c *counting) known(parts, where string) string {
	profiles := c.table("profiles", c.spread.Profiles)
	known := `SELECT identity, person FROM ` + profiles + ` FINAL
	WHERE site = {site:String} AND person != identity`
	if c.spread.Shards() {
		known = `SELECT arrayJoin(all) AS identity, person,
		length(arrayDistinct(arrayMap(i -> i % greatest(shardCount(), 1), all))) > 1 AS apart
	FROM (SELECT person, groupArray(identity) AS all FROM ` + profiles + ` FINAL
		WHERE site = {site:String} GROUP BY person HAVING length(all) > 1)`
	}
	return `SELECT if(p.person = 0, j.identity, p.person) AS who, j.part AS part, j.mark AS mark,
	j.size AS size
FROM (` + parts + `
) AS j LEFT ANY JOIN (
	` + known + `
) AS p ON j.identity = p.identity` + where
}

// gathered puts the parts of a person together.
func (c *counting) gathered(known string) string {
	return `SELECT who, groupArrayArray(part) AS a, max(mark) AS marks, sum(size) AS amount
FROM (` + known + `
) GROUP BY who`
}

func (c *counting) persons(known string) string { return c.joined(c.gathered(known)) }

// joined puts elements in order, and adds the persona where it is asked.
func (c *counting) joined(persons string) string {
	if c.personas == nil {
		return "SELECT arraySort(a) AS whole, marks, amount, '' AS persona, 0 AS old\nFROM (" +
			persons + ")"
	}
	return fmt.Sprintf(`SELECT arraySort(w.a) AS whole, w.marks AS marks, w.amount AS amount,
	if(d.identity = 0, {nobody:String}, CAST(d.persona AS String)) AS persona,
	d.identity != 0 AND (d.map_version != %d OR toUnixTimestamp64Milli(d.last_write_at) > %d) AS old
FROM (%s
) AS w LEFT ANY JOIN (
	SELECT identity, persona, map_version, last_write_at FROM %s FINAL WHERE site = {site:String}
) AS d ON w.who = d.identity`, c.personas.Version, c.question.AsOf.UnixMilli(), persons,
		c.table("profiles", c.spread.Profiles))
}
