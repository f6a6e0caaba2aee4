package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/waystage/waystage/services/internal/fault"
)

// domain is the domain of every google.rpc.ErrorInfo.
const domain = "waystage"

// reasonTooLarge is the ErrorInfo reason that sets TooLarge apart from Exhausted: both are
// RESOURCE_EXHAUSTED, only the second may be retried.
const reasonTooLarge = "TOO_LARGE"

// defaultRetryAfter is what RetryInfo says where a retryable error says nothing itself.
const defaultRetryAfter = time.Second

// codeOf is the one table from kinds to gRPC codes.
var codeOf = map[fault.Kind]codes.Code{
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

// CodeOf gives the gRPC code of a kind. Unknown kinds are Internal.
func CodeOf(kind fault.Kind) codes.Code {
	if code, ok := codeOf[kind]; ok {
		return code
	}
	return codes.Internal
}

// StatusOf makes an error what the caller gets: code, safe message, and details ErrorInfo always,
// BadRequest where fields are wrong, RetryInfo where a retry makes sense. A status stays as it is.
// nil gives nil.
func StatusOf(err error) *status.Status {
	if err == nil {
		return nil
	}
	if s, ok := asStatus(err); ok {
		return s
	}
	kind := fault.Of(err)
	code := CodeOf(kind)
	if kind == fault.Expired && errors.Is(err, context.Canceled) {
		code = codes.Canceled
	}
	return detailed(status.New(code, shortened(fault.Message(err))), detailsOf(kind, err))
}

// asStatus finds a status that the error is, not one that it only wraps: what a client library
// below us was told is no answer of ours.
func asStatus(err error) (*status.Status, bool) {
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus(), true
	}
	return nil, false
}

func detailsOf(kind fault.Kind, err error) []protoadapt.MessageV1 {
	details := []protoadapt.MessageV1{errorInfo(kind)}
	if violations := fault.ViolationsOf(err); len(violations) > 0 {
		details = append(details, badRequest(violations))
	}
	if kind == fault.Exhausted || kind == fault.Unavailable {
		after := fault.RetryAfter(err)
		if after <= 0 {
			after = defaultRetryAfter
		}
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	}
	return details
}

func errorInfo(kind fault.Kind) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: strings.ToUpper(kind.String()), Domain: domain}
}

// Sizes of an error. It travels in HTTP/2 trailers, of which many clients take no more than 8 KiB.
const (
	messageMaxBytes    = 1 << 10
	violationsMaxBytes = 4 << 10
)

// badRequest holds the violations that fit, one always, and the number of the others.
func badRequest(violations fault.Violations) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	size := 0
	for i, v := range violations {
		field, description := shortened(v.Field), shortened(v.Description)
		size += len(field) + len(description)
		if i > 0 && size > violationsMaxBytes {
			description = fmt.Sprintf("%d more mistakes; mend those above first", len(violations)-i)
			b.FieldViolations = append(b.FieldViolations,
				&errdetails.BadRequest_FieldViolation{Description: description})
			return b
		}
		b.FieldViolations = append(b.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: field, Description: description})
	}
	return b
}

// shortened cuts a text that is too long between two characters.
func shortened(text string) string {
	if len(text) <= messageMaxBytes {
		return text
	}
	return strings.ToValidUTF8(text[:messageMaxBytes], "") + "…"
}

// detailed adds details; where that is impossible the bare status must do.
func detailed(s *status.Status, details []protoadapt.MessageV1) *status.Status {
	if with, err := s.WithDetails(details...); err == nil {
		return with
	}
	return s
}

// httpStatusOf is the HTTP status of a status where it differs from the usual table, else 0.
func httpStatusOf(s *status.Status) int {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Reason == reasonTooLarge {
			return http.StatusRequestEntityTooLarge
		}
	}
	return 0
}

// retryDelayOf is the RetryInfo of a status, 0 where it has none.
func retryDelayOf(s *status.Status) time.Duration {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration()
		}
	}
	return 0
}
