package funnel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

// chances are those of two by the sum of E. Miller, "Formulas for Bayesian A/B testing", 2014.
func chances(a, b sample) float64 {
	beta := mathext.Lbeta
	aa, ba := float64(1+a.converted), float64(1+a.units-a.converted)
	bb := float64(1 + b.units - b.converted)
	sum := 0.0
	for i := range b.converted + 1 {
		k := float64(i)
		sum += math.Exp(beta(aa+k, ba+bb) - math.Log(bb+k) - beta(1+k, bb) - beta(aa, ba))
	}
	return sum
}

func drawSample(rt *rapid.T, most int) sample {
	s := sample{units: rapid.IntRange(0, most).Draw(rt, "units")}
	s.converted = rapid.IntRange(0, s.units).Draw(rt, "converted")
	return s
}

func TestBestOfTwo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.SampledFrom([]int{1, 10, 300, 5000}).Draw(rt, "most")
		a, b := drawSample(rt, most), drawSample(rt, most)
		best := bestOf([]sample{a, b})
		if want := chances(a, b); math.Abs(best[1]-want) > 1e-7 || math.Abs(best[0]+want-1) > 1e-7 {
			rt.Fatalf("%v, want %v for the second", best, want)
		}
	})
}

// exactBest integrates polynomials with fractions: the density of one times the distribution
// functions of the others.
func exactBest(samples []sample, of int) float64 {
	product := []*big.Rat{big.NewRat(1, 1)}
	for i, s := range samples {
		p := density(s)
		if i != of {
			p = integral(p)
		}
		product = times(product, p)
	}
	sum := new(big.Rat)
	for _, c := range integral(product) {
		sum.Add(sum, c)
	}
	f, _ := sum.Float64()
	return f
}

// density is that of Beta(1 + converted, 1 + failed), by powers.
func density(s sample) []*big.Rat {
	failed := s.units - s.converted
	p := make([]*big.Rat, s.units+1)
	for i := range p {
		p[i] = new(big.Rat)
	}
	scale := new(big.Int).Mul(
		new(big.Int).Binomial(int64(s.units), int64(s.converted)), big.NewInt(int64(s.units+1)))
	for k := range failed + 1 {
		c := new(big.Int).Mul(scale, new(big.Int).Binomial(int64(failed), int64(k)))
		if k%2 == 1 {
			c.Neg(c)
		}
		p[s.converted+k].SetInt(c)
	}
	return p
}

func integral(p []*big.Rat) []*big.Rat {
	q := []*big.Rat{new(big.Rat)}
	for k, c := range p {
		q = append(q, new(big.Rat).Mul(c, big.NewRat(1, int64(k+1))))
	}
	return q
}

func times(p, q []*big.Rat) []*big.Rat {
	r := make([]*big.Rat, len(p)+len(q)-1)
	for i := range r {
		r[i] = new(big.Rat)
	}
	for i, a := range p {
		for j, b := range q {
			r[i+j].Add(r[i+j], new(big.Rat).Mul(a, b))
		}
	}
	return r
}

func TestBestOfSeveral(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		samples := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) sample {
			return drawSample(rt, 12)
		}), 1, 5).Draw(rt, "samples")
		for i, got := range bestOf(samples) {
			if want := exactBest(samples, i); math.Abs(got-want) > 1e-9 {
				rt.Fatalf("%d: %v, want %v", i, got, want)
			}
		}
	})
}

// TestBestOfMany: of very different sizes, narrow ones inside wide ones too, they sum to 1, and the
// order makes no difference.
func TestBestOfMany(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 10, 300} {
		samples := make([]sample, n)
		for i := range samples {
			units := int(math.Exp(rng.Float64() * 18))
			samples[i] = sample{units: units, converted: int(float64(units) * rng.Float64())}
			if rng.IntN(3) == 0 {
				samples[i].converted = units / 10
			}
		}
		best := bestOf(samples)
		sum := 0.0
		for _, b := range best {
			sum += b
		}
		if math.Abs(sum-1) > 1e-8 {
			t.Errorf("%d samples sum to %.12f", n, sum)
		}
		turned := make([]sample, n)
		for i, s := range samples {
			turned[n-1-i] = s
		}
		for i, b := range bestOf(turned) {
			if b != best[n-1-i] {
				t.Errorf("%d samples: %v in one order, %v in another", n, best[n-1-i], b)
			}
		}
	}
	for _, b := range bestOf([]sample{{50_000_000, 100_000_000}, {50_000_000, 100_000_000}}) {
		if math.Abs(b-0.5) > 1e-9 {
			t.Errorf("one of two that are the same: %v", b)
		}
	}
	// Two of a hundred million units, one standard deviation of the difference apart.
	apart := bestOf([]sample{{50_000_000, 100_000_000}, {50_007_071, 100_000_000}})
	if want := math.Erfc(-1/math.Sqrt2) / 2; math.Abs(apart[1]-want) > 1e-5 {
		t.Errorf("%v, want %v", apart[1], want)
	}
}
