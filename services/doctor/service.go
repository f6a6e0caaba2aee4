package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/waystage/waystage/services/internal/conf"
)

func lookAtIngest(ctx context.Context, c Config, tell teller) {
	const part = "ingest"
	if c.Ingest == "" {
		tell.skip(part, "address", "its address is not known: give --ingest or WAYSTAGE_INGEST")
		return
	}
	lookAtHTTP(ctx, c, tell, part, c.Ingest, "/readyz",
		"see the log of ingest: it is ready once Kafka answers and its topics are there")
	lookAtGRPC(ctx, tell, part, c.IngestGRPC)
}

func lookAtQuery(ctx context.Context, c Config, tell teller) {
	const part = "query"
	if c.Query == "" && c.QueryGRPC == "" {
		tell.skip(part, "address", "its address is not known: give --server or WAYSTAGE_SERVER")
		return
	}
	if c.Query != "" {
		lookAtHTTP(ctx, c, tell, part, c.Query, "/openapi.json", "see the log of query")
	}
	lookAtGRPC(ctx, tell, part, c.QueryGRPC)
}

// lookAtHTTP asks for a path of an address: does it answer, which version, by which clock. A user
// and password in the address are sent and not told.
func lookAtHTTP(ctx context.Context, c Config, tell teller, part, base, path, do string) {
	address, err := url.Parse(base)
	if err != nil || address.Host == "" || address.RawQuery != "" {
		tell.judge(part, "http", Fail, "write the address as http://HOST:PORT",
			"the address that is given is none")
		return
	}
	address = address.JoinPath(path)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	address.User = nil
	if err != nil {
		tell.judge(part, "http", Fail, "write the address as http://HOST:PORT",
			"%q is no address", address)
		return
	}
	began := c.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		tell.judge(part, "http", Fail, "start it, or give the address it has; "+
			"is a firewall between?", "%s does not answer: %v", address, causeOf(err))
		return
	}
	defer answer.Body.Close()
	// Read to its end, so that the connection is kept.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	took := c.Now().Sub(began)
	if answer.StatusCode != http.StatusOK {
		tell.judge(part, "http", Fail, do, "%s answers %s", address, answer.Status)
		return
	}
	tell.fine(part, "http", "%s answers in %v", address, took.Round(time.Millisecond))
	lookAtVersion(tell, part, answer.Header.Get(conf.VersionHeader))
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		// A Date is cut to seconds; it was written somewhere between question and answer.
		ahead := at.Add(time.Second / 2).Sub(began.Add(took / 2))
		tell.clock(part, ahead, time.Second/2+took/2)
	}
}

// causeOf is an error of HTTP without the address, which stands in it with its user.
func causeOf(err error) error {
	if of, is := errors.AsType[*url.Error](err); is {
		return of.Err
	}
	return err
}

func lookAtVersion(tell teller, part, version string) {
	switch {
	case version == "":
		tell.judge(part, "version", Warn, "see whether the address is that of a Waystage service",
			"it does not tell its version")
	case version != Version():
		tell.judge(part, "version", Warn, "run the same release everywhere; upgrade the processor "+
			"before query and ingest", "it is %s, this command is %s", version, Version())
	default:
		tell.fine(part, "version", "%s", version)
	}
}

// lookAtGRPC asks a port whether it serves.
func lookAtGRPC(ctx context.Context, tell teller, part, address string) {
	if address == "" {
		tell.skip(part, "grpc", "its gRPC address is not known")
		return
	}
	if strings.HasPrefix(address, "https://") {
		tell.skip(part, "grpc", "behind TLS; ask it with any command instead")
		return
	}
	target := strings.TrimRight(strings.TrimPrefix(address, "http://"), "/")
	if strings.ContainsAny(target, "@?/") {
		tell.judge(part, "grpc", Fail, "write the address as HOST:PORT, with no user, path or query",
			"the address that is given is none")
		return
	}
	conn, err := grpc.NewClient("dns:///"+target,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tell.judge(part, "grpc", Fail, "write the address as HOST:PORT", "%q is no address", address)
		return
	}
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	answer, err := grpc_health_v1.NewHealthClient(conn).
		Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	switch {
	case err != nil:
		tell.judge(part, "grpc", Fail, "start it, or give the address it has",
			"%s does not answer: %v", target, err)
	case answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		tell.judge(part, "grpc", Fail, fmt.Sprintf("see the log of %s: it waits for what it needs", part),
			"%s is not serving", target)
	default:
		tell.fine(part, "grpc", "%s is serving", target)
	}
}
