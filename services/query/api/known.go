package api

import (
	"slices"
	"strings"
)

// idKind is what an id names, in the plural.
type idKind string

const (
	stages      idKind = "stages"
	touchpoints idKind = "touchpoints"
)

// knownIDs are the ids of the newest map, nil where none is published.
type knownIDs map[idKind][]string

// maxListed is the most ids that an error lists.
const maxListed = 50

// check refuses an id that the newest map does not have, and says which it has.
func (k knownIDs) check(r *reader, field string, kind idKind, id string) {
	ids := k[kind]
	switch {
	case id == "": // the question's own check says it
	case k == nil:
		r.bad(field, "no journey map is published, so there are no %s; publish one or name an event",
			kind)
	case !slices.Contains(ids, id):
		r.bad(field, "the newest journey map has no %q%s; its %s are: %s",
			id, suggestion(id, ids), kind, listed(ids))
	}
}

func listed(ids []string) string {
	if len(ids) > maxListed {
		return strings.Join(ids[:maxListed], ", ") + ", …"
	}
	return strings.Join(ids, ", ")
}

// suggestion names the nearest id if it is near enough to be meant.
func suggestion(id string, ids []string) string {
	const longest = 64
	if len(id) > longest {
		return ""
	}
	best, nearest := "", max(len(id)/3, 1)+1
	for _, candidate := range ids {
		if d := distance(strings.ToLower(id), strings.ToLower(candidate)); d < nearest {
			best, nearest = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ` (did you mean "` + best + `"?)`
}

// distance is the number of bytes to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			row[j+1] = min(above+1, row[j]+1)
			if a[i] == b[j] {
				row[j+1] = min(row[j+1], diagonal)
			} else {
				row[j+1] = min(row[j+1], diagonal+1)
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
