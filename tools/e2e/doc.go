// Package e2e tries the command as a user does: it builds waystage, starts "up" on a folder, makes
// sites, publishes maps, sends and imports messages, asks by command line, JSON and gRPC, stops,
// kills and restarts. Its tests are built with the tag e2e alone; "make e2e" runs them.
package e2e
