package store_test

import (
	"testing"
	"time"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
)

// TestTags: queries with a tag are found while they run, and end when they are killed; others go
// on.
func TestTags(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for name, stream := range ways(d) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			go func() {
				ended <- stream(store.WithTag(t.Context(), "tag"+name), one(
					"SELECT number FROM system.numbers"), ignore)
			}()
			var found []store.Reading
			wait(t, func() bool {
				var err error
				if found, err = d.Readings(t.Context(), "tag"+name); err != nil {
					t.Fatal(err)
				}
				return len(found) == 1 && found[0].RowsRead > 0
			})
			if n, err := d.Kill(t.Context(), "another"); n != 0 || err != nil {
				t.Errorf("%d queries with a tag that none has, %v", n, err)
			}
			if n, err := d.Kill(t.Context(), "tag"+name); n != 1 || err != nil {
				t.Errorf("%d queries were there to kill, %v", n, err)
			}
			if err := <-ended; fault.Of(err) == fault.Invalid || err == nil {
				t.Errorf("the killed query gives %v", err)
			}
			wait(t, func() bool {
				found, err := d.Readings(t.Context(), "tag"+name)
				return err == nil && len(found) == 0
			})
		})
	}
}

func wait(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("what was waited for has not come")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestRowsWithin: the estimate is at least what there is of the site, and nothing where the index
// knows that nothing is.
func TestRowsWithin(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var facts []journey.Fact
	for n := range 50 {
		facts = append(facts, track(n, "v1"))
	}
	d.insert(t, facts...)
	at := noon.UnixMilli()
	for _, c := range []struct {
		name        string
		site        journey.SiteID
		first, last int64
		some        bool
	}{
		{"all", site, at, at + 100_000, true},
		{"a year before", site, at - 365*24*3600_000, at - 364*24*3600_000, false},
		{"a year after", site, at + 364*24*3600_000, at + 365*24*3600_000, false},
		{"another site", "other", at, at + 100_000, false},
	} {
		rows, err := d.RowsWithin(t.Context(), c.site, c.first, c.last)
		if err != nil || (rows >= 50) != c.some || !c.some && rows > 0 {
			t.Errorf("%s: %d rows, %v", c.name, rows, err)
		}
	}
}

// TestHappened: a fact within the span is found, and a touchpoint that lies a lag before it; edges
// belong to the span, and other sites do not count.
func TestHappened(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.insert(t, track(0, "v1"), identify(100, `{"a":1}`, "v1"))
	at, write := noon.UnixMilli(), noon.Add(100*time.Second).UnixMilli()
	for _, c := range []struct {
		name string
		site journey.SiteID
		span store.Span
		lags []int64
		want bool
	}{
		{"nothing", site, store.Span{First: at + 1, Last: at + 999}, nil, false},
		{"a touchpoint at the first instant", site, store.Span{First: at, Last: at + 1}, nil, true},
		{"a touchpoint at the last one", site, store.Span{First: at - 5, Last: at}, nil, true},
		{"another site's", "other", store.Span{First: at, Last: at}, nil, false},
		{"a trait of another", "other", store.Span{First: write, Last: write}, nil, false},
		{"a trait", site, store.Span{First: write, Last: write}, nil, true},
		{"just before it", site, store.Span{First: write - 9, Last: write - 1}, nil, false},
		{"a lag", site, store.Span{First: at + 500, Last: at + 600}, []int64{7, 600}, true},
		{"no such lag", site, store.Span{First: at + 500, Last: at + 600}, []int64{499, 601}, false},
	} {
		if got, err := d.Happened(t.Context(), c.site, c.span, c.lags); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}
