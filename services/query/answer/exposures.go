package answer

import (
	"context"
	"fmt"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// exposures are the first of each identity, by experiment of funnel.Needs.Exposures.
type exposures []map[journey.IdentityID]exposure

// exposure is a touchpoint that shows a variant.
type exposure struct {
	variant journey.Value
	// shown is its place in the shown order.
	shown journey.Deed
}

// readExposures finds the first exposures as of the question.
func (in *inquiry) readExposures(ctx context.Context) (exposures, error) {
	experiments := in.program.Needs().Exposures
	if len(experiments) == 0 {
		return nil, nil
	}
	first := make(exposures, len(experiments))
	for i := range first {
		first[i] = make(map[journey.IdentityID]exposure)
	}
	properties := funnel.VariantProperties("")
	properties = properties[:len(properties)-1]
	query, layout := plan.Exposures(
		in.site, in.program.Question().AsOf.UnixMilli(), properties)
	read := 0
	err := in.stream(ctx, query, func(b *store.Block) error {
		if read += b.Rows; read > MaxTouchpoints {
			return fault.New(fault.TooLarge, "the site has more than %d exposures to experiments; "+
				"split by the variant that touchpoints state instead of the person's", MaxTouchpoints)
		}
		for row := range b.Rows {
			first.add(experiments, b, layout, row, properties)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading exposures to experiments: %w", err)
	}
	return first, nil
}

// add takes a row, where none before it is known of its identity.
func (e exposures) add(
	experiments []string, b *store.Block, layout plan.Layout, row int, properties []string,
) {
	literals := make(map[string][]byte, len(properties))
	for i, name := range properties {
		literals[name] = b.Bytes(layout.Values+1+i, row)
	}
	property := func(name string) journey.Value { return journey.ParseValue(literals[name]) }
	event := string(b.Bytes(layout.Values, row))
	c := layout.Order
	shown := journey.Deed{
		Identity:   journey.IdentityID(b.UInt64(plan.Identity)[row]),
		OccurredAt: b.Int64(c)[row], OriginalAt: b.Int64(c + 1)[row],
		ReceivedAt: b.Int64(c + 2)[row], Index: b.UInt32(c + 3)[row],
		Message: journey.MessageID(b.Bytes(layout.Message, row)),
	}
	for i, experiment := range experiments {
		variant := funnel.Exposure(event, property, experiment)
		if variant.Kind() == journey.Missing {
			continue
		}
		known, ok := e[i][shown.Identity]
		if !ok || journey.CompareDeeds(&shown, &known.shown) < 0 {
			e[i][shown.Identity] = exposure{variant, shown}
		}
	}
}

// byPerson gives the variants of persons, by experiment.
func (e exposures) byPerson(d *directory) map[journey.PersonID][]journey.Value {
	variants := make(map[journey.PersonID][]journey.Value)
	for i, of := range e {
		first := make(map[journey.PersonID]exposure)
		for id, found := range of {
			person := journey.PersonID(id)
			if entry, ok := d.entryOf(id); ok {
				person = entry.person
			}
			known, ok := first[person]
			if !ok || journey.CompareDeeds(&found.shown, &known.shown) < 0 {
				first[person] = found
			}
		}
		for person, found := range first {
			if variants[person] == nil {
				variants[person] = make([]journey.Value, len(e))
			}
			variants[person][i] = found.variant
		}
	}
	return variants
}
