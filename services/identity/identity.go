// Package identity says which identities are one person and what is known of that person. It is
// pure: every result is a function of the set of facts, whatever their order.
package identity

import (
	"cmp"
	"slices"

	"github.com/waystage/waystage/services/journey"
)

// MaxIdentities is the largest person: a link that would join more identities is left out.
const MaxIdentities = 1000

// Link is a statement that two identities are one person.
type Link struct {
	// A is a visitor where the statement is that it was seen with a user; any identity for an alias.
	A, B journey.IdentityID
	// Alias tells an explicit alias, which always joins, from a visitor's link, of which only
	// the visitor's first joins.
	Alias bool
	// OccurredAt in nanoseconds since 1970.
	OccurredAt int64
	Message    journey.MessageID
}

func compareLinks(a, b Link) int {
	return cmp.Or(
		cmp.Compare(a.OccurredAt, b.OccurredAt),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.A, b.A),
		cmp.Compare(a.B, b.B),
		compareBools(a.Alias, b.Alias),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// LinksOf are the links that a fact states: that of a visitor seen with a user in one message of
// any kind, and those of an alias. An alias's previous id may be a user's or a visitor's, so it
// joins both. A self-alias states nothing.
func LinksOf(f *journey.Fact) []Link {
	var links []Link
	at := f.OccurredAt.UnixNano()
	if f.User != "" && f.Visitor != "" {
		links = append(links, Link{
			A: journey.VisitorIdentity(f.Site, f.Visitor), B: journey.UserIdentity(f.Site, f.User),
			OccurredAt: at, Message: f.Message,
		})
	}
	if f.Kind != journey.Alias || f.Previous == "" || f.User == "" || f.Previous == string(f.User) {
		return links
	}
	user := journey.UserIdentity(f.Site, f.User)
	for _, previous := range []journey.IdentityID{
		journey.UserIdentity(f.Site, journey.UserID(f.Previous)),
		journey.VisitorIdentity(f.Site, journey.VisitorID(f.Previous)),
	} {
		links = append(links, Link{
			A: previous, B: user, Alias: true, OccurredAt: at, Message: f.Message,
		})
	}
	return links
}

// Persons maps every linked identity to its person. An identity that is not in it is a person of
// its own.
type Persons struct {
	persons map[journey.IdentityID]journey.PersonID
	refused []Link
}

// Of is the person of an identity.
func (p Persons) Of(id journey.IdentityID) journey.PersonID {
	if person, ok := p.persons[id]; ok {
		return person
	}
	return journey.PersonID(id)
}

// Refused are the links left out because they would have made a person too large, in time order.
func (p Persons) Refused() []Link { return p.refused }

// All calls yield for every linked identity, in no order, until it returns false.
func (p Persons) All(yield func(journey.IdentityID, journey.PersonID) bool) {
	for id, person := range p.persons {
		if !yield(id, person) {
			return
		}
	}
}

// Resolve joins identities: each visitor's first link and every alias, in the order of
// (occurred_at, message id), leaving out a link that would join more than limit identities.
// The order of the links and how often each is there make no difference. They are sorted in place.
func Resolve(links []Link, limit int) Persons {
	slices.SortFunc(links, compareLinks)
	links = slices.Compact(links)
	forest := newForest()
	linked := make(map[journey.IdentityID]bool)
	var refused []Link
	for _, l := range links {
		if !l.Alias {
			if linked[l.A] {
				continue
			}
			linked[l.A] = true
		}
		if !forest.join(l.A, l.B, limit) {
			refused = append(refused, l)
		}
	}
	return Persons{persons: forest.persons(), refused: refused}
}

// forest is a union-find over identities whose sets know their size and smallest member.
type forest struct {
	index map[journey.IdentityID]int32
	nodes []node
}

type node struct {
	id, smallest journey.IdentityID
	parent, size int32
}

func newForest() *forest { return &forest{index: make(map[journey.IdentityID]int32)} }

func (f *forest) add(id journey.IdentityID) int32 {
	if i, ok := f.index[id]; ok {
		return i
	}
	i := int32(len(f.nodes))
	f.index[id] = i
	f.nodes = append(f.nodes, node{id: id, smallest: id, parent: i, size: 1})
	return i
}

func (f *forest) root(i int32) int32 {
	for f.nodes[i].parent != i {
		f.nodes[i].parent = f.nodes[f.nodes[i].parent].parent
		i = f.nodes[i].parent
	}
	return i
}

// join unites two sets and says whether they are one now.
func (f *forest) join(a, b journey.IdentityID, limit int) bool {
	i, j := f.root(f.add(a)), f.root(f.add(b))
	if i == j {
		return true
	}
	if int(f.nodes[i].size+f.nodes[j].size) > limit {
		return false
	}
	if f.nodes[i].size < f.nodes[j].size {
		i, j = j, i
	}
	f.nodes[j].parent = i
	f.nodes[i].size += f.nodes[j].size
	f.nodes[i].smallest = min(f.nodes[i].smallest, f.nodes[j].smallest)
	return true
}

func (f *forest) persons() map[journey.IdentityID]journey.PersonID {
	m := make(map[journey.IdentityID]journey.PersonID, len(f.nodes))
	for i := range f.nodes {
		m[f.nodes[i].id] = journey.PersonID(f.nodes[f.root(int32(i))].smallest)
	}
	return m
}
