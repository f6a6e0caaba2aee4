package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/waystage/waystage/services/engine/enginetest"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
)

// TestMigrate: again and by several services at once, also where there is no database yet.
func TestMigrate(t *testing.T) {
	t.Parallel()
	dsn := enginetest.Database(t)
	server, name, _ := strings.Cut(strings.TrimPrefix(dsn, "http://"), "/")
	fresh := name + "-new`\\"
	d := open(t, dsn)
	t.Cleanup(func() {
		d.raw(t, "DROP DATABASE IF EXISTS "+quoted(fresh)+" SYNC")
	})
	var wait sync.WaitGroup
	for range 4 {
		st := open(t, fmt.Sprintf("http://%s/%s", server, strings.ReplaceAll(fresh, "\\", "%5C")))
		wait.Go(func() {
			for range 2 {
				if err := st.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	tables := d.raw(t, "SELECT count() FROM system.tables WHERE name = 'touchpoints' AND database = "+
		"'"+strings.NewReplacer(`\`, `\\`).Replace(fresh)+"'")
	if tables != "1" {
		t.Errorf("%s tables of touchpoints, want 1", tables)
	}
	versions := d.raw(t, "SELECT max(version_id) = uniqExact(version_id) - 1 FROM "+quoted(fresh)+
		".goose_db_version")
	if versions != "1" {
		t.Error("the versions that were applied have gaps")
	}
}

func quoted(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"http://%zz", "http://host:port/x", "%"} {
		if _, err := store.Open(dsn); fault.Of(err) != fault.Invalid {
			t.Errorf("opening %q gives %v, want a fault that is Invalid", dsn, err)
		}
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	if err := newDatabase(t).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
