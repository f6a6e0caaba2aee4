package table

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/fault"
)

// layout is one way to lay an answer out. by names the breakdowns of its question.
type layout struct {
	name string
	lay  func(answer proto.Message, by []string) Table
}

// layouts are those of every answer that is a table, the default first.
var layouts = map[protoreflect.FullName][]layout{
	nameOf(&funnelv1.AskFunnelResponse{}): {
		layoutOf("steps", steps), layoutOf("trend", trend),
		layoutOf("time_to_convert", timesToConvert), layoutOf("tests", tests),
	},
	nameOf(&funnelv1.AskDropOffResponse{}): {
		layoutOf("drop_offs", dropOffs), layoutOf("departures", departures),
		layoutOf("reasons", reasons),
	},
	nameOf(&funnelv1.ListFunnelPersonsResponse{}):        {layoutOf("persons", persons)},
	nameOf(&funnelv1.ListQuestionsResponse{}):            {layoutOf("questions", questions)},
	nameOf(&cataloguev1.ListEventsResponse{}):            {layoutOf("events", events)},
	nameOf(&cataloguev1.ListPropertiesResponse{}):        {layoutOf("properties", properties)},
	nameOf(&journeyv1.ListJourneyMapsResponse{}):         {layoutOf("journey_maps", journeyMaps)},
	nameOf(&collectv1.ListQuarantinedMessagesResponse{}): {layoutOf("messages", quarantined)},
	nameOf(&sitev1.ListSitesResponse{}):                  {layoutOf("sites", sites)},
	nameOf(&sitev1.ListKeysResponse{}):                   {layoutOf("keys", keys)},
}

func nameOf(m proto.Message) protoreflect.FullName {
	return m.ProtoReflect().Descriptor().FullName()
}

func layoutOf[M proto.Message](name string, lay func(M, []string) Table) layout {
	return layout{name, func(answer proto.Message, by []string) Table {
		return lay(answer.(M), by) //nolint:forcetypeassert // it is listed under the name of M
	}}
}

// Names are the tables that answers of a message's name can be laid out as, the default first;
// none where such an answer is no table.
func Names(answer protoreflect.FullName) []string {
	var names []string
	for _, l := range layouts[answer] {
		names = append(names, l.name)
	}
	return names
}

// Of lays an answer out as the table of that name, "" being the default. by names the breakdowns of
// its question, in order; the columns of the groups are named for them. Errors: Unsupported where
// the answer is no table, Invalid where it has none of that name.
func Of(answer proto.Message, name string, by []string) (Table, error) {
	list := layouts[nameOf(answer)]
	if len(list) == 0 {
		return Table{}, fault.New(fault.Unsupported, "this answer is no table: ask for JSON")
	}
	if name == "" {
		return list[0].lay(answer, by), nil
	}
	for _, l := range list {
		if l.name == name {
			return l.lay(answer, by), nil
		}
	}
	var v fault.Violations
	v.Add("table", fmt.Sprintf("is %q: give %s", name,
		strings.Join(Names(nameOf(answer)), " or ")))
	return Table{}, v.Err(fault.Invalid)
}
