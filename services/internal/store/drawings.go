package store

import (
	"context"

	"github.com/waystage/waystage/services/journey"
)

// Undrawn is a version of a map that tools for SQL cannot read yet.
type Undrawn struct {
	Site    journey.SiteID
	Version journey.MapVersion
	Source  string
}

// Undrawn lists the newest versions of maps that are not drawn yet, at most 100, in no order.
func (s *Store) Undrawn(ctx context.Context) ([]Undrawn, error) {
	rows, err := s.conn.Query(ctx, `SELECT site, version, argMin(source, (published_at, id))
		FROM maps WHERE (site, version) IN (SELECT site, max(version) FROM maps GROUP BY site)
		AND (site, version) NOT IN (SELECT site, version FROM map_drawings)
		GROUP BY site, version LIMIT 100`)
	if err != nil {
		return nil, s.broken(err, "listing maps that are not drawn")
	}
	defer rows.Close() //nolint:errcheck // read to its end or given up
	var list []Undrawn
	for rows.Next() {
		var u Undrawn
		if err := rows.Scan((*string)(&u.Site), (*uint32)(&u.Version), &u.Source); err != nil {
			return nil, s.broken(err, "reading a map that is not drawn")
		}
		list = append(list, u)
	}
	return list, s.broken(rows.Err(), "reading maps that are not drawn")
}

// Draw keeps what a version of a map says as rows, for tools for SQL. Drawing it again changes
// nothing. A nil map says nothing: that of a source that cannot be read any more.
func (s *Store) Draw(
	ctx context.Context, site journey.SiteID, version journey.MapVersion, m *journey.Map,
) error {
	if m == nil {
		m = &journey.Map{}
	}
	nobody := m.PersonaOf(&journey.Past{})
	err := s.insert(ctx, "map_stages (site, version, position, stage, title)",
		func(add func(...any)) {
			for i, stage := range m.Stages {
				add(string(site), uint32(version), uint32(i+1), string(stage.ID), stage.Title)
			}
		})
	if err != nil {
		return err
	}
	if err := s.drawTouchpoints(ctx, site, version, m.Touchpoints); err != nil {
		return err
	}
	return s.insert(ctx, "map_drawings (site, version, nobody)", func(add func(...any)) {
		add(string(site), uint32(version), string(nobody))
	})
}

func (s *Store) drawTouchpoints(
	ctx context.Context, site journey.SiteID, version journey.MapVersion,
	touchpoints []journey.Touchpoint,
) error {
	return s.insert(ctx, `map_touchpoints (site, version, position, touchpoint, title, stage,
		channel, importance, barrier, status, repeat_of, repeat_from)`, func(add func(...any)) {
		for i := range touchpoints {
			t := &touchpoints[i]
			var of string
			var from uint32
			if t.Repeat != nil {
				of, from = string(t.Repeat.Of), uint32(t.Repeat.From)
			}
			add(string(site), uint32(version), uint32(i+1), string(t.ID), t.Title, string(t.Stage),
				string(t.Channel), uint8(t.Importance), t.Barrier, string(t.Status), of, from)
		}
	})
}
