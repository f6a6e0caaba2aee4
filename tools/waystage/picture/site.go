package picture

import (
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
	}
	return d.to(w)
}
