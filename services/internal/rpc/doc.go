// Package rpc serves gRPC and the same methods as JSON over HTTP: listeners, interceptors, tokens,
// the table from kinds of errors to codes, health and reflection. It knows no method; handlers
// give it Services.
//
// Stop order: not ready (health NOT_SERVING) → drain HTTP, then gRPC → close.
package rpc
