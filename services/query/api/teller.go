package api

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/waystage/waystage/services/funnel"
)

// teller says in words why attempts count or do not.
type teller struct {
	question funnel.Question
	labels   []string
	of       Explained
}

// whyCounted says why an attempt was chosen; %d is how many there are.
var whyCounted = map[funnel.Why]string{
	funnel.WhyOnly:    "it is the only attempt",
	funnel.WhyFirst:   "the first of %d attempts, and the question counts the first",
	funnel.WhyEach:    "every attempt does",
	funnel.WhyDeepest: "the deepest of %d attempts",
	funnel.WhyClean:   "of %d attempts the deepest that no exclusion ended",
	funnel.WhySooner:  "of %d attempts the first to get this far, and none got further",
	funnel.WhyLater:   "of %d attempts none got further or sooner this far, and it began last",
}

// whyNot says why an attempt was not chosen.
var whyNot = map[funnel.Why]string{
	funnel.WhyNotFirst: "the question counts the first attempt only",
	funnel.WhyShallow:  "another attempt got further",
	funnel.WhyHit:      "another attempt got as far, and no exclusion ended it",
	funnel.WhySlower:   "another attempt got as far sooner",
	funnel.WhyEarlier:  "another attempt got as far at the same time and began later",
	funnel.WhyLeft:     "an attempt that is void had got further",
	funnel.WhyUsed:     "it began inside an attempt that was taken before it",
}

// why says why an attempt counts or does not, and what ended it.
func (t *teller) why(a *funnel.ExplainedAttempt) string {
	if a.Why == funnel.WhyVoid && a.EndedBy >= 0 {
		return "void: " + t.hit(a)
	}
	text := "does not count: " + whyNot[a.Why]
	if a.Counted {
		text = "counts: " + t.chosen(a.Why)
	}
	return text + "; " + t.end(a)
}

// chosen says why an attempt was chosen.
func (t *teller) chosen(why funnel.Why) string {
	if t.question.Count == funnel.PerSession && why != funnel.WhyOnly && why != funnel.WhyEach {
		return strings.ReplaceAll(whyCounted[why], "%d attempts", "the attempts of its session")
	}
	if text := whyCounted[why]; strings.Contains(text, "%d") {
		return fmt.Sprintf(text, len(t.of.Attempts))
	} else if text != "" {
		return text
	}
	return "it was chosen"
}

// end says how far an attempt got and what ended it.
func (t *teller) end(a *funnel.ExplainedAttempt) string {
	at := instantText(time.UnixMilli(a.EndedAt))
	switch a.End {
	case funnel.EndConverted:
		return "it converted at " + at
	case funnel.EndOpen:
		return t.reached(a) + " and can go on until " + at
	case funnel.EndWindow:
		return t.reached(a) + ", then its window of " + spanText(t.question.Window) + " closed at " + at
	case funnel.EndWithin:
		return t.reached(a) + ", and the next step did not come in its time, by " + at
	case funnel.EndRange:
		return t.reached(a) + ", then the range ended at " + at
	case funnel.EndSession:
		return t.reached(a) + ", then the session ended at " + at
	case funnel.EndDropped, funnel.EndRemoved:
		return t.reached(a) + ", then " + t.hit(a)
	case funnel.EndBroken:
		return t.reached(a) + ", then " + t.named(a.EndedBy) + " came at " + at +
			", and nothing may come between steps"
	}
	return t.reached(a)
}

// reached says how far an attempt got.
func (t *teller) reached(a *funnel.ExplainedAttempt) string {
	if t.question.Order == funnel.Any {
		return fmt.Sprintf("it filled %d of %d steps", a.Depth, len(t.labels))
	}
	last := bits.Len32(a.Filled)
	if last == 0 || last > len(t.labels) {
		return "it filled no step"
	}
	return fmt.Sprintf("it got to step %d of %d (%s)", last, len(t.labels), t.labels[last-1])
}

