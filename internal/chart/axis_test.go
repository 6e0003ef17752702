package chart

import (
	"math"
	"slices"
	"testing"
)

func labels(ticks []tick) (out []string) {
	for _, t := range ticks {
		out = append(out, t.label)
	}
	return out
}

func TestWidenEndsOnRoundNumbers(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   []string
	}{
		{0, 8.4, []string{"0", "2", "4", "6", "8", "10"}},
		{-7.5, -7.01, []string{"-7.5", "-7.4", "-7.3", "-7.2", "-7.1", "-7.0"}},
		{0, 100, []string{"0", "20", "40", "60", "80", "100"}},
		{-0.3, 0.3, []string{"-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"}},
		{1, 1.13, []string{"1.000", "1.025", "1.050", "1.075", "1.100", "1.125", "1.150"}},
		{1234, 4321, []string{"1000", "2000", "3000", "4000", "5000"}},
	} {
		s, ticks := widen(c.lo, c.hi, 6)
		if !slices.Equal(labels(ticks), c.want) {
			t.Errorf("%v to %v: %q, want %q", c.lo, c.hi, labels(ticks), c.want)
		}
		if s.lo > c.lo || s.hi < c.hi || s.at(ticks[0].value) != 0 || math.Abs(s.at(ticks[len(ticks)-1].value)-1) > 1e-9 {
			t.Errorf("%v to %v: scale %+v", c.lo, c.hi, s)
		}
	}
}

// Values that are all the same get a scale around them.
func TestWidenOfOneValue(t *testing.T) {
	for _, v := range []float64{0, 1, -7.3, 1e6} {
		if s, ticks := widen(v, v, 6); !(s.lo < v && v < s.hi) || len(ticks) < 2 || len(ticks) > 12 {
			t.Errorf("%v: scale %+v, ticks %q", v, s, labels(ticks))
		}
	}
}

func TestDecades(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   []string
	}{
		{0.0005, 1, []string{"0.001", "0.01", "0.1", "1"}},
		{0.01, 0.1, []string{"0.01", "0.02", "0.05", "0.1"}},
		{0.0031, 0.031, []string{"0.005", "0.01", "0.02"}},
	} {
		if got := labels(decades(c.lo, c.hi)); !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

func TestLogarithmicScale(t *testing.T) {
	s := scale{lo: 1, hi: 16, log: true}
	for v, want := range map[float64]float64{1: 0, 2: 0.25, 4: 0.5, 16: 1} {
		if got := s.at(v); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
}
