package funnel

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestOddsRatio: Agresti 2007, section 2.3: aspirin and heart attacks, 1.83 from 1.44 to 2.33.
func TestOddsRatio(t *testing.T) {
	t.Parallel()
	f := fourfold{lostWith: 189, lost: 189 + 104, wentOnWith: 10845, wentOn: 10845 + 10933}
	ratio, low, high := f.oddsRatio()
	for _, c := range []struct{ got, want float64 }{{ratio, 1.832}, {low, 1.440}, {high, 2.331}} {
		if math.Abs(c.got-c.want) > 5e-4 {
			t.Errorf("%.4f, want %.3f", c.got, c.want)
		}
	}
	// A 0: 1/2 more of each.
	ratio, low, high = fourfold{lostWith: 5, lost: 5, wentOnWith: 2, wentOn: 6}.oddsRatio()
	want := 5.5 * 4.5 / (0.5 * 2.5)
	factor := math.Exp(z95 * math.Sqrt(1/5.5+1/0.5+1/2.5+1/4.5))
	if ratio != want || low != want/factor || high != want*factor {
		t.Errorf("%v from %v to %v, want %v", ratio, low, high, want)
	}
}

func TestFisher(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		of   fourfold
		want float64
	}{
		// Fisher 1935, "The Design of Experiments": the lady tasting tea has three of four right.
		{"tea", fourfold{3, 4, 1, 4}, 34.0 / 70},
		// Fisher 1962: convictions of like-sex twins of criminals, as R's fisher.test has it.
		{"twins", fourfold{2, 17, 10, 13}, 0.0005367},
		{"nothing", fourfold{0, 4, 0, 4}, 1},
		{"everything", fourfold{4, 4, 4, 4}, 1},
		{"all against none", fourfold{10, 10, 0, 10}, 2.0 / 184756},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.of.fisher(); math.Abs(got-c.want) > 1e-4*c.want {
				t.Errorf("%.6g, want %.6g", got, c.want)
			}
		})
	}
}

// TestFisherAgainstFractions: the sum of the probabilities of all tables that are no likelier.
func TestFisherAgainstFractions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.SampledFrom([]int{1, 8, 150}).Draw(rt, "most")
		f := fourfold{lost: rapid.IntRange(1, most).Draw(rt, "lost")}
		f.wentOn = rapid.IntRange(1, most).Draw(rt, "went on")
		f.lostWith = rapid.IntRange(0, f.lost).Draw(rt, "lost with")
		f.wentOnWith = rapid.IntRange(0, f.wentOn).Draw(rt, "went on with")
		ways := func(x int) *big.Int {
			return new(big.Int).Mul(
				new(big.Int).Binomial(int64(f.lost), int64(x)),
				new(big.Int).Binomial(int64(f.wentOn), int64(f.lostWith+f.wentOnWith-x)))
		}
		sum, all := new(big.Int), new(big.Int)
		observed := ways(f.lostWith)
		for x := range f.lost + 1 {
			if x > f.lostWith+f.wentOnWith {
				break
			}
			w := ways(x)
			all.Add(all, w)
			if w.Cmp(observed) <= 0 {
				sum.Add(sum, w)
			}
		}
		want, _ := new(big.Rat).SetFrac(sum, all).Float64()
		if got := f.fisher(); math.Abs(got-want) > 1e-9*want+1e-12 {
			rt.Fatalf("%v, want %v", got, want)
		}
	})
}

// TestFisherOfMany: large tables take no long sums.
func TestFisherOfMany(t *testing.T) {
	t.Parallel()
	const n = 50_000_000
	f := fourfold{n / 2, n, n/2 + 5000, n}
	// Nearly normal, with the correction of continuity.
	z := (5000 - 1) / math.Sqrt(2*n*0.25)
	if got, want := f.fisher(), math.Erfc(z/math.Sqrt2); math.Abs(got-want) > 1e-4 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := (fourfold{n, n, 0, n}).fisher(); got != 0 {
		t.Errorf("all against none: %v", got)
	}
}
