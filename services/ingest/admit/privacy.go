package admit

import (
	"net/netip"
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// Privacy is a site's privacy settings in the form that messages are held against. It never
// changes: any number of goroutines may use one. Nil stands for all defaults.
type Privacy struct {
	addresses journey.IPHandling
	consent   consent
	// properties, traits and context are what is denied below each.
	properties, traits, context denied
	networks                    []netip.Prefix
}

// NewPrivacy makes settings ready for use. It keeps nothing of what it is given.
func NewPrivacy(settings journey.Privacy) *Privacy {
	p := &Privacy{addresses: settings.IP, consent: newConsent(settings.Consent)}
	everywhere := newDenied(settings.Denied)
	p.properties = everywhere.and(everywhere.below("properties"))
	p.traits = everywhere.and(everywhere.below("traits"))
	p.context = everywhere.and(everywhere.below("context"), p.traits.within("traits"))
	for _, network := range settings.Internal {
		p.networks = append(p.networks, journey.PlainNetwork(network))
	}
	return p
}

// IsInternal tells whether an address lies in one of the site's own networks.
func (p *Privacy) IsInternal(address netip.Addr) bool {
	if p == nil || len(p.networks) == 0 {
		return false
	}
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(p.networks, func(network netip.Prefix) bool {
		return network.Contains(address)
	})
}

// denies tells whether the site denies any properties.
func (p *Privacy) denies() bool { return p != nil && !p.properties.empty() }

// asksConsent tells whether the site asks for consent.
func (p *Privacy) asksConsent() bool { return p != nil && p.consent.setting != "" }

// protect leaves of a fact what the site's settings let it keep, and adds what is known of the
// browser that sent it. Refusal: NoConsent.
func (env *Envelope) protect(in *fields, f *journey.Fact) *Refusal {
	p := env.Privacy
	if p.asksConsent() && !p.consent.given(in, f.Context) {
		return p.consent.refusal()
	}
	f.Internal = env.Internal
	f.Context = env.observed(f.Context)
	if p.denies() {
		f.Properties = p.properties.strip(f.Properties)
		f.Traits = p.traits.strip(f.Traits)
		f.Context = p.context.strip(f.Context)
	}
	return nil
}
