//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// crowd is a number of persons of five messages each: all search as visitors and sign in, half of
// them fill a cart, a quarter buys, and the last message tells a search again under the same id.
const crowd = 4000

var crowdRows = []row{{crowd, crowd / 2, 0}, {crowd / 2, crowd / 4, 0}, {crowd / 4, 0, 0}}

// crowdLines are the messages of the persons from one to another.
func crowdLines(from, to int) string {
	var text strings.Builder
	for p := from; p < to; p++ {
		line := func(n int, kind, more string) {
			fmt.Fprintf(&text, `{"messageId":"%d-%d","type":%q,"anonymousId":"visitor-%d",`+
				`"timestamp":"2024-03-04T10:0%d:00Z"%s}`+"\n", p, n, kind, p, n, more)
		}
		user := fmt.Sprintf(`,"userId":"user-%d"`, p)
		line(1, "track", `,"event":"Products Searched"`)
		line(2, "identify", user)
		if p%2 == 0 {
			line(3, "track", `,"event":"Product Added"`+user)
		} else {
			line(3, "track", `,"event":"Product Seen"`+user)
		}
		if p%4 == 0 {
			line(4, "track", `,"event":"Order Completed","properties":{"total":1}`+user)
		} else {
			line(4, "track", `,"event":"Order Completed","properties":{"total":0}`+user)
		}
		line(1, "track", `,"event":"Products Searched"`)
	}
	return text.String()
}

// linesEach is how many messages a person of the crowd has.
const linesEach = 5

// crowdFunnel asks for the crowd's funnel.
func (i *instance) crowdFunnel(t *testing.T) ([]row, error) {
	t.Helper()
	answer := new(funnelv1.AskFunnelResponse)
	err := i.tryAsk(t, answer, "crowd", "funnel", "--stages", "--from", "2024-03-01",
		"--to", "2024-04-01", "--json")
	return rowsOf(answer.GetSteps()), err
}

// TestKilledImport kills everything in mid-import, twice. What was accepted is there after the
// next start, and importing the same file again makes the numbers exact.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	i := start(t, data, "--demo", "none")
	i.createSite(t, "crowd")
	settled := 0
	for _, part := range []int{crowd / 4, crowd / 2} {
		settled = max(settled, i.killInMidImport(t, part))
		i = start(t, data, "--demo", "none")
		i.awaitCrowd(t, settled)
	}
	all := i.importText(t, strings.NewReader(crowdLines(0, crowd)))
	all.want(t, 0)
	want := report{
		Lines: crowd * linesEach, Accepted: crowd * linesEach,
		ResumeLine: crowd*linesEach + 1, Refused: map[string]reason{},
	}
	if diff := cmp.Diff(want, all.report(t)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	eventually(t, patience, func() error {
		rows, err := i.crowdFunnel(t)
		if diff := cmp.Diff(crowdRows, rows); err == nil && diff != "" {
			err = fmt.Errorf("funnel (-want +got):\n%s", diff)
		}
		return err
	})
	i.signal(t, syscall.SIGINT)
	i.gone(t)
}

func (i *instance) importText(t *testing.T, text io.Reader) result {
	t.Helper()
	return waystage(t, text, "import", "-", "--site", "crowd", "--json", "--retry-for", "1s",
		"--data", i.data)
}

// killInMidImport imports the first persons, kills everything once more of them are counted than
// before, and then lets the import see the others. It gives how many persons were accepted whole.
func (i *instance) killInMidImport(t *testing.T, part int) (settled int) {
	t.Helper()
	before, err := i.crowdFunnel(t)
	if err != nil {
		t.Fatal(err)
	}
	file, writer := io.Pipe()
	imported := make(chan result, 1)
	go func() {
		imported <- i.importText(t, file)
		_ = file.Close() // nobody reads it any more
	}()
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(writer, crowdLines(0, part))
		written <- err
	}()
	eventually(t, patience, func() error {
		rows, err := i.crowdFunnel(t)
		if err == nil && rows[0].Count <= before[0].Count {
			err = fmt.Errorf("nothing new is counted yet: %v", rows)
		}
		return err
	})
	i.signal(t, syscall.SIGKILL)
	i.gone(t)
	<-written // an error says that the import has ended already
	_, _ = io.WriteString(writer, crowdLines(part, crowd))
	_ = writer.Close()
	r := <-imported
	r.want(t, 1, "--from-line")
	sum := r.report(t)
	if sum.ResumeLine > crowd*linesEach {
		t.Errorf("the import was through before the kill: %+v", sum)
	}
	return (sum.ResumeLine - 1) / linesEach
}

// awaitCrowd waits until all persons that were accepted before a kill are counted.
func (i *instance) awaitCrowd(t *testing.T, persons int) {
	t.Helper()
	t.Logf("%d persons were accepted before the kill", persons)
	eventually(t, patience, func() error {
		rows, err := i.crowdFunnel(t)
		if err == nil && rows[0].Count < uint32(persons) {
			err = fmt.Errorf("%v persons are counted, %d were accepted", rows, persons)
		}
		return err
	})
}
