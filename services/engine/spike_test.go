package engine

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

func rss() string {
	b, _ := os.ReadFile("/proc/self/status")
	out := ""
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "VmRSS") || strings.HasPrefix(l, "VmHWM") || strings.HasPrefix(l, "Threads") {
			out += strings.Join(strings.Fields(l), " ") + "; "
		}
	}
	return out
}

func TestSpike(t *testing.T) {
	c, err := OpenClickHouse(t.Context(), ClickHouseConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open", rss())
	for _, q := range []string{"SELECT number, number*2 FROM numbers(19000000)", "SELECT number, arrayMap(x -> toUInt64(x), range(40)) FROM numbers(9000000)"} {
		for range 2 {
			r, err := http.Get(c.URL() + "/?client_protocol_version=54485&query=" + url.QueryEscape(q+" FORMAT Native"))
			if err != nil {
				t.Fatal(err)
			}
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Println(n>>20, "MiB", rss())
		}
	}
	fmt.Println(c.Close(t.Context()), rss())
}
