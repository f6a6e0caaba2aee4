//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reader is who reads answers of the shop by tools of others.
type reader struct {
	*instance

	token string
}

// shopWords are shopFlags as the query of a GET: 8 searched, 6 of them filled a cart, 3 bought.
var shopWords = url.Values{
	"stages": {"all"}, "from": {"2024-03-01"}, "to": {"2024-04-01"},
	"asOf": {"2024-03-10T12:00:00Z"}, "window": {"3d"},
}

// TestTools: the tools that people have read the answers of a running server, as docs/bi.md says.
func TestTools(t *testing.T) {
	t.Parallel()
	i := start(t, filepath.Join(t.TempDir(), "data"), "--demo", "none")
	r := reader{i, i.createSite(t, "shop").Read}
	i.importShop(t, "shop")
	i.awaitShop(t, "shop")
	t.Run("beside each other", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"curl": r.curl, "grpcurl": r.grpcurl, "buf curl": r.bufCurl, "pandas": r.pandas,
			"DuckDB": r.duckDB, "Grafana": r.grafana, "TypeScript": r.typeScript, "SQL": r.views,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

// run runs a program to its end and gives what it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir, command.Stdout, command.Stderr = dir, &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", name, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// developed is a tool of tools/pin.
func developed(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", ".bin", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run \"make tools\"", err)
	}
	return path
}

// curl asks for CSV, and then again with the entity tag.
func (r reader) curl(t *testing.T) {
	auth := "Authorization: Bearer " + r.token
	address := r.http + "/v1/sites/shop/funnels:ask?" + shopWords.Encode()
	said := run(t, "", "curl", "-sS", "--fail-with-body", "-i", "-H", auth,
		"-H", "Accept: text/csv", address)
	head, body, _ := strings.Cut(said, "\r\n\r\n")
	table, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var counts []string
	for _, row := range table[1:] {
		counts = append(counts, row[3]+" "+row[4])
	}
	if diff := cmp.Diff([]string{"search 8", "cart 6", "purchase 3"}, counts); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	_, tag, _ := strings.Cut(head, "\r\nEtag: ")
	tag, _, _ = strings.Cut(tag, "\r\n")
	again := run(t, "", "curl", "-sS", "-w", "%{http_code}", "-H", auth, "-H", "Accept: text/csv",
		"-H", "If-None-Match: "+tag, address)
	if again != "304" {
		t.Errorf("asked again with the tag %s: %s", tag, again)
	}
}

// shopRequest is the question as a message.
func shopRequest() string {
	words := make(map[string]any)
	for name := range shopWords {
		words[name] = shopWords.Get(name)
	}
	request, err := json.Marshal(map[string]any{"parent": "sites/shop", "words": words})
	if err != nil {
		panic(err) // never: it is all text
	}
	return string(request)
}

// wantSteps checks the JSON of an answer.
func wantSteps(t *testing.T, text string) {
	t.Helper()
	var answer struct{ Steps []struct{ Count int } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if got := fmt.Sprint(answer.Steps); got != "[{8} {6} {3}]" {
		t.Errorf("steps %s", got)
	}
}

const askMethod = "waystage.funnel.v1.FunnelService/AskFunnel"

// grpcurl finds the methods by reflection, and asks.
func (r reader) grpcurl(t *testing.T) {
	tool, auth := developed(t, "grpcurl"), "authorization: Bearer "+r.token
	services := run(t, "", tool, "-plaintext", "-H", auth, r.grpc, "list")
	if !strings.Contains(services, "waystage.funnel.v1.FunnelService\n") {
		t.Errorf("the services are %s", services)
	}
	wantSteps(t, run(t, "", tool, "-plaintext", "-H", auth, "-d", shopRequest(), r.grpc, askMethod))
}

func (r reader) bufCurl(t *testing.T) {
	wantSteps(t, run(t, "", developed(t, "buf"), "curl", "--protocol", "grpc",
		"--http2-prior-knowledge", "-H", "authorization: Bearer "+r.token, "-d", shopRequest(),
		"http://"+r.grpc+"/"+askMethod))
}

// python is a Python with what bi/requirements.txt names, made once.
var python = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(binary), "python")
	path := filepath.Join(dir, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		{
			path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
			filepath.Join("bi", "requirements.txt"),
		},
	} {
		command := exec.CommandContext(context.Background(), args[0], args[1:]...)
		if out, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: install Python 3.11 or newer with venv\n%s",
				strings.Join(args, " "), err, out)
		}
	}
	return path, nil
})

