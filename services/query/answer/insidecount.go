package answer

import (
	"math/bits"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/store"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/plan"
)

// stepsOf are the steps, from 0, of the codes that fill one. Errors: errUnsure where two labels
// that the question tells apart share a code, or what a touchpoint fills depends on its person.
func stepsOf(
	labels []store.Label, p *funnel.Program, r *repeats,
) (map[journey.LabelCode]int, error) {
	all := make(map[journey.LabelCode]uint32, len(labels))
	steps := make(map[journey.LabelCode]int)
	for _, l := range labels {
		mask := p.Targets(l.Event, journey.Attribution{Touchpoint: l.Touchpoint, Stage: l.Stage})
		known, met := all[l.Code]
		base := r.baseOf(l.Touchpoint)
		if met && known != mask {
			return nil, doubtLabels
		}
		if r.changes(base, p.Targets(l.Event, journey.Attribution{}), mask) {
			return nil, doubtRepeats
		}
		all[l.Code] = mask
		if mask != 0 {
			steps[l.Code] = bits.TrailingZeros32(mask)
		}
	}
	return steps, nil
}

// add adds what came back of a counting query.
func (in *insider) add(b *store.Block) error {
	depths, waiting, units := b.UInt64(plan.Depth), b.UInt64(plan.InWindow), b.UInt64(plan.Units)
	spans, ends := b.UInt64s(plan.Spans)
	if 8*len(spans) > MaxBytes {
		return fault.New(fault.TooLarge, "the question keeps more than %d MB of times; "+
			"ask about a shorter range", MaxBytes/1_000_000)
	}
	from := uint64(0)
	for i := range b.Rows {
		in.read += b.UInt64(plan.Read)[i]
		if b.UInt64(plan.Marks)[i] != 0 {
			return doubtRemoved
		}
		if b.UInt64(plan.Stale)[i] != 0 {
			return doubtPersonas
		}
		depth := int(depths[i])
		of := spans[from:ends[i]]
		from = ends[i]
		if depth == 0 {
			continue
		}
		if uint64(len(of)) != units[i]*uint64(depth-1) {
			return fault.New(fault.Internal, "a count from inside ClickHouse has %d times, not %d",
				len(of), units[i]*uint64(depth-1))
		}
		in.addAll(depth, waiting[i] != 0, int(units[i]), of, in.groupOf(b.Bytes(plan.Persona, i)))
	}
	return boundGroups(in.tally)
}

// groupOf is the group of a persona; none where the question has no breakdown.
func (in *insider) groupOf(persona []byte) []funnel.Grouped {
	if in.personas == nil {
		return nil
	}
	text := string(persona)
	if text == "" {
		text = string(journey.Unassigned)
	}
	return []funnel.Grouped{{Key: funnel.KeyOf(funnel.GroupValue{Value: text})}}
}

// addAll adds persons who got to a depth, with the times from the entry to each further step, in
// milliseconds, one person after the other. The numbers of a question ask for differences of times
// alone, so that an entry at 0 stands for every one.
func (in *insider) addAll(
	depth int, waiting bool, units int, spans []uint64, groups []funnel.Grouped,
) {
	attempt := funnel.Attempt{
		Depth: depth, Filled: 1<<depth - 1, Times: make([]int64, depth),
		Converted: depth == len(in.program.Question().Steps), InWindow: waiting,
	}
	attempts := []funnel.Attempt{attempt}
	counted := funnel.Counted{Standing: funnel.Standing{Attempts: attempts}, Groups: groups}
	for i := range groups {
		groups[i].Standing = counted.Standing
	}
	for u := range units {
		for k := range depth - 1 {
			attempt.Times[k+1] = int64(spans[u*(depth-1)+k])
		}
		in.tally.Add(&counted)
	}
}
