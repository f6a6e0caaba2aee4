package identity

import (
	"cmp"
	"encoding/json"
	"strings"

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
// of its context. A group message writes the group under GroupTrait of its type. Other kinds
// write none.
func WritesOf(f *journey.Fact) []Write {
	switch f.Kind {
	case journey.Identify:
		return traitsOf(f)
	case journey.Group:
		return groupOf(f)
	default:
		return nil
	}
}

func traitsOf(f *journey.Fact) []Write {
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
		if isGroup(name) {
			continue
		}
		writes = append(writes, Write{
			Identity: id, Name: name, Value: string(value), OccurredAt: at, Message: f.Message,
		})
	}
	return writes
}

// groupOf is the group that a group message joins, none where the message names none.
func groupOf(f *journey.Fact) []Write {
	id, err := json.Marshal(string(f.Group))
	if err != nil || f.Group == "" {
		return nil
	}
	return []Write{{
		Identity: f.Identity(), Name: GroupTrait(groupTypeOf(f.Traits)), Value: string(id),
		OccurredAt: f.OccurredAt.UnixNano(), Message: f.Message,
	}}
}

// groupTypeOf is the type that the traits of a group message state.
func groupTypeOf(traits journey.Object) string {
	for _, name := range []string{"groupType", "group_type"} {
		if groupType := journey.Unquote(traits.Literal(name)); groupType != "" {
			return groupType
		}
	}
	return DefaultGroupType
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
// the writes that occurred at or before asOf (milliseconds since 1970). Unset traits are left out,
// and so are groups.
func Merge(writes []Write, asOf int64) Traits {
	traits := merged(writes, asOf)
	for name := range traits {
		if isGroup(name) {
			delete(traits, name)
		}
	}
	return traits
}

func isGroup(name string) bool { return strings.HasPrefix(name, groupPrefix) }

// Last gives per name the write that counts, as Merge does, groups and unset traits among them.
func Last(writes []Write, asOf int64) map[string]Write {
	last := make(map[string]Write)
	for _, w := range writes {
		if journey.FloorMilli(w.OccurredAt) > asOf {
			continue
		}
		if l, ok := last[w.Name]; !ok || CompareWrites(l, w) < 0 {
			last[w.Name] = w
		}
	}
	return last
}

func merged(writes []Write, asOf int64) Traits {
	last := Last(writes, asOf)
	traits := make(Traits, len(last))
	for name, w := range last {
		if v := journey.ParseValue([]byte(w.Value)); v.Kind() != journey.Missing {
			traits[name] = v
		}
	}
	return traits
}

// groupPrefix begins the names under which groups are written beside traits. No trait has it.
const groupPrefix = "\x00group:"

// DefaultGroupType is the type of groups that state none.
const DefaultGroupType = "group"

// GroupTrait is the name under which the membership in a group of a type is written.
func GroupTrait(groupType string) string { return groupPrefix + groupType }

// Groups gives per type of group the one joined last, as Merge does for traits.
func Groups(writes []Write, asOf int64) map[string]journey.GroupID {
	var groups map[string]journey.GroupID
	for name, v := range merged(writes, asOf) {
		groupType, is := strings.CutPrefix(name, groupPrefix)
		if !is || v.Text() == "" {
			continue
		}
		if groups == nil {
			groups = make(map[string]journey.GroupID)
		}
		groups[groupType] = journey.GroupID(v.Text())
	}
	return groups
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
