package rpc

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// Keys finds keys by the hash of their secret.
type Keys interface {
	// KeyByHash gives the key, a revoked one too. Errors: NotFound, Unavailable.
	KeyByHash(ctx context.Context, hash journey.KeyHash) (journey.Key, error)
}

// Access is what a method asks of its caller. A root token opens everything.
type Access uint8

// The levels. Reading and Administration are of the site that the request names; Operation is
// for the root token alone.
const (
	Operation Access = iota
	Administration
	Reading
)

// Caller is who called. It is in the context of every handler.
type Caller struct {
	// Root tells the operator's root token; Key is then empty.
	Root bool
	Key  journey.Key
}

type callerKey struct{}

// CallerOf gives the caller of a handler's context, an empty one elsewhere.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Guard lets in who may come in. It is safe for concurrent use.
type Guard struct {
	root  journey.KeyHash
	rooty bool
	keys  *keyCache
}

// keyCacheAge is how long a key, or that there is none, is believed: a revoked one is taken for
// no longer.
const keyCacheAge = 5 * time.Second

// NewGuard makes a guard. An empty root token opens nothing. now is the clock.
func NewGuard(rootToken string, keys Keys, now func() time.Time) *Guard {
	return &Guard{
		root: HashOf(rootToken), rooty: rootToken != "",
		keys: newKeyCache(keys, keyCacheAge, now),
	}
}

// authenticate finds the caller by the request's metadata. Errors: Unauthenticated, Unavailable.
func (g *Guard) authenticate(ctx context.Context) (Caller, error) {
	hashes, err := hashesOf(headerOf(ctx))
	if err != nil {
		return Caller{}, err
	}
	for _, hash := range hashes {
		caller, err := g.callerBy(ctx, hash)
		if fault.Of(err) == fault.NotFound {
			continue
		}
		return caller, err
	}
	return Caller{}, fault.New(fault.Unauthenticated, "unknown token; %s", howToSend)
}

func (g *Guard) callerBy(ctx context.Context, hash journey.KeyHash) (Caller, error) {
	if g.rooty && subtle.ConstantTimeCompare(hash[:], g.root[:]) == 1 {
		return Caller{Root: true}, nil
	}
	key, err := g.keys.KeyByHash(ctx, hash)
	if err != nil {
		return Caller{}, err
	}
	if key.Revoked() {
		return Caller{}, fault.New(fault.Unauthenticated, "this token is revoked; use another one")
	}
	return Caller{Key: key}, nil
}

// authorize tells whether the caller may have what the method asks. Errors: Forbidden, the same
// whether the site exists or not; Invalid where the request names no site.
func authorize(c Caller, access Access, request any) error {
	if c.Root {
		return nil
	}
	if access == Operation {
		return fault.New(fault.Forbidden, "this needs the operator's root token")
	}
	site, err := siteOf(request)
	if err != nil {
		return err
	}
	if site != c.Key.Site {
		return fault.New(fault.Forbidden, "this token does not open sites/%s; use one of its own", site)
	}
	return permit(c.Key.Kind, access)
}

func permit(kind journey.KeyKind, access Access) error {
	switch {
	case kind == journey.AdminKey:
		return nil
	case kind != journey.ReadKey:
		return fault.New(fault.Forbidden,
			"a write key only sends touchpoints; use a read token (rt_…) or an admin token (at_…)")
	case access != Reading:
		return fault.New(fault.Forbidden, "a read token only reads; use an admin token (at_…)")
	}
	return nil
}

// siteOf is the site in the request's parent or name, or in the name of what it updates.
func siteOf(request any) (journey.SiteID, error) {
	field, name := resourceOf(request)
	rest, ok := strings.CutPrefix(name, "sites/")
	id, _, _ := strings.Cut(rest, "/")
	if site := journey.SiteID(id); ok && site.Valid() {
		return site, nil
	}
	var v fault.Violations
	v.Add(field, "must begin with \"sites/{site}\", a site's id being 1 to 63 of a-z, 0-9 and -")
	return "", v.Err(fault.Invalid)
}

func resourceOf(request any) (field, name string) {
	switch r := request.(type) {
	case interface{ GetParent() string }:
		return "parent", r.GetParent()
	case interface{ GetName() string }:
		return "name", r.GetName()
	case updateRequest:
		return updatedBy(r)
	}
	return "parent", ""
}

// updateRequest is the request of an Update method: what is updated stands in its one field whose
// message has a name (google.aip.dev/134).
type updateRequest interface {
	proto.Message
	GetUpdateMask() *fieldmaskpb.FieldMask
}

// updatedBy gives field and name of what a request updates. Where several fields may be meant it
// gives none, which opens nothing.
func updatedBy(request updateRequest) (field, name string) {
	m := request.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() != protoreflect.MessageKind || f.IsList() || f.IsMap() {
			continue
		}
		named := f.Message().Fields().ByName("name")
		if named == nil || named.Kind() != protoreflect.StringKind || named.IsList() {
			continue
		}
		if field != "" {
			return "name", ""
		}
		field, name = string(f.Name())+".name", m.Get(f).Message().Get(named).String()
	}
	if field == "" {
		return "name", ""
	}
	return field, name
}

func headerOf(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		return values[0]
	}
	return ""
}
