// Package spinetest holds tests of the whole way of a fact, from its record to the number: the
// processor and the answerer on the real store give what the reference gives on the same facts.
package spinetest
