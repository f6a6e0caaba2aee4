package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/waystage/waystage/services/internal/fault"
)

// newMux makes the gateway: lowerCamelCase names out, both spellings in, every field written,
// unknown fields refused, errors as google.rpc.Status.
func newMux() *runtime.ServeMux {
	return runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &codec{JSONPb: runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}}),
		runtime.WithErrorHandler(writeError),
		runtime.WithRoutingErrorHandler(writeRoutingError),
		runtime.WithStreamErrorHandler(func(_ context.Context, err error) *status.Status {
			return completed(status.Convert(err))
		}),
		runtime.WithOutgoingHeaderMatcher(outgoing),
		runtime.WithForwardResponseOption(head),
		runtime.WithForwardResponseRewriter(body),
	)
}

// codec is the JSON of the gateway. It reads a body whole, so that nothing after the first value
// goes unseen.
type codec struct{ runtime.JSONPb }

// NewDecoder gives a decoder of one message. An empty body gives io.EOF.
func (c *codec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		message, ok := v.(proto.Message)
		if !ok {
			return c.JSONPb.NewDecoder(r).Decode(v)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("reading the body: %w", err)
		}
		if len(bytes.TrimSpace(body)) == 0 {
			return io.EOF
		}
		if err := c.Unmarshal(body, message); err != nil {
			return mistake(body, message.ProtoReflect().Descriptor(), err)
		}
		return nil
	})
}

// Marshal writes one message; what is in another format already stays as it is.
func (c *codec) Marshal(v any) ([]byte, error) {
	if written, is := v.(raw); is {
		return written, nil
	}
	return c.JSONPb.Marshal(v) //nolint:wrapcheck // as the library does
}

// Unmarshal reads one message.
func (c *codec) Unmarshal(body []byte, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return c.JSONPb.Unmarshal(body, v)
	}
	return c.UnmarshalOptions.Unmarshal(body, message)
}

// plain is the text of a protojson error without its prefix, whose white space varies on purpose,
// and with no bytes of the body that no answer could carry.
func plain(err error) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "\ufffd"), "\u00a0", " ")
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "proto:"))
}

// completed adds what a status from the generated gateway lacks: an ErrorInfo, and a violation of
// the field with a mistake.
func completed(s *status.Status) *status.Status {
	if s.Code() != codes.InvalidArgument || len(s.Details()) > 0 {
		return s
	}
	details := detailsOf(fault.Invalid, violation(s.Message()).Err(fault.Invalid))
	return detailed(status.New(s.Code(), s.Message()), details)
}

// writeError answers with an error as JSON.
func writeError(
	ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler,
	w http.ResponseWriter, r *http.Request, err error,
) {
	stated, _ := errors.AsType[*runtime.HTTPStatusError](err)
	if stated != nil {
		err = stated.Err
	}
	s := completed(status.Convert(err))
	if after := retryDelayOf(s); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if code := httpStatusOf(s); stated != nil {
		err = &runtime.HTTPStatusError{HTTPStatus: stated.HTTPStatus, Err: s.Err()}
	} else if code != 0 {
		err = &runtime.HTTPStatusError{HTTPStatus: code, Err: s.Err()}
	} else {
		err = s.Err()
	}
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, challenger{w}, r, err)
}

// challenger sets the challenge that RFC 7235 asks of a 401 in place of the gateway's.
type challenger struct{ http.ResponseWriter }

// WriteHeader sends the header.
func (c challenger) WriteHeader(code int) {
	if code == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", `Bearer realm="waystage"`)
	}
	c.ResponseWriter.WriteHeader(code)
}

func writeRoutingError(
	ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler,
	w http.ResponseWriter, r *http.Request, code int,
) {
	err := fault.New(fault.NotFound, "no such path; see /openapi.json for those there are")
	switch code {
	case http.StatusBadRequest:
		err = fault.New(fault.Invalid, "the path is malformed; see /openapi.json")
	case http.StatusMethodNotAllowed:
		err = fault.New(fault.Unsupported, "no such method on this path; see /openapi.json")
	}
	failure := &runtime.HTTPStatusError{HTTPStatus: code, Err: StatusOf(err).Err()}
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, failure)
}
