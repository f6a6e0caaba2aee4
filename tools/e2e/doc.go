// Package e2e tries the command as a user does: it builds waystage, starts "up" on a folder, makes
// sites, publishes maps, sends and imports messages, asks by command line, JSON and gRPC, stops,
// kills and restarts. It also lets the real SDKs of Segment and RudderStack send, as child
// processes (sdk/server.mjs, sdk/goclient) and from pages in Chromium (sdk/browser.mjs), while
// answers are refused, lost and late, and holds the table of answers in docs/errors.md to what
// they do. And it lets the tools of those who read answers ask: curl, grpcurl, buf, Python with
// pandas and DuckDB (bi), and a client in TypeScript made of the OpenAPI document
// (tools/openapi/check). Its tests are built with the tag e2e alone; "make e2e" runs them, and
// needs Node.js, Chromium and Python.
package e2e
