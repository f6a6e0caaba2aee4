package question

import (
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
)

// stops of a name and of a value in a condition.
const (
	nameStops  = "=!~<>?,[]|\":"
	valueStops = ",[]|\""
)

// named are the subjects that have names; bare those that have none, or may lack it.
var (
	named = map[string]funnelv1.Subject{
		"property": funnelv1.Subject_SUBJECT_PROPERTY,
		"trait":    funnelv1.Subject_SUBJECT_TRAIT,
		"campaign": funnelv1.Subject_SUBJECT_CAMPAIGN,
		"group":    funnelv1.Subject_SUBJECT_GROUP,
	}
	bare = map[string]funnelv1.Subject{
		"persona":    funnelv1.Subject_SUBJECT_PERSONA,
		"channel":    funnelv1.Subject_SUBJECT_CHANNEL,
		"event":      funnelv1.Subject_SUBJECT_EVENT,
		"stage":      funnelv1.Subject_SUBJECT_STAGE,
		"touchpoint": funnelv1.Subject_SUBJECT_TOUCHPOINT,
		"device":     funnelv1.Subject_SUBJECT_DEVICE,
		"browser":    funnelv1.Subject_SUBJECT_BROWSER,
		"os":         funnelv1.Subject_SUBJECT_OS,
		"traffic":    funnelv1.Subject_SUBJECT_TRAFFIC,
		"campaign":   funnelv1.Subject_SUBJECT_CAMPAIGN,
		"group":      funnelv1.Subject_SUBJECT_GROUP,
	}
)

// signs of operators, the longer ones before those that begin them.
var signs = []struct {
	sign     string
	operator funnelv1.Operator
	many     funnelv1.Operator // with several values
	unary    bool
}{
	{sign: "!?", operator: funnelv1.Operator_OPERATOR_IS_NOT_SET, unary: true},
	{sign: "?", operator: funnelv1.Operator_OPERATOR_IS_SET, unary: true},
	{
		sign: "!=", operator: funnelv1.Operator_OPERATOR_NEQ,
		many: funnelv1.Operator_OPERATOR_NOT_IN,
	},
	{sign: "!~", operator: funnelv1.Operator_OPERATOR_NOT_CONTAINS},
	{sign: ">=", operator: funnelv1.Operator_OPERATOR_GTE},
	{sign: "<=", operator: funnelv1.Operator_OPERATOR_LTE},
	{sign: "=", operator: funnelv1.Operator_OPERATOR_EQ, many: funnelv1.Operator_OPERATOR_IN},
	{sign: "~", operator: funnelv1.Operator_OPERATOR_CONTAINS},
	{sign: ">", operator: funnelv1.Operator_OPERATOR_GT},
	{sign: "<", operator: funnelv1.Operator_OPERATOR_LT},
}

// ParseCondition reads a condition such as "total>100", "trait:plan=pro", "channel=email|social",
// "campaign:source=news", "group:company=acme", "coupon?" or "traffic is not set". A name without a
// subject is that of a property, but for the words persona, channel, event, stage, touchpoint,
// device, browser, os, traffic, campaign and group. Values that look like numbers or true and
// false are such; in quotes they are texts.
func ParseCondition(text string) (*funnelv1.Condition, error) {
	s := scanner{text: text}
	c, err := s.condition()
	if err != nil {
		return nil, err
	}
	if !s.end() {
		return nil, s.wrong("nothing more belongs here; put a value with , [ ] | in double quotes")
	}
	return c, nil
}

func (s *scanner) condition() (*funnelv1.Condition, error) {
	c := &funnelv1.Condition{}
	if s.inWords(c) {
		return c, nil
	}
	if err := s.subject(c); err != nil {
		return nil, err
	}
	for _, o := range signs {
		if !s.take(o.sign) {
			continue
		}
		c.Operator = o.operator
		if o.unary {
			s.space()
			return c, nil
		}
		err := s.values(c)
		if len(c.Values) > 1 && err == nil {
			c.Operator = o.many
			if o.many == funnelv1.Operator_OPERATOR_UNSPECIFIED {
				err = s.wrong("%s takes one value; only = and != take several with |", o.sign)
			}
		}
		return c, err
	}
	return nil, s.wrong("a test is missing: one of = != ~ !~ > >= < <= with a value, or ? or !?")
}

// spoken are the operators that may be written in words, the longer one first.
var spoken = []struct {
	text     string
	operator funnelv1.Operator
}{
	{" is not set", funnelv1.Operator_OPERATOR_IS_NOT_SET},
	{" is set", funnelv1.Operator_OPERATOR_IS_SET},
}

// inWords reads a condition whose operator is written in words. It leaves all others where they
// are.
func (s *scanner) inWords(c *funnelv1.Condition) bool {
	from := s.at
	end := len(s.text)
	if stop := strings.IndexAny(s.text[from:], ",]"); stop >= 0 {
		end = from + stop
	}
	clause := strings.TrimRight(s.text[from:end], " \t")
	for _, w := range spoken {
		head, is := strings.CutSuffix(clause, w.text)
		if !is {
			continue
		}
		inner := &scanner{text: head}
		if inner.subject(c) == nil && inner.end() {
			c.Operator = w.operator
			s.at = end
			return true
		}
		c.Reset()
	}
	return false
}

// subject reads where the value is found.
func (s *scanner) subject(c *funnelv1.Condition) error {
	name, quoted, err := s.word(nameStops)
	if err != nil {
		return err
	}
	if !quoted && s.take(":") {
		return s.nameOf(name, c)
	}
	if subject, known := bare[name]; known && !quoted {
		c.Subject = subject
		return nil
	}
	c.Subject, c.Name = funnelv1.Subject_SUBJECT_PROPERTY, name
	return s.needName(c)
}

// nameOf reads the name that goes with a subject.
func (s *scanner) nameOf(kind string, c *funnelv1.Condition) error {
	subject, known := named[kind]
	if !known {
		return s.wrong("%q: has no names; only property:, trait:, campaign: and group: do", kind)
	}
	name, _, err := s.word(nameStops[:len(nameStops)-1])
	if err != nil {
		return err
	}
	c.Subject, c.Name = subject, name
	if subject == funnelv1.Subject_SUBJECT_CAMPAIGN && !isPart(name) {
		return s.wrong("%q: %w", name, errNoPart)
	}
	return s.needName(c)
}

func (s *scanner) needName(c *funnelv1.Condition) error {
	if c.GetName() == "" {
		return s.wrong("a name is missing")
	}
	return nil
}

func (s *scanner) values(c *funnelv1.Condition) error {
	for {
		word, quoted, err := s.word(valueStops)
		if err != nil {
			return err
		}
		if word == "" && !quoted {
			return s.wrong(`a value is missing; write "" for the empty text`)
		}
		c.Values = append(c.Values, valueOf(word, quoted))
		if !s.take("|") {
			return nil
		}
	}
}

func valueOf(word string, quoted bool) *structpb.Value {
	if quoted {
		return structpb.NewStringValue(word)
	}
	if word == "true" || word == "false" {
		return structpb.NewBoolValue(word == "true")
	}
	n, err := strconv.ParseFloat(word, 64)
	if err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) && !hexadecimal(word) {
		return structpb.NewNumberValue(n)
	}
	return structpb.NewStringValue(word)
}

// hexadecimal tells numbers as Go writes them and people do not: 0x10, 1_000.
func hexadecimal(word string) bool {
	for _, r := range word {
		if r == 'x' || r == 'X' || r == '_' {
			return true
		}
	}
	return false
}
