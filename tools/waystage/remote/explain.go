package remote

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Violation is one mistake in one field of a request.
type Violation struct{ Field, Description string }

// Violations are the mistakes that an error of a call names, in the order of the fields.
func Violations(err error) []Violation {
	s, ok := statusOf(err)
	if !ok {
		return nil
	}
	var list []Violation
	for _, detail := range s.Details() {
		bad, ok := detail.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, v := range bad.GetFieldViolations() {
			list = append(list, Violation{v.GetField(), v.GetDescription()})
		}
	}
	return list
}

// Explain makes an error of a call a text for people: what is wrong, a line per field that is, and
// what to do. Other errors stay as they are.
func Explain(err error) string {
	s, ok := statusOf(err)
	if !ok {
		return err.Error()
	}
	if violations := Violations(err); len(violations) > 0 {
		return listed(s.Code(), violations)
	}
	if advice := advices[s.Code()]; advice != "" {
		return s.Message() + "\n" + advice
	}
	return s.Message()
}

// advices for kinds of errors whose messages cannot know what the command takes.
var advices = map[codes.Code]string{
	codes.Unavailable: "Is the server there? Start one with `waystage up`, or say where it is " +
		"with --server or WAYSTAGE_SERVER.",
	codes.Unauthenticated: "Give a token with --token or WAYSTAGE_TOKEN.",
	codes.PermissionDenied: "Give a token that may do this with --token or WAYSTAGE_TOKEN, and " +
		"the site it is for with --site.",
	codes.DeadlineExceeded: "It took too long: try a shorter range, or again later.",
}

func listed(code codes.Code, violations []Violation) string {
	var text strings.Builder
	text.WriteString("the request is wrong:")
	if code == codes.Unimplemented {
		text.Reset()
		text.WriteString("this is not answered yet:")
	}
	for _, v := range violations {
		text.WriteString("\n  ")
		if v.Field != "" {
			fmt.Fprintf(&text, "%s: ", v.Field)
		}
		text.WriteString(v.Description)
	}
	return text.String()
}

// statusOf finds the status of a call in an error.
func statusOf(err error) (*status.Status, bool) {
	s, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return nil, false
	}
	return s.GRPCStatus(), true
}

// Code is the code of an error of a call, OK for nil and Unknown for other errors.
func Code(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	if s, ok := statusOf(err); ok {
		return s.Code()
	}
	return codes.Unknown
}
