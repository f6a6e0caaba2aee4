package api

import (
	"context"
	"time"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Explainer says why one unit counts as it does.
type Explainer interface {
	// Explain gives every attempt of a unit at a question, which is whole as for Answers; breakdowns
	// and what is set beside are of no effect. A unit without touchpoints has no attempts. Errors:
	// NotFound (person), TooLarge, Unavailable, Expired.
	Explain(
		ctx context.Context, site journey.SiteID, q funnel.Question, of UnitName,
	) (Explained, error)
}

// UnitName names one unit.
type UnitName struct {
	// Who is the person, where the question's unit is the person.
	Who Who
	// Unit is its value where it is none.
	Unit string
}

// Explained is why a unit counts as it does.
type Explained struct {
	// Explanation has the attempts; places in it are those in Touchpoints.
	funnel.Explanation

	// Person that the name came to; 0 where the unit is none.
	Person journey.PersonID
	// Touchpoints of the unit that the question sees, in shown order.
	Touchpoints []SeenTouchpoint
	Facts       Facts
}

// SeenTouchpoint is a touchpoint that a question sees.
type SeenTouchpoint struct {
	// At is the instant that counts, UTC.
	At      time.Time
	Event   string
	Message journey.MessageID

	// Attribution is its place in the map, repeats applied.
	journey.Attribution

	// Steps has bit k where it may fill step k, and Exclusions bit i where it is exclusion i, from 0.
	Steps      uint32
	Exclusions uint8
}
