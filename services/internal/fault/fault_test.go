package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/internal/fault"
)

func TestTextsAndKind(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.7:9000: refused")
	away := fault.Wrap(fault.Unavailable, cause, "the store is away; try again")
	for name, c := range map[string]struct {
		err       error
		kind      fault.Kind
		message   string
		log       string
		retryable bool
	}{
		"new": {
			err:     fault.New(fault.NotFound, "site %q is unknown", "shop"),
			kind:    fault.NotFound,
			message: `site "shop" is unknown`,
			log:     `site "shop" is unknown`,
		},
		"cause is not for callers": {
			err:       away,
			kind:      fault.Unavailable,
			message:   "the store is away; try again",
			log:       "the store is away; try again: dial tcp 10.0.0.7:9000: refused",
			retryable: true,
		},
		"found below a wrap": {
			err:       fmt.Errorf("inserting 500 touchpoints: %w", away),
			kind:      fault.Unavailable,
			message:   "the store is away; try again",
			log:       "inserting 500 touchpoints: the store is away; try again: " + cause.Error(),
			retryable: true,
		},
		"the outermost fault counts": {
			err:     fault.Wrap(fault.Internal, away, "the map cannot be read"),
			kind:    fault.Internal,
			message: "the map cannot be read",
			log:     "the map cannot be read: the store is away; try again: " + cause.Error(),
		},
		"a fault counts before the context's error it wraps": {
			err:       fault.Wrap(fault.Unavailable, context.DeadlineExceeded, "try again"),
			kind:      fault.Unavailable,
			message:   "try again",
			log:       "try again: context deadline exceeded",
			retryable: true,
		},
		"joined": {
			err:     errors.Join(cause, fault.New(fault.Exists, "site exists")),
			kind:    fault.Exists,
			message: "site exists",
			log:     cause.Error() + "\nsite exists",
		},
		"deadline": {
			err:       fmt.Errorf("asking: %w", context.DeadlineExceeded),
			kind:      fault.Expired,
			message:   "the request was ended before it was done; try again with more time",
			log:       "asking: context deadline exceeded",
			retryable: true,
		},
		"canceled": {
			err:       context.Canceled,
			kind:      fault.Expired,
			message:   "the request was ended before it was done; try again with more time",
			log:       "context canceled",
			retryable: true,
		},
		"without a kind": {
			err:     cause,
			kind:    fault.Internal,
			message: "internal error; the operator's log has the cause",
			log:     cause.Error(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.Of(c.err); got != c.kind {
				t.Errorf("kind is %v, want %v", got, c.kind)
			}
			if diff := cmp.Diff(c.message, fault.Message(c.err)); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.log, c.err.Error()); diff != "" {
				t.Errorf("log text (-want +got):\n%s", diff)
			}
			if got := fault.Retryable(c.err); got != c.retryable {
				t.Errorf("retryable is %v, want %v", got, c.retryable)
			}
		})
	}
}

func TestNothingIsNoFault(t *testing.T) {
	if err := fault.Wrap(fault.Internal, nil, "reading"); err != nil {
		t.Errorf("Wrap of nil is %v, want nil", err)
	}
	if err := (fault.Violations{}).Err(fault.Invalid); err != nil {
		t.Errorf("no violations are %v, want nil", err)
	}
	if kind, message := fault.Of(nil), fault.Message(nil); kind != 0 || message != "" {
		t.Errorf("nil is %v %q, want no kind and no message", kind, message)
	}
	if fault.Retryable(nil) || fault.RetryAfter(nil) != 0 || fault.ViolationsOf(nil) != nil {
		t.Error("nil is retryable or has details")
	}
}

func TestWrapKeepsItsCause(t *testing.T) {
	cause := errors.New("broken pipe")
	if err := fault.Wrap(fault.Unavailable, cause, "away"); !errors.Is(err, cause) {
		t.Errorf("%v does not wrap %v", err, cause)
	}
}

func TestDetailsAreFoundBelowOtherFaults(t *testing.T) {
	slow := fault.Exhaust(3*time.Second, "more than 100 questions at once")
	if got := fault.RetryAfter(fault.Wrap(fault.Exhausted, slow, "busy")); got != 3*time.Second {
		t.Errorf("retry after %v, want 3s", got)
	}
	var wrong fault.Violations
	wrong.Add("question.steps", "want 2 to 30 steps, have 1")
	wrong.Add("", "the question is empty")
	err := wrong.Err(fault.Invalid)
	if diff := cmp.Diff(wrong, fault.ViolationsOf(fmt.Errorf("asking: %w", err))); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	const want = "question.steps: want 2 to 30 steps, have 1; the question is empty"
	if got := fault.Message(err); got != want {
		t.Errorf("message is %q, want %q", got, want)
	}
}

func TestKindsAreNamedAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range fault.Kinds() {
		name := k.String()
		if name == "" || name == "none" || seen[name] {
			t.Errorf("kind %d has no name of its own: %q", k, name)
		}
		seen[name] = true
	}
	if len(seen) != 11 {
		t.Errorf("there are %d kinds, want 11", len(seen))
	}
	if got := fault.Kind(99).String(); got != "kind_99" {
		t.Errorf("a kind outside of the set is %q, want kind_99", got)
	}
}
