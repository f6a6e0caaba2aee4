// Package docs keeps the documents in /docs true: the list of settings is generated from the
// configurations of the services, tables of errors name every reason and kind there is, and links
// lead somewhere. It holds nothing but its tests.
package docs

//go:generate go test -run TestConfigDoc -update
