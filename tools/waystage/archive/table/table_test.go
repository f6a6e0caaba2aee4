package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/tools/waystage/archive"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func mapped(t *testing.T, source string) Mapping {
	t.Helper()
	m, err := Parse("map.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// told is what an entry came to, as text.
func told(e archive.Entry) string {
	if e.Refusal != nil {
		return fmt.Sprintf("%d %s", e.Line, e.Refusal.Reason)
	}
	return fmt.Sprintf("%d %s", e.Line, bytes.Join(e.Messages, []byte(" + ")))
}

// made are all entries of a file.
func made(t *testing.T, source, file string) []string {
	t.Helper()
	open, err := Open(strings.NewReader(file), mapped(t, source), now)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	from := 1
	for e, err := range open.Entries(&from) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, told(e))
	}
	return all
}

func TestRowsAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOf(rapid.SampledFrom([]rune("ab \",;\n\té|'")))
		want := rapid.SliceOf(rapid.SliceOfN(cell, 2, 4)).Draw(t, "rows")
		comma := rapid.SampledFrom([]rune(",;\t|")).Draw(t, "comma")
		crlf := rapid.Bool().Draw(t, "crlf")
		var file strings.Builder
		var raws []string
		var lines []int
		for _, cells := range want {
			if rapid.Bool().Draw(t, "blank") {
				file.WriteString("\n")
			}
			lines = append(lines, strings.Count(file.String(), "\n")+1)
			begin := file.Len()
			w := csv.NewWriter(&file)
			w.Comma, w.UseCRLF = comma, crlf
			_ = w.Write(cells)
			w.Flush()
			raws = append(raws, file.String()[begin:])
		}
		rs := newRows(strings.NewReader(file.String()), comma, 0)
		for i := range want {
			got, err := rs.next()
			if err != nil || got.wrong != nil {
				t.Fatalf("row %d: %v, %v", i, err, got.wrong)
			}
			if !slices.Equal(want[i], got.cells) || got.line != lines[i] || string(got.raw) != raws[i] {
				t.Fatalf("row %d is %q on line %d (%q), want %q on %d (%q)", i, got.cells, got.line,
					got.raw, want[i], lines[i], raws[i])
			}
		}
		if _, err := rs.next(); !errors.Is(err, io.EOF) {
			t.Fatalf("at the end: %v", err)
		}
	})
}

// TestAQuoteThatIsNotClosedCostsItsOwnLine also where it would take the rest of the file with it.
func TestAQuoteThatIsNotClosedCostsItsOwnLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxRowBytes)
	many := strings.Repeat("r,s\n", maxRowBytes/2)
	for _, c := range []struct {
		name, file, wrong string
		want              int
	}{
		{name: "at the end", file: "1,\"a\n2,b\n3,c\n", wrong: "1", want: 2},
		{name: "before a quoted one", file: "1,\"a\n2,\"b\"\n3,c", wrong: "1", want: 2},
		{name: "inside", file: "1,a\"b\n2,c", wrong: "1", want: 1},
		{name: "in a last line", file: "1,a\n2,\"b", wrong: "2", want: 1},
		{name: "before many", file: "1,\"a\n" + many, wrong: "1", want: maxRowBytes / 2},
		{name: "long line", file: "1,a\n2," + long + long + "\n3,b\n", wrong: "2", want: 2},
		{name: "long last line", file: "1,a\n2," + long + long, wrong: "2", want: 1},
		{name: "long quoted", file: "1,\"" + long + "\n2,b\n", wrong: "1", want: 1},
		{name: "after blank lines", file: "\n\r\n1,\"a\n2,b\n", wrong: "3", want: 1},
	} {
		rs := newRows(strings.NewReader(c.file), ',', 0)
		var wrong []string
		good := 0
		for {
			r, err := rs.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.wrong != nil {
				wrong = append(wrong, fmt.Sprint(r.line))
			} else {
				good++
			}
		}
		if strings.Join(wrong, " ") != c.wrong || good != c.want {
			t.Errorf("%s: %d rows, lines %v are wrong; want %d and %s", c.name, good, wrong, c.want,
				c.wrong)
		}
	}
}

const plain = `
event: E
userId: who
timestamp: when
`

