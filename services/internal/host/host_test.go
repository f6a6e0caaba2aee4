package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/conf"
	"github.com/waystage/waystage/services/internal/host"
)

// execute runs a program in the test's own process.
func execute(
	t *testing.T, args, environ []string, run func(context.Context, *host.Host) error,
) (code int, stdout, stderr string) {
	t.Helper()
	var cfg host.Config
	var out, errs bytes.Buffer
	code = host.Program{Name: "probe", Config: &cfg, Host: &cfg, Run: run}.
		Execute(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

var noPort = []string{"WAYSTAGE_DEBUG_LISTEN=none"}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, environ []string
		run           error
		code          int
		stdout        string
		stderr        string
		ran           bool
	}{
		"done": {environ: noPort, code: host.ExitDone, stderr: `"ended"`, ran: true},
		"failed": {
			environ: noPort, run: errors.New("away"),
			code: host.ExitFailed, stderr: `"error":"away"`, ran: true,
		},
		"config good": {args: []string{"-check-config"}, code: host.ExitDone, stdout: "good"},
		"config shown": {
			args: []string{"-print-config"},
			code: host.ExitDone, stdout: "WAYSTAGE_LOG_LEVEL=info\n",
		},
		"config wrong": {
			args: []string{"-check-config"}, environ: []string{"WAYSTAGE_LOG_LEVEL=loud"},
			code: host.ExitRefuse, stderr: `"loud"`,
		},
		"two settings wrong": {
			environ: []string{"WAYSTAGE_LOG_LEVEL=loud", "WAYSTAGE_LOG_FORMAT=xml"},
			code:    host.ExitRefuse, stderr: `log format "xml"`,
		},
		"unknown setting": {
			environ: []string{"WAYSTAGE_LOUDNESS=info"},
			code:    host.ExitRefuse, stderr: "WAYSTAGE_LOUDNESS",
		},
		"unknown flag":     {args: []string{"-x"}, code: host.ExitRefuse, stderr: "-x"},
		"unknown argument": {args: []string{"now"}, code: host.ExitRefuse, stderr: `"now"`},
		"help":             {args: []string{"-h"}, code: host.ExitDone, stderr: "-check-config"},
		"no such port": {
			environ: []string{"WAYSTAGE_DEBUG_LISTEN=127.0.0.1:99999"},
			code:    host.ExitRefuse, stderr: "opening the debug port",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran := false
			code, stdout, stderr := execute(t, c.args, c.environ,
				func(context.Context, *host.Host) error {
					ran = true
					return c.run
				})
			if code != c.code || ran != c.ran {
				t.Errorf("code %d, ran %v, want %d, %v", code, ran, c.code, c.ran)
			}
			if !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("stdout %q, stderr %q, want %q, %q in them",
					stdout, stderr, c.stdout, c.stderr)
			}
		})
	}
}

func TestDefaultIsThatOfTheEnvironment(t *testing.T) {
	t.Parallel()
	var cfg host.Config
	if err := conf.Load(&cfg, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cfg, host.Default()); diff != "" {
		t.Errorf("environment and Default differ:\n%s", diff)
	}
}

func TestDebugPort(t *testing.T) {
	t.Parallel()
	h, err := host.New("probe", host.Default(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	debug, err := host.OpenDebug("127.0.0.1:0", h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(debug.Close)
	for _, c := range []struct {
		path   string
		ready  bool
		status int
		says   string
	}{
		{"/healthz", false, 200, "alive"},
		{"/readyz", false, 503, "not ready"},
		{"/readyz", true, 200, "ready"},
		{"/readyz", false, 503, "not ready"},
		{"/metrics", false, 200, "go_goroutines"},
		{"/debug/pprof/", false, 200, "goroutine"},
		{"/debug/pprof/cmdline", false, 200, ""},
		{"/else", false, 404, ""},
	} {
		h.Ready(c.ready)
		status, body := get(t, "http://"+debug.Addr()+c.path)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s when ready is %v: %d %q", c.path, c.ready, status, body)
		}
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := host.NewLogger(&out, "warn", host.JSON)
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("quiet")
	log.Warn().Msg("loud")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if line["message"] != "loud" || line["level"] != "warn" || line["time"] == nil {
		t.Errorf("line %v", line)
	}
	out.Reset()
	log, err = host.NewLogger(&out, "debug", host.Console)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug().Msg("for people")
	if !strings.Contains(out.String(), "for people") || strings.HasPrefix(out.String(), "{") {
		t.Errorf("console line %q", out.String())
	}
}

// childEnv makes the test binary a program of its own, for the tests of signals.
const childEnv = "HOSTTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	var cfg host.Config
	os.Args = os.Args[:1]
	os.Exit(host.Main(host.Program{
		Name: "child", Config: &cfg, Host: &cfg,
		Run: func(ctx context.Context, _ *host.Host) error {
			say("running")
			<-ctx.Done()
			say("stopping")
			if os.Getenv(childEnv) == "stubborn" {
				select {}
			}
			return nil
		},
	}))
}

func say(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

// child starts one and waits until it runs.
func child(t *testing.T, kind string) (*exec.Cmd, func(want string)) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{noPort[0], childEnv + "=" + kind}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		line := make([]byte, len(want)+1)
		if _, err := io.ReadFull(out, line); err != nil || string(line) != want+"\n" {
			t.Fatalf("the child said %q, %v, want %q", line, err, want)
		}
	}
	expect("running")
	return cmd, expect
}

func TestFirstSignalStopsInOrder(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd, expect := child(t, "obedient")
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		expect("stopping")
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: %v", signal, err)
		}
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	cmd, expect := child(t, "stubborn")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("stopping")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatalf("ended with %v", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, want by the signal", err)
	}
}
