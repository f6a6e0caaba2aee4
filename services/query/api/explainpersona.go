package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// peopleHandler answers PersonService.
type peopleHandler struct {
	personv1.UnimplementedPersonServiceServer

	sites  Sites
	people People
	now    func() time.Time
}

// ExplainPersona answers with a person, the persona, and how each rule came out.
func (h *peopleHandler) ExplainPersona(
	ctx context.Context, m *personv1.ExplainPersonaRequest,
) (*personv1.ExplainPersonaResponse, error) {
	began := h.now()
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	r := &reader{surroundings: surroundings{now: began}}
	who, asOf := r.who(site, m), cut(began)
	if m.GetAsOf() != nil {
		asOf = r.instant("as_of", m.GetAsOf())
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	p, err := h.people.Person(ctx, site, who, asOf)
	if err != nil {
		return nil, fmt.Errorf("explaining the persona of a person of site %s: %w", site, err)
	}
	return personMessage(&p, asOf)
}

// who reads the one id that names a person.
func (r *reader) who(site journey.SiteID, m *personv1.ExplainPersonaRequest) Who {
	switch by := m.GetBy().(type) {
	case *personv1.ExplainPersonaRequest_UserId:
		return r.user(site, by.UserId)
	case *personv1.ExplainPersonaRequest_AnonymousId:
		return r.visitor(site, by.AnonymousId)
	case *personv1.ExplainPersonaRequest_PersonId:
		return r.person(by.PersonId)
	default:
		r.bad("by", "give one of user_id, anonymous_id and person_id")
		return Who{}
	}
}

const emptyID = "is empty: give the id"

func (r *reader) user(site journey.SiteID, id string) Who {
	if id == "" {
		r.bad("user_id", emptyID)
	}
	user := journey.UserID(id)
	return Who{Identity: journey.UserIdentity(site, user), User: user}
}

func (r *reader) visitor(site journey.SiteID, id string) Who {
	if id == "" {
		r.bad("anonymous_id", emptyID)
	}
	visitor := journey.VisitorID(id)
	return Who{Identity: journey.VisitorIdentity(site, visitor), Visitor: visitor}
}

func (r *reader) person(id string) Who {
	person, err := journey.ParsePersonID(id)
	if err != nil {
		r.bad("person_id", "is %.100q: give the 16 hexadecimal digits of an answer", id)
	}
	return Who{Identity: journey.IdentityID(person)}
}

func personMessage(
	p *PersonAsOf, asOf time.Time,
) (*personv1.ExplainPersonaResponse, error) {
	traits, err := traitsMessage(p.Traits)
	if err != nil {
		return nil, err
	}
	m := &personv1.ExplainPersonaResponse{
		PersonId: p.ID.String(), UserIds: texts(p.Users), AnonymousIds: texts(p.Visitors),
		Traits: traits, Persona: string(p.Persona), AsOf: timestamppb.New(asOf),
		Touchpoints: count(p.Touchpoints), CurrentStage: string(p.Stage), Lost: p.Lost,
		FirstAt: instantMessage(p.FirstAt), LastAt: instantMessage(p.LastAt),
	}
	if len(p.Groups) > 0 {
		m.Groups = make(map[string]string, len(p.Groups))
		for groupType, id := range p.Groups {
			m.Groups[groupType] = string(id)
		}
	}
	if p.Map == nil {
		return m, nil
	}
	m.MapVersion = uint32(p.Map.Version)
	m.Rules, err = ruleMessages(p.Map.Personas, p.Rules)
	return m, err
}

// instantMessage is an instant, nil for none.
func instantMessage(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}

func traitsMessage(traits map[string]journey.Value) (*structpb.Struct, error) {
	m := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(traits))}
	for name, v := range traits {
		literal, err := literalOf(v)
		if err != nil {
			return nil, err
		}
		m.Fields[name] = new(structpb.Value)
		if err := m.Fields[name].UnmarshalJSON([]byte(literal)); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "a trait of the person cannot be shown")
		}
	}
	return m, nil
}

// literalOf is a value as a JSON literal, empty if it is missing.
func literalOf(v journey.Value) (string, error) {
	if v.Kind() != journey.Text {
		return v.Text(), nil // a JSON literal for every other kind
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v.Text()); err != nil {
		return "", fault.Wrap(fault.Internal, err, "a value of the person cannot be shown")
	}
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}

var ruleOutcomes = map[journey.RuleOutcome]personv1.RuleOutcome{
	journey.RuleChosen:       personv1.RuleOutcome_RULE_OUTCOME_CHOSEN,
	journey.RuleFailed:       personv1.RuleOutcome_RULE_OUTCOME_FAILED,
	journey.RuleNotEvaluated: personv1.RuleOutcome_RULE_OUTCOME_NOT_EVALUATED,
	journey.RuleLater:        personv1.RuleOutcome_RULE_OUTCOME_LATER,
}

// ruleMessages are the rules of personas, in their order, with what became of each.
func ruleMessages(
	personas []journey.Persona, results []journey.RuleResult,
) ([]*personv1.PersonaRule, error) {
	of := make(map[journey.PersonaID]*journey.Persona, len(personas))
	for i := range personas {
		of[personas[i].ID] = &personas[i]
	}
	rules := make([]*personv1.PersonaRule, 0, len(results))
	for i := range results {
		result := &results[i]
		m := &personv1.PersonaRule{
			Persona: string(result.Persona), Outcome: ruleOutcomes[result.Outcome],
			Reason: result.Reason,
		}
		if persona := of[result.Persona]; persona != nil {
			m.Title, m.Condition = persona.Title, persona.When
		}
		for _, in := range result.Inputs {
			literal, err := literalOf(in.Value)
			if err != nil {
				return nil, err
			}
			m.Inputs = append(m.Inputs, &personv1.RuleInput{
				Expression: in.Expression, Value: literal,
				Missing: in.Value.Kind() == journey.Missing,
			})
		}
		rules = append(rules, m)
	}
	return rules, nil
}
