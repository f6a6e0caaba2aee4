package store

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// keptPrivacy is the JSON in the column privacy of sites. What is left out has its default.
type keptPrivacy struct {
	IP       string         `json:"ip,omitempty"`
	Denied   []string       `json:"denied,omitempty"`
	Consent  string         `json:"consent,omitempty"`
	Internal []netip.Prefix `json:"internal,omitempty"`
}

// ipWords are the ways to handle IP addresses as kept, in the order of their numbers.
var ipWords = [...]string{journey.TruncateIP: "", journey.DropIP: "drop", journey.KeepIP: "keep"}

// encodePrivacy writes privacy settings, the zero ones as an empty text.
func encodePrivacy(p journey.Privacy) (string, error) {
	if int(p.IP) >= len(ipWords) {
		return "", fault.New(fault.Internal, "there is no way %d to handle IP addresses", p.IP)
	}
	text, err := json.Marshal(keptPrivacy{
		IP: ipWords[p.IP], Denied: p.Denied, Consent: p.Consent, Internal: p.Internal,
	})
	if err != nil {
		return "", fmt.Errorf("encoding privacy settings: %w", err)
	}
	if string(text) == "{}" {
		return "", nil
	}
	return string(text), nil
}

// decodePrivacy reads what encodePrivacy wrote. What it cannot read is an error and no default: it
// might keep what shall not be kept. Errors: Internal.
func decodePrivacy(text string) (journey.Privacy, error) {
	if text == "" {
		return journey.Privacy{}, nil
	}
	var kept keptPrivacy
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return journey.Privacy{}, fault.Wrap(fault.Internal, err,
			"the site's privacy settings cannot be read; the operator has to repair its row")
	}
	for handling, word := range ipWords {
		if word == kept.IP {
			return journey.Privacy{
				IP: journey.IPHandling(handling), Denied: kept.Denied, Consent: kept.Consent,
				Internal: kept.Internal,
			}, nil
		}
	}
	return journey.Privacy{}, fault.New(fault.Internal,
		"the site's privacy settings know no way %q to handle IP addresses; "+
			"the operator has to repair its row", kept.IP)
}
