package api

import (
	"context"
	"time"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	"github.com/waystage/waystage/services/funnel"
	"github.com/waystage/waystage/services/internal/wire"
	"github.com/waystage/waystage/services/journey"
)

// Sites keeps sites.
type Sites interface {
	// CreateSite keeps a new site. Errors: Exists, Unavailable.
	CreateSite(ctx context.Context, site journey.Site) error
	// UpdateSite keeps a site as it is given in place of the one of its id. Errors: NotFound,
	// Unavailable.
	UpdateSite(ctx context.Context, site journey.Site) error
	// Site gives one. Errors: NotFound, Unavailable.
	Site(ctx context.Context, id journey.SiteID) (journey.Site, error)
	// Sites gives all, by id, ascending. Errors: Unavailable.
	Sites(ctx context.Context) ([]journey.Site, error)
}

// Keys keeps the keys of sites.
type Keys interface {
	// CreateKey keeps a new key of a site that is there. Errors: Unavailable.
	CreateKey(ctx context.Context, key journey.Key, hash journey.KeyHash) error
	// Keys gives those of a site, revoked ones too, by created_at and id. Errors: Unavailable.
	Keys(ctx context.Context, site journey.SiteID) ([]journey.Key, error)
	// UpdateKey sets label, origins and rate of a key and gives it; a revoked key stays revoked.
	// Errors: NotFound, Unavailable.
	UpdateKey(ctx context.Context, key journey.Key) (journey.Key, error)
	// RevokeKey ends a key at that instant, or leaves it as it is where it has ended already, and
	// gives it. Errors: NotFound, Unavailable.
	RevokeKey(
		ctx context.Context, site journey.SiteID, id journey.KeyID, at time.Time,
	) (journey.Key, error)
}

// Newest as a version asks for the newest one.
const Newest journey.MapVersion = 0

// Maps keeps the versions of each site's journey map.
type Maps interface {
	// Publish makes a map without mistakes the site's next version and gives it once it is in
	// force. If the source equals that of the newest version, it gives that one instead. Title is
	// the map's own. Errors: Unavailable.
	Publish(
		ctx context.Context, site journey.SiteID, source, title string,
	) (journey.Publication, error)
	// Publication gives one version, or the Newest. Errors: NotFound, Unavailable.
	Publication(
		ctx context.Context, site journey.SiteID, version journey.MapVersion,
	) (journey.Publication, error)
	// Publications gives all of a site, newest first, without sources. Errors: Unavailable.
	Publications(ctx context.Context, site journey.SiteID) ([]journey.Publication, error)
}

// Background is what questions are read by.
type Background interface {
	// Site gives one. Errors: NotFound, Unavailable.
	Site(ctx context.Context, id journey.SiteID) (journey.Site, error)
	// Publication gives one version of a site's map, or the Newest. Errors: NotFound, Unavailable.
	Publication(
		ctx context.Context, site journey.SiteID, version journey.MapVersion,
	) (journey.Publication, error)
}

// Quarantine keeps refused messages.
type Quarantine interface {
	// Quarantined gives a part of the messages meant, by received_at and id. Errors: Unavailable.
	Quarantined(
		ctx context.Context, of wire.Selection, span wire.Span,
	) ([]wire.Quarantined, error)
	// QuarantinedByID gives one. Errors: NotFound, Unavailable.
	QuarantinedByID(ctx context.Context, site journey.SiteID, id string) (wire.Quarantined, error)
	// QuarantineReasons counts the messages meant by reason, most frequent first. Errors:
	// Unavailable.
	QuarantineReasons(ctx context.Context, of wire.Selection) ([]wire.ReasonCount, error)
}

// Replayer judges refused messages again, on the token of the handler's caller.
type Replayer interface {
	// Replay gives one result per message, in their order. A message that may enter is counted
	// once, however often it is replayed. Errors: Forbidden, Invalid, Unavailable.
	Replay(ctx context.Context, m *collectv1.ReplayRequest) (*collectv1.ReplayResponse, error)
}

// Catalogue holds the names that sites have sent.
type Catalogue interface {
	// CatalogueEvents gives the events whose names hold a text, ignoring case, by count,
	// descending, then by name. Errors: Unavailable.
	CatalogueEvents(
		ctx context.Context, site journey.SiteID, contains string,
	) ([]journey.Seen, error)
	// CatalogueProperties gives properties and traits: by event, then by count, descending, then
	// by name; traits last. Errors: Unavailable.
	CatalogueProperties(
		ctx context.Context, site journey.SiteID, q journey.CatalogueQuery,
	) ([]journey.Seen, error)
	// CatalogueOverflow gives what found no room, of journey.EventOverflow or
	// journey.PropertyOverflow. Errors: Unavailable.
	CatalogueOverflow(
		ctx context.Context, site journey.SiteID, of journey.SightingType,
	) (journey.Overflow, error)
}

