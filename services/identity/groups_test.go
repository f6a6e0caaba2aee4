package identity_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

func TestWritesOfGroup(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 0, 0, 5, time.UTC)
	for _, c := range []struct {
		name   string
		group  journey.GroupID
		traits journey.Object
		want   []identity.Write
	}{
		{"no group", "", `{"groupType":"company"}`, nil},
		{"no type", "g 1", "", write("group", `"g 1"`)},
		{"its type", "g", `{"groupType":"company","name":"x"}`, write("company", `"g"`)},
		{"spelt otherwise", "g", `{"group_type":"team"}`, write("team", `"g"`)},
		{"spelt both ways", "g", `{"groupType":"a","group_type":"b"}`, write("a", `"g"`)},
		{"an empty type", "g", `{"groupType":"","group_type":"b"}`, write("b", `"g"`)},
		{"a type that is no text", "g", `{"groupType":7}`, write("group", `"g"`)},
		{"letters to escape", "a\"b", "", write("group", `"a\"b"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := journey.Fact{
				Site: "s", Message: "m", Kind: journey.Group, User: "u", OccurredAt: at,
				Group: c.group, Traits: c.traits,
			}
			if diff := cmp.Diff(c.want, identity.WritesOf(&f)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func write(groupType, literal string) []identity.Write {
	at := time.Date(2026, 3, 1, 0, 0, 0, 5, time.UTC)
	return []identity.Write{{
		Identity: journey.UserIdentity("s", "u"), Name: identity.GroupTrait(groupType),
		Value: literal, OccurredAt: at.UnixNano(), Message: "m",
	}}
}

// TestTraitsAreNoGroups: nobody joins a group by a trait whose name looks like one.
func TestTraitsAreNoGroups(t *testing.T) {
	t.Parallel()
	f := journey.Fact{
		Site: "s", Message: "m", Kind: journey.Identify, User: "u", OccurredAt: time.Unix(1, 0),
		Traits: `{"\u0000group:company":"forged","group:company":"a trait"}`,
	}
	writes := identity.WritesOf(&f)
	if len(writes) != 1 || writes[0].Name != "group:company" {
		t.Errorf("writes %+v, want the trait alone", writes)
	}
	if groups := identity.Groups(writes, math.MaxInt64); len(groups) > 0 {
		t.Errorf("groups %v, want none", groups)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	join := func(ms int64, message journey.MessageID, groupType, literal string) identity.Write {
		return identity.Write{
			Identity: 1, Name: identity.GroupTrait(groupType), Value: literal, OccurredAt: ms * 1e6,
			Message: message,
		}
	}
	trait := identity.Write{Identity: 1, Name: "plan", Value: `"pro"`, OccurredAt: 1e6}
	writes := []identity.Write{
		join(5, "a", "company", `"new"`), trait, join(3, "b", "company", `"old"`),
		join(4, "a", "group", `"first"`), join(4, "b", "group", `"second"`),
	}
	for asOf, want := range map[int64]map[string]journey.GroupID{
		2: nil,
		3: {"company": "old"},
		4: {"company": "old", "group": "second"},
		5: {"company": "new", "group": "second"},
	} {
		if diff := cmp.Diff(want, identity.Groups(writes, asOf)); diff != "" {
			t.Errorf("as of %d (-want +got):\n%s", asOf, diff)
		}
	}
	traits := identity.Merge(writes, math.MaxInt64)
	if len(traits) != 1 || traits["plan"] != journey.TextValue("pro") {
		t.Errorf("traits %v, want those that are no groups", traits)
	}
}
