package journey

import "github.com/goccy/go-yaml/token"

// Limits of the shape of a text, well above any map's.
const (
	maxYAMLTokens  = 100_000
	maxYAMLDepth   = 12
	maxYAMLMembers = MaxPoints
	maxYAMLEntries = 2000
)

// tokenGuard refuses YAML that maps do not use, and shapes that would cost the parser too much:
// its time grows with the square of depth and of the length of some collections.
type tokenGuard struct {
	*mistakes
	// frames are the mappings and lists that are open, the innermost last.
	frames []yamlFrame
}

// yamlFrame is an open mapping or list: one in brackets, or a block that begins at a column.
type yamlFrame struct {
	brackets, sequence bool
	column, entries    int
}

// accept reports everything that is refused; after a shape that is too deep or too wide, no more.
func (g *tokenGuard) accept(tokens token.Tokens) bool {
	if len(tokens) > maxYAMLTokens {
		g.addAt(tokens[maxYAMLTokens], "more than 100,000 words and signs; shorten the map")
		return false
	}
	before := len(g.found)
	first := true
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		if message := refusedToken(t, first); message != "" {
			g.addAt(t, message)
		}
		first = false
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
		g.frames = append(g.frames, yamlFrame{
			brackets: true, sequence: t.Type == token.SequenceStartType,
		})
	case token.SequenceEndType, token.MappingEndType:
		g.leaveBrackets()
	case token.CollectEntryType:
		g.count()
	case token.SequenceEntryType:
		g.enter(t.Position.Column, true)
	case token.MappingValueType:
		if t.Prev != nil {
			g.enter(t.Prev.Position.Column, false)
		}
	}
	return g.complaint()
}

func (g *tokenGuard) leaveBrackets() {
	if g.inBrackets() {
		g.frames = g.frames[:len(g.frames)-1]
	}
}

func (g *tokenGuard) inBrackets() bool { return len(g.frames) > 0 && g.top().brackets }

func (g *tokenGuard) top() *yamlFrame { return &g.frames[len(g.frames)-1] }

func (g *tokenGuard) count() {
	if len(g.frames) > 0 {
		g.top().entries++
	}
}

// enter counts an entry of the block at a column, which opens a block or closes deeper ones.
func (g *tokenGuard) enter(column int, sequence bool) {
	if g.inBrackets() {
		return
	}
	for len(g.frames) > 0 && g.top().endsAt(column, sequence) {
		g.frames = g.frames[:len(g.frames)-1]
	}
	if len(g.frames) == 0 || g.top().column != column || g.top().sequence != sequence {
		g.frames = append(g.frames, yamlFrame{column: column, sequence: sequence})
	}
	g.count()
}

// endsAt tells whether an entry at a column ends the block: one further left, or the key of the
// mapping whose list stands at the same column.
func (f *yamlFrame) endsAt(column int, sequence bool) bool {
	return f.column > column || f.column == column && f.sequence && !sequence
}

func (g *tokenGuard) complaint() string {
	switch {
	case len(g.frames) == 0:
		return ""
	case len(g.frames) > maxYAMLDepth:
		return "nested too deep; a map needs no more than a list of touchpoints with their events"
	case g.top().sequence && g.top().entries > maxYAMLEntries:
		return "a list of more than 2,000 entries; shorten it"
	case !g.top().sequence && g.top().entries > maxYAMLMembers:
		return "more than 500 members in one place; take out what the map does not need"
	}
	return ""
}
