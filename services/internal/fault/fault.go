// Package fault gives every error one of a closed set of kinds and two texts: a message that is
// safe for callers and says what to do, and a cause that is for the log. It is pure.
//
// Whoever first knows what an error means makes it a fault; those above wrap it with %w and a
// gerund phrase, or with Wrap where they know better what it means to the caller.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Error is an error with a kind. It is made by this package's functions and never changes.
type Error struct {
	kind       Kind
	message    string
	cause      error
	violations Violations
	retryAfter time.Duration
}

// New makes an error of that kind. The text is shown to callers: it must hold nothing that they
// may not know.
func New(kind Kind, format string, args ...any) error {
	return &Error{kind: kind, message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of that kind that was caused by another. The text is shown to callers, the
// cause is not. It gives nil where the cause is nil.
func Wrap(kind Kind, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{kind: kind, message: fmt.Sprintf(format, args...), cause: cause}
}

// Exhaust makes an error of kind Exhausted that tells when to try again, counted from now.
func Exhaust(retryAfter time.Duration, format string, args ...any) error {
	return &Error{
		kind:       Exhausted,
		message:    fmt.Sprintf(format, args...),
		retryAfter: retryAfter,
	}
}

// Error is the whole text, for the log: the message and, after a colon, the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

// Unwrap gives the cause, which may be nil.
func (e *Error) Unwrap() error { return e.cause }

// Of gives the kind of the outermost fault among the error and its causes. Without one it is
// Expired for the errors of a context and Internal for all others. Of nil it is 0.
func Of(err error) Kind {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.kind
	}
	if expired(err) {
		return Expired
	}
	return Internal
}

// Message gives the text of the outermost fault, without its causes: it is safe for callers. All
// that has no kind gets one general sentence. Of nil it is empty.
func Message(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.message
	}
	if expired(err) {
		return "the request was ended before it was done; try again with more time"
	}
	return "internal error; the operator's log has the cause"
}

// Retryable tells whether the same request may succeed later.
func Retryable(err error) bool { return Of(err).Retryable() }

// RetryAfter gives the time to wait that Exhaust was given, 0 where there is none.
func RetryAfter(err error) time.Duration {
	e := find(err, func(e *Error) bool { return e.retryAfter > 0 })
	return e.retryAfter
}

func expired(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// find gives the outermost fault for which the test holds, and an empty one where there is none.
func find(err error, holds func(*Error) bool) *Error {
	for {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return &Error{}
		}
		if holds(e) {
			return e
		}
		err = e.cause
	}
}
