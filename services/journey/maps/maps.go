// Package maps holds the example journey maps that come with the product.
package maps

import _ "embed"

//go:embed grocery.yaml
var grocery string

// Grocery is the journey map of an online grocery store, as its YAML text.
func Grocery() string { return grocery }
