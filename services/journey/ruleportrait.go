package journey

import (
	"encoding/json"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
)

// portrait gives what is known of a person to conditions, each part made once and only when it is
// read. A missing trait is as good as an absent one.
type portrait struct {
	plan           *factPlan
	past           *Past
	traits, groups map[string]any
	facts          *pastFacts
}

// ResolveName gives a variable of a condition.
func (p *portrait) ResolveName(name string) (any, bool) {
	switch name {
	case "traits":
		return p.plainTraits(), true
	case "groups":
		return p.plainGroups(), true
	case asOfVariable:
		return instantOf(p.past.AsOf), true
	}
	return p.gathered().variable(name)
}

func (p *portrait) plainTraits() map[string]any {
	if p.traits == nil {
		p.traits = make(map[string]any, len(p.past.Traits))
		for trait, v := range p.past.Traits {
			if v.Kind() != Missing {
				p.traits[trait] = v.plain()
			}
		}
	}
	return p.traits
}

func (p *portrait) plainGroups() map[string]any {
	if p.groups == nil {
		p.groups = make(map[string]any, len(p.past.Groups))
		for groupType, id := range p.past.Groups {
			p.groups[groupType] = string(id)
		}
	}
	return p.groups
}

func (p *portrait) gathered() *pastFacts {
	if p.facts == nil {
		p.facts = p.plan.gather(p.past.Deeds, p.past.AsOf)
	}
	return p.facts
}

// value is what an input is for the person.
func (p *portrait) value(in input) Value {
	for _, f := range factFunctions {
		if f.name == in.function {
			return shownValue(f.of(p.gathered(), []string{in.event, in.property}))
		}
	}
	v, _ := p.ResolveName(in.variable)
	for _, member := range in.path {
		members, _ := v.(map[string]any)
		v = members[member]
	}
	return shownValue(v)
}

// shownValue is a value of a condition. Errors and what is absent are missing.
func shownValue(v any) Value {
	switch v := v.(type) {
	case types.Int:
		return NumberValue(float64(v))
	case int64:
		return NumberValue(float64(v))
	case types.Double:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) { // no number of JSON
			return TextValue(strconv.FormatFloat(float64(v), 'g', -1, 64))
		}
		return NumberValue(float64(v))
	case types.Timestamp:
		return TextValue(v.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	case string, bool, float64, map[string]any, []any:
		literal, err := json.Marshal(v)
		if err != nil {
			return Value{}
		}
		return ParseValue(literal)
	}
	return Value{}
}

// plain is the value as encoding/json decodes it.
func (v Value) plain() any {
	switch v.kind {
	case Bool:
		return v.num != 0
	case Number:
		return v.num
	case Text:
		return v.text
	}
	var decoded any
	if json.Unmarshal([]byte(v.text), &decoded) != nil {
		return nil
	}
	dropNulls(decoded)
	return decoded
}
