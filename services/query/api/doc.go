// Package api holds the handlers of the question API: it makes messages questions and answers
// messages. It reads no store and counts nothing; what it needs of both stands in backend.go.
//
// A field of a question is answered, refused as wrong (INVALID_ARGUMENT) or refused as not
// answered yet (UNIMPLEMENTED), always by its path and never ignored. All mistakes of a request
// are told at once; while there is one, nothing is said of what is not answered yet.
package api
