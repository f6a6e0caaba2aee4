package command

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	"github.com/waystage/waystage/services/doctor"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// sitePart is the part of what is found of the site.
const sitePart = "site"

// quiet is how long a site may send nothing before it is worth a look.
const quiet = time.Hour

// examineSite looks at one site through the question API: map, freshness, refused messages.
func (t *target) examineSite(ctx context.Context, tell func(doctor.Finding)) {
	say := func(about string, state doctor.State, do, format string, args ...any) {
		tell(doctor.Finding{
			Part: sitePart, About: about, State: state, Says: fmt.Sprintf(format, args...), Do: do,
		})
	}
	client, err := t.client(administration)
	if err != nil {
		say(t.site, doctor.Skip, "", "%s", remote.Explain(err))
		return
	}
	defer client.Close() //nolint:errcheck // nothing is lost with it
	ctx, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	if !t.examineMap(ctx, client, say) {
		return
	}
	t.examineFreshness(ctx, client, say)
	t.examineQuarantine(ctx, client, say)
}

const siteTimeout = 20 * time.Second

type sayer func(about string, state doctor.State, do, format string, args ...any)

// examineMap tells whether a map is in force; false where nothing more can be asked.
func (t *target) examineMap(ctx context.Context, client *remote.Client, say sayer) bool {
	m, err := latestMap(ctx, client, t.parent(), "latest")
	switch status.Code(err) {
	case codes.OK:
		say("map", doctor.Fine, "", "version %d of %q, in force since %s", m.GetVersion(),
			m.GetTitle(), m.GetInForceAt().AsTime().Format("2006-01-02 15:04:05 UTC"))
		return true
	case codes.NotFound:
		say("map", doctor.Warn, "publish one: waystage map publish FILE --site "+t.site+
			"; see whether the site is there: waystage site list", "none is published for %q", t.site)
		return false
	case codes.Unauthenticated, codes.PermissionDenied:
		say("token", doctor.Warn, "give an admin or root token by --token or WAYSTAGE_TOKEN",
			"%s", remote.Explain(err))
	default:
		say("questions", doctor.Fail, "see what is said of query and clickhouse", "%s",
			remote.Explain(err))
	}
	return false
}

// examineFreshness asks the smallest question there is.
func (t *target) examineFreshness(ctx context.Context, client *remote.Client, say sayer) {
	began := t.world.Now()
	answer, err := client.Funnels.AskFunnel(ctx, &funnelv1.AskFunnelRequest{
		Parent: t.parent(),
		Words:  &funnelv1.QuestionWords{Stages: "all", From: "-1d"},
	})
	if err != nil {
		say("questions", doctor.Fail, "see what is said of query and clickhouse", "%s",
			remote.Explain(err))
		return
	}
	say("questions", doctor.Fine, "", "a day of all stages is answered in %v",
		t.world.Now().Sub(began).Round(time.Millisecond))
	for _, warning := range answer.GetFacts().GetWarnings() {
		say("answers", doctor.Warn, "wait until it is done, or see the log of the processor",
			"%s", warning)
	}
	fresh := answer.GetFacts().GetFreshUntil()
	if fresh == nil {
		say("touchpoints", doctor.Warn, "send one: waystage send \"Product Viewed\" --user ann",
			"none has come yet")
		return
	}
	age := t.world.Now().Sub(fresh.AsTime()).Round(time.Second)
	state, do := doctor.Fine, ""
	if age > quiet {
		state, do = doctor.Warn, "see whether the site still sends, and the lag of the processor"
	}
	say("touchpoints", state, do, "the newest was received %v ago", max(age, 0))
}

func (t *target) examineQuarantine(ctx context.Context, client *remote.Client, say sayer) {
	list, err := client.Quarantine.ListQuarantinedMessages(ctx,
		&collectv1.ListQuarantinedMessagesRequest{Parent: t.parent(), PageSize: 1})
	if err != nil {
		say("quarantine", doctor.Skip, "", "%s", remote.Explain(err))
		return
	}
	refused, most := uint64(0), ""
	for i, r := range list.GetReasons() {
		refused += r.GetCount()
		if i == 0 {
			most = fmt.Sprintf(", most of them as %s", r.GetReason())
		}
	}
	state, do := doctor.Fine, ""
	if refused > 0 {
		state = doctor.Warn
		do = "look at them: waystage quarantine --site " + t.site + "; mend the sender, then replay them"
	}
	say("quarantine", state, do, "%d messages were refused%s", refused, most)
}
