package answer

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/journey"
)

// wants says what a question asks of persons by the rules of a map, which may be nil.
func (in *inquiry) wants(m *journey.Map) wanted {
	rules := repeatsOf(m, in.program)
	return wanted{
		persona: in.personas || in.program.Needs().Persona,
		repeats: rules.matter(in.program) || rules != nil && in.explaining != nil,
	}
}

// settles tells whether profiles settle what the rules about persons of a site's newest map say:
// its personas, its repeats, and that a person without a profile has none of what those rules look
// at. While a newly published map is caught up with they do not. m may be nil. Where nothing that
// rests on touchpoints is wanted nothing is asked: a profile that another map gave tells so itself.
//
// The mark that says so is set after the last profile was stored. So the directory, which may
// have been read before the mark was, is brought up to date once more when the mark is first seen.
func (d *directory) settles(
	ctx context.Context, site journey.SiteID, m *journey.Map, w wanted,
) (bool, error) {
	if needs := w.of(m); !needs.Any() {
		return true, nil
	}
	d.mutex.RLock()
	known := d.current[site] == m.Version
	d.mutex.RUnlock()
	if known {
		return true, nil
	}
	current, err := d.store.PersonasCurrent(ctx, site)
	if err != nil {
		return false, fmt.Errorf("asking whether profiles follow the newest map: %w", err)
	}
	if current != m.Version {
		return false, nil
	}
	if err := d.refresh(ctx, nil); err != nil {
		return false, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.current[site] = m.Version
	return true, nil
}
