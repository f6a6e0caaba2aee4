package collect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// deliver sends a batch until the server has it. An error means that it never will, or that the
// client was cut.
func (l *lane) deliver(batch []*item) ([]*collectv1.Result, error) {
	c := l.client
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = c.settings.firstPause, c.settings.longestPause
	request := &collectv1.CollectRequest{
		Messages: messagesOf(batch), Imported: c.settings.imported,
	}
	for {
		results, err := c.try(request)
		switch {
		case err == nil:
			return results, nil
		case c.cutting.Err() != nil:
			return nil, c.cutting.Err()
		}
		asked, again := retry(err)
		if !again {
			err = fmt.Errorf("the server takes no messages: %w", err)
			c.fail(err)
			return nil, err
		}
		wait := max(pause.NextBackOff(), spread(asked))
		if c.settings.retried != nil {
			c.settings.retried(err, wait)
		}
		select {
		case <-time.After(wait):
		case <-c.cutting.Done():
			return nil, c.cutting.Err()
		}
	}
}

// try sends a batch once.
func (c *Client) try(request *collectv1.CollectRequest) ([]*collectv1.Result, error) {
	ctx, cancel := context.WithTimeout(c.cutting, c.settings.timeout)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.writeKey)
	// Each time anew: the server takes the difference to its own clock for a wrong one.
	request.SentAt = timestamppb.Now()
	response, err := c.service.Collect(ctx, request)
	if err != nil {
		return nil, err //nolint:wrapcheck // deliver says what it means
	}
	if got := len(response.GetResults()); got != len(request.GetMessages()) {
		return nil, status.Errorf(codes.DataLoss, "%d results for %d messages", got,
			len(request.GetMessages()))
	}
	return response.GetResults(), nil
}

// retry tells whether a batch is sent again after an error, and after what time at the earliest.
func retry(err error) (after time.Duration, again bool) {
	s := status.Convert(err)
	stated := false
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			after, stated = info.GetRetryDelay().AsDuration(), true
		}
	}
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Canceled, codes.Internal,
		codes.Unknown:
		return after, true
	case codes.ResourceExhausted:
		return after, stated
	default:
		return 0, false
	}
}

// spread is a time a little longer, so that not all lanes come back at once.
func spread(wait time.Duration) time.Duration {
	const share = 10
	if wait <= 0 {
		return 0
	}
	return wait + rand.N(wait/share+1)
}
