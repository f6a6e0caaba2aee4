//go:build e2e

package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// faults are what happens to the messages of a story, each of them a while long.
var faults = map[string]fault{
	"calm": nil,
	"503 for a while": func(earlier int) mishap {
		if earlier < 2 {
			return mishap{status: http.StatusServiceUnavailable, retryAfter: 1}
		}
		return mishap{}
	},
	"429 for a while": func(earlier int) mishap {
		if earlier < 1 {
			return mishap{status: http.StatusTooManyRequests, retryAfter: 2}
		}
		return mishap{}
	},
	"answers lost": func(earlier int) mishap { return mishap{lost: earlier < 1} },
}

// names are the user ids that a story's person has in the end. analytics-next's alias after an
// identify gives up the old id for the old id.
func namesBy(sdk string) string {
	if strings.HasPrefix(sdk, "analytics-next") || strings.HasPrefix(sdk, "snippet") {
		return "ann"
	}
	return "ann,anna"
}

// TestSDKs tries that what the SDKs of Segment and RudderStack are given is stored exactly once
// and joined as they mean it, whatever happens on the way.
func TestSDKs(t *testing.T) {
	t.Parallel()
	chromium(t)
	scripts := filepath.Join(sdkDir(t), "node_modules/@segment/analytics-next/dist/umd")
	i := startWith(t, []string{"WAYSTAGE_INGEST_SNIPPET_DIR=" + scripts},
		filepath.Join(t.TempDir(), "data"), "--demo", "none")
	b := startBrowser(t)
	t.Run("programs", func(t *testing.T) {
		t.Parallel()
		for sdk, p := range programs {
			for name, f := range faults {
				t.Run(sdk+"/"+name, func(t *testing.T) {
					t.Parallel()
					i.programStory(t, sdk, p, f)
				})
			}
		}
	})
	t.Run("statuses", func(t *testing.T) {
		t.Parallel()
		i.statuses(t, b, i.createSite(t, "statuses"))
	})
	t.Run("traps", func(t *testing.T) {
		t.Parallel()
		i.traps(t, b, i.createSite(t, "traps"))
	})
	t.Run("leaving", func(t *testing.T) {
		t.Parallel()
		i.leaving(t, b)
	})
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		for sdk, w := range webPages {
			for name, f := range faults {
				if strings.HasSuffix(sdk, "beacon") && name != "calm" {
					continue // it does not hear of answers
				}
				t.Run(sdk+"/"+name, func(t *testing.T) {
					t.Parallel()
					i.pageStory(t, b, sdk, w, f)
				})
			}
		}
	})
}

// siteID makes a site's id of a test's name.
func siteID(t *testing.T) string {
	id := strings.ToLower(t.Name())
	id = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, id)
	return strings.TrimPrefix(id, "testsdks-")
}

func (i *instance) programStory(t *testing.T, sdk string, p program, f fault) {
	site := siteID(t)
	k := i.createSite(t, site)
	g := i.newGate(t, f)
	calls, began := story(), time.Now()
	if got, want := p.run(t, g.url, k.Write, calls), (outcome{Delivered: len(calls)}); got != want {
		t.Errorf("%s says %+v, want %+v", sdk, got, want)
	}
	i.awaitOnce(t, g, site, calls, began)
	i.awaitPersons(t, k, site, "Looked", "Renamed", whole(namesBy(sdk)))
	g.checkTries(t, f)
}

func (i *instance) pageStory(t *testing.T, b *browser, sdk string, w webPage, f fault) {
	site := siteID(t)
	k := i.createSite(t, site)
	g := i.newGate(t, f)
	calls, began := story(), time.Now()
	page := b.newVisitor(t).open(t, w, g.url, k.Write)
	page.play(t, calls)
	g.awaitSettled(t, len(calls))
	i.awaitOnce(t, g, site, calls, began)
	i.awaitPersons(t, k, site, "Looked", "Renamed", whole(namesBy(sdk)))
	g.checkTries(t, f)
}
