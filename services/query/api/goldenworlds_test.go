package api_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// goldenWorld is a small site: what was sent to it, and the map in force.
type goldenWorld struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// TimeZone is the site's; Map the source of its map.
	TimeZone string `json:"timeZone"`
	Map      string `json:"map"`
	// Messages in the order in which they were received.
	Messages []goldenMessage `json:"messages"`
}

// goldenMessage is a message as it is sent.
type goldenMessage struct {
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	UserID      string         `json:"userId,omitempty"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	PreviousID  string         `json:"previousId,omitempty"`
	GroupID     string         `json:"groupId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Timestamp   time.Time      `json:"timestamp"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
}

const goldenMap = `title: Golden
stages:
  - {id: look, title: Look}
  - {id: choose, title: Choose}
  - {id: pay, title: Pay}
touchpoints:
  - {id: viewed, title: Viewed, stage: look, events: [View]}
  - {id: added, title: Added, stage: choose, events: [Add]}
  - {id: paid, title: Paid, stage: pay, events: [Pay]}
  - {id: refused, title: Refused, stage: pay, events: [Refuse], barrier: true}
personas:
  - {id: pro, title: Pro, when: traits.plan == "pro"}
`

func goldenWorlds() []goldenWorld {
	return []goldenWorld{shopWorld(), edgeWorld(), visitWorld(), drawnWorld()}
}

// scribe writes the messages of a world.
type scribe struct{ goldenWorld }

func newScribe(name, title string) *scribe {
	return &scribe{goldenWorld{Name: name, Title: title, TimeZone: "Europe/Berlin", Map: goldenMap}}
}

func (s *scribe) write(m goldenMessage) {
	m.MessageID = fmt.Sprintf("%s-%03d", s.Name, len(s.Messages)+1)
	m.Timestamp = m.Timestamp.UTC()
	s.Messages = append(s.Messages, m)
}

// shopWorld is a month of a shop: people who look, add, pay, and are refused, at random, over the
// change of clocks of 29 March 2026.
func shopWorld() goldenWorld {
	s := newScribe("shop", "A month of 20 people, some of them first anonymous")
	rng := rand.New(rand.NewPCG(6, 2026))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	begin := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	for i := range 20 {
		user, visitor := fmt.Sprintf("p%02d", i+1), ""
		at := begin.Add(time.Duration(rng.IntN(20*24*60)) * time.Minute)
		if i%3 == 0 {
			visitor = "v-" + user
		}
		for n := range 5 + rng.IntN(7) {
			at = at.Add(time.Duration(rng.IntN(4)*rng.IntN(3)*rng.IntN(600)) * time.Minute)
			m := goldenMessage{
				Type: "track", UserID: user, Timestamp: at,
				Event: pick("View", "View", "Add", "Add", "Pay", "Refuse", "Other"),
				Properties: map[string]any{
					"item": pick("a", "a", "b"), "price": 5 * (1 + rng.IntN(6)),
				},
			}
			if visitor != "" && n < 3 {
				m.UserID, m.AnonymousID = "", visitor
			}
			if rng.IntN(4) > 0 {
				m.Properties["from"] = pick("ad", "ad", "mail")
			}
			s.write(m)
		}
		s.write(goldenMessage{
			Type: "identify", UserID: user, AnonymousID: visitor, Timestamp: begin,
			Traits: map[string]any{"plan": pick("pro", "free"), "team": pick("t1", "t2", "t3")},
		})
	}
	return s.goldenWorld
}