func TestRowsMakeMessages(t *testing.T) {
	t.Parallel()
	const id = `messageId: id` + "\n"
	const at = `"timestamp":"2026-01-31T00:00:00Z"`
	for _, c := range []struct{ name, mapping, file, want string }{
		{
			"plain", plain + id, "\uFEFFwho;when;id\r\nann;2026-01-31;1\r\n",
			`2 {"event":"E","messageId":"1",` + at + `,"type":"track","userId":"ann"}`,
		},
		{
			"said delimiter", plain + id, "sep=|\nwho|when|id\nann|2026-01-31|1",
			`3 {"event":"E","messageId":"1",` + at + `,"type":"track","userId":"ann"}`,
		},
		{
			"quoted line ends", plain + id + "properties: {n: n}\n",
			"who,when,id,n\n\nann,2026-01-31,1,\"a\nb\"\nbob,2026-01-31,2,\n,,,\n",
			`3 {"event":"E","messageId":"1","properties":{"n":"a\nb"},` + at +
				`,"type":"track","userId":"ann"} 5 {"event":"E","messageId":"2",` + at +
				`,"type":"track","userId":"bob"} 6 `,
		},
		{
			"rest", plain + id + "rest: properties\nvalues: auto\ndecimal: comma\nempty: [NULL]\n",
			"who,when,id,zip,sum,ok,no,\nann,2026-01-31,1,01234,\"12,5\",true,NULL,\n",
			`2 {"event":"E","messageId":"1","properties":{"ok":true,"sum":12.5,"zip":"01234"},` + at +
				`,"type":"track","userId":"ann"}`,
		},
		{
			"traits beside", plain + id + "traits: {mail: mail}\nproperties: {n: {value: 5}}",
			"who,when,id,mail\nann,2026-01-31,1,a@b\n",
			`2 {"messageId":"1-traits",` + at + `,"traits":{"mail":"a@b"},"type":"identify",` +
				`"userId":"ann"} + {"event":"E","messageId":"1","properties":{"n":5},` + at +
				`,"type":"track","userId":"ann"}`,
		},
		{
			"identify", "type: identify\n" + id + "anonymousId: who\nrest: traits\n" +
				`timestamp: {value: "2026-01-31"}`, "who,id,x\nc,1,y\n",
			`2 {"anonymousId":"c","messageId":"1",` + at + `,"traits":{"x":"y"},"type":"identify"}`,
		},
		{
			"types by column", "type: {column: t, table: {1: page, 2: alias}}\nevent: {column: e}\n" +
				"userId: {first: [a, b]}\npreviousId: p\ntimestamp: when\n" + id +
				"context: {campaign.source: s, campaign.medium: {value: post}}",
			"t,e,a,b,p,when,id,s\n1,Home,,bob,,2026-01-31,1,x\n2,,ann,,old,2026-01-31,2,\n3,,,,,,,\n",
			`2 {"context":{"campaign":{"medium":"post","source":"x"}},"messageId":"1","name":"Home",` +
				at + `,"type":"page","userId":"bob"} 3 {"context":{"campaign":{"medium":"post"}},` +
				`"messageId":"2","previousId":"old",` + at +
				`,"type":"alias","userId":"ann"} 4 unknown_value`,
		},
		{
			"two columns", "event: E\nuserId: who\nmessageId: {columns: [a, b], prefix: p-}\n" +
				`timestamp: {columns: [d, t], format: "%d/%m/%y %I:%M %p", zone: America/New_York}`,
			"who,a,b,d,t\nann,x|y,z,1/2/26,3:05 PM\n",
			`2 {"event":"E","messageId":"p-x%7Cy|z","timestamp":"2026-02-01T20:05:00Z",` +
				`"type":"track","userId":"ann"}`,
		},
		{
			"refusals", plain + id + "properties: {n: {column: n, type: number}}",
			"who,when,id,n\n,2026-01-31,1,\nann,,1,\nann,soon,1,\nann,2026-02-31,1,\n" +
				"ann,2026-11-23,1,\nann,1969-01-01,1,\nann,2026-01-31,1,x\nann,2026-01-31\n" +
				"ann,2026-01-31,1,\xff\na\"b,2026-01-31,1,\n" +
				"ann,2026-01-31," + strings.Repeat("i", 40_000) + ",\n",
			"2 no_identity 3 bad_time 4 bad_time 5 bad_time 6 time_out_of_range " +
				"7 time_out_of_range 8 bad_value 9 wrong_field_count 10 invalid_utf8 " +
				"11 malformed_row 12 too_large",
		},
		{
			"unnamed", plain + id + "rest: properties", "who,when,id,\nann,2026-01-31,1,x\n",
			"2 unnamed_column",
		},
		{
			"event", "event: {column: e}\nuserId: who\ntimestamp: when\n" + id,
			"who,when,id,e\nann,2026-01-31,1,\n", "2 missing_field",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(made(t, c.mapping, c.file), " ")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDerivedIDs: the same row is the same message, also in a file with its columns in another
// order; rows that differ in anything are not.
func TestDerivedIDs(t *testing.T) {
	t.Parallel()
	ids := func(mapping, file string) []string { return made(t, mapping, file) }
	const drop = plain + "rest: drop\n"
	a := ids(drop, "who,when,till\nann,2026-01-31,1\nann,2026-01-31,2\nann,2026-01-31,1\n")
	b := ids(drop, "till,when,who\n1,2026-01-31,ann\n")
	c := ids(strings.Replace(drop, "E", "F", 1), "till,when,who\n1,2026-01-31,ann\n")
	cut := func(s string) string { return s[2:] }
	if cut(a[0]) == cut(a[1]) || cut(a[0]) != cut(a[2]) || cut(a[0]) != cut(b[0]) ||
		cut(a[0]) == cut(c[0]) || !strings.Contains(a[0], `"messageId":"row-`) {
		t.Errorf("got %q, %q, %q", a, b, c)
	}
}

func TestMistakesOfAMappingHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mapping, want string }{
		{"evnt: x\n", "map.yaml:1:1: unknown field"},
		{"event: x\nuserId: {colum: y}\n", "map.yaml:2:10: unknown field"},
		{"event: x\nevent: y\n", "map.yaml:2:1: "},
		{"a: [\n", "map.yaml:1:4: "},
		{"userId: {}\n", "map.yaml:1:9: userId: give one of"},
		{"userId: {column: a, value: b}\n", "map.yaml:1:10: userId: give one of"},
		{"properties:\n  n: {column: a, type: float}\n", "map.yaml:2:7: properties.n: type: \"float\""},
		{"userId: {column: a, type: text}\n", "userId: type and decimal are for"},
		{"userId: {column: a, format: unix}\n", "userId: format and zone are for"},
		{"timestamp: {column: a, zone: Mars}\n", "timestamp: zone \"Mars\" is not known"},
		{"timestamp: {column: a, format: DD.MM.YYYY}\n", "has no % sign: give iso"},
		{"timestamp: {column: a, format: \"%d.%m.\"}\n", "does not hold year"},
		{"timestamp: {column: a, format: \"%d.%m.%Y %Z\"}\n", "%Z, the short name"},
		{"timestamp: {column: a, format: \"%Q\"}\n", "cannot be read by"},
		{"userId: {column: a, otherwise: keep}\n", "otherwise: it is for texts"},
		{"rest: all\n", "map.yaml: rest: \"all\": there are properties, traits, drop"},
		{"delimiter: ab\n", "map.yaml: delimiter: \"ab\""},
		{"\xff", "not UTF-8"},
	} {
		_, err := Parse("map.yaml", []byte(c.mapping))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q gives %v, want %q", c.mapping, err, c.want)
		}
	}
}

func TestNothingIsReadByAMappingThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mapping, file, want string }{
		{"event: E", "a\n", "timestamp is missing"},
		{"event: E", "a\n", "userId or anonymousId is missing"},
		{"userId: a\ntimestamp: b", "a,b\n", "event is missing"},
		{"type: group\nuserId: a\ntimestamp: b", "a,b\n", "groupId is missing"},
		{"type: tack\nuserId: a\ntimestamp: b", "a,b\n", `type: "tack"`},
		{"type: identify\nuserId: a\ntimestamp: b\nrest: properties", "a,b\n", "has no properties"},
		{plain, "", "the file is empty"},
		{plain, "who,when,more,less\n", "what becomes of the columns less, more:"},
		{plain, "Who,When\n", `userId (mapping 3:9): there is no column "who"; did you mean "Who"?`},
		{plain, "Who,When\n", `timestamp (mapping 4:12): there is no column "when"`},
		{plain, "Who,When\n", "The header has 2 columns: Who, When"},
		{plain, "who,when,who\n", `two columns are named "who"`},
		{plain, "who,when,E\n", `event (mapping 2:8): "E" is also a column`},
		{plain + "rest: properties\nproperties: {x: who}", "who,when,x\n", "have the names of"},
		{plain, "\xff\xfew\x00", "UTF-16"},
		{plain, "wh\xe4,when\n", "not UTF-8"},
		{plain, "\"who,when\n", "cannot be read"},
		{plain, "who,when\rann,2026\r", "carriage returns"},
	} {
		_, err := Open(strings.NewReader(c.file), mapped(t, c.mapping), now)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q on %q gives %v, want %q", c.mapping, c.file, err, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, decimal, want string }{
		{"12", "", "12"},
		{"-0.50", "", "-0.50"},
		{"+007", "", "7"},
		{"1e3", "", "1e3"},
		{"1 234 567.5", "", "1234567.5"},
		{"1'234", "", "1234"},
		{"1,234", "", ""},
		{"1,234", decimalPoint, "1234"},
		{"1.234,5", decimalComma, "1234.5"},
		{"1.234", decimalComma, "1234"},
		{"12,5", decimalComma, "12.5"},
		{"12,5", decimalPoint, ""},
		{"1.23.4", decimalComma, ""},
		{"12 €", "", ""},
		{"NaN", "", ""},
		{"0x1f", "", ""},
		{".5", "", ""},
	} {
		got, err := valueOf(c.text, typeNumber, c.decimal)
		if (err != nil) != (c.want == "") || err == nil && fmt.Sprintf("%s", got) != c.want {
			t.Errorf("%q with %q is %s, %v; want %q", c.text, c.decimal, got, err, c.want)
		}
	}
}

