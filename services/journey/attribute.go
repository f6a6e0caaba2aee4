package journey

// Attribute says which touchpoint, stage and channel a fact is: a pure function of the two.
//
// The touchpoint is the first in file order that has the fact's event and whose condition holds.
// The channel is the touchpoint's own, else the first in file order whose condition holds; a fact
// that is no known touchpoint has a channel too. A condition that cannot be evaluated, such as one
// that reads an absent property, does not hold. The zero Attribution if the fact's kind is no
// touchpoint.
func (m *Map) Attribute(f *Fact) Attribution {
	if !f.Kind.IsTouchpoint() {
		return Attribution{}
	}
	s := scene{fact: f}
	a := Attribution{Version: m.Version}
	if t := m.touchpointOf(&s); t != nil {
		a.Touchpoint, a.Stage, a.Channel = t.ID, t.Stage, t.Channel
	}
	if a.Channel == "" {
		a.Channel = m.channelOf(&s)
	}
	return a
}

func (m *Map) touchpointOf(s *scene) *Touchpoint {
	for _, r := range m.rules.touchpoints[s.fact.Event] {
		if r.when == nil || r.when.holds(s) {
			return r.touchpoint
		}
	}
	return nil
}

func (m *Map) channelOf(s *scene) ChannelID {
	for _, r := range m.rules.channels {
		if r.when.holds(s) {
			return r.channel
		}
	}
	return ""
}

// scene gives a fact to conditions, each of its objects decoded once and only when it is read.
type scene struct {
	fact                        *Fact
	properties, context, traits map[string]any
}

// ResolveName gives a variable of a condition.
func (s *scene) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return s.fact.Event, true
	case "type":
		return s.fact.Kind.String(), true
	case "properties":
		return once(&s.properties, s.fact.Properties), true
	case "context":
		return once(&s.context, s.fact.Context), true
	case "traits":
		return once(&s.traits, s.fact.Traits), true
	}
	return nil, false
}

// once decodes o into members unless that was done. What is no JSON object has no members.
func once(members *map[string]any, o Object) map[string]any {
	if *members != nil {
		return *members
	}
	decoded, err := o.Members()
	if err != nil || decoded == nil {
		decoded = map[string]any{}
	}
	dropNulls(decoded)
	*members = decoded
	return decoded
}

// dropNulls takes the null members out of every object inside v: a null is missing.
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
				continue
			}
			dropNulls(member)
		}
	case []any:
		for _, element := range v {
			dropNulls(element)
		}
	}
}
