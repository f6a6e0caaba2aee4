package store

import (
	"context"
	"strconv"
	"time"

	"github.com/waystage/waystage/services/journey"
)

// Presence says in short where a person has been.
type Presence struct {
	// Touchpoints counts them.
	Touchpoints int
	// FirstAt and LastAt are when the first and the last one occurred, UTC; zero without touchpoints.
	FirstAt, LastAt time.Time
	// Touchpoint and Stage are of the latest touchpoint, in shown order, that has a stage; empty
	// where none has. They are as stored: repeats apart.
	Touchpoint journey.TouchpointID
	Stage      journey.StageID
}

// PresenceOf sums the touchpoints of identities up that occurred at or before an instant in
// milliseconds since 1970. Without identities it is the zero Presence.
func (s *Store) PresenceOf(
	ctx context.Context, site journey.SiteID, of []journey.IdentityID, asOf int64,
) (Presence, error) {
	if len(of) == 0 {
		return Presence{}, nil
	}
	var (
		p       Presence
		count   uint64
		at      [2]time.Time
		reached []any
	)
	const shown = "(occurred_at, original_at, received_at, batch_index, message_id)"
	err := s.conn.QueryRow(bigQuery(ctx, map[string]string{
		"site": string(site), "as_of": strconv.FormatInt(asOf, 10),
	}), `SELECT uniqExact(`+shown+`), min(occurred_at), max(occurred_at),
			argMaxIf((toString(touchpoint), toString(stage)), `+shown+`, stage != '')
		FROM touchpoints WHERE site = {site:String} AND `+among(of)+`
			AND `+until(asOf)).Scan(&count, &at[0], &at[1], &reached)
	if err != nil || count == 0 {
		return p, s.broken(err, "summing up the touchpoints of a person")
	}
	p.Touchpoints, p.FirstAt, p.LastAt = int(count), at[0].UTC(), at[1].UTC() //nolint:gosec // few
	if len(reached) == 2 {
		touchpoint, _ := reached[0].(string)
		stage, _ := reached[1].(string)
		p.Touchpoint, p.Stage = journey.TouchpointID(touchpoint), journey.StageID(stage)
	}
	return p, nil
}
