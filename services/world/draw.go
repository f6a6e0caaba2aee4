package world

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// property is a property or trait and how its value is drawn.
type property struct {
	name string
	draw draw
}

// mood is how somebody feels, from -1 to 1.
type mood float64

// draw makes a value.
type draw func(dice *rand.Rand, m mood) any

// is is always the same value.
func is(value any) draw { return func(*rand.Rand, mood) any { return value } }

// one is one of some values, all equally likely.
func one(of ...any) draw {
	return func(dice *rand.Rand, _ mood) any { return of[dice.IntN(len(of))] }
}

// whole is a whole number, both ends included.
func whole(from, to int) draw {
	return func(dice *rand.Rand, _ mood) any { return from + dice.IntN(to-from+1) }
}

// amount is money in whole cents, low amounts more likely than high ones.
func amount(from, to float64) draw {
	return func(dice *rand.Rand, _ mood) any {
		u := dice.Float64()
		return math.Floor((from+u*u*(to-from))*100) / 100
	}
}

// code is a text with a number below n.
func code(prefix string, n int) draw {
	return func(dice *rand.Rand, _ mood) any { return prefix + strconv.Itoa(dice.IntN(n)) }
}

// score is a whole number of a scale that follows the mood.
func score(from, to int) draw {
	return func(dice *rand.Rand, m mood) any {
		middle, half := float64(from+to)/2, float64(to-from)/2
		felt := float64(m) + dice.NormFloat64()*0.3
		return min(to, max(from, int(math.Round(middle+half*felt))))
	}
}

// drawn makes the values of properties.
func drawn(properties []property, dice *rand.Rand, m mood) map[string]any {
	values := make(map[string]any, len(properties)+2)
	for _, p := range properties {
		values[p.name] = p.draw(dice, m)
	}
	return values
}

// choose draws an index by weight.
func choose(dice *rand.Rand, weights []float64) int {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	u := dice.Float64() * sum
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}
