package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/internal/rpc"
	"github.com/waystage/waystage/services/journey"
)

var keyKinds = map[sitev1.KeyKind]journey.KeyKind{
	sitev1.KeyKind_KEY_KIND_WRITE: journey.WriteKey,
	sitev1.KeyKind_KEY_KIND_READ:  journey.ReadKey,
	sitev1.KeyKind_KEY_KIND_ADMIN: journey.AdminKey,
}

var secretPrefixes = map[journey.KeyKind]string{
	journey.WriteKey: "wk_", journey.ReadKey: "rt_", journey.AdminKey: "at_",
}

// CreateKey makes a key. Only the hash of its secret is kept.
func (h *siteHandler) CreateKey(
	ctx context.Context, m *sitev1.CreateKeyRequest,
) (*sitev1.CreateKeyResponse, error) {
	key, err := readKey(m)
	if err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, key.Site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", key.Site, err)
	}
	key.ID, key.CreatedAt = journey.KeyID(random(keyIDBytes)), cut(h.now())
	secret := secretPrefixes[key.Kind] + random(secretBytes)
	if err := h.keys.CreateKey(ctx, key, rpc.HashOf(secret)); err != nil {
		return nil, fmt.Errorf("creating a key of site %s: %w", key.Site, err)
	}
	return &sitev1.CreateKeyResponse{Key: keyMessage(key), Secret: secret}, nil
}

func readKey(m *sitev1.CreateKeyRequest) (journey.Key, error) {
	site, err := parseSite("parent", m.GetParent())
	v := fault.ViolationsOf(err)
	key := journey.Key{Site: site, Kind: keyKinds[m.GetKind()]}
	if key.Kind == journey.KeyUnknown {
		v.Add("kind", "is required: give WRITE, READ or ADMIN, as KEY_KIND_…")
	}
	key.Label = readLabel(&v, "label", m.GetLabel())
	key.Origins = readOrigins(&v, "allowed_origins", m.GetAllowedOrigins(), key.Kind)
	key.Rate = readRate(&v, "messages_per_second", m.GetMessagesPerSecond(), key.Kind)
	return key, v.Err(fault.Invalid)
}

func readLabel(v *fault.Violations, field, label string) string {
	if utf8.RuneCountInString(label) > maxLabel {
		v.Add(field, fmt.Sprintf("must be at most %d characters", maxLabel))
	}
	return label
}

func readRate(v *fault.Violations, field string, rate float64, kind journey.KeyKind) float64 {
	switch {
	case !(rate >= 0) || math.IsInf(rate, 0):
		v.Add(field, "must be 0, for the installation's default, or more")
	case rate > 0 && kind != journey.WriteKey:
		v.Add(field, "only write keys have a rate; leave it out")
	}
	return rate
}

// UpdateKey sets what the mask names.
func (h *siteHandler) UpdateKey(
	ctx context.Context, m *sitev1.UpdateKeyRequest,
) (*sitev1.UpdateKeyResponse, error) {
	site, id, err := parseChild("key.name", m.GetKey().GetName(), "keys")
	if err != nil {
		return nil, err
	}
	key, err := h.key(ctx, site, journey.KeyID(id))
	if err != nil {
		return nil, err
	}
	if key, err = updatedKey(key, m); err != nil {
		return nil, err
	}
	if key, err = h.keys.UpdateKey(ctx, key); err != nil {
		return nil, fmt.Errorf("updating a key of site %s: %w", site, err)
	}
	return &sitev1.UpdateKeyResponse{Key: keyMessage(key)}, nil
}

// key finds one key. Errors: NotFound, Unavailable.
func (h *siteHandler) key(
	ctx context.Context, site journey.SiteID, id journey.KeyID,
) (journey.Key, error) {
	keys, err := h.keys.Keys(ctx, site)
	if err != nil {
		return journey.Key{}, fmt.Errorf("finding a key of site %s: %w", site, err)
	}
	for _, k := range keys {
		if k.ID == id {
			return k, nil
		}
	}
	return journey.Key{}, fault.New(fault.NotFound, "site %q has no key %q; list its keys", site, id)
}

// updatedKey is a key with what a request sets.
func updatedKey(key journey.Key, m *sitev1.UpdateKeyRequest) (journey.Key, error) {
	var v fault.Violations
	said := m.GetKey()
	set := readMask(&v, m.GetUpdateMask(), said, "label", "allowed_origins", "messages_per_second")
	if kind := said.GetKind(); kind != sitev1.KeyKind_KEY_KIND_UNSPECIFIED &&
		keyKinds[kind] != key.Kind {
		v.Add("key.kind", "cannot be changed; make another key")
	}
	if set.has("label") {
		key.Label = readLabel(&v, "key.label", said.GetLabel())
	}
	if set.has("allowed_origins") {
		key.Origins = readOrigins(&v, "key.allowed_origins", said.GetAllowedOrigins(), key.Kind)
	}
	if set.has("messages_per_second") {
		key.Rate = readRate(&v, "key.messages_per_second", said.GetMessagesPerSecond(), key.Kind)
	}
	return key, v.Err(fault.Invalid)
}

const (
	keyIDBytes  = 8
	secretBytes = 24
)

// random is so many random bytes in hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the process first
	return hex.EncodeToString(b)
}

// ListKeys gives a page of a site's keys.
func (h *siteHandler) ListKeys(
	ctx context.Context, m *sitev1.ListKeysRequest,
) (*sitev1.ListKeysResponse, error) {
	site, err := parseSite("parent", m.GetParent())
	if err != nil {
		return nil, err
	}
	if _, err := h.sites.Site(ctx, site); err != nil {
		return nil, fmt.Errorf("finding site %s: %w", site, err)
	}
	keys, err := h.keys.Keys(ctx, site)
	if err != nil {
		return nil, fmt.Errorf("listing keys of site %s: %w", site, err)
	}
	keys, next, err := pageOf(m, keys, func(k journey.Key) string { return string(k.ID) })
	if err != nil {
		return nil, err
	}
	out := &sitev1.ListKeysResponse{NextPageToken: next}
	for _, k := range keys {
		out.Keys = append(out.Keys, keyMessage(k))
	}
	return out, nil
}

// RevokeKey ends a key.
func (h *siteHandler) RevokeKey(
	ctx context.Context, m *sitev1.RevokeKeyRequest,
) (*sitev1.RevokeKeyResponse, error) {
	site, id, err := parseChild("name", m.GetName(), "keys")
	if err != nil {
		return nil, err
	}
	key, err := h.keys.RevokeKey(ctx, site, journey.KeyID(id), cut(h.now()))
	if err != nil {
		return nil, fmt.Errorf("revoking a key of site %s: %w", site, err)
	}
	return &sitev1.RevokeKeyResponse{Key: keyMessage(key)}, nil
}

func keyMessage(k journey.Key) *sitev1.Key {
	m := &sitev1.Key{
		Name: keyName(k), Label: k.Label, CreatedAt: timestamppb.New(k.CreatedAt),
		AllowedOrigins: k.Origins, MessagesPerSecond: k.Rate,
	}
	for kind, is := range keyKinds {
		if is == k.Kind {
			m.Kind = kind
		}
	}
	if k.Revoked() {
		m.RevokedAt = timestamppb.New(k.RevokedAt)
	}
	return m
}
