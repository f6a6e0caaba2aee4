// Package openapi holds the OpenAPI 3.1 description of the HTTP API, generated from the .proto
// files.
package openapi

import _ "embed"

// JSON is the description as a JSON document. It must not be changed.
//
//go:embed waystage.json
var JSON []byte
