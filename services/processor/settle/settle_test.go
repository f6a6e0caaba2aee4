package settle_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/waystage/waystage/services/journey"
	"github.com/waystage/waystage/services/processor/settle"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// receipt is the copy of a message that was received that many milliseconds after the start.
func receipt(message string, at int, index uint32) journey.Receipt {
	return journey.Receipt{
		Site: "shop", Key: journey.KeyOf("shop", journey.MessageID(message)),
		ReceivedAt: start.Add(time.Duration(at) * time.Millisecond), Index: index,
	}
}

func show(receipts []journey.Receipt) []string {
	var texts []string
	for _, r := range receipts {
		texts = append(texts, fmt.Sprintf("%x %d/%d", r.Key[:2], r.ReceivedAt.Sub(start).Milliseconds(),
			r.Index))
	}
	slices.Sort(texts)
	return texts
}

func TestBatch(t *testing.T) {
	t.Parallel()
	first, second, third := receipt("m", 1, 0), receipt("m", 2, 0), receipt("m", 2, 1)
	other := receipt("n", 1, 0)
	type receipts = []journey.Receipt
	for _, c := range []struct {
		name                string
		own, known, between receipts
		counting            []int
		written             []int
		beaten              receipts
		fresh               receipts
	}{
		{
			name: "fresh messages",
			own:  receipts{second, other}, counting: []int{0, 1}, written: []int{0, 1},
		},
		{
			name: "a copy in the same batch: a killed run may have written its rows",
			own:  receipts{third, first, second}, counting: []int{1}, written: []int{1},
			beaten: receipts{second, third}, fresh: receipts{second, third},
		},
		{
			name: "the same receipt twice in one batch",
			own:  receipts{first, first}, counting: []int{0}, written: []int{0},
		},
		{
			name: "equal instants: the place in the batch decides",
			own:  receipts{third, second}, counting: []int{1}, written: []int{1},
			beaten: receipts{third}, fresh: receipts{third},
		},
		{
			name: "the winner is known",
			own:  receipts{second}, known: receipts{first},
			beaten: receipts{second}, fresh: receipts{second},
		},
		{
			name: "the winner is known, and a loser that others have seen to",
			own:  receipts{third}, known: receipts{second, first},
			beaten: receipts{third}, fresh: receipts{third},
		},
		{
			name: "a known one is beaten by the new one",
			own:  receipts{first}, known: receipts{third, second}, counting: []int{0},
			written: []int{0}, beaten: receipts{second},
		},
		{
			name: "a smaller copy arrives while the batch is written",
			own:  receipts{second}, between: receipts{first}, counting: []int{0},
			written: []int{0}, beaten: receipts{second}, fresh: receipts{second},
		},
		{
			name: "a greater copy arrives while the batch is written",
			own:  receipts{first}, between: receipts{second}, counting: []int{0},
			written: []int{0}, beaten: receipts{second},
		},
		{
			name: "a replay after a kill before the receipts is as fresh",
			own:  receipts{second, first}, counting: []int{1}, written: []int{1},
			beaten: receipts{second}, fresh: receipts{second},
		},
		{
			name: "a replay of the winner after a kill before the removal",
			own:  receipts{first}, known: receipts{first, second, third}, counting: []int{0},
			beaten: receipts{second, third},
		},
		{
			name: "a replay of a loser after a kill before the removal",
			own:  receipts{second}, known: receipts{first, second},
			beaten: receipts{second},
		},
		{
			name: "a replay of one that won over others and lost to one",
			own:  receipts{second}, known: receipts{first, second, third},
			beaten: receipts{second, third},
		},
		{
			name: "a replay in a larger batch",
			own:  receipts{second, first}, known: receipts{second}, counting: []int{1},
			written: []int{1}, beaten: receipts{second},
		},
		{
			name: "a replay of all",
			own:  receipts{first, other}, known: receipts{first, other}, counting: []int{0, 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := settle.New(c.own, c.known)
			counting := b.Counting()
			if diff := cmp.Diff(c.counting, counting, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("counting (-want +got):\n%s", diff)
			}
			written := slices.DeleteFunc(slices.Clone(counting), b.Known)
			if diff := cmp.Diff(c.written, written, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
			beaten := b.Beaten(slices.Concat(c.between, c.known, c.own))
			if diff := cmp.Diff(show(c.beaten), show(beaten)); diff != "" {
				t.Errorf("beaten (-want +got):\n%s", diff)
			}
			fresh := slices.DeleteFunc(beaten, func(r journey.Receipt) bool { return !b.Fresh(r) })
			if diff := cmp.Diff(show(c.fresh), show(fresh)); diff != "" {
				t.Errorf("fresh (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFirst: a message is new while no copy of it is stored, whichever of them counts.
func TestFirst(t *testing.T) {
	t.Parallel()
	early, late, other := receipt("m", 1, 0), receipt("m", 2, 0), receipt("n", 1, 0)
	elsewhere := late
	elsewhere.Site = "other"
	b := settle.New([]journey.Receipt{early, other, early}, []journey.Receipt{late, elsewhere})
	if b.First(0) || !b.First(1) || b.First(2) {
		t.Errorf("new are %t, %t, %t, want the second alone", b.First(0), b.First(1), b.First(2))
	}
	b = settle.New([]journey.Receipt{late, early}, []journey.Receipt{elsewhere})
	if !b.First(0) || !b.First(1) {
		t.Error("copies that come together are not new")
	}
}

// TestSitesApart: equal keys of two sites are two messages.
func TestSitesApart(t *testing.T) {
	t.Parallel()
	here, there := receipt("m", 1, 0), receipt("m", 2, 0)
	there.Site = "other"
	b := settle.New([]journey.Receipt{here, there}, nil)
	if diff := cmp.Diff([]int{0, 1}, b.Counting()); diff != "" {
		t.Errorf("counting (-want +got):\n%s", diff)
	}
	if beaten := b.Beaten([]journey.Receipt{here, there}); len(beaten) > 0 {
		t.Errorf("beaten %v, want none", show(beaten))
	}
}
