package table

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

func events(m *cataloguev1.ListEventsResponse, _ []string) Table {
	type event = cataloguev1.Event
	return lay([]column[*event]{
		text("event", (*event).GetEvent),
		number("count", (*event).GetCount),
		instant("first_seen_at", (*event).GetFirstSeenAt),
		instant("last_seen_at", (*event).GetLastSeenAt),
	}, m.GetEvents())
}

// properties is a row per property; types and examples are JSON arrays, type the most frequent one.
func properties(m *cataloguev1.ListPropertiesResponse, _ []string) Table {
	type property = cataloguev1.Property
	return lay([]column[*property]{
		text("scope", func(p *property) string { return word(p.GetScope(), "SCOPE_") }),
		filled("event", (*property).GetEvent),
		text("property", (*property).GetProperty),
		number("count", (*property).GetCount),
		instant("first_seen_at", (*property).GetFirstSeenAt),
		instant("last_seen_at", (*property).GetLastSeenAt),
		{"type", Text, func(p *property) any { return first(typesOf(p)) }},
		text("types", func(p *property) string { return list(typesOf(p)) }),
		text("examples", func(p *property) string { return list(p.GetExamples()) }),
	}, m.GetProperties())
}

func typesOf(p *cataloguev1.Property) []string {
	var types []string
	for _, t := range p.GetTypes() {
		types = append(types, t.GetType())
	}
	return types
}

// questions is a row per saved question; words and question are JSON objects.
func questions(m *funnelv1.ListQuestionsResponse, _ []string) Table {
	type question = funnelv1.SavedQuestion
	return lay([]column[*question]{
		text("name", (*question).GetName),
		number("version", (*question).GetVersion),
		filled("title", (*question).GetTitle),
		text("kind", func(q *question) string { return word(q.GetKind(), "QUESTION_KIND_") }),
		instant("saved_at", (*question).GetSavedAt),
		{"words", Text, func(q *question) any { return object(q.Words) }},
		{"question", Text, func(q *question) any { return object(q.Question) }},
	}, m.GetQuestions())
}

// object is a message as JSON, nil where it is absent.
func object[M proto.Message](m M) any {
	if !m.ProtoReflect().IsValid() {
		return nil
	}
	var b bytes.Buffer
	text, err := protojson.Marshal(m)
	if err == nil {
		err = json.Compact(&b, text) // its white space varies on purpose
	}
	if err != nil {
		return nil // only for what no transport lets in
	}
	return b.String()
}

func journeyMaps(m *journeyv1.ListJourneyMapsResponse, _ []string) Table {
	type journeyMap = journeyv1.JourneyMap
	return lay([]column[*journeyMap]{
		text("name", (*journeyMap).GetName),
		number("version", (*journeyMap).GetVersion),
		filled("title", (*journeyMap).GetTitle),
		instant("in_force_at", (*journeyMap).GetInForceAt),
	}, m.GetJourneyMaps())
}

// quarantined is a row per refused message, without what it held: GetQuarantinedMessage shows that.
func quarantined(m *collectv1.ListQuarantinedMessagesResponse, _ []string) Table {
	type message = collectv1.QuarantinedMessage
	return lay([]column[*message]{
		text("name", (*message).GetName),
		instant("received_at", (*message).GetReceivedAt),
		text("kind", func(q *message) string { return word(q.GetKind(), "KIND_") }),
		text("stage_of_refusal", (*message).GetStageOfRefusal),
		text("reason", (*message).GetReason),
		filled("detail", (*message).GetDetail),
		filled("source", (*message).GetSource),
		filled("key_id", (*message).GetKeyId),
		flag("imported", (*message).GetImported),
		instant("replayed_at", (*message).GetReplayedAt),
	}, m.GetMessages())
}

func sites(m *sitev1.ListSitesResponse, _ []string) Table {
	type site = sitev1.Site
	return lay([]column[*site]{
		text("name", (*site).GetName),
		filled("display_name", (*site).GetDisplayName),
		text("time_zone", (*site).GetTimeZone),
		instant("created_at", (*site).GetCreatedAt),
	}, m.GetSites())
}

func keys(m *sitev1.ListKeysResponse, _ []string) Table {
	type key = sitev1.Key
	return lay([]column[*key]{
		text("name", (*key).GetName),
		text("kind", func(k *key) string { return word(k.GetKind(), "KEY_KIND_") }),
		filled("label", (*key).GetLabel),
		instant("created_at", (*key).GetCreatedAt),
		instant("revoked_at", (*key).GetRevokedAt),
		text("allowed_origins", func(k *key) string { return list(k.GetAllowedOrigins()) }),
		{"messages_per_second", Number, func(k *key) any { return k.GetMessagesPerSecond() }},
	}, m.GetKeys())
}
