package rpc

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/waystage/waystage/services/internal/fault"
)

// Format is a form of answers over HTTP besides JSON: that of tables.
type Format struct {
	// Name stands in ?format= and ends the names of files.
	Name string
	// Type is the media type, with the parameters that answers say.
	Type string
	// Tables are those that answers of a message's name have, the default first; none where such
	// answers have not this format.
	Tables func(answer protoreflect.FullName) []string
	// Write writes an answer as the table of that name, "" being the default. by names the
	// breakdowns of its question.
	Write func(answer proto.Message, table string, by []string) ([]byte, error)
}

const (
	jsonName = "json"
	jsonType = "application/json"
)

// Names of the parameters that stand in the query of any method that answers with a table.
const (
	formatParameter = "format"
	tableParameter  = "table"
)

// wish is which format a caller wants.
type wish struct {
	// name is that of ?format=, empty where accept says it.
	name   string
	accept []acceptable
}

// wishOf reads ?format=, else the Accept header. Errors: Invalid: no such format.
func wishOf(r *http.Request, formats []Format) (wish, error) {
	name, err := single(r, formatParameter)
	if err != nil || name == "" {
		return wish{accept: parseAccept(r.Header.Values("Accept"))}, err
	}
	names := []string{jsonName}
	for _, f := range formats {
		names = append(names, f.Name)
	}
	if !slices.Contains(names, name) {
		var v fault.Violations
		v.Add(formatParameter, fmt.Sprintf("is %q: give %s", name, strings.Join(names, ", ")))
		return wish{}, v.Err(fault.Invalid)
	}
	return wish{name: name}, nil
}

// single is a parameter that stands in the query at most once. Errors: Invalid: it stands there
// more often.
func single(r *http.Request, name string) (string, error) {
	values := r.URL.Query()[name]
	if len(values) > 1 {
		var v fault.Violations
		v.Add(name, fmt.Sprintf("is given %d times: give it once", len(values)))
		return "", v.Err(fault.Invalid)
	}
	return r.URL.Query().Get(name), nil
}

// choose gives the format among those offered that the caller wants most, nil being JSON; none
// tells that all of them are unwanted.
func (w wish) choose(offered []Format) (chosen *Format, none bool) {
	if w.name != "" {
		i := slices.IndexFunc(offered, func(f Format) bool { return f.Name == w.name })
		if i < 0 {
			return nil, w.name != jsonName
		}
		return &offered[i], false
	}
	best := w.liking(jsonType)
	for i, f := range offered {
		if l := w.liking(f.Type); l.over(best) {
			best, chosen = l, &offered[i]
		}
	}
	return chosen, best.quality == 0
}

// acceptable is a range of media types that a caller takes.
type acceptable struct {
	mediaType string
	quality   float64
}

// liking says how much a caller likes a type: by quality, then by how closely it was named, then by
// its place in the header.
type liking struct {
	quality  float64
	closely  int
	position int
}

func (l liking) over(m liking) bool {
	switch {
	case l.quality != m.quality:
		return l.quality > m.quality
	case l.closely != m.closely:
		return l.closely > m.closely
	}
	return l.closely > 0 && l.position < m.position
}

// liking finds the closest range that holds a type. Source: RFC 9110, section 12.5.1.
func (w wish) liking(mediaType string) liking {
	if len(w.accept) == 0 {
		return liking{quality: 1}
	}
	bare, _, _ := strings.Cut(mediaType, ";")
	family, _, _ := strings.Cut(bare, "/")
	var best liking
	found := -1
	for i, a := range w.accept {
		closely := slices.Index([]string{"*/*", family + "/*", bare}, a.mediaType)
		if closely > found {
			found, best = closely, liking{a.quality, closely, i}
		}
	}
	return best
}

// parseAccept reads the ranges of an Accept header; what is none is passed over.
func parseAccept(headers []string) []acceptable {
	var list []acceptable
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		mediaType, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		a := acceptable{mediaType: mediaType, quality: 1}
		if q, there := parameters["q"]; there {
			if a.quality, err = strconv.ParseFloat(q, 64); err != nil || a.quality > 1 {
				a.quality = 1
			}
		}
		list = append(list, a)
	}
	return list
}
