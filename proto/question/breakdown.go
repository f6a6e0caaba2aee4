package question

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// plainSplits are the ways to split that have no name.
var plainSplits = map[string]func(*funnelv1.Breakdown){
	"persona": func(b *funnelv1.Breakdown) { b.By = &funnelv1.Breakdown_Persona{Persona: true} },
	"channel": func(b *funnelv1.Breakdown) { b.By = &funnelv1.Breakdown_Channel{Channel: true} },
	"device":  func(b *funnelv1.Breakdown) { b.By = &funnelv1.Breakdown_Device{Device: true} },
	"browser": func(b *funnelv1.Breakdown) { b.By = &funnelv1.Breakdown_Browser{Browser: true} },
	"os":      func(b *funnelv1.Breakdown) { b.By = &funnelv1.Breakdown_Os{Os: true} },
}

// namedSplits are those that have one.
var namedSplits = map[string]func(b *funnelv1.Breakdown, name string){
	"trait": func(b *funnelv1.Breakdown, name string) {
		b.By = &funnelv1.Breakdown_Trait{Trait: name}
	},
	"property": func(b *funnelv1.Breakdown, name string) {
		b.By = &funnelv1.Breakdown_Property{Property: name}
	},
	"variant": func(b *funnelv1.Breakdown, name string) {
		b.By = &funnelv1.Breakdown_Variant{Variant: name}
	},
	"campaign": func(b *funnelv1.Breakdown, name string) {
		b.By = &funnelv1.Breakdown_Campaign{Campaign: name}
	},
	"group": func(b *funnelv1.Breakdown, name string) {
		b.By = &funnelv1.Breakdown_GroupType{GroupType: name}
	},
}

var attributions = map[string]funnelv1.Attribution{
	"first":  funnelv1.Attribution_ATTRIBUTION_FIRST_TOUCH,
	"last":   funnelv1.Attribution_ATTRIBUTION_LAST_TOUCH,
	"person": funnelv1.Attribution_ATTRIBUTION_PERSON,
	"all":    funnelv1.Attribution_ATTRIBUTION_ALL,
}

// nameStop ends the name of what an answer is split by, or of a unit.
const nameStop = "@\""

// ParseBreakdown reads a way to split an answer: "persona", "channel", "device", "browser", "os",
// "campaign", "campaign:source", "campaign:medium", "trait:NAME", "property:NAME",
// "variant:EXPERIMENT" or "group:TYPE", and whose value counts behind it: "channel@last",
// "@first", "@person", "@all" or "@step2". A name with @ in it stands in double quotes.
func ParseBreakdown(text string) (*funnelv1.Breakdown, error) {
	s := scanner{text: text}
	b := &funnelv1.Breakdown{}
	kind, name, named, err := s.kindAndName()
	if err != nil {
		return nil, err
	}
	if kind, name, named, err = implied(kind, name, named); err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	split, plain := plainSplits[kind]
	splitBy, takesName := namedSplits[kind]
	switch {
	case plain && !named:
		split(b)
	case takesName && named && name != "":
		splitBy(b, name)
	default:
		return nil, fmt.Errorf("%q: there are persona, channel, device, browser, os, campaign, "+
			"campaign:source, campaign:medium, trait:NAME, property:NAME, variant:EXPERIMENT and "+
			"group:TYPE", text)
	}
	if s.take("@") {
		if err := attribute(b, strings.TrimSpace(s.rest())); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	if !s.end() {
		return nil, s.wrong("nothing more belongs here")
	}
	return b, nil
}

// kindAndName reads "KIND" or "KIND:NAME".
func (s *scanner) kindAndName() (kind, name string, named bool, err error) {
	kind, _, err = s.word(":" + nameStop)
	if err != nil || !s.take(":") {
		return strings.ToLower(kind), "", false, err
	}
	name, _, err = s.word(nameStop)
	return strings.ToLower(kind), name, true, err
}

// implied fills in the name that campaign and group may lack.
func implied(kind, name string, named bool) (string, string, bool, error) {
	switch {
	case kind == "campaign" && !named:
		return kind, "name", true, nil
	case kind == "group" && !named:
		return kind, "group", true, nil
	case kind == "campaign" && !isPart(name):
		return kind, name, named, errNoPart
	}
	return kind, name, named, nil
}

var errNoPart = errors.New("of a campaign there are name, source and medium")

// isPart tells whether there is such a part of a campaign.
func isPart(name string) bool { return name == "name" || name == "source" || name == "medium" }

// attribute sets whose value counts.
func attribute(b *funnelv1.Breakdown, word string) error {
	word = strings.ToLower(word)
	if number, is := strings.CutPrefix(word, "step"); is {
		n, err := strconv.ParseUint(number, 10, 32)
		if err == nil && n > 0 {
			b.Attribution, b.Step = funnelv1.Attribution_ATTRIBUTION_STEP, uint32(n)
			return nil
		}
	}
	chosen, known := attributions[word]
	if !known {
		return errors.New("behind @ there are first, last, person, all, and step with its number " +
			"from 1, such as step2; put a name with @ in double quotes")
	}
	b.Attribution = chosen
	return nil
}

// ParseUnit reads whose journey it is: "person", "group:TYPE", "trait:NAME" or "property:NAME".
func ParseUnit(text string) (*funnelv1.Unit, error) {
	s := scanner{text: text}
	kind, name, named, err := s.kindAndName()
	if err != nil {
		return nil, err
	}
	if kind, name, named, err = implied(kind, name, named); err == nil && s.end() {
		switch {
		case kind == "person" && !named:
			return &funnelv1.Unit{By: &funnelv1.Unit_Person{Person: true}}, nil
		case kind == "group" && name != "":
			return &funnelv1.Unit{By: &funnelv1.Unit_GroupType{GroupType: name}}, nil
		case kind == "trait" && name != "":
			return &funnelv1.Unit{By: &funnelv1.Unit_Trait{Trait: name}}, nil
		case kind == "property" && name != "":
			return &funnelv1.Unit{By: &funnelv1.Unit_Property{Property: name}}, nil
		}
	}
	return nil, fmt.Errorf("%q: there are person, group:TYPE, trait:NAME and property:NAME", text)
}
