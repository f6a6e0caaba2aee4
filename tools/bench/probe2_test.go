package main
import ("testing";"context"
"github.com/waystage/waystage/services/engine")
func TestDrop(t *testing.T) {
	ctx := context.Background()
	ch, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{Dir: "/tmp/bench/20"})
	if err != nil { t.Fatal(err) }
	defer ch.Close(ctx)
	c := &client{url: ch.URL()}
	for _, s := range []string{"DROP TABLE IF EXISTS narrow_quarter SYNC","DROP TABLE IF EXISTS narrow_quarter_fresh SYNC","DROP TABLE IF EXISTS v_zstd","DROP TABLE IF EXISTS v_lz4","DROP TABLE IF EXISTS v_map","DROP TABLE IF EXISTS v_mapz","DROP TABLE IF EXISTS v_json","DROP TABLE IF EXISTS v_jsonhint"} {
		if _, err := c.exec(ctx, s); err != nil { t.Fatal(err) }
	}
}
