package plan

import (
	"strconv"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Only says of which unit alone touchpoints are read: all of its, and maybe others.
type Only struct {
	// Identities are those of the person; where the unit is none, of the persons whose trait or group
	// is the unit. nil: everybody's. Of no effect where the unit is a property.
	Identities []journey.IdentityID
	// Unit is its value where it is no person.
	Unit string
}

// only is the condition on the touchpoints of a unit.
func (b *builder) only(u funnel.Unit, of *Only) string {
	if of == nil {
		return ""
	}
	either := identityIn(of.Identities)
	switch u.Kind {
	case funnel.PropertyUnit:
		// Other types than texts are left to be compared where values are read.
		name := b.param("u", u.Name)
		either = "JSONType(properties, " + name + ") NOT IN ('Null', 'String')" +
			" OR JSONExtractString(properties, " + name + ") = " + b.param("u", of.Unit)
	case funnel.GroupUnit:
		if either != "" {
			either += " OR group_id = " + b.param("u", of.Unit) +
				" OR JSONHas(properties, '$groups') OR JSONHas(context, 'groups')"
		}
	}
	if either == "" {
		return ""
	}
	return "\n\tAND (" + either + ")"
}

func identityIn(identities []journey.IdentityID) string {
	if identities == nil {
		return ""
	}
	if len(identities) == 0 {
		return "false"
	}
	list := make([]string, len(identities))
	for i, id := range identities {
		list[i] = strconv.FormatUint(uint64(id), 10)
	}
	return "identity IN (" + strings.Join(list, ", ") + ")"
}