// script runs a script of bi and reads what it printed.
func (r reader) script(t *testing.T, name string, into any) {
	t.Helper()
	path, err := python()
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, "bi", path, name, r.http, r.token, "shop", shopWords.Encode())
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (r reader) pandas(t *testing.T) {
	type told struct {
		Counts, Arrow []int
		Pro           map[string]float64
		AsOf          string `json:"as_of"`
		ArrowAsOf     string `json:"arrow_as_of"`
		Pages         int
		Users         []string
		Distinct      int
	}
	want := told{
		Counts: []int{8, 6, 3}, Arrow: []int{8, 6, 3}, Pages: 3, Distinct: 8,
		Pro:  map[string]float64{"search": 2, "cart": 2, "purchase": 2},
		AsOf: "2024-03-10T12:00:00+00:00", ArrowAsOf: "2024-03-10T12:00:00+00:00",
		Users: []string{"ann", "bob", "cid", "eve", "fay", "gil", "hal"},
	}
	var got told
	r.script(t, "pandas_funnel.py", &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pandas (-want +got):\n%s", diff)
	}
}

func (r reader) duckDB(t *testing.T) {
	type told struct {
		CSV, JSON [][]any
		AsOf      float64 `json:"as_of"`
		Kinds     map[string]string
	}
	steps := [][]any{{"search", 8., 1.}, {"cart", 6., 0.75}, {"purchase", 3., 0.375}}
	want := told{
		CSV: steps, JSON: steps, AsOf: 1710072000, Kinds: map[string]string{
			"persona": "VARCHAR", "count": "BIGINT", "conversion_from_first": "DOUBLE",
			"as_of": "TIMESTAMP WITH TIME ZONE",
		},
	}
	var got told
	r.script(t, "duckdb_funnel.py", &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DuckDB (-want +got):\n%s", diff)
	}
}

// get asks by GET with the headers of a tool.
func (r reader) get(t *testing.T, query url.Values, accept string) (string, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		r.http+"/v1/sites/shop/funnels:ask?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", response.Status, body, err)
	}
	return string(body), response.Header.Get("Content-Type")
}

// grafana asks as Grafana's Infinity data source does: by GET, with the Accept header of its query
// type and the range of the dashboard in the address; then it picks rows by a root selector and
// cells by selectors with dots.
func (r reader) grafana(t *testing.T) {
	query := url.Values{"stages": {"all"}, "window": {"3d"}, "asOf": {"2024-03-10T12:00:00Z"}}
	// ${__from:date:iso} and ${__to:date:iso}
	query.Set("from", "2024-03-01T00:00:00.000Z")
	query.Set("to", "2024-04-01T00:00:00.000Z")
	body, _ := r.get(t, query, "application/json;q=0.9,text/plain")
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	root, _ := answer["steps"].([]any)
	var rows []string
	for _, row := range root {
		rows = append(rows, fmt.Sprint(pick(row, "label"), " ", pick(row, "count"), " ",
			pick(row, "conversionFromFirst.value")))
	}
	if diff := cmp.Diff([]string{"search 8 1", "cart 6 0.75", "purchase 3 0.375"}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	table, kind := r.get(t, query, "text/csv; charset=utf-8")
	if !strings.HasPrefix(kind, "text/csv") ||
		!strings.HasPrefix(table, "answer,part,step,label,count,") {
		t.Errorf("%s: %s", kind, table)
	}
}

// pick follows a selector with dots.
func pick(from any, selector string) any {
	for name := range strings.SplitSeq(selector, ".") {
		members, _ := from.(map[string]any)
		from = members[name]
	}
	return from
}

// openAPIDir holds tools/openapi/check with its modules and the document, made once.
var openAPIDir = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(binary), "openapi")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "openapi", "check"))); err != nil {
		return "", err
	}
	install := exec.CommandContext(context.Background(), "npm", "ci", "--ignore-scripts",
		"--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: install Node.js 20 or newer\n%s", err, out)
	}
	document, err := os.ReadFile(
		filepath.Join("..", "..", "proto", "gen", "openapi", "waystage.json"))
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "waystage.json"), document, 0o600)
})

