package rpc

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

const howToSend = "send the header \"Authorization: Bearer TOKEN\" with a read token (rt_…), " +
	"an admin token (at_…) or the operator's root token"

// HashOf is what is kept of a key's secret.
func HashOf(secret string) journey.KeyHash { return sha256.Sum256([]byte(secret)) }

// hashesOf finds the tokens that an Authorization header may mean, the likeliest first: one for
// Bearer; for Basic the password, then the user, since some tools know only one of the two.
func hashesOf(header string) ([]journey.KeyHash, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case header == "":
		return nil, fault.New(fault.Unauthenticated, "no token; %s", howToSend)
	case strings.EqualFold(scheme, "bearer") && rest != "":
		return []journey.KeyHash{HashOf(rest)}, nil
	case strings.EqualFold(scheme, "basic"):
		if hashes := basicHashes(rest); len(hashes) > 0 {
			return hashes, nil
		}
	}
	return nil, fault.New(fault.Unauthenticated, "unreadable Authorization header; %s", howToSend)
}

func basicHashes(encoded string) []journey.KeyHash {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil
	}
	user, password, _ := strings.Cut(string(decoded), ":")
	var hashes []journey.KeyHash
	for _, token := range []string{password, user} {
		if token != "" {
			hashes = append(hashes, HashOf(token))
		}
	}
	return hashes
}
