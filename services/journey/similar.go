package journey

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is "; did you mean X?" for the candidate nearest to a misspelled word, or the list of
// the candidates if none is near.
func didYouMean(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(candidates) == 0 {
		return ""
	}
	return "; known: " + strings.Join(shortened(candidates, MaxStages), ", ")
}

// nearest is the first of the candidates that differ least from a word, by no more than a third of
// its length; empty if there is none.
func nearest(word string, candidates []string) string {
	best, distance := "", 1+len(word)/3
	for _, c := range candidates {
		if len(c)-len(word) >= distance || len(word)-len(c) >= distance {
			continue
		}
		if d := editDistance(word, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

func shortened(words []string, most int) []string {
	if len(words) <= most {
		return words
	}
	return append(slices.Clone(words[:most]), "…")
}

// editDistance is the number of bytes to insert, delete or replace, or to swap with a neighbour,
// between two words (optimal string alignment). Words of more than 64 bytes are far from any other.
func editDistance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var rows [longest + 1][longest + 1]int
	for i := range len(a) + 1 {
		for j := range len(b) + 1 {
			rows[i][j] = alignment(&rows, a, b, i, j)
		}
	}
	return rows[len(a)][len(b)]
}

func alignment(rows *[65][65]int, a, b string, i, j int) int {
	if i == 0 || j == 0 {
		return i + j
	}
	replaced := rows[i-1][j-1]
	if a[i-1] != b[j-1] {
		replaced++
	}
	d := min(replaced, rows[i-1][j]+1, rows[i][j-1]+1)
	if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
		d = min(d, rows[i-2][j-2]+1)
	}
	return d
}

// nearestHint is "; did you mean X?", or nothing if no candidate is near.
func nearestHint(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
