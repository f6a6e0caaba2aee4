package instance

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func folder(t *testing.T) Folder {
	t.Helper()
	f := Folder(t.TempDir() + "/data")
	if err := f.Make(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestOnlyOneProcessHasTheFolder(t *testing.T) {
	t.Parallel()
	f := folder(t)
	lock, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SaveRun(Run{PID: 4711}); err != nil {
		t.Fatal(err)
	}
	_, err = f.Lock()
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "4711") {
		t.Errorf("locking twice gives %v, want ErrLocked and the process", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := f.Lock()
	if err != nil {
		t.Fatalf("locking after unlocking: %v", err)
	}
	if err := again.Unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestFindRun(t *testing.T) {
	t.Parallel()
	f := folder(t)
	if _, err := f.FindRun(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("an empty folder gives %v, want ErrNotRunning", err)
	}
	want := Run{PID: 1, GRPC: "127.0.0.1:1", Kafka: []string{"127.0.0.1:2"}}
	if err := f.SaveRun(want); err != nil {
		t.Fatal(err)
	}
	if _, err := f.FindRun(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a killed process's folder gives %v, want ErrNotRunning", err)
	}
	lock, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	got, err := f.FindRun()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := f.EndRun(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.FindRun(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("an ended run gives %v, want ErrNotRunning", err)
	}
	if err := f.EndRun(); err != nil {
		t.Errorf("ending twice gives %v", err)
	}
}

func TestKeysAreKeptPerSite(t *testing.T) {
	t.Parallel()
	f := folder(t)
	for site, keys := range map[string]Keys{"a": {Write: "wk_a"}, "b": {Read: "rt_b"}} {
		if err := f.SaveKeys(site, keys); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SaveKeys("a", Keys{Admin: "at_a"}); err != nil {
		t.Fatal(err)
	}
	got, err := f.Keys("a")
	if err != nil || got != (Keys{Write: "wk_a", Admin: "at_a"}) {
		t.Errorf("Keys(a) = %+v, %v", got, err)
	}
	if got, err := f.Keys("c"); err != nil || got != (Keys{}) {
		t.Errorf("Keys(c) = %+v, %v, want none", got, err)
	}
}

// TestKeysSavedAtOnce saves the keys of many sites at the same time: none may be lost.
func TestKeysSavedAtOnce(t *testing.T) {
	t.Parallel()
	f := folder(t)
	const sites = 40
	var saving sync.WaitGroup
	for i := range sites {
		saving.Go(func() {
			if err := f.SaveKeys(fmt.Sprint("site-", i), Keys{Write: fmt.Sprint("wk_", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	saving.Wait()
	for i := range sites {
		keys, err := f.Keys(fmt.Sprint("site-", i))
		if err != nil || keys.Write != fmt.Sprint("wk_", i) {
			t.Errorf("site %d has the keys %v, %v", i, keys, err)
		}
	}
}

func TestSecretsAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	f := folder(t)
	token, err := f.MakeRootToken()
	if err != nil || len(token) < 32 {
		t.Fatalf("MakeRootToken() = %q, %v", token, err)
	}
	again, err := f.MakeRootToken()
	if err != nil || again != token {
		t.Errorf("the second time MakeRootToken() = %q, %v; want %q", again, err, token)
	}
	if err := f.SaveKeys("a", Keys{Read: "rt_a"}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		string(f): 0o700, f.RootTokenFile(): 0o600, f.CredentialsFile(): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	t.Parallel()
	f := folder(t)
	if err := os.WriteFile(f.CredentialsFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Keys("a"); err == nil || !strings.Contains(err.Error(), f.CredentialsFile()) {
		t.Errorf("a broken file gives %v, want its name", err)
	}
}
