// Package e2e tries the command as a user does: it builds waystage, starts "up" on a folder, makes
// sites, publishes maps, sends and imports messages, asks by command line, JSON and gRPC, stops,
// kills and restarts. It also lets the real SDKs of Segment and RudderStack send, as child
// processes (sdk/server.mjs, sdk/goclient) and from pages in Chromium (sdk/browser.mjs), while
// answers are refused, lost and late, and holds the table of answers in docs/errors.md to what
// they do. Its tests are built with the tag e2e alone; "make e2e" runs them, and needs Node.js and
// Chromium.
package e2e
