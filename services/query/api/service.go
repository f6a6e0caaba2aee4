package api

import (
	"time"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/rpc"
)

// Config holds what the handlers need.
type Config struct {
	Sites Sites
	Keys  Keys
	Maps  Maps
	// Background gives the same sites and maps to those who read questions; nil: Sites and Maps do.
	Background Background
	// Questions are the saved ones.
	Questions Questions
	Answers   Answers
	Explainer Explainer
	People    People
	// Catalogue of what sites have sent.
	Catalogue Catalogue
	// Quarantine and Replayer; without a Replayer nothing is replayed.
	Quarantine Quarantine
	Replayer   Replayer
	// Now is the clock.
	Now func() time.Time
}

// API is the handlers of all services. Make it with New.
type API struct {
	sites   *siteHandler
	maps    *mapHandler
	funnels *funnelHandler
	// saved answers SavedQuestionService.
	saved *savedHandler
	// people answers PersonService.
	people *peopleHandler
	// catalogue answers CatalogueService.
	catalogue *catalogueHandler
	// quarantine answers QuarantineService.
	quarantine *quarantineHandler
}

// QueryParameters are the fields that a GET of this API takes in its query.
var QueryParameters = []string{
	"pageSize", "page_size", "pageToken", "page_token",
	"contains", "event", "scope", "question", "version",
	"userId", "user_id", "anonymousId", "anonymous_id", "personId", "person_id", "asOf", "as_of",
	"filter.reason", "filter.fromTime", "filter.from_time", "filter.toTime", "filter.to_time",
	"filter.keyId", "filter.key_id", "filter.includeReplayed", "filter.include_replayed",
}

// New makes the handlers.
func New(c Config) *API {
	if c.Background == nil {
		c.Background = struct {
			Sites
			Maps
		}{c.Sites, c.Maps}
	}
	funnels := &funnelHandler{
		sites: c.Background, maps: newMapReader(c.Background), questions: c.Questions, answers: c.Answers,
		explainer: c.Explainer, now: c.Now,
	}
	return &API{
		sites:   &siteHandler{sites: c.Sites, keys: c.Keys, now: c.Now},
		maps:    &mapHandler{sites: c.Sites, store: c.Maps, maps: newMapReader(c.Maps)},
		funnels: funnels, saved: &savedHandler{funnels: funnels},
		people:    &peopleHandler{sites: c.Sites, people: c.People, now: c.Now},
		catalogue: &catalogueHandler{sites: c.Sites, catalogue: c.Catalogue},
		quarantine: &quarantineHandler{
			sites: c.Sites, quarantine: c.Quarantine, replayer: c.Replayer, now: c.Now,
		},
	}
}

// Services are what a server registers, with who may call which method.
func (a *API) Services() []rpc.Service {
	return []rpc.Service{
		{
			Desc:    &sitev1.SiteService_ServiceDesc,
			Handler: a.sites,
			Gateway: sitev1.RegisterSiteServiceHandler,
			Access: map[string]rpc.Access{
				"CreateSite": rpc.Operation,
				"ListSites":  rpc.Operation,
				"GetSite":    rpc.Administration,
				"UpdateSite": rpc.Administration,
				"CreateKey":  rpc.Administration,
				"ListKeys":   rpc.Administration,
				"UpdateKey":  rpc.Administration,
				"RevokeKey":  rpc.Administration,
			},
		},
		{
			Desc:    &journeyv1.JourneyMapService_ServiceDesc,
			Handler: a.maps,
			Gateway: journeyv1.RegisterJourneyMapServiceHandler,
			Access: map[string]rpc.Access{
				"PublishJourneyMap": rpc.Administration,
				"GetJourneyMap":     rpc.Reading,
				"ListJourneyMaps":   rpc.Reading,
			},
		},
		{
			Desc:    &cataloguev1.CatalogueService_ServiceDesc,
			Handler: a.catalogue,
			Gateway: cataloguev1.RegisterCatalogueServiceHandler,
			Access: map[string]rpc.Access{
				"ListEvents":     rpc.Reading,
				"ListProperties": rpc.Reading,
			},
		},
		a.funnelService(), a.savedService(),
		{
			Desc:    &personv1.PersonService_ServiceDesc,
			Handler: a.people,
			Gateway: personv1.RegisterPersonServiceHandler,
			Access:  map[string]rpc.Access{"ExplainPersona": rpc.Reading},
		},
		{
			Desc:    &collectv1.QuarantineService_ServiceDesc,
			Handler: a.quarantine,
			Gateway: collectv1.RegisterQuarantineServiceHandler,
			Access: map[string]rpc.Access{
				"ListQuarantinedMessages":   rpc.Administration,
				"GetQuarantinedMessage":     rpc.Administration,
				"ReplayQuarantinedMessages": rpc.Administration,
			},
		},
	}
}

// funnelService answers questions.
func (a *API) funnelService() rpc.Service {
	return rpc.Service{
		Desc:    &funnelv1.FunnelService_ServiceDesc,
		Handler: a.funnels,
		Gateway: funnelv1.RegisterFunnelServiceHandler,
		Access: map[string]rpc.Access{
			"AskFunnel":           rpc.Reading,
			"StreamFunnel":        rpc.Reading,
			"ExplainFunnel":       rpc.Reading,
			"AskDropOff":          rpc.Reading,
			"StreamDropOff":       rpc.Reading,
			"ListFunnelPersons":   rpc.Reading,
			"StreamFunnelPersons": rpc.Reading,
		},
	}
}

// savedService keeps questions: saving and deleting is administration, all else reading.
func (a *API) savedService() rpc.Service {
	return rpc.Service{
		Desc:    &funnelv1.SavedQuestionService_ServiceDesc,
		Handler: a.saved,
		Gateway: funnelv1.RegisterSavedQuestionServiceHandler,
		Access: map[string]rpc.Access{
			"SaveQuestion":   rpc.Administration,
			"GetQuestion":    rpc.Reading,
			"ListQuestions":  rpc.Reading,
			"DeleteQuestion": rpc.Administration,
		},
	}
}
