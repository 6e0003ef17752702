package chart

import (
	"math"
	"strconv"
)

// scale maps values to a length from 0 to 1.
type scale struct {
	lo, hi float64
	log    bool
}

func (s scale) at(v float64) float64 {
	if s.log {
		return (math.Log(v) - math.Log(s.lo)) / (math.Log(s.hi) - math.Log(s.lo))
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// A tick is a labelled value.
type tick struct {
	value float64
	label string
}

// step returns the smallest of 1, 2, 2.5 and 5 times a power of ten that
// cuts a span into at most n parts.
func step(span float64, n int) float64 {
	raw := span / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// widen returns a linear scale that reaches from a tick to a tick around the
// values lo to hi, and its ticks, about n.
func widen(lo, hi float64, n int) (scale, []tick) {
	if !(hi > lo) {
		pad := math.Max(math.Abs(lo)*0.05, 0.05)
		lo, hi = lo-pad, hi+pad
	}
	d := step(hi-lo, n)
	first, last := math.Floor(lo/d+1e-9), math.Ceil(hi/d-1e-9)
	decimals := max(0, -int(math.Floor(math.Log10(d)+1e-9)))
	if m := d * math.Pow(10, float64(decimals)); math.Abs(m-math.Round(m)) > 1e-6 {
		decimals++ // a step of 2.5
	}
	var ticks []tick
	for i := first; i <= last; i++ {
		ticks = append(ticks, tick{i * d, strconv.FormatFloat(i*d+0, 'f', decimals, 64)})
	}
	return scale{lo: first * d, hi: last * d}, ticks
}

// decades returns the powers of ten from lo to hi, and twice and five times
// these where they are few.
func decades(lo, hi float64) []tick {
	multiples := []float64{1}
	if hi/lo < 1000 {
		multiples = []float64{1, 2, 5}
	}
	var ticks []tick
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi)+1e-9; e++ {
		for _, m := range multiples {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				ticks = append(ticks, tick{v, strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return ticks
}
