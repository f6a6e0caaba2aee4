//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// goldenFolder has the published vectors and the program that holds an engine to them.
var goldenFolder = filepath.Join("..", "..", "docs", "golden")

// TestGoldenVectors holds a running instance to the published answers by the published program,
// whichever way questions are answered: as usual, with nothing kept in memory, inside ClickHouse.
func TestGoldenVectors(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		name     string
		settings []string
		// way is how the vector "plain" is answered.
		way string
	}{
		{"as usual", nil, "packed journeys: "},
		{
			"nothing kept",
			[]string{"WAYSTAGE_QUERY_JOURNEY_BYTES=0", "WAYSTAGE_QUERY_CACHE_BYTES=0"},
			"packed journeys: ",
		},
		{"inside ClickHouse", []string{"WAYSTAGE_QUERY_WAY=inside"}, "inside ClickHouse: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := startWith(t, c.settings, data, "--demo", "none")
			if said, code := i.checkGolden(t, goldenFolder, "120"); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, said)
			}
			if way := i.wayOfPlain(t); !strings.HasPrefix(way, c.way) {
				t.Errorf("the vector plain was answered from %q, want %q", way, c.way)
			}
			if c.settings == nil {
				i.forged(t)
			}
			i.signal(t, syscall.SIGINT)
		})
	}
}

// checkGolden runs the program of a folder on the instance.
func (i *instance) checkGolden(t *testing.T, folder, seconds string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	check := exec.CommandContext(t.Context(), "python3", filepath.Join(folder, "check.py"),
		i.ingest, i.http, i.rootToken(t), seconds)
	check.Stdout, check.Stderr = &out, &out
	err := check.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return out.String(), check.ProcessState.ExitCode()
}

func (i *instance) rootToken(t *testing.T) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(i.data, "root.token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}

// wayOfPlain is how the question of the vector "plain" is answered.
func (i *instance) wayOfPlain(t *testing.T) string {
	t.Helper()
	var published struct {
		Vectors []struct {
			Name, World string
			Question    json.RawMessage
		}
	}
	if err := json.Unmarshal(readGolden(t), &published); err != nil {
		t.Fatal(err)
	}
	for _, v := range published.Vectors {
		if v.Name != "plain" {
			continue
		}
		ask := &funnelv1.AskFunnelRequest{Question: new(funnelv1.FunnelQuestion)}
		if err := protojson.Unmarshal(v.Question, ask.GetQuestion()); err != nil {
			t.Fatal(err)
		}
		answer := new(funnelv1.AskFunnelResponse)
		i.postOK(t, "/v1/sites/golden-"+v.World+"/funnels:ask", i.rootToken(t), ask, answer)
		return answer.GetFacts().GetWay()
	}
	t.Fatal("there is no vector plain")
	return ""
}

func readGolden(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenFolder, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forged: the program notices the one vector that differs from the answer in a number, a unit, a
// group, in whether a time is there, or in what it is beside, or who left.
func (i *instance) forged(t *testing.T) {
	program, err := os.ReadFile(filepath.Join(goldenFolder, "check.py"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(readGolden(t))
	folder := t.TempDir()
	for _, f := range []struct{ what, old, forged string }{
		{"count", `"answer": {"steps":[{"count":`, `"answer": {"steps":[{"count":1`},
		{"unit", `"units": [["`, `"units": [["x`},
		{"group", `"missing":true`, `"missing":false`},
		{"time", `"fromPrevious":{"meanSeconds":0,"medianSeconds":0,"p90Seconds":0},`, ""},
		{"comparison", `"comparison":{"fromTime":"2026-03-1`, `"comparison":{"fromTime":"2026-03-2`},
		{"departure", `"silent":{"count":`, `"silent":{"count":1`},
	} {
		if !strings.Contains(text, f.old) {
			t.Fatalf("the vectors have no %s to forge", f.what)
		}
		for name, content := range map[string]string{
			"check.py": string(program), "vectors.json": strings.Replace(text, f.old, f.forged, 1),
		} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		said, code := i.checkGolden(t, folder, "0")
		if code != 1 || strings.Count(said, "\n  want ") != 1 {
			t.Errorf("a forged %s: exit code %d:\n%s", f.what, code, said)
		}
	}
}
