package figure

import (
	"math"
	"strconv"
)

// ticks returns about n round numbers from lo to hi, both of which are among
// them: 1, 2 or 5 times a power of ten apart, and at least 1 apart if whole.
// Round numbers too near to an end are left out for it.
func ticks(lo, hi float64, n int, whole bool) []float64 {
	if !(hi > lo) {
		return []float64{lo}
	}
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(max(n, 1)))))
	for _, m := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	if whole {
		step = max(1, math.Round(step))
	}
	out := []float64{lo}
	for k := math.Floor(lo/step) + 1; k*step < hi; k++ {
		if v := k * step; v-lo >= 0.6*step && hi-v >= 0.6*step {
			out = append(out, v)
		}
	}
	return append(out, hi)
}

// number is a value for people: whole numbers in full, others with four figures.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
