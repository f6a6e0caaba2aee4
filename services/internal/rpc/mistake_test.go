package rpc_test

import (
	"strings"
	"testing"
)

// TestMistakesInBodies: what is wrong with the JSON of a request is told of its field, with what to
// give there.
func TestMistakesInBodies(t *testing.T) {
	t.Parallel()
	base := edge(t, &asker{})
	for name, c := range map[string]struct{ body, field, says string }{
		"number for a text": {
			`{"question":{"steps":[{"event":"A"},{"event":7}]}}`,
			"question.steps[1].event", "is 7: give a text",
		},
		"text for a list": {
			`{"question":{"steps":"A"}}`, "question.steps", `is "A": give a list`,
		},
		"text for a member": {
			`{"question":{"steps":[{"event":"A"},"B"]}}`,
			"question.steps[1]", `is "B": give an object`,
		},
		"number for an object": {`{"question":1}`, "question", "is 1: give an object"},
		"list for an object":   {`{"question":[]}`, "question", "is [: give an object"},
		"object for a text": {
			`{"question":{"hold":[{"a":1}]}}`, "question.hold[0]", "is {: give a text",
		},
		"text for a number": {
			`{"question":{"windowSeconds":"2 days"}}`,
			"question.window_seconds", `is "2 days": give a number`,
		},
		"negative": {
			`{"question":{"exclusions":[{"fromStep":-1}]}}`,
			"question.exclusions[0].from_step", "is -1: give a whole number, 0 or more",
		},
		"text for a truth": {
			`{"question":{"steps":[{"optional":"yes"}]}}`,
			"question.steps[0].optional", `is "yes": give true or false`,
		},
		"unknown value": {
			`{"question":{"reentry":"LAST"}}`,
			"question.reentry", `is "LAST": give one of REENTRY_BEST, REENTRY_FIRST`,
		},
		"no instant": {
			`{"question":{"asOf":"yesterday"}}`,
			"question.as_of", `is "yesterday": give an instant as "2026-01-31T00:00:00Z"`,
		},
		"instant of parts": {
			`{"question":{"asOf":{"seconds":1}}}`,
			"question.as_of", `is {: give an instant as "2026-01-31T00:00:00Z"`,
		},
		"other spelling": {
			`{"question":{"as_of":7}}`, "question.as_of", "is 7: give an instant",
		},
		"unknown field": {
			`{"question":{"range":{"from":"2026-01-01"}}}`,
			"question.range.from", "unknown field; known are fromTime, ",
		},
		"unknown field with marks": {
			`{"a: \"b\"\n":1}`, "a: \"b\"\n", "unknown field; known are parent, ",
		},
		"behind text of many bytes": {
			"{\"question\":\n {\"steps\":\n\t[{\"event\":\"größe €\", \"evnet\":1}]}}",
			"question.steps[0].evnet", "unknown field; known are stage, ",
		},
		"behind an equal field": {
			`{"words":{"filter":["a"]},"question":{"filter":["a"]}}`,
			"question.filter", "is [: give an object",
		},
		"value left out": {`{"question":{"order":}}`, "question.order", "is }: give one of "},
		"a comma too many": {
			`{"question":{"steps":[{"event":"A"},]}}`, "question.steps[1]", "is ]: give an object",
		},
		"great number": {
			`{"question":{"windowSeconds":1e999}}`,
			"question.window_seconds", "is 1e999: give a number",
		},
		"cut off":            {`{"question":{"order":`, "", ""},
		"a field of nothing": {`{"question"}`, "question", ""},
		"no object":          {`"question"`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(t, "POST", base+askPath, c.body)
			if got.status != 400 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			fields := got.violations(t)
			if c.field == "" {
				if len(fields) > 0 {
					t.Errorf("%v, want no field", fields)
				}
				return
			}
			if said, is := fields[c.field]; !is || len(fields) > 1 || !strings.HasPrefix(said, c.says) {
				t.Errorf("%v, want %s: %s", fields, c.field, c.says)
			}
		})
	}
}

// TestBrokenBodies: a body that is cut off or has another byte anywhere is taken or refused.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	base := edge(t, &asker{})
	const body = `{"question":{"steps":[{"event":"größe"},` + "\n" +
		`{"stage":"b","optional":true}],"asOf":"2026-01-31T00:00:00Z","order":1,"hold":["a"]}}`
	for i := range body {
		bodies := []string{body[:i]}
		for _, other := range []string{`"`, "{", "}", "[", "]", ",", ":", "7", "x", "\n", "\\", "\xff"} {
			bodies = append(bodies, body[:i]+other+body[i+1:])
		}
		for _, broken := range bodies {
			got := call(t, "POST", base+askPath, broken)
			if got.status != 200 && got.status != 400 {
				t.Fatalf("%q: %d %s", broken, got.status, got.body)
			}
			if got.status == 400 {
				got.violations(t)
			}
		}
	}
}