// Questions keeps saved questions.
type Questions interface {
	// SaveQuestion keeps a question as the next version of its name and gives it; if the newest
	// version is the same, it gives that one instead. Errors: Unavailable.
	SaveQuestion(
		ctx context.Context, site journey.SiteID, q journey.SavedQuestion,
	) (journey.SavedQuestion, error)
	// Question gives one version, or for 0 the newest of a name that is not deleted. Errors:
	// NotFound, Unavailable.
	Question(
		ctx context.Context, site journey.SiteID, name journey.QuestionName,
		version journey.QuestionVersion,
	) (journey.SavedQuestion, error)
	// Questions gives the newest version of every name that is not deleted, by name. Errors:
	// Unavailable.
	Questions(ctx context.Context, site journey.SiteID) ([]journey.SavedQuestion, error)
	// QuestionVersions gives all versions of a name, newest first. Errors: Unavailable.
	QuestionVersions(
		ctx context.Context, site journey.SiteID, name journey.QuestionName,
	) ([]journey.SavedQuestion, error)
	// DeleteQuestion takes a name out of the list; its versions stay. Errors: NotFound, Unavailable.
	DeleteQuestion(ctx context.Context, site journey.SiteID, name journey.QuestionName) error
}

// Answers answers questions. The question is whole: every field is settled, as_of too, and every
// instant is cut to milliseconds. Errors: TooLarge, Unavailable, Expired.
type Answers interface {
	// Funnel gives the numbers of a question.
	Funnel(ctx context.Context, site journey.SiteID, q funnel.Question) (Funnel, error)
	// FunnelAs gives the numbers of a question with the groups of another answer, in their order, and
	// all others as one: see funnel.Tally.AnswerAs. Without a breakdown there are none.
	FunnelAs(
		ctx context.Context, site journey.SiteID, q funnel.Question, groups []funnel.Group,
	) (Funnel, error)
	// Persons gives a page of the persons behind one of its numbers.
	Persons(
		ctx context.Context, site journey.SiteID, q funnel.Question, page Page,
	) (Persons, error)
}

// People knows persons one by one.
type People interface {
	// Person gives what is known of the person of an identity as of an instant, which is cut to
	// milliseconds. Errors: NotFound, Unavailable, Expired.
	Person(ctx context.Context, site journey.SiteID, who Who, asOf time.Time) (PersonAsOf, error)
}

// Who is one of a person's identities.
type Who struct {
	Identity journey.IdentityID
	// User or Visitor is its id, where the asker gave that; both are empty for a person id.
	User    journey.UserID
	Visitor journey.VisitorID
}

// PersonAsOf is what is known of a person as of an instant.
type PersonAsOf struct {
	ID journey.PersonID
	// Users are all user ids and Visitors the first 100 visitor ids, each ascending. They are, like
	// the person, the latest.
	Users    []journey.UserID
	Visitors []journey.VisitorID
	// Traits are merged; Groups are those joined last, by type.
	Traits  map[string]journey.Value
	Groups  map[string]journey.GroupID
	Persona journey.PersonaID
	// Rules are how every persona's rule of Map came out, in file order.
	Rules []journey.RuleResult
	// Map is the newest, nil where none is published.
	Map *journey.Map
	// Touchpoints counts them; FirstAt and LastAt are when the first and the last occurred, UTC,
	// zero where there is none.
	Touchpoints     int
	FirstAt, LastAt time.Time
	// Stage is that of the latest touchpoint that has one, repeats applied; empty if none has.
	Stage journey.StageID
	// Lost tells that the person was silent for longer than the map allows.
	Lost bool
}

// Page names a part of a list of persons.
type Page struct {
	// Selection is the number whose persons are listed.
	funnel.Selection

	// After is the last person of the page before. 0 begins the list.
	After journey.PersonID
	// AfterUnit takes its place where the unit is no person: the last unit of the page before, by
	// its value. nil begins the list.
	AfterUnit *string
	// AfterNumber is the number of the last attempt of the page before, among those of its unit that
	// are listed, from 0. It goes with After or AfterUnit.
	AfterNumber int
	// Limit is the most persons wanted, 1 or more.
	Limit int
}

// Funnel holds the numbers of a question and what they rest on.
type Funnel struct {
	funnel.Answer

	Facts Facts
}

// Persons is a page of a list.
type Persons struct {
	// Persons by id, ascending; other units by their value, in the order of bytes; of one unit by
	// Number.
	Persons []Person
	// Total is the length of the whole list: the number itself.
	Total int
	// More tells whether persons come after these.
	More  bool
	Facts Facts
}

// Person is a person, or another unit, and the attempt that counts.
type Person struct {
	// Unit is its value where the unit is no person; nothing of a person is known then.
	Unit string
	ID   journey.PersonID
	// Users are all user ids and Visitors the first 100 visitor ids, each ascending.
	Users    []journey.UserID
	Visitors []journey.VisitorID
	// Persona as of the question's AsOf.
	Persona journey.PersonaID
	// Number is that of the attempt among those of the unit that are listed, from 0.
	Number int
	// FilledSteps are the steps that are filled, from 0, ascending; under funnel.Any places in time.
	FilledSteps []int
	// StepTimes is when each of FilledSteps happened. UTC.
	StepTimes []time.Time
	Outcome   funnel.Outcome
	// Group is the one that the attempt counts in, where those but for some are listed.
	Group funnel.Key
}

// Facts say what an answer rests on.
type Facts struct {
	// FreshUntil is received_at of the newest stored touchpoint of the site. Zero where none is
	// stored.
	FreshUntil time.Time
	// MapVersion is the newest, 0 where none is edition.
	MapVersion journey.MapVersion
	// TouchpointsRead to answer.
	TouchpointsRead uint64
	// Warnings say what is missing, for people.
	Warnings []string
	// Way says how the answer was come by, for people.
	Way string
	// Cached tells that it was kept from the same question asked before, over the same data.
	Cached bool
}
