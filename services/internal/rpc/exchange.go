package rpc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/services/internal/fault"
)

// exchange is one request over HTTP, from the edge through the call to what is written.
type exchange struct {
	formats []Format
	wish    wish
	table   string
	// url is what was asked for, and get whether by GET or HEAD.
	url *url.URL
	get bool
	// known are the entity tags that the caller has.
	known string

	// format is what is answered in, nil being JSON; body is the answer in it.
	format *Format
	body   raw
	// whole tells that body is all that is written, empty where the caller has the answer already.
	whole bool
	// lines tells that the answer is a stream: a JSON object a line, of which nothing is known before.
	lines bool
}

// newExchange reads what a request says of its answer. Errors: Invalid.
func newExchange(r *http.Request, formats []Format) (*exchange, error) {
	// What cannot be read is left out by the library: a filter, and nobody would know.
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the query cannot be read: %q; write ; as %%3B, %% as "+
			"%%25, & as %%26 and + as %%2B within a value", err.Error())
	}
	if !isText(r.URL.Path, query) {
		return nil, fault.New(fault.Invalid, "the address is no text in UTF-8")
	}
	wish, err := wishOf(r, formats)
	if err != nil {
		return nil, err
	}
	table, err := single(r, tableParameter)
	if err != nil {
		return nil, err
	}
	return &exchange{
		formats: formats, wish: wish, table: table, url: r.URL, get: reads(r),
		known: strings.Join(r.Header.Values("If-None-Match"), ","),
	}, nil
}

// isText tells that messages can carry a path and a query.
func isText(path string, query url.Values) bool {
	texts := []string{path}
	for name, values := range query {
		texts = append(append(texts, name), values...)
	}
	return !slices.ContainsFunc(texts, func(text string) bool { return !utf8.ValidString(text) })
}

// reads tells a GET or HEAD.
func reads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

type exchangeKey struct{}

func (x *exchange) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// byKey is the header in which a handler tells the names of breakdowns.
const byKey = "waystage-by-bin"

// NameBreakdowns tells how the breakdowns of the question being answered are called, in order:
// tables name columns for them. Outside a call it does nothing.
func NameBreakdowns(ctx context.Context, names []string) {
	pairs := make([]string, 0, 2*len(names))
	for _, name := range names {
		pairs = append(pairs, byKey, name)
	}
	_ = grpc.SetHeader(ctx, metadata.Pairs(pairs...)) // there is no call
}

// convert is the way of the gateway's calls: it settles the format before the method does anything,
// and writes the answer in it.
func convert(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	x, answer := exchangeOf(ctx), reply.(proto.Message) //nolint:forcetypeassert // all are
	if x == nil {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	if err := x.settle(answer.ProtoReflect().Descriptor().FullName()); err != nil {
		return err
	}
	var header metadata.MD
	options = append(options, grpc.Header(&header))
	if err := invoke(ctx, method, request, reply, conn, options...); err != nil || x.format == nil {
		return err
	}
	var err error
	if x.body, err = x.format.Write(answer, x.table, header.Get(byKey)); err != nil {
		return StatusOf(fmt.Errorf("writing an answer as %s: %w", x.format.Name, err)).Err()
	}
	return nil
}

// settle chooses format and table for an answer. Errors: a status that tells what there is.
func (x *exchange) settle(answer protoreflect.FullName) error {
	var offered []Format
	for _, f := range x.formats {
		if len(f.Tables(answer)) > 0 {
			offered = append(offered, f)
		}
	}
	var none bool
	if x.format, none = x.wish.choose(offered); none {
		return notAcceptable(offered)
	}
	if x.table == "" {
		return nil
	}
	var v fault.Violations
	switch {
	case x.format == nil:
		v.Add(tableParameter, "only tables have one: give format=csv with it")
	case !slices.Contains(x.format.Tables(answer), x.table):
		v.Add(tableParameter, fmt.Sprintf("is %q: give %s", x.table,
			strings.Join(x.format.Tables(answer), " or ")))
	}
	return StatusOf(v.Err(fault.Invalid)).Err()
}

func notAcceptable(offered []Format) error {
	types := []string{jsonType}
	for _, f := range offered {
		bare, _, _ := strings.Cut(f.Type, ";")
		types = append(types, bare)
	}
	err := fault.New(fault.Unsupported, "this method does not answer in such a format: accept %s",
		strings.Join(types, " or "))
	return &runtime.HTTPStatusError{
		HTTPStatus: http.StatusNotAcceptable, Err: StatusOf(err).Err(),
	}
}

// head sets the headers of an answer, and ends it where the caller has it already.
func head(ctx context.Context, w http.ResponseWriter, answer proto.Message) error {
	x := exchangeOf(ctx)
	if x == nil || x.lines {
		return nil
	}
	h := w.Header()
	if x.format != nil {
		x.whole = true
		h.Set("Content-Type", x.format.Type)
		h.Set("Content-Disposition", `attachment; filename="`+x.file()+`"`)
	}
	setPage(h, x, answer)
	if !x.get {
		return nil
	}
	tag := x.tag(answer)
	h.Set("ETag", tag)
	if matches(x.known, tag) {
		h.Del("Content-Type")
		h.Del("Content-Disposition")
		x.body, x.whole = nil, true
		w.WriteHeader(http.StatusNotModified)
	}
	return nil
}

// file is a name for the answer's file: site, method and table.
func (x *exchange) file() string {
	name := strings.TrimPrefix(strings.TrimPrefix(x.url.Path, "/v1/"), "sites/")
	if x.table != "" {
		name += "-" + x.table
	}
	name = strings.Map(func(r rune) rune {
		if r < 'a' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') || r > 'z' {
			return '-'
		}
		return r
	}, name)
	return name + "." + x.format.Name
}

// setPage tells of pages in headers: a table has no place for it.
func setPage(h http.Header, x *exchange, answer proto.Message) {
	m := answer.ProtoReflect()
	fields := m.Descriptor().Fields()
	if f := fields.ByName("total_size"); f != nil {
		h.Set("X-Total-Size", strconv.FormatUint(m.Get(f).Uint(), 10))
	}
	f := fields.ByName("next_page_token")
	if f == nil || m.Get(f).String() == "" {
		return
	}
	next := m.Get(f).String()
	h.Set("X-Next-Page-Token", next)
	if x.get {
		query := x.url.Query()
		query.Del("page_token")
		query.Set("pageToken", next)
		h.Set("Link", "<"+(&url.URL{Path: x.url.Path, RawQuery: query.Encode()}).String()+`>; rel="next"`)
	}
}

// raw is an answer that is written as it is.
type raw []byte

// body gives what is written of an answer or an error: itself where that is JSON.
func body(ctx context.Context, answer proto.Message) (any, error) {
	if x := exchangeOf(ctx); x != nil && x.whole {
		return x.body, nil
	}
	return answer, nil
}

// outgoing lets pass to callers what handlers say in headers, but for what is said to the edge.
func outgoing(key string) (string, bool) {
	return runtime.MetadataHeaderPrefix + key, key != byKey
}
