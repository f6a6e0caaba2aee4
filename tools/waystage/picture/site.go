package picture

import (
	"cmp"
	"io"
	"path"

	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
)

// Sites draws a list of sites.
func (p Paper) Sites(w io.Writer, list []*sitev1.Site) error {
	d := &drawing{Paper: p}
	d.line("%s", p.paint(dim, fit("site", 24)+" "+fit("created (UTC)", 19)+" "+
		fit("time zone", 18)+" name"))
	for _, s := range list {
		d.line("%s %s %s %s", fit(path.Base(s.GetName()), 24),
			instant(s.GetCreatedAt().AsTime()), fit(s.GetTimeZone(), 18), plain(s.GetDisplayName()))
	}
	return d.to(w)
}

// Site draws a site and what is kept of what its visitors send.
func (p Paper) Site(w io.Writer, s *sitev1.Site) error {
	d := &drawing{Paper: p}
	d.said("site", path.Base(s.GetName()))
	d.said("name", s.GetDisplayName())
	d.said("time zone", s.GetTimeZone())
	d.said("created", instant(s.GetCreatedAt().AsTime())+" UTC")
	privacy := s.GetPrivacy()
	d.said("IP addresses", ipHandlings[privacy.GetIpHandling()])
	d.said("consent", cmp.Or(privacy.GetConsentField(), "not asked for"))
	d.listed("denied", privacy.GetDeniedProperties())
	d.listed("internal", privacy.GetInternalNetworks())
	return d.to(w)
}

var ipHandlings = map[sitev1.IpHandling]string{
	sitev1.IpHandling_IP_HANDLING_UNSPECIFIED: "truncated",
	sitev1.IpHandling_IP_HANDLING_TRUNCATE:    "truncated",
	sitev1.IpHandling_IP_HANDLING_DROP:        "dropped",
	sitev1.IpHandling_IP_HANDLING_KEEP:        "kept whole",
}

// saidColumns is where what is said begins.
const saidColumns = 12

func (d *drawing) said(what, text string) {
	d.line("%s %s", d.paint(dim, fit(what, saidColumns)), plain(text))
}

// listed writes a list, a line each.
func (d *drawing) listed(what string, list []string) {
	if len(list) == 0 {
		list = []string{"–"}
	}
	for _, each := range list {
		d.said(what, each)
		what = ""
	}
}

var keyKinds = map[sitev1.KeyKind]string{
	sitev1.KeyKind_KEY_KIND_WRITE: "write",
	sitev1.KeyKind_KEY_KIND_READ:  "read",
	sitev1.KeyKind_KEY_KIND_ADMIN: "admin",
}

// Keys draws a list of keys, which hold no secrets.
func (p Paper) Keys(w io.Writer, list []*sitev1.Key) error {
	d := &drawing{Paper: p}
	d.line("%s", p.paint(dim, fit("key", 18)+" "+fit("kind", 5)+" "+
		fit("created (UTC)", 19)+" "+fit("revoked (UTC)", 19)+" label"))
	for _, k := range list {
		revoked := "–"
		if k.GetRevokedAt() != nil {
			revoked = instant(k.GetRevokedAt().AsTime())
		}
		d.line("%s %s %s %s %s", fit(path.Base(k.GetName()), 18), fit(keyKinds[k.GetKind()], 5),
			instant(k.GetCreatedAt().AsTime()), fit(revoked, 19), plain(k.GetLabel()))
		if rate := k.GetMessagesPerSecond(); rate > 0 {
			d.line("%s %g messages a second", fit("", 18), rate)
		}
		for _, origin := range k.GetAllowedOrigins() {
			d.line("%s from %s", fit("", 18), plain(origin))
		}
	}
	return d.to(w)
}
