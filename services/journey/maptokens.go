package journey

import "github.com/goccy/go-yaml/token"

// Limits of the shape of a text, well above any map's.
const (
	maxYAMLDepth   = 12
	maxYAMLMembers = 100
	maxYAMLEntries = 2000
)

// tokenGuard refuses YAML that maps do not use, and shapes that would cost the parser too much.
type tokenGuard struct {
	*mistakes
	flow   int
	frames []blockFrame
	first  bool
}

// blockFrame is a block mapping or a block sequence that is still open.
type blockFrame struct {
	column, entries int
	sequence        bool
}

// accept reports everything that is refused; after a shape that is too deep or too wide, no more.
func (g *tokenGuard) accept(tokens token.Tokens) bool {
	g.first = true
	before := len(g.found)
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		if message := refusedToken(t, g.first); message != "" {
			g.addAt(t, message)
		}
		g.first = false
		if message := g.shape(t); message != "" {
			g.addAt(t, message)
			return false
		}
	}
	return len(g.found) == before
}

func (g *tokenGuard) addAt(t *token.Token, message string) {
	g.add(place{max(t.Position.Line, 1), max(t.Position.Column, 1)}, "", "%s", message)
}

func refusedToken(t *token.Token, first bool) string {
	switch t.Type {
	case token.AnchorType, token.AliasType:
		return "anchors (&) and aliases (*) are not used in maps; repeat the text, or quote it"
	case token.MergeKeyType:
		return "merge keys (<<) are not used in maps; repeat the members"
	case token.TagType:
		return "tags (!) are not used in maps; take it out, or quote the text"
	case token.DirectiveType:
		return "directives (%) are not used in maps; take the line out"
	case token.MappingKeyType:
		return "complex keys (?) are not used in maps; write the key and a colon"
	case token.DocumentHeaderType:
		if !first {
			return "a second document; a file holds one map"
		}
	case token.DocumentEndType:
		return "a document end (...); a file holds one map: take the line out"
	}
	return ""
}

func (g *tokenGuard) shape(t *token.Token) string {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.flow++
	case token.SequenceEndType, token.MappingEndType:
		g.flow = max(0, g.flow-1)
	case token.SequenceEntryType:
		return g.enter(t.Position.Column, true)
	case token.MappingValueType:
		if g.flow == 0 && t.Prev != nil {
			return g.enter(t.Prev.Position.Column, false)
		}
	}
	return g.depth()
}

// enter counts an entry of the block at a column, which opens a block or closes deeper ones.
func (g *tokenGuard) enter(column int, sequence bool) string {
	for len(g.frames) > 0 && g.top().endsAt(column, sequence) {
		g.frames = g.frames[:len(g.frames)-1]
	}
	if len(g.frames) == 0 || g.top().column != column || g.top().sequence != sequence {
		g.frames = append(g.frames, blockFrame{column: column, sequence: sequence})
	}
	g.top().entries++
	if g.top().sequence && g.top().entries > maxYAMLEntries {
		return "a list of more than 2,000 entries; shorten it"
	}
	if !g.top().sequence && g.top().entries > maxYAMLMembers {
		return "more than 100 members in one place; take out what the map does not need"
	}
	return g.depth()
}

func (g *tokenGuard) top() *blockFrame { return &g.frames[len(g.frames)-1] }

// endsAt tells whether an entry at a column ends the block: one further left, or the key of the
// mapping whose list stands at the same column.
func (f *blockFrame) endsAt(column int, sequence bool) bool {
	return f.column > column || f.column == column && f.sequence && !sequence
}

func (g *tokenGuard) depth() string {
	if g.flow+len(g.frames) > maxYAMLDepth {
		return "nested too deep; a map needs no more than a list of touchpoints with their events"
	}
	return ""
}
