package journey_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

func TestEditions(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	published := func(version journey.MapVersion, at time.Duration) journey.PublishedMap {
		return journey.PublishedMap{
			Map: (&journey.Map{}).WithVersion(version), InForceAt: noon.Add(at),
		}
	}
	editions := journey.NewEditions([]journey.PublishedMap{
		published(3, time.Hour), published(1, 0), published(2, time.Hour), published(4, 3*time.Hour),
	})
	cases := []struct {
		name string
		at   time.Duration
		want journey.MapVersion
	}{
		{"before the first", -1, 0},
		{"the instant itself", 0, 1},
		{"just before the next", time.Hour - 1, 1},
		{"of equal instants the higher version", time.Hour, 3},
		{"between", 2 * time.Hour, 3},
		{"after the last", 100 * time.Hour, 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got journey.MapVersion
			if m := editions.At(noon.Add(c.at)); m != nil {
				got = m.Version
			}
			if got != c.want {
				t.Errorf("version %d, want %d", got, c.want)
			}
		})
	}
	if got := editions.Latest().Version; got != 4 {
		t.Errorf("latest is %d, want 4", got)
	}
}

func TestNoEditions(t *testing.T) {
	t.Parallel()
	var none journey.Editions
	if none.Latest() != nil || none.At(time.Now()) != nil {
		t.Error("no editions have a map")
	}
}

func TestEditionsDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 6).Draw(t, "hours")
		published := make([]journey.PublishedMap, len(hours))
		for i, hour := range hours {
			published[i] = journey.PublishedMap{
				Map:       (&journey.Map{}).WithVersion(journey.MapVersion(i + 1)),
				InForceAt: time.Unix(int64(hour)*3600, 0),
			}
		}
		shuffled := rapid.Permutation(slices.Clone(published)).Draw(t, "shuffled")
		at := time.Unix(int64(rapid.IntRange(-1, 6).Draw(t, "at"))*3600, 0)
		if journey.NewEditions(published).At(at) != journey.NewEditions(shuffled).At(at) {
			t.Fatal("the order of publishing as given changes the answer")
		}
	})
}

func TestEditionParse(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 0)
	p, err := journey.Publication{Version: 3, Source: small, InForceAt: at}.Parse()
	if err != nil || p.Map.Version != 3 || !p.InForceAt.Equal(at) {
		t.Errorf("Parse = %+v, %v", p, err)
	}
	_, err = journey.Publication{Version: 3, Source: "title: x"}.Parse()
	var mistakes journey.MapErrors
	if !errors.As(err, &mistakes) {
		t.Errorf("error %v, want MapErrors inside", err)
	}
}
