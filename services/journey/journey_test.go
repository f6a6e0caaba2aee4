package journey_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/journey"
)

// TestNumbers pins the hashes: rows that are stored already carry them.
func TestNumbers(t *testing.T) {
	t.Parallel()
	key := journey.KeyOf("shop", "m1")
	got := []any{
		journey.UserIdentity("shop", "ann"), journey.VisitorIdentity("shop", "ann"),
		journey.UserIdentity("blog", "ann"), key[0], key[15],
	}
	want := []any{
		journey.IdentityID(0xd280f7652ec86b8b), journey.IdentityID(0x54309453cbef4ab6), journey.IdentityID(0xfd240c017405a478),
		byte(0x85), byte(0x4f),
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

// TestNumbersApart: neither sites nor ids nor their kinds run into each other.
func TestNumbersApart(t *testing.T) {
	t.Parallel()
	seen := map[journey.IdentityID]string{}
	for _, site := range []journey.SiteID{"a", "ab", "a-b"} {
		for _, id := range []string{"", "b", "bc", "u", "\x00u", "\x00ub"} {
			for name, n := range map[string]journey.IdentityID{
				"user":    journey.UserIdentity(site, journey.UserID(id)),
				"visitor": journey.VisitorIdentity(site, journey.VisitorID(id)),
			} {
				what := string(site) + " " + name + " " + id
				if other, ok := seen[n]; ok {
					t.Errorf("%q and %q have one number", what, other)
				}
				seen[n] = what
			}
		}
	}
}

func TestPersonID(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := journey.PersonID(rapid.Uint64().Draw(t, "id"))
		got, err := journey.ParsePersonID(p.String())
		if got != p || err != nil || len(p.String()) != 16 {
			t.Fatalf("%v is read as %v, %v", p, got, err)
		}
	})
	for _, text := range []string{"", "1", "00000000000000001", "000000000000000g", "+00000000000001"} {
		if p, err := journey.ParsePersonID(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	touchpoints := []journey.Kind{journey.Track, journey.Page, journey.Screen}
	for k := journey.Track; k <= journey.Alias; k++ {
		if got := journey.ParseKind(k.String()); got != k {
			t.Errorf("%v is read as %v", k, got)
		}
		if got, want := k.IsTouchpoint(), slices.Contains(touchpoints, k); got != want {
			t.Errorf("%v is a touchpoint: %v, want %v", k, got, want)
		}
	}
	for _, name := range []string{"", "unknown", "Track", "x"} {
		if got := journey.ParseKind(name); got != journey.KindUnknown {
			t.Errorf("%q is read as %v", name, got)
		}
	}
	if got := journey.Kind(99).String(); got != "unknown" {
		t.Errorf("kind 99 is called %q", got)
	}
}

func TestFact(t *testing.T) {
	t.Parallel()
	f := journey.Fact{Site: "shop", Visitor: "v", OccurredAt: time.UnixMicro(1999)}
	if got, want := f.Identity(), journey.VisitorIdentity("shop", "v"); got != want {
		t.Errorf("identity %x, want the visitor's", got)
	}
	f.User = "u"
	if got, want := f.Identity(), journey.UserIdentity("shop", "u"); got != want {
		t.Errorf("identity %x, want the user's", got)
	}
	if f.At() != 1 {
		t.Errorf("it counts at %d ms, want 1: the finer part is cut off", f.At())
	}
}

// TestCompareShown: facts in their shown order compare as their places do.
func TestCompareShown(t *testing.T) {
	t.Parallel()
	at := func(occurred, original, received int64, index uint32, m journey.MessageID) journey.Fact {
		return journey.Fact{
			OccurredAt: time.Unix(0, occurred), OriginalAt: time.Unix(0, original),
			ReceivedAt: time.Unix(0, received), Index: index, Message: m,
		}
	}
	ordered := []journey.Fact{
		at(1, 9, 9, 9, "z"), at(2, 1, 9, 9, "z"), at(2, 2, 1, 9, "z"), at(2, 2, 2, 1, "z"),
		at(2, 2, 2, 2, "a"), at(2, 2, 2, 2, "b"),
	}
	for i := range ordered {
		for j := range ordered {
			got := journey.CompareShown(&ordered[i], &ordered[j])
			if want := cmp.Compare(i, j); got != want {
				t.Errorf("comparing fact %d with %d gives %d, want %d", i, j, got, want)
			}
		}
	}
}

func TestReceiptOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 13, 0, 0, 7, time.FixedZone("east", 3600))
	receipt := func(id journey.IdentityID, v journey.VisitorID, previous string) journey.Receipt {
		return journey.Receipt{
			Site: "shop", Key: journey.KeyOf("shop", "m"), ReceivedAt: at.UTC(), Index: 3,
			Identity: id, Visitor: v, Previous: previous,
		}
	}
	user, visitor := journey.UserIdentity("shop", "u"), journey.VisitorIdentity("shop", "v")
	oldUser, oldVisitor := journey.UserIdentity("shop", "p"), journey.VisitorIdentity("shop", "p")
	for _, c := range []struct {
		name string
		fact journey.Fact
		want journey.Receipt
		ends []journey.IdentityID
	}{
		{
			name: "of a visitor", fact: journey.Fact{Kind: journey.Track, Visitor: "v"},
			want: receipt(visitor, "", ""), ends: []journey.IdentityID{visitor},
		},
		{
			name: "of a user", fact: journey.Fact{Kind: journey.Track, User: "u"},
			want: receipt(user, "", ""), ends: []journey.IdentityID{user},
		},
		{
			name: "of a user seen as a visitor",
			fact: journey.Fact{Kind: journey.Identify, User: "u", Visitor: "v"},
			want: receipt(user, "v", ""), ends: []journey.IdentityID{user, visitor},
		},
		{
			name: "of an alias",
			fact: journey.Fact{Kind: journey.Alias, User: "u", Visitor: "v", Previous: "p"},
			want: receipt(user, "v", "p"),
			ends: []journey.IdentityID{user, visitor, oldUser, oldVisitor},
		},
		{
			name: "of another kind with a previous id",
			fact: journey.Fact{Kind: journey.Track, User: "u", Previous: "p"},
			want: receipt(user, "", ""), ends: []journey.IdentityID{user},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := c.fact
			f.Site, f.Message, f.ReceivedAt, f.Index = "shop", "m", at, 3
			got := journey.ReceiptOf(&f)
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("receipt (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(c.ends, got.Ends()); diff != "" {
				t.Errorf("ends (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReceiptCompare(t *testing.T) {
	t.Parallel()
	at := time.Unix(0, 5)
	ordered := []journey.Receipt{
		{ReceivedAt: at, Index: 1}, {ReceivedAt: at, Index: 2}, {ReceivedAt: at.Add(1)},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := a.Compare(b), cmp.Compare(i, j); got != want {
				t.Errorf("comparing receipt %d with %d gives %d, want %d", i, j, got, want)
			}
		}
	}
}

// TestPack: an instant and a code come back, up to the end of what may be packed.
func TestPack(t *testing.T) {
	t.Parallel()
	end := time.Date(2109, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, end).Draw(t, "at")
		code := journey.LabelCode(rapid.Uint32Range(0, 1<<22-1).Draw(t, "code"))
		p := journey.Pack(at, code)
		if p.At() != at || p.Code() != code {
			t.Fatalf("%d and %d come back as %d and %d", at, code, p.At(), p.Code())
		}
	})
}

// TestLabelCodes: codes are in their range, never that of a mark, and tell labels apart.
func TestLabelCodes(t *testing.T) {
	t.Parallel()
	seen := map[journey.LabelCode]journey.Label{}
	for _, l := range []journey.Label{
		{},
		{Event: "a"},
		{Touchpoint: "a"},
		{Stage: "a"},
		{Event: "a", Stage: "a"},
		{Event: "ab"},
		{Event: "a", Touchpoint: "b"},
		{Event: "a\x00b"},
		{Event: strings.Repeat("a", 1000)},
	} {
		code := l.Code("shop")
		if code < 1 || code >= 1<<22 {
			t.Errorf("code %d of %+v", code, l)
		}
		if other, ok := seen[code]; ok && l.Event != "a\x00b" && other.Event != "a\x00b" {
			t.Errorf("%+v and %+v share code %d", l, other, code)
		}
		seen[code] = l
	}
}
