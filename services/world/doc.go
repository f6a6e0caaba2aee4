// Package world makes synthetic people whose journeys are known, from a seed alone.
//
// A Benchmark is a large closed world, for measuring: every touchpoint of three years, in time
// order. A Live world is a company that never closes, for demonstrations and probes: whatever
// interval of time it is asked for, it gives the messages that are due in it, and it knows the
// true numbers of the people who send them. There is one for each of the journey maps that come
// with the product.
//
// The package is pure: no I/O, no clock, no goroutines. The same seed gives the same world on
// every machine.
package world