func TestInstants(t *testing.T) {
	t.Parallel()
	const berlin, havana = "Europe/Berlin", "America/Havana"
	for _, c := range []struct{ format, zone, text, want string }{
		{"", "", "2026-01-31T17:05:06.123456789Z", "2026-01-31T17:05:06.123456789Z"},
		{"", berlin, "2026-01-31T17:05:06+05:30", "2026-01-31T11:35:06Z"},
		{"", berlin, "2026-01-31 17:05", "2026-01-31T16:05:00Z"},
		{"", berlin, "2026-07-31 17:05:06.5", "2026-07-31T15:05:06.5Z"},
		{"", berlin, "2026-07-31 17:05 UTC", "2026-07-31T17:05:00Z"},
		{"", berlin, "20260731T170500", "2026-07-31T15:05:00Z"},
		{"iso", berlin, "2026-07-31", "2026-07-30T22:00:00Z"},
		{"", "", "31.01.2026", ""},
		{"", "", "2026-02-30", ""},
		{"", berlin, "2026-03-29 02:30", ""},
		{"", berlin, "2026-10-25 02:30", "2026-10-25T00:30:00Z"},
		{"", "America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"},
		{"", havana, "2026-03-08", "2026-03-08T05:00:00Z"},
		{"%d.%m.%Y %H:%M", berlin, "1.2.2026 9:05", "2026-02-01T08:05:00Z"},
		{"%d.%m.%Y %H:%M", berlin, "31.02.2026 09:05", ""},
		{"%d.%m.%Y %H:%M", berlin, "2026-02-01 09:05", ""},
		{"%Y%m%d%H%M%S", "", "20260201090500", "2026-02-01T09:05:00Z"},
		{"%b %e, %Y", "", "Feb  1, 2026", "2026-02-01T00:00:00Z"},
		{"%Y-%m-%d %H:%M %z", berlin, "2026-02-01 09:05 -0300", "2026-02-01T12:05:00Z"},
		{"unix", berlin, "1795168800", "2026-11-20T10:00:00Z"},
		{"unix", "", "1795168800.25", "2026-11-20T10:00:00.25Z"},
		{"unix-ms", "", "1795168800250", "2026-11-20T10:00:00.25Z"},
		{"unix", "", "17e9", ""},
		{"unix", "", "1795168800250000", ""},
	} {
		clock, err := newClock(c.format, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := clock.read(c.text)
		if (err != nil) != (c.want == "") || err == nil && got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%q as %q in %q is %v, %v; want %q", c.text, c.format, c.zone, got, err, c.want)
		}
	}
}
