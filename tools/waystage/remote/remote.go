// Package remote connects a command with the question API over gRPC and says in words what went
// wrong with a call.
package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	cataloguev1 "github.com/waystage/waystage/proto/gen/waystage/catalogue/v1"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	funnelv1 "github.com/waystage/waystage/proto/gen/waystage/funnel/v1"
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	personv1 "github.com/waystage/waystage/proto/gen/waystage/person/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

// Client calls the question API with one token. Make it with New; it must be closed.
type Client struct {
	Funnels funnelv1.FunnelServiceClient
	// Questions are the saved ones.
	Questions funnelv1.SavedQuestionServiceClient
	Maps      journeyv1.JourneyMapServiceClient
	Sites     sitev1.SiteServiceClient
	Persons   personv1.PersonServiceClient
	// Catalogue holds the names that a site has sent.
	Catalogue cataloguev1.CatalogueServiceClient
	// Quarantine holds refused messages.
	Quarantine collectv1.QuarantineServiceClient

	conn *grpc.ClientConn
}

// maxAnswerBytes is more than any page of persons takes.
const maxAnswerBytes = 64 << 20

// callTimeout bounds a call, beyond what the server allows one.
const callTimeout = 2 * time.Minute

// New prepares a client without calling anything. The address is host:port; with "https://"
// before it the connection is encrypted. An empty token is not sent.
func New(address, token string) (*Client, error) {
	target, transport := address, insecure.NewCredentials()
	if rest, ok := strings.CutPrefix(address, "https://"); ok {
		target, transport = rest, credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	} else if rest, ok := strings.CutPrefix(address, "http://"); ok {
		target = rest
	}
	// The library's errors would print it.
	if strings.Contains(target, "@") {
		return nil, errors.New("the server's address has a user in it: write HOST:PORT, and give a " +
			"token by --token or WAYSTAGE_TOKEN")
	}
	conn, err := grpc.NewClient("dns:///"+strings.TrimRight(target, "/"),
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
		grpc.WithUnaryInterceptor(bearer(token)),
		grpc.WithStreamInterceptor(bearerOfStreams(token)),
	)
	if err != nil {
		return nil, fmt.Errorf("reading the server's address %q: %w", address, err)
	}
	return &Client{
		Funnels:   funnelv1.NewFunnelServiceClient(conn),
		Questions: funnelv1.NewSavedQuestionServiceClient(conn),
		Maps:      journeyv1.NewJourneyMapServiceClient(conn),
		Sites:     sitev1.NewSiteServiceClient(conn),
		Persons:   personv1.NewPersonServiceClient(conn),
		Catalogue: cataloguev1.NewCatalogueServiceClient(conn),

		Quarantine: collectv1.NewQuarantineServiceClient(conn),

		conn: conn,
	}, nil
}

// Close gives the connection back.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil {
		return fmt.Errorf("closing the connection: %w", err)
	}
	return nil
}

// bearer adds the token and a deadline to every call.
func bearer(token string) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		}
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return invoke(ctx, method, request, reply, conn, options...)
	}
}

// bearerOfStreams does the same for answers that come in several messages: who asks ends them.
func bearerOfStreams(token string) grpc.StreamClientInterceptor {
	return func(
		ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
		open grpc.Streamer, options ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		}
		return open(ctx, desc, conn, method, options...)
	}
}
