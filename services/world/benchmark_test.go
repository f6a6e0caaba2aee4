package world

import (
	"testing"
)

func TestSpeed(t *testing.T) {
	b := NewBenchmark(1, 1_000_000)
	n, m := 0, 0
	for tp := range b.Touchpoints() {
		n++
		if catalogue[tp.Event].OnMap() { m++ }
	}
	t.Log(n, m, len(b.identities))
}
