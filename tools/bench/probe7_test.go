package main
import "github.com/waystage/waystage/services/world"
func worldCatalogue() []string { var s []string; for _, e := range world.Catalogue() { s = append(s, e.Name) }; return s }
