package rpc

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// volatile are the fields of an answer that change while nothing that was asked for does: when and
// how it was found. Those of facts and comparison count as the answer's own.
var volatile = []protoreflect.Name{
	"as_of", "from_time", "to_time", "fresh_until", "took_seconds", "touchpoints_read", "way",
	"cached",
}

// tag is the weak entity tag of an answer: that of its numbers, of the path and query that were
// asked for, so that no two sites share one, and of the format.
func (x *exchange) tag(answer proto.Message) string {
	still := proto.Clone(answer).ProtoReflect()
	fields := still.Descriptor().Fields()
	settle(still)
	for _, name := range []protoreflect.Name{"facts", "comparison"} {
		if f := fields.ByName(name); f != nil && f.Message() != nil && still.Has(f) {
			settle(still.Mutable(f).Message())
		}
	}
	// A token holds the instant of its first page; that there is one is what counts.
	if f := fields.ByName("next_page_token"); f != nil && still.Has(f) {
		still.Set(f, protoreflect.ValueOfString("more"))
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(still.Interface())
	if err != nil {
		b = nil // only for invalid UTF-8, which no transport lets in
	}
	format := jsonName
	if x.format != nil {
		format = x.format.Name
	}
	sum := sha256.New()
	for _, part := range []string{x.url.Path, x.url.Query().Encode(), format, string(b)} {
		_, _ = sum.Write([]byte(part + "\x00")) // a hash never fails
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:18]) + `"`
}

func settle(m protoreflect.Message) {
	for _, name := range volatile {
		if f := m.Descriptor().Fields().ByName(name); f != nil {
			m.Clear(f)
		}
	}
}

// matches compares the tags of an If-None-Match header with one, weakly. Source: RFC 9110, section
// 13.1.2.
func matches(known, tag string) bool {
	opaque := func(tag string) string { return strings.TrimPrefix(strings.TrimSpace(tag), "W/") }
	for candidate := range strings.SplitSeq(known, ",") {
		if o := opaque(candidate); o == "*" || o == opaque(tag) {
			return true
		}
	}
	return false
}