// openAPI is the folder of the checks, and how a program of its modules is called.
func openAPI(t *testing.T) (dir string, program func(name string, args ...string) string) {
	t.Helper()
	dir, err := openAPIDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir, func(name string, args ...string) string {
		return run(t, dir, filepath.Join(dir, "node_modules", ".bin", name), args...)
	}
}

// TestOpenAPILinters: two linters find nothing in the document, not even a warning; and they do
// find what is wrong.
func TestOpenAPILinters(t *testing.T) {
	t.Parallel()
	dir, program := openAPI(t)
	spectral := []string{"lint", "--fail-severity", "hint"}
	program("redocly", "lint", "waystage.json")
	program("spectral", append(spectral, "waystage.json")...)
	broken := filepath.Join(dir, "broken.json")
	document := `{"openapi": "3.1.0", "info": {"title": "x"}, "paths": {"/a/{b}": {"get": {}}}}`
	if err := os.WriteFile(broken, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"redocly": {"lint", "broken.json"}, "spectral": append(spectral, "broken.json"),
	} {
		command := exec.CommandContext(t.Context(), filepath.Join(dir, "node_modules", ".bin", name),
			args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err == nil {
			t.Errorf("%s finds nothing in a broken document: %s", name, out)
		}
	}
}

// typeScript makes a client of the document, compiles it strictly and asks with it.
func (r reader) typeScript(t *testing.T) {
	dir, program := openAPI(t)
	program("openapi-typescript", "waystage.json", "-o", "waystage.d.ts")
	program("tsc", "-p", ".")
	out := run(t, dir, "node", filepath.Join("out", "ask.js"), r.http, r.token, "shop",
		"search..purchase", "2024-03-01", "2024-04-01")
	var got struct {
		Posted, Got, Groups, Persons any
		Tag, CSV, Refused            string
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Without a window of its own, dan and bob buy too.
	const want = "[8 6 5] [8 6 5] 3 8"
	said := fmt.Sprintf("%v %v %v %v", got.Posted, got.Got, got.Groups, got.Persons)
	if said != want {
		t.Errorf("the client was told %s, want %s", said, want)
	}
	if !strings.HasPrefix(got.Tag, `W/"`) || !strings.HasPrefix(got.CSV, "answer,part,") ||
		!strings.Contains(got.Refused, "no_such_stage") {
		t.Errorf("the client was told %s", out)
	}
}

// views reads the views as a tool for SQL does: past the API, with the operator's access.
func (r reader) views(t *testing.T) {
	engine := engineLine.FindStringSubmatch(r.out.String())[1]
	ask := func(sql string) (string, error) {
		response, err := http.Post("http://"+engine+"/?database=waystage", "text/plain",
			strings.NewReader(sql))
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusOK {
			return "", fmt.Errorf("%s: %s", response.Status, text)
		}
		return strings.TrimSpace(string(text)), err
	}
	for sql, want := range map[string]string{
		`SELECT s.stage, count(e.person_id) FROM bi_stages AS s LEFT JOIN bi_stage_entries AS e
			ON e.site = s.site AND e.stage = s.stage WHERE s.site = 'shop'
			GROUP BY s.position, s.stage ORDER BY s.position`: "search\t8\ncart\t6\npurchase\t5",
		`SELECT persona, count() FROM bi_persons WHERE site = 'shop' AND touchpoints > 0
			GROUP BY persona ORDER BY persona`: "basic\t1\npro\t2\nunassigned\t5",
		`SELECT sum(touchpoints) = (SELECT sum(touchpoints) FROM bi_sessions WHERE site = 'shop')
			FROM bi_daily WHERE site = 'shop'`: "1",
	} {
		eventually(t, patience, func() error {
			got, err := ask(sql)
			if err == nil && got != want {
				err = fmt.Errorf("%s gives %q, want %q", sql, got, want)
			}
			return err
		})
	}
}
