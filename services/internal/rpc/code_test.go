package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
)

func TestEveryKindHasItsCode(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]codes.Code{
		fault.Invalid:         codes.InvalidArgument,
		fault.Unauthenticated: codes.Unauthenticated,
		fault.Forbidden:       codes.PermissionDenied,
		fault.NotFound:        codes.NotFound,
		fault.Exists:          codes.AlreadyExists,
		fault.TooLarge:        codes.ResourceExhausted,
		fault.Exhausted:       codes.ResourceExhausted,
		fault.Unavailable:     codes.Unavailable,
		fault.Expired:         codes.DeadlineExceeded,
		fault.Unsupported:     codes.Unimplemented,
		fault.Internal:        codes.Internal,
	}
	for _, kind := range fault.Kinds() {
		if got := rpc.CodeOf(kind); got != want[kind] || got == codes.OK {
			t.Errorf("%v: %v, want %v", kind, got, want[kind])
		}
		s := rpc.StatusOf(fault.New(kind, "text"))
		if reason := reasonOf(s); reason != strings.ToUpper(kind.String()) {
			t.Errorf("%v: reason %q", kind, reason)
		}
	}
	if got := rpc.CodeOf(0); got != codes.Internal {
		t.Errorf("no kind: %v", got)
	}
}

func TestStatusOfErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.0.0.7: refused")
	for name, c := range map[string]struct {
		err     error
		code    codes.Code
		message string
		retry   time.Duration
	}{
		"nothing": {nil, codes.OK, "", 0},
		"without a kind": {
			cause, codes.Internal, "internal error; the operator's log has the cause", 0,
		},
		"wrapped": {
			fmt.Errorf("asking: %w", fault.Wrap(fault.Unavailable, cause, "the store is away")),
			codes.Unavailable, "the store is away", time.Second,
		},
		"exhausted": {
			fault.Exhaust(7*time.Second, "too many"), codes.ResourceExhausted, "too many",
			7 * time.Second,
		},
		"too large": {
			fault.New(fault.TooLarge, "over the limit"), codes.ResourceExhausted,
			"over the limit", 0,
		},
		"deadline": {
			context.DeadlineExceeded, codes.DeadlineExceeded,
			"the request was ended before it was done; try again with more time", 0,
		},
		"caller left": {
			fmt.Errorf("reading: %w", context.Canceled), codes.Canceled,
			"the request was ended before it was done; try again with more time", 0,
		},
		"a status": {status.Error(codes.Aborted, "as it is"), codes.Aborted, "as it is", 0},
		"a status of something below": {
			fmt.Errorf("calling: %w", status.Error(codes.Aborted, "hidden")), codes.Internal,
			"internal error; the operator's log has the cause", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rpc.StatusOf(c.err)
			if s.Code() != c.code || s.Message() != c.message {
				t.Errorf("%v %q, want %v %q", s.Code(), s.Message(), c.code, c.message)
			}
			if got := retryOf(s); got != c.retry {
				t.Errorf("retry after %v, want %v", got, c.retry)
			}
		})
	}
}

// TestErrorsFitIntoTrailers: many clients take no more than 8 KiB of them.
func TestErrorsFitIntoTrailers(t *testing.T) {
	t.Parallel()
	var v fault.Violations
	for i := range 500 {
		v.Add(fmt.Sprintf("question.steps[%d]", i), strings.Repeat("ä", 100+i))
	}
	s := rpc.StatusOf(v.Err(fault.Invalid))
	if size := proto.Size(s.Proto()); size > 6<<10 {
		t.Errorf("%d bytes", size)
	}
	if !utf8.ValidString(s.Message()) {
		t.Error("cut within a character")
	}
	shown := violationsOf(s)
	last := shown[len(shown)-1]
	if want := fmt.Sprintf("%d more mistakes", 500-len(shown)+1); len(shown) < 5 ||
		!strings.Contains(last.GetDescription(), want) {
		t.Errorf("%d shown, the last is %v, want %q", len(shown), last, want)
	}
	v = nil
	v.Add(strings.Repeat("f", 9000), strings.Repeat("d", 9000))
	v.Add("b", "c")
	if got := violationsOf(rpc.StatusOf(v.Err(fault.Invalid))); len(got) != 2 {
		t.Errorf("%d violations after a long one, want 2", len(got))
	}
}

func reasonOf(s *status.Status) string {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "waystage" {
			return info.GetReason()
		}
	}
	return ""
}

func retryOf(s *status.Status) time.Duration {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func violationsOf(s *status.Status) []*errdetails.BadRequest_FieldViolation {
	for _, d := range s.Details() {
		if b, ok := d.(*errdetails.BadRequest); ok {
			return b.GetFieldViolations()
		}
	}
	return nil
}
