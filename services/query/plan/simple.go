package plan

import (
	"regexp"
	"strings"

	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/journey"
)

// Simple conditions are those that SQL decides as package funnel does: the names of a touchpoint,
// which are texts and missing where they are empty, compared with any values; and properties,
// compared with words, since only a text that is the same letter by letter equals a word.

// holds is a tree of simple conditions as SQL: true where there is none. False if it is not simple.
func (b *builder) holds(f funnel.Filter) (string, bool) {
	switch f := f.(type) {
	case nil:
		return "true", true
	case funnel.AllOf:
		return b.joined(f, " AND ", "true")
	case funnel.AnyOf:
		return b.joined(f, " OR ", "false")
	case funnel.Not:
		of, ok := b.holds(f.Of)
		return "NOT (" + of + ")", ok
	case funnel.Condition:
		return b.simple(f)
	default:
		return "", false
	}
}

func (b *builder) joined(of []funnel.Filter, word, none string) (string, bool) {
	if len(of) == 0 {
		return none, true
	}
	var list []string
	for _, f := range of {
		text, ok := b.holds(f)
		if !ok {
			return "", false
		}
		list = append(list, "("+text+")")
	}
	return strings.Join(list, word), true
}

// all holds where all of a step's conditions do.
func (b *builder) all(conditions []funnel.Condition) (string, bool) {
	tree := make(funnel.AllOf, len(conditions))
	for i, c := range conditions {
		tree[i] = c
	}
	return b.holds(tree)
}

// columns are those of names.
var nameSources = map[funnel.Subject]Source{
	funnel.OfChannel: Channel, funnel.OfEvent: Event, funnel.OfStage: Stage,
	funnel.OfTouchpoint: Touchpoint, funnel.OfDevice: Device, funnel.OfBrowser: Browser,
	funnel.OfOS: OS, funnel.OfTraffic: Traffic,
}

var campaignSources = map[string]Source{
	"": CampaignName, funnel.CampaignName: CampaignName,
	funnel.CampaignSource: CampaignSource, funnel.CampaignMedium: CampaignMedium,
}

func (b *builder) simple(c funnel.Condition) (string, bool) {
	if c.Subject == funnel.Property {
		return b.ofProperty(c)
	}
	source, ok := nameSources[c.Subject]
	if c.Subject == funnel.OfCampaign {
		source, ok = campaignSources[c.Name]
	}
	if !ok {
		return "", false
	}
	texts := make([]string, len(c.Values))
	for i, v := range c.Values {
		texts[i] = v.Text()
	}
	column := b.expression(Value{Source: source})
	return b.compare(c.Operator, column, "("+column+" = '')", texts)
}

// compare compares a column with texts; missing holds where there is no value. False for
// operators that are more than equality.
func (b *builder) compare(
	o funnel.Operator, column, missing string, texts []string,
) (string, bool) {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = b.param("v", t)
	}
	among := "has([" + strings.Join(list, ", ") + "], " + column + ")"
	switch o {
	case funnel.Equal, funnel.In:
		return "NOT " + missing + " AND " + among, true
	case funnel.NotEqual, funnel.NotIn:
		return missing + " OR NOT " + among, true
	case funnel.IsSet:
		return "NOT " + missing, true
	case funnel.IsNotSet:
		return missing, true
	default:
		return "", false
	}
}

// word is a text that no number, boolean, array or object equals, and that is written in canonical
// JSON as it is, between quotation marks.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 _.-]*$`)

func isWord(v journey.Value) bool {
	text := v.Text()
	return v.Kind() == journey.Text && text != "true" && text != "false" && word.MatchString(text)
}

func (b *builder) ofProperty(c funnel.Condition) (string, bool) {
	if c.Operator == funnel.IsSet || c.Operator == funnel.IsNotSet {
		return "", false // what counts as missing is left to where values are read
	}
	literals := make([]string, len(c.Values))
	for i, v := range c.Values {
		if !isWord(v) {
			return "", false
		}
		literals[i] = `"` + v.Text() + `"`
	}
	// A missing value is no literal of a word: it fails Equal and passes NotEqual.
	return b.compare(c.Operator, b.expression(Value{Source: Property, Name: c.Name}), "(false)",
		literals)
}
