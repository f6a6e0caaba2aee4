package rpc

import (
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
	sitev1 "github.com/waystage/waystage/proto/gen/waystage/site/v1"
	"github.com/waystage/waystage/services/internal/fault"
	"github.com/waystage/waystage/services/journey"
)

// TestSiteOf: the site of a request is that of its parent, its name, or the name of what it
// updates; where none of them is well-formed it is none, and nothing is opened.
func TestSiteOf(t *testing.T) {
	t.Parallel()
	mask := &fieldmaskpb.FieldMask{Paths: []string{"name"}}
	for name, c := range map[string]struct {
		request any
		site    journey.SiteID
		field   string
	}{
		"parent":     {&sitev1.ListKeysRequest{Parent: "sites/a"}, "a", ""},
		"name":       {&sitev1.RevokeKeyRequest{Name: "sites/a/keys/1"}, "a", ""},
		"no parent":  {&sitev1.ListKeysRequest{}, "", "parent"},
		"wrong name": {&sitev1.RevokeKeyRequest{Name: "keys/1"}, "", "name"},
		"updated site": {
			&sitev1.UpdateSiteRequest{Site: &sitev1.Site{Name: "sites/a"}, UpdateMask: mask}, "a", "",
		},
		"updated key": {
			&sitev1.UpdateKeyRequest{Key: &sitev1.Key{Name: "sites/a/keys/1"}, UpdateMask: mask}, "a", "",
		},
		"updates nothing": {&sitev1.UpdateSiteRequest{}, "", "site.name"},
		"updates one without a name": {
			&sitev1.UpdateKeyRequest{Key: &sitev1.Key{Label: "sites/a"}}, "", "key.name",
		},
		"updates a wrong name": {
			&sitev1.UpdateSiteRequest{Site: &sitev1.Site{Name: "/sites/a"}}, "", "site.name",
		},
		"parent before name": {
			&collectv1.ReplayQuarantinedMessagesRequest{
				Parent: "sites/a", Name: "sites/b/quarantinedMessages/1",
			}, "a", "",
		},
		"no update, though it holds a site": {
			&sitev1.CreateSiteRequest{Site: &sitev1.Site{Name: "sites/a"}}, "", "parent",
		},
		"another message": {&emptypb.Empty{}, "", "parent"},
		"none":            {nil, "", "parent"},
	} {
		site, err := siteOf(c.request)
		v := fault.ViolationsOf(err)
		if site != c.site || c.field == "" && err != nil ||
			c.field != "" && (len(v) != 1 || v[0].Field != c.field) {
			t.Errorf("%s: site %q, %v; want %q, %q", name, site, err, c.site, c.field)
		}
	}
}
