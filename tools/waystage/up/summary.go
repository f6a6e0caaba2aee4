package up

import (
	"strings"

	"github.com/waystage/waystage/tools/waystage/demo"
	"github.com/waystage/waystage/tools/waystage/instance"
)

// summary says where everything is and what to try. Tokens are not shown, only their files; a
// write key is no secret.
func (u *up) summary(run instance.Run, writeKey string) {
	say := u.screen.Line
	say("")
	say("Waystage is up. Ctrl-C stops it; the data stay in %s.", u.config.Dir)
	say("")
	say("  send touchpoints   %s/v1/   Segment's HTTP API, with a write key", run.Ingest)
	say("  send, over gRPC    %s   from servers, with a write key", run.IngestGRPC)
	say("  ask, as JSON       %s/v1/   described by /openapi.json, with a read token", run.HTTP)
	say("  ask, over gRPC     %s", run.GRPC)
	say("  root token         in %s: it opens everything", u.folder.RootTokenFile())
	if writeKey == "" {
		say("")
		say("Make a site:")
		say("")
		say("  %s site create shop%s", u.config.Command, u.dataFlag())
		return
	}
	say("  keys of %-11sin %s", `"`+demo.Site+`"`, u.folder.CredentialsFile())
	say("")
	company := demo.CompanyOf(u.story.Demo)
	say("The site %q is %s. Try, in another terminal:", demo.Site, company.Title)
	say("")
	say("  %s ask funnel --stages %s --by persona%s",
		u.config.Command, company.Stages, u.dataFlag())
	say("")
	say("  curl -u %s: %s/v1/track -H 'Content-Type: application/json' \\", writeKey, run.Ingest)
	say(`    -d '{"userId": "ann", "event": %q}'`, company.Event)
	say("")
	say("  curl -H \"Authorization: Bearer $(cat %s)\" \\", quoted(u.folder.RootTokenFile()))
	say("    %s/v1/sites/%s/funnels:ask -d '{\"question\": {", run.HTTP, demo.Site)
	say(`      "range": {"fromDate": "2020-01-01", "toDate": "2100-01-01"},`)
	say(`      "steps": [{"stage": %q}, {"event": %q}]}}'`, company.Stage, company.Sale)
	say("")
}

// dataFlag names the folder where it is not the usual one.
func (u *up) dataFlag() string {
	if u.config.Dir == instance.DefaultDir {
		return ""
	}
	return " --data " + quoted(u.config.Dir)
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:@%,"
	if path != "" && strings.Trim(path, harmless) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
