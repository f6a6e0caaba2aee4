package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/services/internal/fault"
)

// Sizes of pages of sites, keys and maps; persons have their own highest size.
const (
	defaultPageSize = 100
	maxPageSize     = 1000
	maxPersons      = 10000
)

const noToken = "is no page token: give next_page_token of the answer before"

// token is what a page token holds: the request it continues, and where.
type token struct {
	request [16]byte
	place   []byte
}

func (t token) String() string {
	return base64.RawURLEncoding.EncodeToString(append(t.request[:], t.place...))
}

// pageRequest is a request for a page.
type pageRequest interface {
	continued
	GetPageSize() uint32
}

// continued is a request that may go on where another one ended.
type continued interface {
	proto.Message
	GetPageToken() string
}

// readPage reads size and place of a page. The place is nil on the first one. Errors: Invalid: a
// size out of bounds, a token that is none or belongs to another request.
func readPage(m pageRequest, most int) (limit int, place []byte, err error) {
	var v fault.Violations
	limit = int(m.GetPageSize())
	switch {
	case limit == 0:
		limit = defaultPageSize
	case limit > most:
		v.Add("page_size", fmt.Sprintf("is %d: give 1 to %d, or 0 for %d", limit, most, defaultPageSize))
	}
	if m.GetPageToken() != "" {
		if place, err = readToken(m); err != nil {
			v.Add("page_token", err.Error())
		}
	}
	return limit, place, v.Err(fault.Invalid)
}

func readToken(m continued) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(m.GetPageToken())
	request := requestHash(m)
	if err != nil || len(b) <= len(request) {
		return nil, errors.New(noToken)
	}
	if !bytes.Equal(b[:len(request)], request[:]) {
		return nil, errors.New("belongs to another request: change nothing but page_size between pages")
	}
	return b[len(request):], nil
}

// requestHash stands for a request but for its page.
func requestHash(m continued) [16]byte {
	rest := proto.Clone(m)
	fields := rest.ProtoReflect().Descriptor().Fields()
	for _, name := range []protoreflect.Name{"page_size", "page_token", "max_messages"} {
		if field := fields.ByName(name); field != nil {
			rest.ProtoReflect().Clear(field)
		}
	}
	return hashOf(rest)
}

// hashOf stands for a message.
func hashOf(m proto.Message) [16]byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		b = nil // only for invalid UTF-8, which no transport lets in
	}
	sum := sha256.Sum256(append([]byte(m.ProtoReflect().Descriptor().FullName()), b...))
	return [16]byte(sum[:16])
}

// pageOf cuts a page out of a whole list: what comes after the place, which key gives for each
// member. The token is empty on the last page. Members that are there stay: else see pageFrom.
func pageOf[T any](m pageRequest, list []T, key func(T) string) (page []T, next string, err error) {
	return pageFrom(m, list, key, func(place string) int {
		i := slices.IndexFunc(list, func(member T) bool { return key(member) == place })
		if i < 0 {
			return len(list)
		}
		return i + 1
	})
}

// pageFrom is pageOf where begin tells where the list goes on behind a place, whose member need not
// be there any more.
func pageFrom[T any](
	m pageRequest, list []T, key func(T) string, begin func(place string) int,
) (page []T, next string, err error) {
	limit, place, err := readPage(m, maxPageSize)
	if err != nil {
		return nil, "", err
	}
	if place != nil {
		list = list[begin(string(place)):]
	}
	if len(list) <= limit {
		return list, "", nil
	}
	page = list[:limit]
	return page, token{requestHash(m), []byte(key(page[limit-1]))}.String(), nil
}
