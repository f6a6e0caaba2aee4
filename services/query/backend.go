package query

import "github.com/waystage/waystage/services/internal/fault"

// open prepares the store without asking it anything.
func open(Config) (backend, error) {
	return backend{}, fault.New(fault.Unsupported, "the store of query is not wired yet")
}
