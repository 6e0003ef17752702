package figure

import (
	"slices"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		whole  bool
		want   []float64
	}{
		{1, 76, 8, true, []float64{1, 10, 20, 30, 40, 50, 60, 70, 76}},
		{1, 714, 8, true, []float64{1, 100, 200, 300, 400, 500, 600, 714}},
		{0, 15, 8, true, []float64{0, 2, 4, 6, 8, 10, 12, 15}},
		{0, 3, 20, true, []float64{0, 1, 2, 3}},
		{5, 5, 8, true, []float64{5}},
		{0, 0, 8, true, []float64{0}},
		{0, 1, 1, true, []float64{0, 1}},
		{-0.5, 0.5, 4, false, []float64{-0.5, 0, 0.5}},
		{0, 1, 5, false, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
	} {
		got := ticks(c.lo, c.hi, c.n, c.whole)
		near := func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
		if !slices.EqualFunc(got, c.want, near) {
			t.Errorf("ticks(%v, %v, %d, %v) = %v, want %v", c.lo, c.hi, c.n, c.whole, got, c.want)
		}
	}
	for v, want := range map[float64]string{1.0 / 3: "0.3333", 16384: "16384", 0: "0", -2: "-2", 0.2 * 3: "0.6"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}
