// Package picture draws answers and maps as text for a terminal: bars, shares with their
// intervals, times. It does no I/O but for writing what it drew; width and color are settled by
// whoever calls it.
package picture
