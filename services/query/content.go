package query

import (
	journeyv1 "github.com/waystage/waystage/proto/gen/waystage/journey/v1"
	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/query/api"
)

// MapContent is a map as the API gives it, with its text, but without name, version and instant: so
// that a file can be shown before it is published.
func MapContent(m *journey.Map, source string) *journeyv1.JourneyMap {
	return api.MapContent(m, source)
}