// hit says which exclusion came, when, and between which steps.
func (t *teller) hit(a *funnel.ExplainedAttempt) string {
	text := t.named(a.EndedBy) + " came at " + instantText(time.UnixMilli(a.EndedAt))
	e, found := t.exclusion(a)
	if !found || t.question.Order == funnel.Any {
		return text
	}
	return text + fmt.Sprintf(" between steps %d and %d", e.From+1, e.To+1)
}

// exclusion is the one that ended an attempt: the first of those that its touchpoint is, of the
// effect that it had, behind a step that is filled.
func (t *teller) exclusion(a *funnel.ExplainedAttempt) (e funnel.Exclusion, found bool) {
	if a.EndedBy < 0 || int(a.EndedBy) >= len(t.of.Touchpoints) {
		return e, false
	}
	effect := funnel.Drop
	if a.End == funnel.EndRemoved {
		effect = funnel.Remove
	}
	mask := t.of.Touchpoints[a.EndedBy].Exclusions
	for i, e := range t.question.Exclusions {
		if mask>>i&1 == 1 && e.Effect == effect && a.Filled>>e.From&1 == 1 {
			return e, true
		}
	}
	return e, false
}

// named is what a touchpoint is called: by its event, and by its place in the map.
func (t *teller) named(place int32) string {
	if place < 0 || int(place) >= len(t.of.Touchpoints) {
		return "a touchpoint"
	}
	touch := t.of.Touchpoints[place]
	if touch.Touchpoint == "" || string(touch.Touchpoint) == touch.Event {
		return touch.Event
	}
	return touch.Event + " (" + string(touch.Touchpoint) + ")"
}

// reason says why the attempts that count were chosen, or why none counts.
func (t *teller) reason() string {
	var counted []int
	for i, a := range t.of.Attempts {
		if a.Counted {
			counted = append(counted, i+1)
		}
	}
	all := len(t.of.Attempts)
	switch {
	case len(counted) > 0 && t.question.Count == funnel.PerAttempt:
		return fmt.Sprintf("counts with %s: every attempt counts that begins after the one before "+
			"has ended", several(len(counted), all))
	case len(counted) > 0 && t.question.Count == funnel.PerSession:
		return fmt.Sprintf("counts with %s: the best one of each session", several(len(counted), all))
	case len(counted) > 0 && all == 1:
		return "counts with its only attempt"
	case len(counted) > 0:
		return fmt.Sprintf("counts with attempt %d of %d: %s", counted[0], all,
			t.chosen(t.of.Reason))
	case all == 0:
		return "does not count: " + t.nothing()
	case t.question.Count == funnel.Once && t.question.Order == funnel.Any:
		return "leaves the funnel: exclusions made all of its attempts void"
	case t.question.Count == funnel.Once:
		return "leaves the funnel: an attempt that an exclusion made void had got further than any " +
			"that is not"
	}
	return "does not count: exclusions made its attempts void"
}

// several says how many of how many attempts.
func several(n, of int) string {
	switch {
	case n < of:
		return fmt.Sprintf("%d of its %d attempts", n, of)
	case n == 1:
		return "its only attempt"
	}
	return fmt.Sprintf("each of its %d attempts", n)
}

// nothing says why no attempt was opened.
func (t *teller) nothing() string {
	what := "none matches a step"
	if t.question.Order != funnel.Any {
		what = fmt.Sprintf("none matches step 1 (%s)", t.labels[0])
	}
	if len(t.question.Hold) > 0 {
		what += " and has " + strings.Join(t.question.Hold, " and ")
	}
	return "no touchpoint of the range opened an attempt, " + what
}

// instantText is an instant for people.
func instantText(at time.Time) string {
	return at.UTC().Format("2006-01-02 15:04:05.999") + " UTC"
}

// spanText is a length of time for people, such as "14 d" or "1 h 30 min".
func spanText(span time.Duration) string {
	var parts []string
	for _, u := range []struct {
		each time.Duration
		name string
	}{
		{day, "d"},
		{time.Hour, "h"},
		{time.Minute, "min"},
		{time.Second, "s"},
		{time.Millisecond, "ms"},
	} {
		if n := span / u.each; n > 0 {
			parts, span = append(parts, strconv.Itoa(int(n))+" "+u.name), span%u.each
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}
