package plan

import (
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/funnel"
)

// The bounds of what is read.
const (
	first = "fromUnixTimestamp64Milli({first:Int64}, 'UTC')"
	last  = "fromUnixTimestamp64Milli({last:Int64}, 'UTC')"
)

// sql is the query of the columns at hand. Of touchpoints that are older than what the question
// sees it matters only that there were some, so one row stands for all of an identity that are the
// same to the question; repeats, which are counted, and an explanation need each of them.
func (b *builder) sql(q funnel.Question, needs Needs, w which) string {
	from, to := bounds(q, needs.Scope)
	b.params["first"] = strconv.FormatInt(from, 10)
	b.params["last"] = strconv.FormatInt(to, 10)
	rows := "SELECT " + strings.Join(b.selects, ",\n\t") + `
FROM touchpoints
WHERE site = {site:String}` + b.only(q.Unit, needs.Only)
	inside := "\n\tAND at BETWEEN " + first + "\n\t\tAND " + last + also(w.inside)
	switch {
	case w.old == "" && !w.ever:
		return rows + inside
	case len(needs.Bases) == 0 && needs.Only == nil:
		old := rows + "\n\tAND at < " + first + also(w.old)
		return rows + inside + "\nUNION ALL\n" + b.once(old)
	case w.ever:
		b.params["first"] = "0"
		return rows + inside
	default:
		return rows + "\n\tAND at <= " + last +
			"\n\tAND (at >= " + first + also(w.inside) + "\n\tOR (" + w.old + "))"
	}
}

func also(condition string) string {
	if condition == "" {
		return ""
	}
	return "\n\tAND (" + condition + ")"
}

// once leaves one of the rows that differ in nothing but what orders them.
func (b *builder) once(rows string) string {
	var selects, keys []string
	for i, c := range b.columns {
		if i == At || b.order >= 0 && i >= b.order {
			selects = append(selects, "min("+c.Name+")")
			continue
		}
		selects = append(selects, c.Name)
		keys = append(keys, c.Name)
	}
	return "SELECT " + strings.Join(selects, ", ") + " FROM (\n" + rows + "\n) GROUP BY " +
		strings.Join(keys, ", ")
}
