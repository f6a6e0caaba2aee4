package main

import (
	"strings"
	"testing"
)

func TestSummarize(t *testing.T) {
	for name, c := range map[string]struct {
		in, out string
		want    summary
	}{
		"pass, fail and skip": {
			in: `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"T1"}
{"Action":"output","Package":"a","Test":"T1","Output":"=== RUN   T1\n"}
{"Action":"output","Package":"a","Test":"T1","Output":"quiet\n"}
{"Action":"pass","Package":"a","Test":"T1","Elapsed":0.1}
{"Action":"output","Package":"a","Test":"T2","Output":"    a_test.go:3: wrong\n"}
{"Action":"fail","Package":"a","Test":"T2","Elapsed":0.1}
{"Action":"output","Package":"a","Test":"T3","Output":"    a_test.go:9: no engine\n"}
{"Action":"skip","Package":"a","Test":"T3","Elapsed":0}
{"Action":"output","Package":"a","Output":"FAIL\n"}
{"Action":"fail","Package":"a","Elapsed":0.25}
{"Action":"skip","Package":"no/tests","Elapsed":0}
`,
			out: "FAIL a T2\n    a_test.go:3: wrong\n" +
				"SKIP a T3\n    a_test.go:9: no engine\n" +
				"FAIL a 0.2s\n",
			want: summary{passed: 1, failed: 1, skipped: 1},
		},
		"package that does not build": {
			in: `{"ImportPath":"a","Action":"build-output","Output":"a.go:1: undefined: x\n"}
{"ImportPath":"a","Action":"build-fail"}
{"Action":"output","Package":"a","Output":"FAIL\ta [build failed]\n"}
{"Action":"fail","Package":"a","Elapsed":0,"FailedBuild":"a"}
`,
			out:  "a.go:1: undefined: x\nFAIL\ta [build failed]\nFAIL a 0.0s\n",
			want: summary{failed: 1},
		},
		"process that dies within a test": {
			in: `{"Action":"output","Package":"a","Test":"T1","Output":"SIGSEGV\n"}
{"Action":"fail","Package":"a","Elapsed":1}
`,
			out:  "SIGSEGV\nFAIL a 1.0s\n",
			want: summary{failed: 1},
		},
		"no event": {in: "go: no modules\n", out: "go: no modules\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			got, err := summarize(strings.NewReader(c.in), &out)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("summary is %v, want %v", got, c.want)
			}
			if out.String() != c.out {
				t.Errorf("report is\n%s\nwant\n%s", out.String(), c.out)
			}
		})
	}
}

func TestSummaryLine(t *testing.T) {
	const want = "tests: 123 passed, 0 failed, 2 skipped"
	if got := (summary{passed: 123, skipped: 2}).String(); got != want {
		t.Errorf("line is %q, want %q", got, want)
	}
}
