package identity_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/waystage/waystage/services/identity"
	"github.com/waystage/waystage/services/journey"
)

var compareValues = gocmp.Comparer(func(a, b journey.Value) bool { return a == b })

func TestWritesOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	type values = map[string]string
	for _, c := range []struct {
		name string
		fact journey.Fact
		id   journey.IdentityID
		want values
	}{
		{
			name: "an identify's own traits",
			fact: journey.Fact{Kind: journey.Identify, User: "a", Traits: `{"age":30,"plan":"pro"}`},
			id:   user("a"), want: values{"age": "30", "plan": `"pro"`},
		},
		{
			name: "of a visitor",
			fact: journey.Fact{Kind: journey.Identify, Visitor: "v", Traits: `{"age":30}`},
			id:   visitor("v"), want: values{"age": "30"},
		},
		{
			name: "the user's where both are there",
			fact: journey.Fact{
				Kind: journey.Identify, User: "a", Visitor: "v", Traits: `{"age":30}`,
			},
			id: user("a"), want: values{"age": "30"},
		},
		{
			name: "those of the context, its own before them",
			fact: journey.Fact{
				Kind: journey.Identify, User: "a", Traits: `{"plan":"pro"}`,
				Context: `{"ip":"::1","traits":{"plan":"free","x":[1,{"y":null}]}}`,
			},
			id: user("a"), want: values{"plan": `"pro"`, "x": `[1,{"y":null}]`},
		},
		{
			name: "an own null before one of the context",
			fact: journey.Fact{
				Kind: journey.Identify, User: "a", Traits: `{"plan":null}`,
				Context: `{"traits":{"plan":"free"}}`,
			},
			id: user("a"), want: values{"plan": "null"},
		},
		{
			name: "traits of the context alone",
			fact: journey.Fact{
				Kind: journey.Identify, User: "a", Context: `{"traits":{"plan":"free"}}`,
			},
			id: user("a"), want: values{"plan": `"free"`},
		},
		{
			name: "a context whose traits are no object",
			fact: journey.Fact{
				Kind: journey.Identify, User: "a", Traits: `{"age":30}`, Context: `{"traits":[1]}`,
			},
			id: user("a"), want: values{"age": "30"},
		},
		{
			name: "number literals as sent",
			fact: journey.Fact{
				Kind: journey.Identify, User: "a", Traits: `{"n":12345678901234567890.0}`,
			},
			id: user("a"), want: values{"n": "12345678901234567890.0"},
		},
		{
			name: "no traits",
			fact: journey.Fact{Kind: journey.Identify, User: "a", Context: `{"ip":"::1"}`},
		},
		{
			name: "a touchpoint writes none",
			fact: journey.Fact{
				Kind: journey.Track, User: "a", Context: `{"traits":{"plan":"free"}}`,
				Traits: `{"plan":"free"}`,
			},
		},
		{
			name: "a group writes none",
			fact: journey.Fact{Kind: journey.Group, User: "a", Traits: `{"plan":"free"}`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := c.fact
			f.Site, f.Message, f.OccurredAt = site, "m", at
			got := values{}
			for _, w := range identity.WritesOf(&f) {
				if w.Identity != c.id || w.OccurredAt != at.UnixNano() || w.Message != "m" {
					t.Errorf("write %+v: want identity %x, %d, m", w, c.id, at.UnixNano())
				}
				if _, twice := got[w.Name]; twice {
					t.Errorf("trait %s is written twice", w.Name)
				}
				got[w.Name] = w.Value
			}
			if diff := gocmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	const never = 1 << 62
	write := func(name, value string, at int64, message journey.MessageID) identity.Write {
		return identity.Write{
			Identity: user("a"), Name: name, Value: value, OccurredAt: at, Message: message,
		}
	}
	of := func(id journey.IdentityID, w identity.Write) identity.Write {
		w.Identity = id
		return w
	}
	text, number := journey.TextValue, journey.NumberValue
	for _, c := range []struct {
		name   string
		writes []identity.Write
		asOf   int64
		want   identity.Traits
	}{
		{name: "nothing written", asOf: never},
		{
			name: "the last write of each trait",
			writes: []identity.Write{
				write("plan", `"pro"`, 2e6, "m"), write("plan", `"free"`, 1e6, "n"),
				write("age", "30", 0, "m"),
			},
			asOf: never, want: identity.Traits{"plan": text("pro"), "age": number(30)},
		},
		{
			name: "of one instant: the greatest message id",
			writes: []identity.Write{
				write("plan", `"b"`, 1, "n"), write("plan", `"z"`, 1, "m"),
			},
			asOf: never, want: identity.Traits{"plan": text("b")},
		},
		{
			name: "of one millisecond: the finer instant",
			writes: []identity.Write{
				write("plan", `"late"`, 1_000_002, "a"), write("plan", `"early"`, 1_000_001, "z"),
			},
			asOf: 1, want: identity.Traits{"plan": text("late")},
		},
		{
			name: "over merged identities",
			writes: []identity.Write{
				of(user("b"), write("plan", `"b"`, 2e6, "m")),
				of(visitor("v"), write("plan", `"v"`, 3e6, "m")),
				write("plan", `"a"`, 1e6, "m"), write("age", "1", 1e6, "m"),
			},
			asOf: never, want: identity.Traits{"plan": text("v"), "age": number(1)},
		},
		{
			name: "null unsets",
			writes: []identity.Write{
				write("plan", `"pro"`, 1e6, "m"), write("plan", "null", 2e6, "m"),
				write("age", "null", 1e6, "m"),
			},
			asOf: never,
		},
		{
			name: "a value after a null counts",
			writes: []identity.Write{
				write("plan", "null", 1e6, "m"), write("plan", `"pro"`, 2e6, "m"),
			},
			asOf: never, want: identity.Traits{"plan": text("pro")},
		},
		{
			name: "as of a millisecond, with all of it",
			writes: []identity.Write{
				write("plan", `"in"`, 5_999_999, "m"), write("plan", `"out"`, 6_000_000, "m"),
			},
			asOf: 5, want: identity.Traits{"plan": text("in")},
		},
		{
			name:   "as of before the first write",
			writes: []identity.Write{write("plan", `"pro"`, 5_000_000, "m")},
			asOf:   4,
		},
		{
			name: "before 1970 a millisecond begins below",
			writes: []identity.Write{
				write("plan", `"in"`, -1_000_001, "m"), write("plan", `"out"`, -1_000_000, "n"),
			},
			asOf: -2, want: identity.Traits{"plan": text("in")},
		},
		{
			name: "a null after as_of is not seen yet",
			writes: []identity.Write{
				write("plan", `"pro"`, 1e6, "m"), write("plan", "null", 2e6, "m"),
			},
			asOf: 1, want: identity.Traits{"plan": text("pro")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := identity.Merge(c.writes, c.asOf)
			if diff := gocmp.Diff(c.want, got, compareValues, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("traits (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMergeOrder: the order of writes and copies of them change nothing.
func TestMergeOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) identity.Write {
			return identity.Write{
				Identity:   rapid.SampledFrom([]journey.IdentityID{1, 2}).Draw(t, "identity"),
				Name:       rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name"),
				Value:      rapid.SampledFrom([]string{"1", "2", "null"}).Draw(t, "value"),
				OccurredAt: rapid.Int64Range(-2, 2).Draw(t, "at") * 500_000,
				Message:    rapid.SampledFrom([]journey.MessageID{"m", "n"}).Draw(t, "message"),
			}
		}), 1, 8).Draw(t, "writes")
		asOf := rapid.Int64Range(-2, 2).Draw(t, "as of")
		other := slices.Concat(rapid.Permutation(writes).Draw(t, "permutation"), writes[:1])
		diff := gocmp.Diff(identity.Merge(writes, asOf), identity.Merge(other, asOf), compareValues)
		if diff != "" {
			t.Fatalf("traits (-one order +another):\n%s", diff)
		}
	})
}

// TestCompareWrites: the order is total, so that a maximum is one.
func TestCompareWrites(t *testing.T) {
	t.Parallel()
	ordered := []identity.Write{
		{Identity: 9, Value: "9", OccurredAt: 1, Message: "z"},
		{Identity: 9, Value: "9", OccurredAt: 2, Message: "a"},
		{Identity: 1, Value: "9", OccurredAt: 2, Message: "b"},
		{Identity: 2, Value: "1", OccurredAt: 2, Message: "b"},
		{Identity: 2, Value: "2", OccurredAt: 2, Message: "b"},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := identity.CompareWrites(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("comparing %+v with %+v gives %d, want %d", a, b, got, want)
			}
		}
	}
}
