package rpc

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

// TestLatest: what is offered while something is being sent takes the place of what waits; offering
// never waits, after errors neither, and nothing is sent once it is settled.
func TestLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []int
		let := make(chan error)
		offer, settle := Latest(func(n int) error {
			sent = append(sent, n)
			return <-let
		})
		for n := range 5 {
			offer(n)
			if n == 0 {
				synctest.Wait() // the first is being sent
			}
		}
		let <- nil
		synctest.Wait()
		let <- errors.New("away")
		offer(5)
		synctest.Wait()
		settle()
		if !slices.Equal(sent, []int{0, 4}) {
			t.Errorf("sent %v, want the first and the latest", sent)
		}
	})
}
