package identity

import (
	"cmp"
	"encoding/json"

	"github.com/waystage/waystage/services/journey"
)

// Write is one trait written by one identify message.
type Write struct {
	Identity journey.IdentityID
	Name     string
	// Value is the JSON literal as sent; "null" unsets the trait.
	Value string
	// OccurredAt in nanoseconds since 1970.
	OccurredAt int64
	Message    journey.MessageID
}

// WritesOf are the traits that a fact writes: those of an identify message, its own before those
// of its context. Other kinds write none.
func WritesOf(f *journey.Fact) []Write {
	if f.Kind != journey.Identify {
		return nil
	}
	traits := contextTraits(f.Context)
	own := members(f.Traits)
	if traits == nil {
		traits = own
	} else {
		for name, value := range own {
			traits[name] = value
		}
	}
	writes := make([]Write, 0, len(traits))
	id, at := f.Identity(), f.OccurredAt.UnixNano()
	for name, value := range traits {
		writes = append(writes, Write{
			Identity: id, Name: name, Value: string(value), OccurredAt: at, Message: f.Message,
		})
	}
	return writes
}

func contextTraits(context journey.Object) map[string]json.RawMessage {
	return members(journey.Object(members(context)["traits"]))
}

func members(o journey.Object) map[string]json.RawMessage {
	if o == "" {
		return nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(o), &m) != nil {
		return nil
	}
	return m
}

// Traits are a person's merged traits by name.
type Traits map[string]journey.Value

// Merge gives per trait the value last written, by (occurred_at, message id, identity), among
// the writes that occurred at or before asOf (milliseconds since 1970). Unset traits are left out.
func Merge(writes []Write, asOf int64) Traits {
	last := make(map[string]Write)
	for _, w := range writes {
		if floorMilli(w.OccurredAt) > asOf {
			continue
		}
		if l, ok := last[w.Name]; !ok || CompareWrites(l, w) < 0 {
			last[w.Name] = w
		}
	}
	traits := make(Traits, len(last))
	for name, w := range last {
		if v := journey.ParseValue([]byte(w.Value)); v.Kind() != journey.Missing {
			traits[name] = v
		}
	}
	return traits
}

// CompareWrites orders writes of one trait: the greatest counts.
func CompareWrites(a, b Write) int {
	return cmp.Or(
		cmp.Compare(a.OccurredAt, b.OccurredAt),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Identity, b.Identity),
		cmp.Compare(a.Value, b.Value),
	)
}

func floorMilli(nanos int64) int64 {
	ms := nanos / 1e6
	if nanos < 0 && nanos%1e6 != 0 {
		ms--
	}
	return ms
}
