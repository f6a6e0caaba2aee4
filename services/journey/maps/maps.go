// Package maps holds the example journey maps that come with the product. For each there is a
// world of the same name that behaves by it.
package maps

import _ "embed"

var (
	//go:embed grocery.yaml
	grocery string
	//go:embed airline.yaml
	airline string
	//go:embed tiles.yaml
	tiles string
)

// Grocery is the journey map of an online grocery store, as its YAML text.
func Grocery() string { return grocery }

// Airline is the journey map of an airline, as its YAML text.
func Airline() string { return airline }

// Tiles is the journey map of a shop for tiles, as its YAML text.
func Tiles() string { return tiles }

// ByName gives a map by its name: grocery, airline or tiles.
func ByName(name string) (source string, found bool) {
	source, found = map[string]string{
		"grocery": grocery, "airline": airline, "tiles": tiles,
	}[name]
	return source, found
}