// edges are people drawn by hand: events with the seconds since noon of 2 March 2026; a letter
// behind a colon is the property item.
var edges = map[string]string{
	"straight":     "View 0, Add 10, Pay 20",
	"tied":         "Pay 0, Add 0, View 0",
	"one-for-two":  "View 0, View 60, Pay 70",
	"window-end":   "View 0, Add 10, Pay 3600",
	"past-window":  "View 0, Add 10, Pay 3600.001",
	"later-entry":  "View 0, View 1800, Add 1810, Pay 5000",
	"same-depth":   "View 0, View 5, Add 10, View 20, Add 30",
	"greedy":       "View 0, Add 10, Add 100, Pay 160",
	"just-within":  "View 0, Add 60, Pay 120",
	"out-of-order": "Add 0, View 2, Pay 1",
	"too-far-out":  "Add 0, View 3.001, Pay 4",
	"refused":      "View 0, Add 10, Refuse 15, Pay 20",
	"refused-at":   "View 0, Add 10, Refuse 10, Pay 20",
	"refused-last": "View 0, Add 10, Refuse 20, Pay 20",
	"saved":        "View 0, Add 10, Refuse 15, View 30, Add 40",
	"saved-deeper": "View 0, Refuse 5, View 30, Add 40, Pay 50",
	"half-saved":   "View 0, Add 10, Refuse 15, View 30",
	"never-b":      "View 0, Refuse 3600",
	"after-all":    "View 0, Refuse 3601",
	"between":      "View 0, Other 5, Add 10, Pay 20",
	"broken-again": "View 0, View 5, Add 10, Pay 20",
	"coupon":       "View 0, Coupon 5, Add 10, Pay 20",
	"late-coupon":  "View 0, Add 10, Coupon 15, Pay 20",
	"coupon-lost":  "View 0, Coupon 5, Add 10, Refuse 15, Pay 20",
	"coupon-slow":  "View 0, Coupon 6, Add 10, Pay 20",
	"coupon-other": "View 0, Other 3, Coupon 5, Add 10, Pay 20",
	"mixed":        "View 0:a, Add 10:b, Add 20:a, Pay 30:a",
	"each-its-own": "View 0:a, View 5:b, Add 10:b, Add 20:a, Pay 30:b",
	"none-held":    "View 0, Add 10:a, Pay 20:a",
	"twice":        "View 0, Add 10, Pay 20, View 30, Add 40, Pay 50",
	"three-times":  "View 0, Add 10, Pay 20, View 20, View 21, Add 22, Pay 23, View 4000",
	"first-ever":   "Add 0:b, View 10:a, Add 20:a, Pay 30:a",
	"any-way":      "Pay 0, View 10, Add 20",
	"any-pairs":    "View 0, View 10, Add 20, Add 3700, Pay 3710",
}

func edgeWorld() goldenWorld {
	s := newScribe("edges", "People drawn by hand, each at an edge of a rule")
	names := make([]string, 0, len(edges))
	for name := range edges {
		names = append(names, name)
	}
	slices.Sort(names)
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, name := range names {
		for deed := range strings.SplitSeq(edges[name], ", ") {
			event, rest, _ := strings.Cut(deed, " ")
			seconds, item, has := strings.Cut(rest, ":")
			var properties map[string]any
			if has {
				properties = map[string]any{"item": item}
			}
			after, err := time.ParseDuration(seconds + "s")
			if err != nil {
				panic(err)
			}
			s.write(goldenMessage{
				Type: "track", UserID: name, Event: event, Timestamp: noon.Add(after),
				Properties: properties,
			})
		}
	}
	return s.goldenWorld
}

// visits are people drawn by hand: events with the minutes since 23:00 of 2 March 2026.
var visits = map[string]string{
	"midnight":   "View 50, Add 65, Pay 80",
	"to-the-dot": "View 0, Add 30, Pay 60",
	"too-long":   "View 0, Add 30.0001, Pay 60",
	"bridged":    "View 0, Other 25, Add 45, Pay 60",
	"robot":      "View 0, Robot 25, Add 45, Pay 60",
	"two-visits": "View 0, Add 10, Pay 20, View 600, Add 610",
	"better":     "View 0, Add 5, View 10, Add 15, Pay 20, View 600",
	"void-visit": "View 0, Refuse 1, Add 2, View 600, Add 610, Pay 620",
	"waiting":    "View 1430, Add 1435",
	"over":       "View 1400, Add 1410",
}

func visitWorld() goldenWorld {
	s := newScribe("visits", "Visits drawn by hand, around the 30 minutes that part them")
	names := make([]string, 0, len(visits))
	for name := range visits {
		names = append(names, name)
	}
	slices.Sort(names)
	evening := time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC)
	for _, name := range names {
		for deed := range strings.SplitSeq(visits[name], ", ") {
			event, minutes, _ := strings.Cut(deed, " ")
			after, err := time.ParseDuration(minutes + "m")
			if err != nil {
				panic(err)
			}
			s.write(goldenMessage{
				Type: "track", UserID: name, Event: event, Timestamp: evening.Add(after),
			})
		}
	}
	return s.goldenWorld
}
