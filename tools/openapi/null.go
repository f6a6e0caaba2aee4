package main

// allowNulls tells that members which hold a message are null where there is none, as answers write
// them. Enumerations are never null, nor are members of lists.
func allowNulls(d object) {
	all := at(d, "components", "schemas")
	for name := range all {
		properties := at(all, name, "properties")
		for member := range properties {
			allowNull(at(properties, member), all)
		}
	}
}

// allowNull does so for one member, where it holds a message. The text of an instant is one.
func allowNull(member, all object) {
	name := referred(member)
	switch {
	case name != "" && at(all, name)["enum"] == nil:
		member["anyOf"] = []any{object{"$ref": member["$ref"]}, object{"type": "null"}}
		delete(member, "$ref")
	case text(member, "format") == "date-time":
		member["type"] = []any{"string", "null"}
	}
}
